//! Why a text is no image reference.

use crate::digest;

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is there.
    #[error("an image reference cannot be empty")]
    Empty,
    /// A template or shell expression was left in it.
    #[error("`{marker}` is left in it: a template or variable that nobody filled in")]
    Unfilled {
        /// The part that gives it away.
        marker: &'static str,
    },
    /// There is no repository: the text starts with `/` or ends after the host.
    #[error("there is no repository name in it")]
    NoRepository,
    /// The host is no host name with an optional port.
    #[error("`{host}` is no registry host")]
    BadHost {
        /// What stands in the host's place.
        host: String,
    },
    /// The port is a number that no port has.
    #[error("the port {port} is above 65535, the highest there is")]
    BadPort {
        /// The digits in the port's place.
        port: String,
    },
    /// A repository has upper-case letters.
    #[error("repository names are lower case, `{component}` is not")]
    UpperCase {
        /// The path component.
        component: String,
    },
    /// A path component breaks the grammar.
    #[error(
        "`{component}` is no part of a repository name: lower-case letters, digits and single separators `.`, `_`, `__`, `-`"
    )]
    BadComponent {
        /// The path component.
        component: String,
    },
    /// The repository's name is longer than 255 characters.
    #[error("the repository name has {length} characters, registries accept 255")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// A bare name of 64 hexadecimal digits is an image id, not a repository.
    #[error("64 hexadecimal digits alone are an image id, not a repository name")]
    ImageId,
    /// A tag or digest stands where a repository alone is meant.
    #[error("`{text}` names one tag or digest, not a repository")]
    NotARepository {
        /// What was read.
        text: String,
    },
    /// There is a colon with nothing after it.
    #[error("there is a `:` with no tag after it")]
    EmptyTag,
    /// The tag breaks the grammar.
    #[error("`{tag}` is no tag: letters, digits, `_`, `.` and `-`, at most 128{}", if tag.contains('+') { " (a `+` of a version is written `_`)" } else { "" })]
    BadTag {
        /// The tag.
        tag: String,
    },
    /// There is an `@` with nothing after it.
    #[error("there is an `@` with no digest after it")]
    EmptyDigest,
    /// What stands after the `@` is no digest.
    #[error("the digest is not well formed")]
    BadDigest(#[from] digest::Error),
}
