//! Defaults and conditions: `default`, `empty`, `coalesce`, `ternary`, `all`, `any`.

use crate::gotemplate::{Arguments, Failure, Function, Type, Value};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::variadic("default", &[Type::ANY], Type::ANY, default),
        Function::plain("empty", &[Type::ANY], |a| Ok(is_empty(a.value(0)?).into())),
        Function::variadic("coalesce", &[], Type::ANY, |a| Ok(coalesce(a))),
        Function::variadic("all", &[], Type::ANY, |a| {
            Ok((!a.all().iter().any(is_empty)).into())
        }),
        Function::variadic("any", &[], Type::ANY, |a| {
            Ok((!a.all().iter().all(is_empty)).into())
        }),
        Function::plain("ternary", &[Type::ANY, Type::ANY, Type::BOOL], ternary),
    ]
}

/// Whether a value is its type's zero: the same notion as a template's `if` has.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.truth()
}

fn default(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let given = arguments.from(1).first().filter(|v| !is_empty(v));
    given.map_or_else(|| arguments.value(0).cloned(), |v| Ok(v.clone()))
}

fn coalesce(arguments: Arguments<'_>) -> Value {
    let found = arguments.all().iter().find(|v| !is_empty(v));
    found.cloned().unwrap_or(Value::Nil)
}

fn ternary(arguments: Arguments<'_>) -> Result<Value, Failure> {
    arguments.value(usize::from(!arguments.bool(2)?)).cloned()
}
