//! Slices: shared, never changed in place.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::memory;
use super::text::GoString;
use super::types::Type;
use super::value::{Value, release};

/// A Go slice. Cloning shares the items; nothing that templates can call changes a slice in place.
#[derive(Clone)]
pub struct List {
    data: Rc<Items>,
    ty: &'static Type,
}

pub(super) struct Items {
    items: Vec<Value>,
    nil: bool,
}

/// What a list costs beside its items.
const LIST: usize = 64;

impl Drop for Items {
    fn drop(&mut self) {
        memory::gave_back(LIST + self.items.len() * size_of::<Value>());
        release(std::mem::take(&mut self.items));
    }
}

impl Items {
    pub(super) fn take(&mut self) -> Vec<Value> {
        memory::gave_back(self.items.len() * size_of::<Value>());
        std::mem::take(&mut self.items)
    }
}

impl List {
    /// A `[]interface {}`.
    pub fn any(items: Vec<Value>) -> Self {
        Self::typed(Type::ANYS, items)
    }

    /// A `[]string`.
    pub fn strings<T: Into<GoString>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::typed(
            Type::STRINGS,
            items.into_iter().map(|t| Value::String(t.into())).collect(),
        )
    }

    /// A `[]int`.
    pub fn ints(items: impl IntoIterator<Item = i64>) -> Self {
        Self::typed(Type::INTS, items.into_iter().map(Value::int).collect())
    }

    /// A slice of the given slice type; the items must be of its element type.
    pub fn typed(ty: &'static Type, items: Vec<Value>) -> Self {
        memory::took(LIST + items.len() * size_of::<Value>());
        Self {
            data: Rc::new(Items { items, nil: false }),
            ty,
        }
    }

    /// The nil slice of a type: empty, and JSON's `null`.
    pub fn nil(ty: &'static Type) -> Self {
        memory::took(LIST);
        Self {
            data: Rc::new(Items {
                items: Vec::new(),
                nil: true,
            }),
            ty,
        }
    }

    /// Whether both are one list.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.data, &other.data)
    }

    /// A number that tells this list from all others that live.
    pub fn address(&self) -> usize {
        Rc::as_ptr(&self.data).addr()
    }

    /// The slice type.
    pub fn go_type(&self) -> &'static Type {
        self.ty
    }

    /// The same items as another slice type.
    #[must_use]
    pub fn retyped(&self, ty: &'static Type) -> Self {
        Self {
            data: Rc::clone(&self.data),
            ty,
        }
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.data.items
    }

    /// Whether this is the nil slice.
    pub fn is_nil(&self) -> bool {
        self.data.nil
    }

    /// Whether the elements are of type `interface {}`.
    pub fn holds_any(&self) -> bool {
        self.ty.element().is_none_or(Type::is_any)
    }

    pub(super) fn into_data(self) -> Rc<Items> {
        self.data
    }
}

impl Deref for List {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.data.items
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::any(items.into_iter().collect())
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items()).finish()
    }
}
