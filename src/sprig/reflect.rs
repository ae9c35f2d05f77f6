//! Questions about types: `typeOf`, `kindIs`, `deepEqual`, …

use super::equal::deep_equal;
use crate::gotemplate::{Arguments, Failure, Function, Type, Value};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("typeOf", &[Type::ANY], |a| Ok(a.value(0)?.type_name().into())),
        Function::plain("typeIs", &[Type::STRING, Type::ANY], type_is),
        Function::plain("typeIsLike", &[Type::STRING, Type::ANY], type_is_like),
        Function::plain("kindOf", &[Type::ANY], |a| Ok(kind_of(a.value(0)?).into())),
        Function::plain("kindIs", &[Type::STRING, Type::ANY], kind_is),
        Function::plain("deepEqual", &[Type::ANY, Type::ANY], |a| {
            Ok(deep_equal(a.value(0)?, a.value(1)?)?.into())
        }),
    ]
}

/// The kind's name; Go's reflection calls nil `invalid`.
pub(super) fn kind_of(value: &Value) -> &'static str {
    if value.is_nil() {
        return "invalid";
    }
    value.kind().name()
}

fn type_is(arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok((*arguments.text(0)? == arguments.value(1)?.type_name()).into())
}

fn type_is_like(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (target, name) = (arguments.text(0)?, arguments.value(1)?.type_name());
    Ok((*target == name || name.strip_prefix('*').is_some_and(|name| *target == name)).into())
}

fn kind_is(arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok((*arguments.text(0)? == kind_of(arguments.value(1)?)).into())
}
