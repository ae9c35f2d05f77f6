//! Whether a bundle holds a blob, and who is wrong where sizes differ: only the bytes tell.

use super::{Bundle, Error};
use crate::oci::Descriptor;

/// Whether a bundle holds a blob as it is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It does not, or what it has is not the blob.
    Absent,
    /// It does.
    Whole,
    /// It holds the blob, and the blob has so many bytes: the description is wrong.
    OfOtherSize(u64),
}

impl Bundle {
    /// Whether a blob is here, by its size; its bytes are hashed only if the size is another one.
    pub(crate) fn holds(&self, descriptor: &Descriptor) -> Result<Held, Error> {
        match self.blob_size(&descriptor.digest)? {
            None => Ok(Held::Absent),
            Some(size) if size == descriptor.size => Ok(Held::Whole),
            Some(_) => self.hashed(descriptor),
        }
    }

    /// Whether a blob's bytes are here, whatever its size should be.
    pub(super) fn hashed(&self, descriptor: &Descriptor) -> Result<Held, Error> {
        let blob = self.blob(&descriptor.digest)?;
        let is_sound = blob.hash(&descriptor.digest)? == descriptor.digest;
        Ok(match blob.size() {
            _ if !is_sound => Held::Absent,
            size if size == descriptor.size => Held::Whole,
            size => Held::OfOtherSize(size),
        })
    }
}
