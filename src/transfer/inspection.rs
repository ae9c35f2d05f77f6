//! Blobs of a bundle, hashed before the first byte of them is sent.
//!
//! A bundle that nobody vouches for is brought blob by blob: each is read from the drive once, hashed, and sent while it is
//! still in memory or in the page cache. To hash all of them first would read a drive twice that has more than fits there.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::payload::Payload;
use super::queue::SMALL;
use super::{Error, blocking};
use crate::bundle::{Bundle, Unsound};
use crate::http::{BytesSource, Source};
use crate::observe::{Event, Observer};
use crate::oci::Descriptor;

/// A blob that is about to be sent.
pub(super) enum Taken {
    /// It is what its digest says.
    Sound(Arc<dyn Source>),
    /// It is not, and nothing of it may be sent: what is wrong.
    Unsound(String),
}

/// Hashes blobs on their way, and keeps what is wrong with them.
#[derive(Debug)]
pub struct Inspection {
    /// More threads than processors hash no faster, and a disk that turns would jump between places.
    hashing: Semaphore,
    unsound: Mutex<Vec<Unsound>>,
}

impl Default for Inspection {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
        Self {
            hashing: Semaphore::new(threads),
            unsound: Mutex::default(),
        }
    }
}

impl Inspection {
    /// What was found to be wrong until now.
    pub fn take_unsound(&self) -> Vec<Unsound> {
        std::mem::take(&mut *self.unsound.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hashes a blob, or as much of it as is read until `cancel`. An error is one about the drive as a whole.
    pub(super) async fn take(
        &self,
        bundle: &Bundle,
        descriptor: &Descriptor,
        observer: &Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<Taken, Error> {
        let inspected = if descriptor.size <= SMALL {
            read(bundle, descriptor, observer).await?
        } else {
            let _turn = self.hashing.acquire().await;
            hash(bundle, descriptor, observer, cancel).await?
        };
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(match inspected {
            Ok(source) => Taken::Sound(source),
            Err(unsound) => {
                let text = format!("{}: {}", unsound.digest, unsound.text);
                let mut all = self.unsound.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(unsound);
                Taken::Unsound(text)
            }
        })
    }
}

/// A small blob is sent from the very memory that was hashed.
async fn read(
    bundle: &Bundle,
    descriptor: &Descriptor,
    observer: &Arc<dyn Observer>,
) -> Result<Result<Arc<dyn Source>, Unsound>, Error> {
    let Descriptor { digest, size, .. } = *descriptor;
    let (bundle, descriptor) = (bundle.clone(), descriptor.clone());
    let inspected = blocking(move || Ok(bundle.inspected(&descriptor)?)).await?;
    observer.on(&Event::BlobAdvanced { digest, bytes: size });
    Ok(inspected.map(|bytes| Arc::new(BytesSource(bytes.into())) as _))
}

async fn hash(
    bundle: &Bundle,
    descriptor: &Descriptor,
    observer: &Arc<dyn Observer>,
    cancel: &CancellationToken,
) -> Result<Result<Arc<dyn Source>, Unsound>, Error> {
    let (reading, observer, cancel) = (bundle.clone(), Arc::clone(observer), cancel.clone());
    let digest = descriptor.digest;
    let inspected = blocking(move || {
        Ok(reading.inspect(&digest, |bytes| {
            observer.on(&Event::BlobAdvanced { digest, bytes });
            !cancel.is_cancelled()
        })?)
    });
    Ok(match inspected.await? {
        None => Ok(Arc::new(Payload::new(bundle.clone(), descriptor.clone()))),
        Some(unsound) => Err(unsound),
    })
}
