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
/// Fails when the running render may not hold that much; outside a render nothing is limited.
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

/// Sets how many bytes more than now may be held; gives back the old ceiling for [`restore`].
pub(super) fn limit(bytes: usize) -> isize {
    CEILING.with(|c| c.replace(held().saturating_add(signed(bytes))))
}

/// Puts an old ceiling back.
pub(super) fn restore(ceiling: isize) {
    CEILING.with(|c| c.set(ceiling));
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
