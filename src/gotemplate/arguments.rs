//! Go's assignability, in one place: which value a parameter of a type takes, and what Go says when it does not.

use std::rc::Rc;

use super::function::{Failure, Signature};
use super::map::Map;
use super::types::{Kind, Type};
use super::value::Value;

/// Checks a value against a parameter's type and converts it where Go does; the error is Go's text.
pub(super) fn assign(value: Value, ty: &'static Type) -> Result<Value, String> {
    if ty.is_reflect() {
        return Ok(value);
    }
    if ty.is_any() {
        return Ok(if let Value::Invalid = value {
            Value::Nil
        } else {
            value
        });
    }
    match value {
        Value::Invalid if ty.kind().can_be_nil() => Ok(Value::zero(ty)),
        Value::Invalid => Err(format!("invalid value; expected {ty}")),
        Value::Nil => Err(format!("wrong type for value; expected {ty}; got interface {{}}")),
        value => {
            let have = value.go_type().unwrap_or(Type::ANY);
            if have == ty {
                return Ok(value);
            }
            if have.assignable_to(ty) {
                return Ok(converted(value, ty));
            }
            Err(format!("wrong type for value; expected {ty}; got {have}"))
        }
    }
}

/// A map or slice under its new type; it stays the same map.
fn converted(value: Value, ty: &'static Type) -> Value {
    match value {
        Value::Map(map) => Value::Map(map.retyped(ty)),
        Value::List(list) => Value::List(list.retyped(ty)),
        Value::Object(object) => match object.underlying() {
            Some(plain) if plain.go_type() == Some(ty) => plain,
            Some(plain) => converted(plain, ty),
            None => Value::Object(Rc::clone(&object)),
        },
        other => other,
    }
}

/// Checks how many arguments a function gets; the error is Go's text.
pub(super) fn count(signature: &Signature, name: &str, given: usize) -> Result<(), String> {
    let wanted = signature.fixed.len();
    if signature.variadic.is_some() {
        if given < wanted {
            return Err(format!(
                "wrong number of args for {name}: want at least {wanted} got {given}"
            ));
        }
    } else if given != wanted {
        return Err(format!(
            "wrong number of args for {name}: want {wanted} got {given}"
        ));
    }
    Ok(())
}

/// All arguments of a call that does not come from a template.
pub(super) fn check(signature: &Signature, values: &[Value], name: &str) -> Result<Vec<Value>, Failure> {
    count(signature, name, values.len()).map_err(Failure::from)?;
    let checked = values.iter().enumerate().map(|(i, value)| {
        let ty = signature.parameter(i).unwrap_or(Type::ANY);
        assign(value.clone(), ty).map_err(|e| Failure::from(format!("arg {i}: {e}")))
    });
    checked.collect()
}

/// The value that a key of a map gives when it is missing.
pub(super) fn missing(map: &Map) -> Value {
    match map.go_type().element() {
        Some(element) if element.kind() != Kind::Interface => Value::zero(element),
        _ => Value::Nil,
    }
}
