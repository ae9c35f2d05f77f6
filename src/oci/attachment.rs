//! How signatures, attestations and SBOMs are attached to a manifest: by their own `subject` field, or by a tag that
//! is made of the manifest's digest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{Algorithm, Digest};
use crate::reference::Tag;

/// Tags are not longer; the specification cuts the one that a SHA-512 digest makes.
const LONGEST_TAG: usize = 128;

/// How something is attached to the manifest that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Its manifest names the subject.
    Subject,
    /// The tag `sha256-<hex>`: an index of what names the subject, in registries without the referrers API.
    List,
    /// The tag `sha256-<hex>.sig`: cosign's signatures.
    Signature,
    /// The tag `sha256-<hex>.att`: cosign's attestations.
    Attestation,
    /// The tag `sha256-<hex>.sbom`: cosign's SBOM.
    Sbom,
}

impl Attachment {
    /// The tags of cosign, which no list of referrers has.
    pub const OF_COSIGN: [Self; 3] = [Self::Signature, Self::Attestation, Self::Sbom];

    /// The tag by which this is attached to `subject`; `None` where it is not by a tag, or has no room in one.
    pub fn tag(self, subject: &Digest) -> Option<Tag> {
        let suffix = self.suffix()?;
        let text = format!("{}-{}{suffix}", subject.algorithm().name(), subject.hex());
        let cut: String = text.chars().take(LONGEST_TAG).collect();
        (suffix.is_empty() || cut == text).then(|| cut.parse().ok())?
    }

    /// What a tag attaches, and to which manifest.
    ///
    /// `None` for every other tag, and for a SHA-512 subject, whose digest no tag has room for.
    pub fn of_tag(tag: &Tag) -> Option<(Digest, Self)> {
        let rest = tag.as_str().strip_prefix("sha256-")?;
        let (hex, suffix) = rest.split_at_checked(2 * Algorithm::Sha256.byte_length())?;
        let by = [Self::List, Self::Signature, Self::Attestation, Self::Sbom]
            .into_iter()
            .find(|by| by.suffix() == Some(suffix))?;
        Some((format!("sha256:{hex}").parse().ok()?, by))
    }

    fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Subject => None,
            Self::List => Some(""),
            Self::Signature => Some(".sig"),
            Self::Attestation => Some(".att"),
            Self::Sbom => Some(".sbom"),
        }
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "referrer",
            Self::List => "list of referrers",
            Self::Signature => "signature",
            Self::Attestation => "attestation",
            Self::Sbom => "SBOM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_it_attaches_and_to_what() {
        let subject = Digest::sha256(b"image");
        for by in [
            Attachment::List,
            Attachment::Signature,
            Attachment::Attestation,
            Attachment::Sbom,
        ] {
            let tag = by.tag(&subject).unwrap();
            assert_eq!(Attachment::of_tag(&tag), Some((subject, by)), "{tag}");
        }
        assert_eq!(Attachment::Subject.tag(&subject), None);
    }

    #[test]
    fn other_tags_attach_nothing() {
        let hex = Digest::sha256(b"image").hex();
        for text in [
            "latest".to_owned(),
            "sha256-abc".to_owned(),
            format!("sha256-{hex}.txt"),
            format!("sha256-{hex}.sig.sig"),
            format!("sha256-{}.sig", hex.to_uppercase()),
            format!("sha1-{hex}"),
        ] {
            assert_eq!(Attachment::of_tag(&text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn a_long_digest_makes_a_tag_that_registries_take() {
        let subject = Digest::of(Algorithm::Sha512, b"image");
        let tag = Attachment::List.tag(&subject).unwrap();
        assert_eq!(tag.as_str().len(), 128);
        assert_eq!(Attachment::of_tag(&tag), None);
        assert_eq!(Attachment::Signature.tag(&subject), None);
    }
}
