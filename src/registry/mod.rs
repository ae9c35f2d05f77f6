//! The OCI distribution protocol, both directions: what registries must do by the specification, and what they do.
//!
//! [`Client`] is the whole of it. Every request of it may be dropped at any point: nothing is left behind but an upload
//! session that the registry forgets by itself. What is read is checked against its digest or its announced size before
//! anybody sees it; what is pushed can be read again from any offset, so that every try can be repeated.

mod auth;
mod blob;
mod call;
mod challenge;
mod client;
mod error;
mod harbor;
mod listing;
mod manifest;
mod push;
mod realm;
mod referrers;
mod scope;
mod session;
mod upload;

pub use blob::Blob;
pub use client::Client;
pub use error::{Asked, Error, Kind, What};
pub use manifest::{Head, Manifest};
pub use push::{Landed, Pushed};

use std::fmt;

use crate::digest::Digest;
use crate::reference::{Reference, Tag};

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagOrDigest {
    /// A name that may move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl TagOrDigest {
    /// How `reference` is best asked for: by its digest if it has one.
    ///
    /// `None` is impossible for a reference that was parsed: it has a tag or a digest.
    pub fn of(reference: &Reference) -> Option<Self> {
        reference
            .digest()
            .map(|digest| Self::Digest(*digest))
            .or_else(|| reference.tag().cloned().map(Self::Tag))
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Digest> for TagOrDigest {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl From<Tag> for TagOrDigest {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}
