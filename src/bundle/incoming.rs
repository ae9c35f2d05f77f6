//! A blob on its way into a bundle: as one file, or as parts where the file system cannot hold it whole.

use crate::digest::{Algorithm, Digest, Hasher};
use crate::fsx::{Finished, Folder, Hashing, Staged};

use super::Error;

/// A blob on its way.
#[derive(Debug)]
pub struct Incoming {
    tmp: Folder,
    name: String,
    algorithm: Algorithm,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Whole(Box<Staged>),
    Parts(Box<Parts>),
}

/// A blob of several files. Each part is hashed for itself, for SHA256SUMS, and all of them together for the blob.
#[derive(Debug)]
struct Parts {
    limit: u64,
    full: Vec<Finished>,
    last: Staged,
    hasher: Hasher,
    length: u64,
}

/// A blob that is written and hashed, and has no name yet.
#[derive(Debug)]
pub struct Arrived {
    pub(super) digest: Digest,
    pub(super) whole: Option<Finished>,
    pub(super) parts: Vec<Finished>,
}

impl Incoming {
    /// Goes on with what an earlier run left, at most `size` bytes, or begins anew. `limit` is the largest file. What is begun
    /// anew and is one file is hashed when `hashing` says; all else as it is written.
    pub(super) fn resume(
        tmp: &Folder,
        name: String,
        algorithm: Algorithm,
        size: u64,
        limit: Option<u64>,
        hashing: Hashing,
    ) -> Result<Self, Error> {
        let form = match limit.filter(|limit| size > *limit) {
            None => Form::Whole(Box::new(match Staged::resume(tmp, &name, algorithm, size)? {
                new if new.length() == 0 => new.hashed(hashing),
                kept => kept,
            })),
            Some(limit) => Form::Parts(Box::new(Parts::resume(
                tmp,
                &name,
                algorithm,
                size,
                limit.max(1),
            )?)),
        };
        Ok(Self {
            tmp: tmp.clone(),
            name,
            algorithm,
            form,
        })
    }

    /// How many bytes are there already.
    pub fn length(&self) -> u64 {
        match &self.form {
            Form::Whole(staged) => staged.length(),
            Form::Parts(parts) => parts.length,
        }
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.form {
            Form::Whole(staged) => Ok(staged.write(bytes)?),
            Form::Parts(parts) => parts.write(&self.tmp, &self.name, bytes),
        }
    }

    /// Throws away all bytes and begins anew.
    pub fn restart(&mut self) -> Result<(), Error> {
        match &mut self.form {
            Form::Whole(staged) => Ok(staged.restart()?),
            Form::Parts(parts) => {
                for full in parts.full.drain(..) {
                    full.discard()?;
                }
                parts.last = Staged::create(&self.tmp, &part_name(&self.name, 1), Algorithm::Sha256)?;
                parts.hasher = self.algorithm.hasher();
                parts.length = 0;
                Ok(())
            }
        }
    }

    /// Ends the writing, and hashes what was not hashed yet.
    pub fn finish(self) -> Result<Arrived, Error> {
        match self.form {
            Form::Whole(staged) => {
                let whole = staged.finish()?;
                Ok(Arrived {
                    digest: *whole.digest(),
                    whole: Some(whole),
                    parts: Vec::new(),
                })
            }
            Form::Parts(parts) => {
                let mut files = parts.full;
                files.push(parts.last.finish()?);
                Ok(Arrived {
                    digest: parts.hasher.finish(),
                    whole: None,
                    parts: files,
                })
            }
        }
    }
}

impl Arrived {
    /// The digest of all bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The number of bytes.
    pub(super) fn length(&self) -> u64 {
        self.whole.iter().chain(&self.parts).map(Finished::length).sum()
    }

    /// Whether the digest is that of what the drive has.
    pub(super) fn is_proved(&self) -> bool {
        self.whole.as_ref().is_some_and(Finished::is_proved)
    }

    /// Removes the files: they are not what they should be.
    pub(super) fn discard(self) -> Result<(), Error> {
        for file in self.whole.into_iter().chain(self.parts) {
            file.discard()?;
        }
        Ok(())
    }
}

impl Parts {
    fn resume(tmp: &Folder, name: &str, algorithm: Algorithm, size: u64, limit: u64) -> Result<Self, Error> {
        let mut hasher = algorithm.hasher();
        let mut full = Vec::new();
        let mut length = 0;
        loop {
            let most = limit.min(size - length);
            let part = Staged::resume_telling(
                tmp,
                &part_name(name, full.len() + 1),
                Algorithm::Sha256,
                most,
                &mut |bytes| hasher.update(bytes),
            )?;
            length += part.length();
            if part.length() < limit || length == size {
                return Ok(Self {
                    limit,
                    full,
                    last: part,
                    hasher,
                    length,
                });
            }
            full.push(part.finish()?);
        }
    }

    fn write(&mut self, tmp: &Folder, name: &str, mut bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.limit - self.last.length();
            if room == 0 {
                let next = Staged::create(tmp, &part_name(name, self.full.len() + 2), Algorithm::Sha256)?;
                self.full.push(std::mem::replace(&mut self.last, next).finish()?);
                continue;
            }
            let count = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            let (now, rest) = bytes.split_at(count);
            self.last.write(now)?;
            bytes = rest;
        }
        Ok(())
    }
}

/// What the `number`th part of a blob is called on its way, counted from 1.
fn part_name(name: &str, number: usize) -> String {
    format!("{name}.{number:04}")
}
