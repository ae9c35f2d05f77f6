//! What functions take from outside: the time, the time zone, and chance.

use std::cell::{RefCell, RefMut};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::gotemplate::{Engine, Failure};
use crate::observe::Clock;

/// Where new RSA keys come from; making one takes up to seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Each key is made anew: what a rendered chart deploys must have keys of its own.
    Fresh,
    /// All RSA keys of a size are one key, made once per process and of 2048 bits at most: for renders whose output is
    /// only looked at. The certificates are well-formed and verify, but whoever has one of their keys has all of them.
    Shared,
}

/// Time, time zone and chance for the functions of one render. The embedding program gives it to the render with
/// [`State::insert`](crate::gotemplate::State::insert).
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
/// use carrack::gotemplate::State;
/// use carrack::observe::FixedClock;
/// use carrack::sprig::{Keys, Surroundings};
///
/// let mut state = State::default();
/// let clock = Arc::new(FixedClock(SystemTime::UNIX_EPOCH));
/// state.insert(Surroundings::new(clock, 7, Keys::Shared));
/// ```
#[derive(Debug)]
pub struct Surroundings {
    clock: Arc<dyn Clock>,
    started: SystemTime,
    zone: TimeZone,
    random: RefCell<ChaCha20Rng>,
    keys: Keys,
}

impl Surroundings {
    /// Surroundings whose chance follows from a seed: two renders with one seed and one clock agree in all but the
    /// keys made with [`Keys::Fresh`] in different processes.
    pub fn new(clock: Arc<dyn Clock>, seed: u64, keys: Keys) -> Self {
        Self::with(clock, ChaCha20Rng::seed_from_u64(seed), keys)
    }

    /// Surroundings whose chance comes from the operating system.
    pub fn unpredictable(clock: Arc<dyn Clock>, keys: Keys) -> Self {
        Self::with(clock, ChaCha20Rng::from_seed(rand::random()), keys)
    }

    fn with(clock: Arc<dyn Clock>, random: ChaCha20Rng, keys: Keys) -> Self {
        Self {
            started: clock.now(),
            clock,
            zone: TimeZone::system(),
            random: RefCell::new(random),
            keys,
        }
    }

    /// The same with another zone as the local one; without it, it is the machine's.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The time of day.
    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// When the render began.
    pub(super) fn started(&self) -> SystemTime {
        self.started
    }

    /// The local time zone.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Chance. Must be given back before the next one asks.
    pub(super) fn random(&self) -> RefMut<'_, ChaCha20Rng> {
        self.random.borrow_mut()
    }

    /// Where RSA keys come from.
    pub(super) fn keys(&self) -> Keys {
        self.keys
    }
}

/// The surroundings that the embedding program gave.
pub(super) fn surroundings(engine: &dyn Engine) -> Result<&Surroundings, Failure> {
    let given = engine.state().get();
    given.ok_or_else(|| Failure::from("the render was given no clock and no source of chance"))
}
