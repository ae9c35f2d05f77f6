//! A list that many records have alike.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list whose clones are the same one: thousands of references come from one file and are for one platform.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared<T>(Option<Arc<[T]>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().collect::<Vec<_>>().into()
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(list: Vec<T>) -> Self {
        // None is the only empty list, so that equal lists are equal values.
        Self((!list.is_empty()).then(|| list.into()))
    }
}

impl<'a, T> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

/// Equal lists that were made apart become one.
#[derive(Debug)]
pub struct Pool<T>(BTreeSet<Shared<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord> Pool<T> {
    /// The first list that was equal to this one.
    pub fn one(&mut self, list: Shared<T>) -> Shared<T> {
        if let Some(known) = self.0.get(&list) {
            return known.clone();
        }
        self.0.insert(list.clone());
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_become_one() {
        let mut pool = Pool::default();
        let first = pool.one(Shared::from(vec!["a".to_owned()]));
        let second = pool.one(Shared::from(vec!["a".to_owned()]));
        assert!(std::ptr::eq(first.as_ptr(), second.as_ptr()));
        let other = pool.one(Shared::from(vec!["b".to_owned()]));
        assert_eq!(
            (&*second, &*other),
            (&["a".to_owned()][..], &["b".to_owned()][..])
        );
    }

    #[test]
    fn an_empty_list_is_one_however_it_was_made() {
        let read: Shared<String> = serde_json::from_str("[]").unwrap();
        assert_eq!(read, Shared::default());
        assert_eq!(serde_json::to_string(&read).unwrap(), "[]");
    }
}
