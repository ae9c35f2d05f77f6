//! The order in which blobs travel: the largest first, so that none is left alone at the end, and small ones beside them.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A blob of at most so many bytes is small: what takes long with it is asking and waiting. All that travel at once are about
/// one mebibyte, which a run that is killed loses.
pub(super) const SMALL: u64 = 32 << 10;

/// So many small blobs and manifests travel at once for each transfer that is asked for.
pub const SMALL_EACH: usize = 4;

/// The numbers of blobs that nobody has begun.
#[derive(Debug)]
pub(super) struct Queue {
    left: Mutex<Range<usize>>,
    /// The number of the first small one: all that come after it are small, too.
    small: usize,
}

impl Queue {
    /// Blobs of these sizes, which fall.
    pub(super) fn new(sizes: impl ExactSizeIterator<Item = u64>) -> Self {
        let count = sizes.len();
        let large = sizes.take_while(|size| *size > SMALL).count();
        Self {
            left: Mutex::new(0..count),
            small: large,
        }
    }

    /// The next blob: the largest, or the smallest for one who takes small ones only.
    pub(super) fn next(&self, small_only: bool) -> Option<usize> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match small_only {
            false => left.next(),
            true if left.end > self.small => left.next_back(),
            true => None,
        }
    }

    /// Leaves what nobody has begun.
    pub(super) fn close(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.end = left.start;
    }

    /// Who works on them when `jobs` transfers are asked for, and so many more that only wait for the drive: for each
    /// whether they take small blobs only.
    pub(super) fn workers(&self, jobs: usize, waiting: usize) -> impl Iterator<Item = bool> + use<> {
        let count = self.left.lock().unwrap_or_else(PoisonError::into_inner).len();
        let jobs = jobs.max(1);
        let any = (jobs + waiting).min(count);
        let all = (jobs * SMALL_EACH + waiting).min(count);
        (0..all).map(move |number| number >= any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = SMALL + 1;

    #[test]
    fn the_largest_come_first_and_small_ones_from_the_end() {
        let queue = Queue::new([LARGE, LARGE, SMALL, 1].into_iter());
        assert_eq!(queue.next(true), Some(3));
        assert_eq!(queue.next(false), Some(0));
        assert_eq!(queue.next(true), Some(2));
        assert_eq!(queue.next(true), None, "what is left is large");
        assert_eq!(queue.next(false), Some(1));
        assert_eq!(queue.next(false), None);
    }

    #[test]
    fn a_closed_queue_has_nothing_more() {
        let queue = Queue::new([LARGE, SMALL, SMALL].into_iter());
        assert_eq!(queue.next(false), Some(0));
        queue.close();
        assert_eq!(queue.next(false), None);
        assert_eq!(queue.next(true), None);
    }

    #[test]
    fn every_small_blob_travels_once() {
        let queue = Queue::new([SMALL; 5].into_iter());
        let mut all: Vec<usize> = std::iter::from_fn(|| queue.next(true)).take(3).collect();
        all.extend(std::iter::from_fn(|| queue.next(false)));
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn there_are_no_more_workers_than_blobs() {
        let workers = |count: usize, jobs, waiting| {
            Queue::new(vec![1; count].into_iter())
                .workers(jobs, waiting)
                .collect::<Vec<_>>()
        };
        assert_eq!(workers(100, 1, 0), [false, true, true, true]);
        assert_eq!(workers(100, 1, 2), [false, false, false, true, true, true]);
        assert_eq!(workers(3, 2, 0), [false, false, true]);
        assert_eq!(workers(3, 2, 2), [false; 3]);
        assert!(workers(0, 8, 1).is_empty());
    }
}
