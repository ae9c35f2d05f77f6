//! A blob of a bundle as the body of a request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use crate::bundle::Bundle;
use crate::http::{BoxedRead, OpeningSource, Source};
use crate::oci::Descriptor;

/// Bytes read at once, at most.
const READ: usize = 256 << 10;

/// Reads that may wait to be sent.
const AHEAD: usize = 2;

/// A blob that can be opened again at any offset, so that every try can be repeated.
#[derive(Debug)]
pub(super) struct Payload {
    bundle: Bundle,
    descriptor: Descriptor,
}

impl Payload {
    pub(super) fn new(bundle: Bundle, descriptor: Descriptor) -> Self {
        Self { bundle, descriptor }
    }
}

impl Source for Payload {
    fn open(&self, offset: u64) -> OpeningSource<'_> {
        Box::pin(async move {
            let (bundle, descriptor) = (self.bundle.clone(), self.descriptor.clone());
            let (sender, receiver) = mpsc::channel(AHEAD);
            tokio::task::spawn_blocking(move || {
                let mut reader = match bundle.described_blob(&descriptor) {
                    Ok(blob) => blob.reader(offset),
                    Err(error) => {
                        // Nobody listens any more only if the request is gone.
                        let _ = sender.blocking_send(Err(io::Error::other(error)));
                        return;
                    }
                };
                loop {
                    let piece = match reader.next_piece(READ) {
                        Ok(piece) if piece.is_empty() => return,
                        read => read.map(Bytes::from),
                    };
                    let last = piece.is_err();
                    if sender.blocking_send(piece).is_err() || last {
                        return;
                    }
                }
            });
            let stream: BoxedRead = Box::pin(Pieces(receiver));
            Ok(stream)
        })
    }
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
