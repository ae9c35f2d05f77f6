//! Reading a text as an image: what a position demands, and the guards of free text.

use crate::reference::{self, Reference};

use super::sighting::Tier;

/// Registries that need no other proof: a word that begins with one of them means an image.
const KNOWN_REGISTRIES: [&str; 16] = [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "quay.io",
    "gcr.io",
    "ghcr.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "nvcr.io",
    "registry.gitlab.com",
    "registry.redhat.io",
    "registry.access.redhat.com",
    "docker.elastic.co",
    "cr.fluentbit.io",
];

/// Ends of hosts that are services, API groups or web sites, never registries.
const NO_REGISTRY_SUFFIXES: [&str; 9] = [
    ".svc",
    ".local",
    ".internal",
    "kubernetes.io",
    "k8s.io",
    "helm.sh",
    "x-k8s.io",
    "github.com",
    "w3.org",
];

/// Tags without a digit that are tags all the same.
const WORD_TAGS: [&str; 12] = [
    "latest", "stable", "edge", "main", "master", "nightly", "nonroot", "debug", "canary", "dev", "develop",
    "alpine",
];

/// Values that stand where an image stands and mean none.
const LITERALS: [(&str, &str); 4] = [
    ("auto", "the service mesh's injector fills it in"),
    ("none", "it says that there is no image"),
    ("null", "it says that there is no image"),
    ("true", "it is a switch"),
];

/// What may stand before `://` in an image's position; everything else is the address of something else.
const IMAGE_SCHEMES: [&str; 4] = ["docker", "oci", "docker-pullable", "ko"];

/// Why a text in an image's position is no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A literal that charts use to say "no image" or "somebody else fills it in".
    #[error("`{text}` is no image: {meaning}")]
    Literal {
        text: &'static str,
        meaning: &'static str,
    },
    /// The address of something else: a web page, a socket, a file.
    #[error("it is an address, not an image reference")]
    Address,
    /// A pattern over images.
    #[error("it is a pattern over images, not one of them")]
    Pattern,
    /// Something to build, not something to pull.
    #[error("it names a Go package to build (`ko://`), not an image")]
    Build,
    /// The grammar.
    #[error(transparent)]
    Grammar(#[from] reference::Error),
}

impl Refusal {
    /// Whether nobody would expect an image of this text, so that a note is enough.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::Literal { .. } | Self::Address | Self::Pattern)
    }

    /// Whether a template or a variable was left in the text.
    pub(crate) fn is_template(&self) -> bool {
        matches!(self, Self::Grammar(reference::Error::Unfilled { .. }))
    }
}

/// Reads the whole text as a reference.
pub(crate) fn read(text: &str) -> Result<Reference, Refusal> {
    let text = text.trim();
    if let Some(&(text, meaning)) = LITERALS.iter().find(|(literal, _)| *literal == text) {
        return Err(Refusal::Literal { text, meaning });
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !IMAGE_SCHEMES.contains(&scheme)) {
        return Err(Refusal::Address);
    }
    if text.contains('*') {
        return Err(Refusal::Pattern);
    }
    if text.starts_with("ko://") {
        return Err(Refusal::Build);
    }
    Ok(text.parse()?)
}

/// Whether a text has what tells a reference from a bare word: a path, a tag or a digest.
pub(crate) fn has_form(text: &str) -> bool {
    text.contains(['/', ':', '@'])
}

/// Whether a bare word could be a repository on Docker Hub.
pub(crate) fn is_bare_name(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.bytes().any(|b| b.is_ascii_uppercase())
        && !matches!(
            text,
            "true" | "false" | "auto" | "none" | "null" | "default" | "yes" | "no"
        )
}

/// Whether a text is a file's path rather than a reference.
pub(crate) fn is_file_path(text: &str) -> bool {
    text.starts_with(['/', '~']) || text.starts_with("./") || text.starts_with("../")
}

/// Whether the text spells out a tag or digest, rather than leaving `:latest` to be put in.
///
/// `name@sha256` spells out neither: old charts write the digest's hexadecimal where the tag goes.
pub(crate) fn is_exact(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(_, digest)| digest.is_empty() || digest.contains(':'))
        || text
            .rsplit_once(':')
            .is_some_and(|(_, tag)| !tag.is_empty() && !tag.contains('/'))
}

/// Whether the text reads as a host with its port as well as an image with its tag: `thumbnails:8080`.
pub(crate) fn may_be_port(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, port)| {
        !host.contains('/') && (2..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Whether the text is a digest alone.
pub(crate) fn is_digest(text: &str) -> bool {
    text.trim().parse::<crate::digest::Digest>().is_ok()
}

/// The words of a free text: what stands between white space, quotes, brackets, `=`, `,`, `;` and `|`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | '`' | '=' | ',' | ';' | '|' | '(' | ')' | '<' | '>' | '[' | ']' | '\\' | '#'
            )
    })
    .map(|word| word.trim_end_matches(['.', ':', '!', '?']))
    .filter(|word| word.len() >= 3)
}

/// What a word of free text is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// An image of this tier.
    Image(Reference, Tier),
    /// It begins with a known registry and still cannot be read.
    Broken(Refusal),
    /// Nothing to do with images.
    Nothing,
}

/// Judges one word of free text by the guards: a path and a tag or digest are asked for, a host is not.
pub(crate) fn judge_word(word: &str) -> Worth {
    let Some((first, rest)) = word.split_once('/') else {
        return Worth::Nothing;
    };
    if first.is_empty() || rest.is_empty() || is_file_path(word) {
        return Worth::Nothing;
    }
    if word.contains("://") && !word.starts_with("oci://") && !word.starts_with("docker://") {
        return Worth::Nothing;
    }
    let known =
        KNOWN_REGISTRIES.contains(&first) || first.ends_with(".gcr.io") || first.ends_with("-docker.pkg.dev");
    let read = match read(word) {
        Ok(reference) => reference,
        Err(refusal) if known && !refusal.is_template() => return Worth::Broken(refusal),
        Err(_) => return Worth::Nothing,
    };
    if !is_exact(word) {
        // `docker.io/istio` is more often a directory of images than one of them.
        return if known && rest.contains('/') {
            Worth::Image(read, Tier::Candidate)
        } else {
            Worth::Nothing
        };
    }
    match guard(first, &read, known) {
        Some(tier) => Worth::Image(read, tier),
        None => Worth::Nothing,
    }
}

/// The tier of an exact reference in free text, or nothing where a guard of the specification turns it away.
fn guard(first: &str, reference: &Reference, known: bool) -> Option<Tier> {
    if known || reference.digest().is_some() {
        return Some(Tier::Heuristic);
    }
    let tag = reference.tag().map_or("", |t| t.as_str());
    let host = first.split(':').next().unwrap_or_default();
    let has_host = first.contains(['.', ':']) || first == "localhost";
    if has_host && !host.starts_with("registry.") && NO_REGISTRY_SUFFIXES.iter().any(|s| host.ends_with(s)) {
        return None;
    }
    if !reference
        .repository()
        .path()
        .bytes()
        .any(|b| b.is_ascii_lowercase())
    {
        return None;
    }
    let digits = tag.bytes().all(|b| b.is_ascii_digit());
    // A number alone after the last colon is more often a port than a tag.
    if digits
        && (if has_host {
            tag.len() <= 5
        } else {
            (4..=5).contains(&tag.len())
        })
    {
        return Some(Tier::Candidate);
    }
    // Without a host, a tag without any digit is `resource/name:verb` more often than an image.
    let plain = !tag.bytes().any(|b| b.is_ascii_digit()) && !WORD_TAGS.contains(&tag);
    if plain && !has_host {
        return Some(Tier::Candidate);
    }
    Some(Tier::Heuristic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(word: &str) -> Option<u8> {
        match judge_word(word) {
            Worth::Image(_, tier) => Some(tier.number()),
            _ => None,
        }
    }

    #[test]
    fn a_path_and_a_tag_are_enough_and_a_host_is_not_asked_for() {
        assert_eq!(tier("busybox:1.36"), None);
        assert_eq!(tier("longhornio/longhorn-engine:v1.6.0"), Some(3));
        assert_eq!(tier("quay.io/prometheus/busybox:latest"), Some(3));
        assert_eq!(tier("quay.io/prometheus/busybox"), Some(4));
        assert_eq!(tier("quay.io/prometheus"), None);
        assert_eq!(tier("oci://ghcr.io/a/b:1.0"), Some(3));
    }

    #[test]
    fn what_only_looks_like_an_image_is_none() {
        for word in [
            "https://quay.io/a/b:1",
            "/usr/bin/env:1",
            "./a/b:1.0",
            "monitoring.svc/a:9090",
            "monitoring.coreos.com/v1",
            "rbac.authorization.k8s.io/v1:x",
            "10/12:30",
            "github.com/a/b:1.0",
            "application/json",
            "a/b",
        ] {
            assert_eq!(tier(word), None, "{word}");
        }
        for word in [
            "prometheus.example.com/api:9090",
            "kube-system/service:8080",
            "pods/log:get",
        ] {
            assert_eq!(tier(word), Some(4), "{word}");
        }
    }

    #[test]
    fn a_broken_reference_on_a_known_registry_is_not_dropped() {
        assert!(matches!(judge_word("quay.io/Foo/bar:1"), Worth::Broken(_)));
        assert!(matches!(judge_word("quay.io/foo/bar@"), Worth::Broken(_)));
        assert_eq!(judge_word("quay.io/{{.X}}/bar:1"), Worth::Nothing);
    }

    #[test]
    fn literals_and_addresses_say_why() {
        assert!(read("auto").unwrap_err().is_harmless());
        assert!(read("https://example.com/logo.png").unwrap_err().is_harmless());
        assert_eq!(
            read("ko://knative.dev/serving/cmd/queue").unwrap_err(),
            Refusal::Build
        );
    }
}
