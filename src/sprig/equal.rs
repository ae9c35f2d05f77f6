//! Deep equality, as Go's `reflect.DeepEqual`: same types, same contents.

use std::collections::HashSet;
use std::rc::Rc;

use crate::gotemplate::{Failure, Value, deadline, memory};

/// What a pair that is remembered takes.
const PAIR: usize = 64;

/// Whether two values have the same type and, all the way down, the same contents.
///
/// An `int` never equals an `int64`, a nil slice never an empty one, and NaN not itself. Maps that hold themselves
/// are equal where their walks agree.
pub(super) fn deep_equal(left: &Value, right: &Value) -> Result<bool, Failure> {
    let mut pending = vec![(left.clone(), right.clone())];
    let mut compared = HashSet::new();
    let mut compared_lists = HashSet::new();
    while let Some((left, right)) = pending.pop() {
        deadline::check()?;
        memory::reserve((pending.len() + compared.len() + compared_lists.len()) * PAIR)?;
        if left.go_type() != right.go_type() {
            return Ok(false);
        }
        let same = match (&left, &right) {
            (Value::Invalid | Value::Nil, Value::Invalid | Value::Nil) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Int(left, _), Value::Int(right, _)) => left == right,
            (Value::Uint(left, _), Value::Uint(right, _)) => left == right,
            #[expect(clippy::float_cmp, reason = "Go compares exactly")]
            (Value::Float(left), Value::Float(right)) => left == right,
            #[expect(clippy::float_cmp, reason = "Go compares exactly")]
            (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
            (Value::String(left), Value::String(right)) | (Value::Bytes(left), Value::Bytes(right)) => {
                left == right
            }
            (Value::List(left), Value::List(right)) => {
                // Both live as long as what is compared, so that their addresses tell them from all others.
                if left.same(right) || !compared_lists.insert((left.address(), right.address())) {
                    continue;
                }
                let same = left.is_nil() == right.is_nil() && left.len() == right.len();
                pending.extend(left.iter().cloned().zip(right.iter().cloned()));
                same
            }
            (Value::Map(left), Value::Map(right)) => {
                if left.same(right) || !compared.insert((left.id(), right.id())) {
                    continue;
                }
                let (left_entries, right_entries) = (left.entries(), right.entries());
                let same = left.is_nil() == right.is_nil()
                    && left_entries.len() == right_entries.len()
                    && left_entries.iter().zip(&right_entries).all(|(l, r)| l.0 == r.0);
                pending.extend(
                    left_entries
                        .into_iter()
                        .zip(right_entries)
                        .map(|(l, r)| (l.1, r.1)),
                );
                same
            }
            (Value::Object(left), Value::Object(right)) => {
                if Rc::ptr_eq(left, right) {
                    continue;
                }
                match (left.underlying(), right.underlying()) {
                    (Some(left), Some(right)) => {
                        pending.push((left, right));
                        true
                    }
                    // What an object holds shows in its form for developers.
                    _ => format!("{left:?}") == format!("{right:?}"),
                }
            }
            // Functions are equal only if both are nil, and a function value never is.
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}
