//! Small blobs and manifests on their way to the disk: one thread writes all of them, so that none waits for a thread of
//! its own, and few threads have memory of their own.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bundle::Writer;
use crate::digest::Digest;
use crate::fsx::Acknowledged;

use super::Error;

/// Blobs that may wait for the thread. A run that is killed loses them.
const WAITING: usize = 6;

/// A blob or manifest whose bytes were hashed.
pub(super) struct Hashed {
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
    /// Whether it may come a second time while it is on its way: two references may have the same manifest.
    pub(super) may_repeat: bool,
    /// Told when it is durable, or why it is not.
    pub(super) acknowledged: Acknowledged,
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct WriteBehind(mpsc::Sender<Hashed>);

impl WriteBehind {
    /// Starts the thread. It ends when every way to it is gone.
    pub(super) fn begin(writer: Arc<Writer>) -> (Self, JoinHandle<()>) {
        let (sender, mut waiting) = mpsc::channel::<Hashed>(WAITING);
        let thread = tokio::task::spawn_blocking(move || {
            while let Some(blob) = waiting.blocking_recv() {
                writer.put(&blob.digest, &blob.bytes, blob.may_repeat, blob.acknowledged);
            }
        });
        (Self(sender), thread)
    }

    /// Gives a blob to the thread, waiting for room.
    pub(super) async fn give(&self, blob: Hashed) -> Result<(), Error> {
        self.0.send(blob).await.map_err(|_| Error::WorkerLost)
    }
}
