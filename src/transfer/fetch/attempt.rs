//! One try at one blob: its bytes come, and are written as they come.

use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::Run;
use crate::bundle::Incoming;
use crate::oci::Descriptor;
use crate::reference::Repository;
use crate::transfer::Error;
use crate::transfer::source::Chunks;

/// Pieces of a blob that may wait for the disk. A run that is killed loses them.
const AHEAD: usize = 2;

/// One try at one blob.
pub(super) struct Attempt<'a> {
    pub(super) run: &'a Run,
    pub(super) descriptor: &'a Descriptor,
    pub(super) repository: &'a Repository,
}

/// What became of a try.
pub(super) struct Came {
    /// How far the blob has come with it, whatever became of it: so much stays on the drive for the next try.
    pub(super) reached: u64,
    /// Who sent the bytes, if some were asked for.
    pub(super) sender: Option<String>,
    pub(super) result: Result<Incoming, Error>,
}

impl Attempt<'_> {
    /// Streams the blob to a blocking thread that writes and hashes.
    pub(super) async fn make(&self, staged: Incoming) -> Came {
        let offset = staged.length();
        let stayed = |result| Came {
            reached: offset,
            sender: None,
            result,
        };
        if offset == self.descriptor.size {
            return stayed(Ok(staged));
        }
        let opened = self
            .run
            .source
            .blob(self.repository, self.descriptor, offset)
            .await;
        let chunks = match opened {
            Ok(chunks) => chunks,
            Err(error) => return stayed(Err(error)),
        };
        let sender = Some(chunks.sender());
        let restart = chunks.offset(offset) != offset;
        if restart {
            self.run.taken_back(self.descriptor, offset);
        }
        let start = if restart { 0 } else { offset };
        let (pieces, receiver) = mpsc::channel(AHEAD);
        let writing = tokio::task::spawn_blocking(move || write(staged, restart, receiver));
        let (arrived, sent) = self.send(chunks, start, pieces).await;
        let written = writing.await.unwrap_or(Err(Error::WorkerLost));
        // A full drive closes the channel, so that the writer's error is the one that matters.
        let result = match (written, sent) {
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(staged), Ok(())) => Ok(staged),
        };
        Came {
            reached: start + arrived,
            sender,
            result,
        }
    }

    /// All bytes of a small blob, and who sent them.
    pub(super) async fn whole(&self) -> Result<(Bytes, String), Error> {
        let size = self.descriptor.size;
        let mut chunks = self.run.source.blob(self.repository, self.descriptor, 0).await?;
        let sender = chunks.sender();
        let mut whole = BytesMut::new();
        while let Some(bytes) = chunks.next().await? {
            if (whole.len() + bytes.len()) as u64 > size {
                return Err(self.too_long());
            }
            whole.extend_from_slice(&bytes);
        }
        let arrived = whole.len() as u64;
        if arrived < size {
            return Err(self.cut_short(arrived));
        }
        self.run.moved.fetch_add(arrived, Ordering::Relaxed);
        self.run.advanced(self.descriptor, arrived);
        Ok((whole.freeze(), sender))
    }

    fn too_long(&self) -> Error {
        Error::TooLong {
            digest: self.descriptor.digest,
            expected: self.descriptor.size,
        }
    }

    fn cut_short(&self, found: u64) -> Error {
        Error::CutShort {
            digest: self.descriptor.digest,
            expected: self.descriptor.size,
            found,
        }
    }

    async fn send(
        &self,
        mut chunks: Chunks,
        offset: u64,
        pieces: mpsc::Sender<Bytes>,
    ) -> (u64, Result<(), Error>) {
        let mut arrived = 0;
        loop {
            let bytes = match chunks.next().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => return (arrived, Err(error)),
            };
            let length = bytes.len() as u64;
            if offset + arrived + length > self.descriptor.size {
                return (arrived, Err(self.too_long()));
            }
            if pieces.send(bytes).await.is_err() {
                return (arrived, Ok(()));
            }
            arrived += length;
            self.run.moved.fetch_add(length, Ordering::Relaxed);
            self.run.advanced(self.descriptor, length);
        }
        if offset + arrived == self.descriptor.size {
            (arrived, Ok(()))
        } else {
            (arrived, Err(self.cut_short(offset + arrived)))
        }
    }
}

/// The blocking end: everything that comes is written and hashed.
fn write(mut staged: Incoming, restart: bool, mut chunks: mpsc::Receiver<Bytes>) -> Result<Incoming, Error> {
    if restart {
        staged.restart()?;
    }
    while let Some(bytes) = chunks.blocking_recv() {
        staged.write(&bytes)?;
    }
    Ok(staged)
}
