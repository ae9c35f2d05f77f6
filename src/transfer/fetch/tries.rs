//! All tries at one blob from one repository: what broke off goes on where it stopped, what came wrong comes once more.

use std::sync::Arc;
use std::time::Duration;

use super::Run;
use super::attempt::Attempt;
use crate::bundle::{self, Incoming};
use crate::causes::chain;
use crate::digest::Digest;
use crate::observe::Event;
use crate::reference::Repository;
use crate::transfer::queue::SMALL;
use crate::transfer::write_behind::Hashed;
use crate::transfer::{Error, PlannedBlob, blocking};

/// How often a blob is tried where each try brings nothing new.
const TRIES: u32 = 5;

/// The first pause between two tries; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// No pause is longer, unless the registry asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a try at a blob begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// It is the first one, and goes on after what an earlier run left.
    First,
    /// It goes on after what an earlier try left.
    After,
    /// It begins with the first byte: what was kept may be wrong.
    Anew,
}

impl Run {
    /// Tries until the blob has come from this repository, or no further try promises anything.
    pub(super) async fn blob_from(&self, blob: &PlannedBlob, repository: &Repository) -> Result<(), Error> {
        let descriptor = &blob.descriptor;
        let mut tries = 0;
        // How far the blob has ever come. Bytes that come a second time are no reason to go on for ever.
        let mut furthest = 0;
        let mut start = Start::First;
        let mut was_wrong = false;
        // Written when all of it has come: a run that is killed loses as much of it for each worker.
        let is_small = blob.kept == 0 && descriptor.size <= SMALL && self.writer.takes_whole(descriptor.size);
        loop {
            let attempt = Attempt {
                run: self,
                descriptor,
                repository,
            };
            let (reached, result) = if is_small {
                (0, self.at_once(&attempt, blob).await)
            } else {
                self.piece_by_piece(&attempt, blob, start).await
            };
            let Err(error) = result else { return Ok(()) };
            if error.is_wrong_content() {
                if was_wrong {
                    return Err(error);
                }
                was_wrong = true;
                if let Error::WrongBlob { .. } = &error {
                    // The file is gone.
                    self.taken_back(descriptor, descriptor.size);
                }
                let text = format!("{}: it is fetched once more", chain(&error));
                self.observer.on(&Event::Warning { text });
                (start, furthest) = (Start::Anew, 0);
                continue;
            }
            tries = if reached > furthest { 1 } else { tries + 1 };
            furthest = furthest.max(reached);
            start = Start::After;
            if !error.is_transient() || tries >= TRIES {
                return Err(error);
            }
            self.pause(repository, tries, &error).await;
        }
    }

    async fn pause(&self, repository: &Repository, tries: u32, error: &Error) {
        let asked = match error {
            Error::Registry(error) => error.retry_after(),
            _ => None,
        };
        let pause = asked.unwrap_or_else(|| {
            FIRST_PAUSE
                .saturating_mul(1 << (tries - 1).min(8))
                .min(LONGEST_PAUSE)
                .mul_f64(rand::random_range(0.75..1.25))
        });
        self.observer.on(&Event::Waiting {
            host: repository.host().to_owned(),
            pause,
            reason: chain(error),
        });
        tokio::time::sleep(pause).await;
    }

    /// Brings a small blob into memory and from there to the disk.
    async fn at_once(&self, attempt: &Attempt<'_>, blob: &PlannedBlob) -> Result<(), Error> {
        let (bytes, sender) = attempt.whole().await?;
        let expected = blob.descriptor.digest;
        let found = Digest::of(expected.algorithm(), &bytes);
        if found != expected {
            return Err(Error::WrongBlob {
                expected,
                found,
                sender,
            });
        }
        let acknowledged = self.ticket(blob).await?;
        self.write_behind
            .give(Hashed {
                digest: expected,
                bytes,
                may_repeat: false,
                acknowledged,
            })
            .await
    }

    /// Streams a blob to its file, after what an earlier try left of it, and gives the file to the committing threads.
    /// Says how far it has come.
    async fn piece_by_piece(
        &self,
        attempt: &Attempt<'_>,
        blob: &PlannedBlob,
        start: Start,
    ) -> (u64, Result<(), Error>) {
        let descriptor = &blob.descriptor;
        let Ok(place) = self.places.acquire().await else {
            return (0, Err(Error::Cancelled));
        };
        let (writer, wanted) = (Arc::clone(&self.writer), descriptor.clone());
        let stage = move || {
            let mut staged = match start {
                Start::First => writer.stage_first(&wanted)?,
                Start::After | Start::Anew => writer.stage(&wanted)?,
            };
            let kept = staged.length();
            if start == Start::Anew {
                staged.restart()?;
            }
            Ok((staged, kept))
        };
        let (staged, kept) = match blocking(stage).await {
            Ok(staged) => staged,
            Err(error) => return (0, Err(error)),
        };
        match start {
            Start::First if kept > 0 => self.advanced(descriptor, kept),
            Start::Anew if kept > 0 => self.taken_back(descriptor, kept),
            _ => {}
        }
        let came = attempt.make(staged).await;
        drop(place);
        let handed = match came.result {
            Ok(staged) => self.commit(blob, staged, came.sender).await,
            Err(error) => Err(error),
        };
        (came.reached, handed)
    }

    /// Lets the committing threads name a blob that has come.
    async fn commit(
        &self,
        blob: &PlannedBlob,
        staged: Incoming,
        sender: Option<String>,
    ) -> Result<(), Error> {
        let (writer, digest) = (Arc::clone(&self.writer), blob.descriptor.digest);
        let told = self.ticket(blob).await?;
        blocking(move || match writer.commit(staged.finish()?, &digest, told) {
            Err(bundle::Error::Damaged { expected, found }) => Err(Error::WrongBlob {
                expected,
                found,
                sender: sender.unwrap_or_else(|| "an earlier run".to_owned()),
            }),
            committed => Ok(committed?),
        })
        .await
    }
}
