//! Bodies to be sent: bytes that can be opened again at any offset, so that every request can be repeated.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, watch};

use super::error::SourceFailed;

/// Bytes in order, as a source hands them out.
pub type BoxedRead = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A source on its way to being open.
pub type OpeningSource<'a> = BoxFuture<'a, io::Result<BoxedRead>>;

/// Bytes of known content that can be read again from any offset.
pub trait Source: Send + Sync + fmt::Debug {
    /// Opens the bytes from `offset` to the end.
    fn open(&self, offset: u64) -> OpeningSource<'_>;
}

/// Bytes in memory.
#[derive(Clone, Debug)]
pub struct BytesSource(pub Bytes);

impl Source for BytesSource {
    fn open(&self, offset: u64) -> OpeningSource<'_> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let rest = self.0.slice(start..);
        Box::pin(async move {
            let stream: BoxedRead = Box::pin(futures_util::stream::once(async move { Ok(rest) }));
            Ok(stream)
        })
    }
}

/// A file, read ahead on a blocking thread.
#[derive(Clone, Debug)]
pub struct FileSource(pub PathBuf);

impl FileSource {
    /// Bytes of one read.
    const CHUNK: usize = 256 << 10;
    /// Reads that may wait to be sent.
    const AHEAD: usize = 2;
}

impl Source for FileSource {
    fn open(&self, offset: u64) -> OpeningSource<'_> {
        let path = self.0.clone();
        Box::pin(async move {
            let file = blocking(move || {
                let mut file = std::fs::File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Ok(file)
            })
            .await?;
            let (sender, receiver) = mpsc::channel(Self::AHEAD);
            tokio::task::spawn_blocking(move || read_ahead(file, &sender));
            let stream: BoxedRead = Box::pin(ReadAhead(receiver));
            Ok(stream)
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the reading thread ended early")))
}

/// Sends the file piece by piece; ends when the receiver is gone, so a cancelled upload leaves nothing behind.
fn read_ahead(mut file: std::fs::File, sender: &mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let mut piece = vec![0; FileSource::CHUNK];
        let read = match file.read(&mut piece) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        piece.truncate(read);
        if sender.blocking_send(Ok(piece.into())).is_err() {
            return;
        }
    }
}

struct ReadAhead(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for ReadAhead {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// A source on the wire: exactly `left` bytes, and a count of what went out.
pub(super) struct Upload {
    /// The lock is never taken: it only makes the stream shareable, as the HTTP library asks of a body.
    stream: Mutex<BoxedRead>,
    left: u64,
    sent: u64,
    progress: watch::Sender<u64>,
}

impl Upload {
    pub(super) fn new(stream: BoxedRead, length: u64) -> (Self, watch::Receiver<u64>) {
        let (progress, watcher) = watch::channel(0);
        let upload = Self {
            stream: Mutex::new(stream),
            left: length,
            sent: 0,
            progress,
        };
        (upload, watcher)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = SourceFailed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SourceFailed>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let stream = self.stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = match stream.as_mut().poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(bytes))) => bytes,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(SourceFailed(error)))),
            Poll::Ready(None) => {
                let error = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("it ends {} bytes early", self.left),
                );
                return Poll::Ready(Some(Err(SourceFailed(error))));
            }
        };
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        bytes.truncate(most);
        let length = bytes.len() as u64;
        self.left -= length;
        self.sent += length;
        self.progress.send_replace(self.sent);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A part of a source, to be opened anew for each try.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) source: Arc<dyn Source>,
    pub(super) offset: u64,
    pub(super) length: u64,
}
