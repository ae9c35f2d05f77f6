//! Sets of parsed templates.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Error, ErrorKind, Limit};
use super::function::Functions;
use super::parse::parse;
use super::text::GoString;
use super::tree::Body;

/// How many bytes the cache of parsed texts may hold, texts and trees.
const CACHE_CAP: usize = 32 << 20;

/// How many bytes the trees of one set may take, roughly.
const SET_CAP: usize = 384 << 20;

/// What a missing key of a map gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// No value: prints `<no value>`.
    #[default]
    Invalid,
    /// The zero value of the map's element type; for `interface {}` that is nil.
    Zero,
    /// An error.
    Error,
}

/// Templates that can call each other, with the functions they were parsed with. Shared between threads and renders.
#[derive(Clone)]
pub struct Templates {
    functions: Arc<Functions>,
    bodies: HashMap<GoString, Arc<Body>>,
    missing_key: MissingKey,
    root: String,
    weight: usize,
    cache: Arc<Mutex<Cache>>,
}

/// All templates of one text, and the bytes that their trees take, roughly.
#[derive(Clone)]
pub(super) struct Bodies {
    pub(super) all: Arc<[Arc<Body>]>,
    pub(super) weight: usize,
}

/// Texts that were parsed during renders.
#[derive(Default)]
struct Cache {
    parsed: HashMap<(String, Arc<[u8]>), Bodies>,
    size: usize,
}

impl Templates {
    /// An empty set.
    pub fn new(functions: Arc<Functions>) -> Self {
        Self {
            functions,
            bodies: HashMap::new(),
            missing_key: MissingKey::default(),
            root: String::new(),
            weight: 0,
            cache: Arc::default(),
        }
    }

    /// Sets what missing keys give.
    #[must_use]
    pub fn missing_key(mut self, mode: MissingKey) -> Self {
        self.missing_key = mode;
        self
    }

    /// Sets the name of the set itself, which errors about templates that do not exist show.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.root);
        self
    }

    /// Parses a text under a name and adds all templates that it defines. A later definition replaces an earlier one,
    /// unless the later one is empty.
    ///
    /// Fails for a text that is no template, or has more tokens than a set may have.
    pub fn parse(&mut self, name: &str, text: impl AsRef<[u8]>) -> Result<(), Error> {
        let parsed = parse(name, &Arc::from(text.as_ref()), &self.functions)?;
        self.weight = self.weight.saturating_add(parsed.weight);
        if self.weight > SET_CAP {
            return Err(Error {
                kind: ErrorKind::Limit(Limit::Memory),
                place: None,
                message: format!("template: {name}: all templates together are too large (limit: memory)"),
            });
        }
        for body in parsed.bodies {
            add(&mut self.bodies, body);
        }
        Ok(())
    }

    /// Whether a template of that name exists.
    pub fn defines(&self, name: &[u8]) -> bool {
        self.bodies.contains_key(name)
    }

    /// The names of all templates, in no order.
    pub fn names(&self) -> impl Iterator<Item = &GoString> {
        self.bodies.keys()
    }

    /// The functions.
    pub fn functions(&self) -> &Arc<Functions> {
        &self.functions
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn mode(&self) -> MissingKey {
        self.missing_key
    }

    pub(super) fn body(&self, name: &[u8]) -> Option<&Arc<Body>> {
        self.bodies.get(name)
    }

    /// Parses a text for one call, or finds it in the cache.
    pub(super) fn parse_once(&self, name: &str, text: &GoString) -> Result<Bodies, Error> {
        let text: Arc<[u8]> = text.shared();
        let key = (name.to_owned(), Arc::clone(&text));
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().parsed.get(&key) {
            return Ok(found.clone());
        }
        let parsed = parse(name, &text, &self.functions)?;
        let size = text.len() + parsed.weight;
        let bodies = Bodies {
            all: parsed.bodies.into(),
            weight: parsed.weight,
        };
        let mut cache = lock();
        if cache.size + size <= CACHE_CAP {
            cache.size += size;
            cache.parsed.insert(key, bodies.clone());
        }
        Ok(bodies)
    }
}

/// Adds a template by Go's rule: an empty one does not replace another.
pub(super) fn add(bodies: &mut HashMap<GoString, Arc<Body>>, body: Arc<Body>) {
    if body.empty && bodies.contains_key(&body.name) {
        return;
    }
    bodies.insert(body.name.clone(), body);
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("bodies", &self.bodies.len())
            .field("missing_key", &self.missing_key)
            .finish_non_exhaustive()
    }
}
