//! What a bundle that is the source was made without, on purpose: platforms by choice, blobs that a receipt proved to be
//! elsewhere.

use crate::bundle::{AbsentReason, Held};
use crate::oci::Descriptor;

use super::resolve::Walk;
use super::{Error, blocking};

impl Walk<'_> {
    /// The children of an index that are carried and those that are not, be it by choice or because the source was made
    /// without them.
    pub(super) fn split<'d>(
        &self,
        children: &'d [Descriptor],
    ) -> Result<(Vec<&'d Descriptor>, Vec<&'d Descriptor>), Error> {
        let (chosen, mut left_out) = self.choice.split(children);
        let mut kept = Vec::with_capacity(chosen.len());
        for child in chosen {
            match self.source.left_out(&child.digest)? {
                Some(AbsentReason::Platform) => left_out.push(child),
                _ => kept.push(child),
            }
        }
        Ok((kept, left_out))
    }

    /// Nothing of an image is copied that cannot become whole here.
    pub(super) async fn check_left_out(&self, blobs: &[Descriptor]) -> Result<(), Error> {
        for blob in blobs {
            if self.source.left_out(&blob.digest)? != Some(AbsentReason::Have) {
                continue;
            }
            let (shelf, wanted) = (self.shelf.clone(), blob.clone());
            if blocking(move || shelf.holds(&wanted)).await? != Held::Whole {
                return Err(Error::LeftOutByReceipt { digest: blob.digest });
            }
        }
        Ok(())
    }
}
