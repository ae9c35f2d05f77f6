//! What is remembered of a host between requests: its scheme and its tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::auth::Scheme;
use super::scope::Scopes;
use crate::http::header::HeaderValue;

/// An access token, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// The whole header, marked as a secret.
    pub(super) header: HeaderValue,
    /// When it is fetched anew. The registry's word counts more: a 401 ends a token before its time.
    pub(super) until: Instant,
}

impl Token {
    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }
}

/// A place for one token; whoever fetches it holds the lock.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The session with one host.
#[derive(Debug, Default)]
pub(super) struct Session {
    scheme: Mutex<Option<Scheme>>,
    tokens: Mutex<HashMap<Scopes, Slot>>,
}

impl Session {
    pub(super) fn scheme(&self) -> Option<Scheme> {
        self.scheme.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn learn(&self, scheme: Scheme) {
        *self.scheme.lock().unwrap_or_else(PoisonError::into_inner) = Some(scheme);
    }

    pub(super) fn slot(&self, scopes: &Scopes) -> Slot {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = tokens.get(scopes) {
            return Arc::clone(slot);
        }
        Arc::clone(tokens.entry(scopes.clone()).or_default())
    }
}
