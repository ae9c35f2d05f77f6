//! What may be done about hosts that are in the way, said once at the end of a run.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::observe::{Event, Trouble};
use crate::secret::printable;

/// What may be done about a host that is in the way.
fn hint(host: &str, kind: Trouble) -> String {
    let host = printable(host, 200);
    match kind {
        Trouble::NotLetIn => format!(
            "hint: sign in to {host} with `podman login {host}` or `docker login {host}`, or name a file with --authfile; some registries answer so for what they do not have"
        ),
        Trouble::UnknownAuthority => format!(
            "hint: if the authority behind {host} is to be trusted, name it with --ca-file FILE, or in `ca-files` of carrack.yaml"
        ),
        Trouble::NoTls => {
            format!("hint: if {host} is to be spoken to without TLS, say `--plain-http {host}`")
        }
        Trouble::UnknownName => format!(
            "hint: look at the spelling of {host}; behind a proxy HTTPS_PROXY must be set, and --pull-through names a cache"
        ),
        Trouble::TooMany => {
            format!(
                "hint: sign in to {host}, which may allow more, or ask less often with --requests-per-second"
            )
        }
    }
}

/// Each hint once, for the end of the run.
#[derive(Debug, Default)]
pub(super) struct Hints(Mutex<BTreeSet<String>>);

impl Hints {
    /// Keeps the hint that an event calls for, if it does.
    pub(super) fn note(&self, event: &Event) {
        if let Event::Trouble { host, kind } = event {
            self.locked().insert(hint(host, *kind));
        }
    }

    /// Those that were not told yet, in order.
    pub(super) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
