//! Maps with string keys: shared by reference and mutable, as Go's are.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::function::Failure;
use super::memory;
use super::text::GoString;
use super::types::Type;
use super::value::{Value, release};

/// What an entry costs beside its key's bytes and what the value holds.
const ENTRY: usize = 64;

/// What a map costs beside its entries: its tree has room for eleven from the first one on.
const TABLE: usize = 448;

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(1) };
}

/// A Go map with string keys. Cloning shares the map: what one owner sets, all see.
///
/// Entries are ordered bytewise, which is how Go's templates and `fmt` show them.
#[derive(Clone)]
pub struct Map {
    data: Rc<Entries>,
    ty: &'static Type,
}

pub(super) struct Entries {
    cell: RefCell<BTreeMap<GoString, Value>>,
    nil: bool,
    id: u64,
}

impl Drop for Entries {
    fn drop(&mut self) {
        memory::gave_back(TABLE);
        release(self.take());
    }
}

impl Entries {
    pub(super) fn take(&mut self) -> Vec<Value> {
        let entries = std::mem::take(self.cell.get_mut());
        memory::gave_back(entries.len() * ENTRY);
        entries.into_values().collect()
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn any() -> Self {
        Self::typed(Type::ANY_MAP)
    }

    /// An empty map of the given map type; the values must be of its element type.
    pub fn typed(ty: &'static Type) -> Self {
        Self::build(ty, BTreeMap::new(), false)
    }

    /// A map of the given map type with these entries.
    pub fn with_entries(ty: &'static Type, entries: BTreeMap<GoString, Value>) -> Self {
        Self::build(ty, entries, false)
    }

    /// The nil map of a type: empty, and closed to writing.
    pub fn nil(ty: &'static Type) -> Self {
        Self::build(ty, BTreeMap::new(), true)
    }

    fn build(ty: &'static Type, entries: BTreeMap<GoString, Value>, nil: bool) -> Self {
        memory::took(TABLE + entries.len() * ENTRY);
        let id = NEXT.with(|n| n.replace(n.get().wrapping_add(1)));
        Self {
            data: Rc::new(Entries {
                cell: RefCell::new(entries),
                nil,
                id,
            }),
            ty,
        }
    }

    /// The map type.
    pub fn go_type(&self) -> &'static Type {
        self.ty
    }

    /// The same map seen as another map type, as Go's conversion does it.
    #[must_use]
    pub fn retyped(&self, ty: &'static Type) -> Self {
        Self {
            data: Rc::clone(&self.data),
            ty,
        }
    }

    /// A number that tells this map from all others of the thread, for as long as the thread lives.
    pub fn id(&self) -> u64 {
        self.data.id
    }

    /// Whether both are one map.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.data, &other.data)
    }

    /// Whether this is the nil map.
    pub fn is_nil(&self) -> bool {
        self.data.nil
    }

    /// Whether the values are of type `interface {}`.
    pub fn holds_any(&self) -> bool {
        self.ty.element().is_none_or(Type::is_any)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.data.cell.borrow().get(key).cloned()
    }

    /// Whether the key is there, whatever its value.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.data.cell.borrow().contains_key(key)
    }

    /// Sets a key; fails on the nil map as Go panics there.
    pub fn insert(&self, key: impl Into<GoString>, value: Value) -> Result<(), Failure> {
        if self.is_nil() {
            return Err(Failure::from("assignment to entry in nil map"));
        }
        let old = self.data.cell.borrow_mut().insert(key.into(), value);
        if old.is_none() {
            memory::took(ENTRY);
        }
        Ok(())
    }

    /// Takes a key away and gives what it held.
    pub fn remove(&self, key: &[u8]) -> Option<Value> {
        let old = self.data.cell.borrow_mut().remove(key);
        if old.is_some() {
            memory::gave_back(ENTRY);
        }
        old
    }

    /// Takes all entries away. Whoever built maps that contain themselves (`set . "root" .`) ends their lives so.
    pub fn clear(&self) {
        let old = self.data.cell.take();
        memory::gave_back(old.len() * ENTRY);
        release(old.into_values().collect());
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.data.cell.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys, in order.
    pub fn keys(&self) -> Vec<GoString> {
        self.data.cell.borrow().keys().cloned().collect()
    }

    /// A copy of the entries, in order: safe to walk while the map changes.
    pub fn entries(&self) -> Vec<(GoString, Value)> {
        let entries = self.data.cell.borrow();
        entries.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The entries in place. Whoever holds this must not change the map nor run templates meanwhile.
    pub fn borrow(&self) -> Ref<'_, BTreeMap<GoString, Value>> {
        self.data.cell.borrow()
    }

    pub(super) fn into_data(self) -> Rc<Entries> {
        self.data
    }
}

impl<K: Into<GoString>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(k, v)| (k.into(), v)).collect();
        Self::with_entries(Type::ANY_MAP, entries)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys only: a map may hold itself.
        f.debug_struct("Map")
            .field("type", &self.ty)
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}
