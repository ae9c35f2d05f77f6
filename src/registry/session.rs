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

/// Whose token it is: of which token server, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Holder {
    scheme: Scheme,
    scopes: Scopes,
}

/// The session with one host.
///
/// A host may ask in one way for one repository and in another for the next (Nexus and Artifactory do), and a proxy in
/// front of it may put a challenge of its own on a single path. So a scheme counts for the repository in which it was seen
/// to work; for others the first one that worked is a guess, which their own challenge corrects.
#[derive(Debug, Default)]
pub(super) struct Session {
    schemes: Mutex<Schemes>,
    tokens: Mutex<HashMap<Holder, Slot>>,
}

#[derive(Debug, Default)]
struct Schemes {
    first: Option<Scheme>,
    by_repository: HashMap<String, Scheme>,
}

/// A scheme, and whether it was seen to work where it is to be used.
pub(super) enum Known {
    /// It worked in this repository.
    Proven(Scheme),
    /// It worked in another one.
    Guessed(Scheme),
}

impl Session {
    pub(super) fn scheme(&self, repository: &str) -> Option<Known> {
        let schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        let proven = schemes.by_repository.get(repository).cloned();
        proven
            .map(Known::Proven)
            .or_else(|| schemes.first.clone().map(Known::Guessed))
    }

    /// Remembers a scheme with which a request to `repository` was let in.
    pub(super) fn learn(&self, repository: &str, scheme: Scheme) {
        let mut schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        schemes.first.get_or_insert_with(|| scheme.clone());
        schemes.by_repository.insert(repository.to_owned(), scheme);
    }

    pub(super) fn slot(&self, scheme: &Scheme, scopes: &Scopes) -> Slot {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = Holder {
            scheme: scheme.clone(),
            scopes: scopes.clone(),
        };
        Arc::clone(tokens.entry(holder).or_default())
    }
}
