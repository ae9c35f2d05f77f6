//! When a failed try is made again, and after which pause.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use crate::observe::{Event, Observer};

/// How long a kind of failure is worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// All tries of the policy.
    Full,
    /// Two tries more, a second in all: a host that never answered is seldom about to. One that answered in this run
    /// is being restarted, and gets all tries.
    Short,
    /// One try more.
    Once,
}

/// A failure that knows whether another try may help.
pub trait Temporary: std::error::Error {
    /// Whether the same request may succeed a little later.
    fn is_transient(&self) -> bool;

    /// How long the server asked to be left alone.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// How long it is worth waiting.
    fn patience(&self) -> Patience {
        Patience::Full
    }
}

/// The policy of tries and pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all, the first included.
    pub tries: u32,
    /// The pause after the first failure; each later one is twice as long, with jitter.
    pub first_pause: Duration,
    /// No computed pause is longer.
    pub longest_pause: Duration,
    /// All pauses of one operation together. A server that asks for more than is left is given up at once.
    pub budget: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 6,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            budget: Duration::from_secs(180),
        }
    }
}

impl Retry {
    /// A policy that tries once.
    pub const NEVER: Self = Self {
        tries: 1,
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
        budget: Duration::ZERO,
    };

    /// The pause before the next try, or `None` if there is none. `failures` counts this one; `waited` is the sum of
    /// the pauses so far; `known` is whether the host has answered in this run.
    pub fn pause_after<E: Temporary + ?Sized>(
        &self,
        error: &E,
        failures: u32,
        waited: Duration,
        known: bool,
    ) -> Option<Duration> {
        let (tries, longest) = match error.patience() {
            Patience::Full => (self.tries, self.longest_pause),
            Patience::Short if known => (self.tries, self.longest_pause),
            Patience::Short => (
                self.tries.min(3),
                self.longest_pause.min(Duration::from_millis(600)),
            ),
            Patience::Once => (self.tries.min(2), self.longest_pause),
        };
        if !error.is_transient() || failures >= tries {
            return None;
        }
        let doubled = self
            .first_pause
            .saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        // Between half and the whole: workers that failed together do not come back together.
        let computed = doubled.min(longest).mul_f64(rand::random_range(0.5..=1.0));
        let pause = error.retry_after().map_or(computed, |asked| asked.max(computed));
        (waited + pause <= self.budget).then_some(pause)
    }

    /// Runs `operation` until it succeeds, fails for good or the policy gives up; each pause is told to `observer`.
    /// The last error is returned as it is, with the number of tries and the time they took.
    pub async fn run<T, E, F>(
        &self,
        host: &str,
        known: impl Fn() -> bool,
        observer: &dyn Observer,
        mut operation: impl FnMut(u32) -> F,
    ) -> Result<T, Exhausted<E>>
    where
        E: Temporary,
        F: Future<Output = Result<T, E>>,
    {
        let started = Instant::now();
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match operation(tries).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(pause) = self.pause_after(&error, tries, waited, known()) else {
                return Err(Exhausted {
                    error,
                    tries,
                    elapsed: started.elapsed(),
                });
            };
            observer.on(&Event::Waiting {
                host: host.to_owned(),
                pause,
                reason: Chain(&error).to_string(),
            });
            waited += pause;
            tokio::time::sleep(pause).await;
        }
    }
}

/// An operation that failed for good, and the effort that went into it.
#[derive(Debug)]
pub struct Exhausted<E> {
    /// The last failure.
    pub error: E,
    /// How often it was tried.
    pub tries: u32,
    /// How long that took, pauses included.
    pub elapsed: Duration,
}

/// An error and its causes on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

/// Reads a `Retry-After` header: seconds, or a date that is compared with `now`. Garbage is `None`.
pub(crate) fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    /// No registry asks for more than a day; a larger number is an attempt to hang the client.
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let text = text.trim();
    let asked = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        let seconds = u64::try_from(date.timestamp().as_second()).unwrap_or(0);
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        date.duration_since(now).unwrap_or_default()
    };
    Some(asked.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::observe::Recorder;

    #[derive(Debug, thiserror::Error)]
    #[error("busy")]
    struct Busy {
        transient: bool,
        after: Option<Duration>,
        patience: Patience,
    }

    impl Busy {
        const NOW: Self = Self {
            transient: true,
            after: None,
            patience: Patience::Full,
        };
    }

    impl Temporary for Busy {
        fn is_transient(&self) -> bool {
            self.transient
        }
        fn retry_after(&self) -> Option<Duration> {
            self.after
        }
        fn patience(&self) -> Patience {
            self.patience
        }
    }

    #[test]
    fn pauses_double_and_stay_below_the_longest() {
        let retry = Retry::default();
        for (failures, least, most) in [(1, 250, 500), (2, 500, 1000), (5, 4000, 8000)] {
            let pause = retry
                .pause_after(&Busy::NOW, failures, Duration::ZERO, false)
                .unwrap();
            let range = Duration::from_millis(least)..=Duration::from_millis(most);
            assert!(range.contains(&pause), "{failures}: {pause:?}");
        }
        assert_eq!(retry.pause_after(&Busy::NOW, 6, Duration::ZERO, false), None);
    }

    #[test]
    fn what_the_server_asks_for_is_honoured_within_the_budget() {
        let retry = Retry::default();
        let asks = |seconds| Busy {
            after: Some(Duration::from_secs(seconds)),
            ..Busy::NOW
        };
        assert_eq!(
            retry.pause_after(&asks(100), 1, Duration::ZERO, false),
            Some(Duration::from_secs(100))
        );
        assert_eq!(
            retry.pause_after(&asks(100), 2, Duration::from_secs(100), false),
            None
        );
        assert_eq!(retry.pause_after(&asks(6 * 3600), 1, Duration::ZERO, false), None);
    }

    #[test]
    fn a_refused_connection_is_not_waited_for_long() {
        let refused = Busy {
            patience: Patience::Short,
            ..Busy::NOW
        };
        let retry = Retry::default();
        let pauses: Vec<_> = (1..10)
            .map_while(|failures| retry.pause_after(&refused, failures, Duration::ZERO, false))
            .collect();
        assert_eq!(pauses.len(), 2);
        assert!(pauses.iter().sum::<Duration>() < Duration::from_millis(1300));
        // One that answered before is being restarted.
        assert!(retry.pause_after(&refused, 4, Duration::ZERO, true).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn every_pause_is_told_and_the_last_error_carries_the_effort() {
        let recorder = Recorder::default();
        let calls = AtomicU32::new(0);
        let result = Retry::default()
            .run(
                "h",
                || false,
                &recorder,
                |_| async {
                    calls.fetch_add(1, Ordering::Relaxed);
                    Err::<(), _>(Busy::NOW)
                },
            )
            .await;
        assert_eq!(result.unwrap_err().tries, 6);
        assert_eq!(calls.load(Ordering::Relaxed), 6);
        assert_eq!(recorder.events().len(), 5);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_garbage() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        for (text, expected) in [
            ("120", Some(120)),
            (" 5 ", Some(5)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999", Some(86_400)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(
                parse_retry_after(text, now).map(|d| d.as_secs()),
                expected,
                "{text}"
            );
        }
    }
}
