//! How much memory the values of this thread hold, roughly, and the limit a render has set.
//!
//! Values are counted when they are made and when they go; a render is single-threaded, so one counter per thread
//! tells what is alive. A function that is about to build something large asks [`reserve`] first.

use std::cell::Cell;

use super::function::Failure;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static CEILING: Cell<isize> = const { Cell::new(isize::MAX) };
}

/// Bytes that values of this thread hold now (an estimate; may be negative when values moved between threads).
pub fn held() -> isize {
    HELD.with(Cell::get)
}

/// Asks for `bytes` more before building something large.
///
/// Fails when the running render may not hold that much; where no [`Ceiling`] stands, nothing is limited.
pub fn reserve(bytes: usize) -> Result<(), Failure> {
    let wanted = held().saturating_add(signed(bytes));
    if wanted > CEILING.with(Cell::get) {
        return Err(Failure::Memory);
    }
    Ok(())
}

/// Whether the running render holds more than it may.
pub(super) fn exceeded() -> bool {
    held() > CEILING.with(Cell::get)
}

/// A limit on what the values of this thread may hold beyond what they hold now, for as long as it lives.
#[derive(Debug)]
#[must_use = "the limit ends when this is dropped"]
pub struct Ceiling(isize);

impl Ceiling {
    /// Sets the limit, in bytes. The one that was there before comes back when this is dropped.
    pub fn set(bytes: usize) -> Self {
        Self(CEILING.with(|c| c.replace(held().saturating_add(signed(bytes)))))
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        CEILING.with(|c| c.set(self.0));
    }
}

/// Memory of this thread that is no value, counted for as long as this lives.
#[derive(Debug)]
pub(super) struct Held(usize);

impl Held {
    /// Counts `bytes`, if the running render may hold that much.
    pub(super) fn new(bytes: usize) -> Result<Self, Failure> {
        reserve(bytes)?;
        took(bytes);
        Ok(Self(bytes))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        gave_back(self.0);
    }
}

pub(super) fn took(bytes: usize) {
    HELD.with(|h| h.set(h.get().saturating_add(signed(bytes))));
}

pub(super) fn gave_back(bytes: usize) {
    HELD.with(|h| h.set(h.get().saturating_sub(signed(bytes))));
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}
