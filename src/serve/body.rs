//! Bodies of answers: bytes in memory, or a part of a file streamed in bounded memory.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::bundle::Blob;

/// How much of a file is read at once. Two hundred connections hold a few of these each.
const PIECE: usize = 64 << 10;

/// Pieces that are kept to be filled again: more than two hundred clients have on their way at once.
const KEPT: usize = 256;

/// Pieces that went out. A new one would be zeroed before it is filled, which costs as much as the reading.
static SPARE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A piece of a file on its way to a client.
#[derive(Debug)]
struct Piece {
    buffer: Box<[u8]>,
    length: usize,
}

impl Piece {
    /// A piece to be filled; what is in it does not matter.
    fn take() -> Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self {
            buffer: spare.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice()),
            length: 0,
        }
    }

    /// Room for `wanted` bytes.
    fn room(&mut self, wanted: usize) -> &mut [u8] {
        let end = wanted.min(PIECE);
        &mut self.buffer[..end]
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < KEPT {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    Bytes(Bytes),
    File(FilePart),
}

impl Content {
    pub(super) fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }
}

/// The bytes of a blob from `offset` on, `left` of them.
#[derive(Debug)]
pub(super) struct FilePart {
    blob: Blob,
    offset: u64,
    left: u64,
    reading: Option<JoinHandle<io::Result<Piece>>>,
}

impl FilePart {
    pub(super) fn new(blob: Blob, offset: u64, length: u64) -> Self {
        Self {
            blob,
            offset,
            left: length,
            reading: None,
        }
    }

    fn wanted(&self) -> usize {
        usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE))
    }

    /// What the page cache has; `None` where a thread must wait for the disk.
    fn read_cached(&self) -> Option<io::Result<Piece>> {
        let mut piece = Piece::take();
        let room = piece.room(self.wanted());
        let read = self.blob.read_cached_at(room, self.offset).transpose()?;
        Some(read.map(|count| {
            piece.length = count;
            piece
        }))
    }

    fn read_in_thread(&self) -> JoinHandle<io::Result<Piece>> {
        let (blob, offset, wanted) = (self.blob.clone(), self.offset, self.wanted());
        tokio::task::spawn_blocking(move || {
            let mut piece = Piece::take();
            piece.length = blob.read_at(piece.room(wanted), offset)?;
            Ok(piece)
        })
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let read = match self.reading.take() {
            None => {
                if let Some(read) = self.read_cached() {
                    read
                } else {
                    self.reading = Some(self.read_in_thread());
                    return self.poll_piece(context);
                }
            }
            Some(mut task) => match Pin::new(&mut task).poll(context) {
                Poll::Pending => {
                    self.reading = Some(task);
                    return Poll::Pending;
                }
                Poll::Ready(joined) => joined.unwrap_or_else(|error| Err(io::Error::other(error))),
            },
        };
        Poll::Ready(Some(read.and_then(|piece| {
            if piece.length == 0 {
                // The file became shorter after its size was told: the client must see a cut, not an end.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.offset += piece.length as u64;
            self.left -= piece.length as u64;
            Ok(Bytes::from_owner(piece))
        })))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File(part) => {
                Poll::Ready(ready!(part.poll_piece(context)).map(|read| read.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(part) => part.left,
        })
    }
}

/// A body that counts what went out and tells when it is over, however it ends.
pub(super) struct Counted<F: FnOnce(u64)> {
    content: Content,
    sent: u64,
    finish: Option<F>,
}

impl<F: FnOnce(u64)> Counted<F> {
    pub(super) fn new(content: Content, finish: F) -> Self {
        Self {
            content,
            sent: 0,
            finish: Some(finish),
        }
    }
}

impl<F: FnOnce(u64)> Drop for Counted<F> {
    fn drop(&mut self) {
        if let Some(finish) = self.finish.take() {
            finish(self.sent);
        }
    }
}

impl<F: FnOnce(u64) + Unpin> Body for Counted<F> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let polled = ready!(Pin::new(&mut this.content).poll_frame(context));
        if let Some(Ok(frame)) = &polled {
            this.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::bundle::Bundle;
    use crate::digest::Digest;

    /// A blob of these bytes in a bundle of its own.
    fn blob(folder: &tempfile::TempDir, bytes: &[u8]) -> Blob {
        let digest = Digest::sha256(bytes);
        let write = |path: &str, bytes: &[u8]| crate::fsx::write(&folder.path().join(path), bytes).unwrap();
        write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        write("index.json", br#"{"schemaVersion":2,"manifests":[]}"#);
        write(&format!("blobs/sha256/{}", digest.hex()), bytes);
        Bundle::open(folder.path()).unwrap().blob(&digest).unwrap()
    }

    #[tokio::test]
    async fn a_part_of_a_file_arrives_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let length = 1_000_000;
        let body = Content::File(FilePart::new(blob(&folder, &bytes), 100_001, length));
        assert_eq!(body.size_hint().exact(), Some(length));
        let collected = body.collect().await.unwrap().to_bytes();
        assert_eq!(collected, bytes[100_001..1_100_001]);
    }

    #[tokio::test]
    async fn a_file_cut_short_after_its_size_was_told_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let body = Content::File(FilePart::new(blob(&folder, b"short"), 0, 100));
        let error = body.collect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn the_end_is_told_with_the_bytes_that_went_out() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let body = Counted::new(Content::Bytes(Bytes::from_static(b"hello")), move |sent| {
            sender.send(sent).unwrap();
        });
        drop(body.collect().await.unwrap());
        assert_eq!(receiver.recv().unwrap(), 5);
    }
}
