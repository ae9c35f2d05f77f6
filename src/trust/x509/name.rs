//! Names of people and things in certificates.

use spki::der::asn1::ObjectIdentifier;
use spki::der::{Tag, TagNumber};

use super::Element;
use crate::trust::Error;

const WHAT: &str = "a name in the certificate";
/// Fulcio's name for users that are neither an address nor a URI.
const USER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

/// A name beside the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::trust) enum GeneralName {
    /// An e-mail address, a URI, or a user by Fulcio's own kind of name.
    Text(String),
    /// A kind of name that is no identity here.
    Other,
}

impl GeneralName {
    pub(super) fn parse_all(extension: &[u8]) -> Result<Vec<Self>, Error> {
        let mut names = Element::whole(WHAT, Tag::Sequence, extension)?.elements()?;
        let mut all = Vec::new();
        while let Some(name) = names.any()? {
            let found = match name.tag() {
                Tag::ContextSpecific {
                    constructed: false,
                    number: TagNumber(1 | 6),
                } => Self::Text(text(name.value())?),
                Tag::ContextSpecific {
                    constructed: true,
                    number: TagNumber(0),
                } => {
                    let mut parts = name.elements()?;
                    let kind = parts.one(Tag::ObjectIdentifier)?.oid()?;
                    match parts.numbered(0)? {
                        Some(value) if kind == USER_NAME => {
                            Self::Text(text(value.elements()?.one(Tag::Utf8String)?.value())?)
                        }
                        _ => Self::Other,
                    }
                }
                _ => Self::Other,
            };
            all.push(found);
        }
        Ok(all)
    }
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| Error::Malformed {
            what: WHAT,
            problem: "it is no text",
        })
}
