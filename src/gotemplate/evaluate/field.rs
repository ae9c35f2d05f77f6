//! Fields: keys of maps, fields and methods of objects.

use std::rc::Rc;

use super::frame::{At, Frame, Operand};
use super::{Evaluation, Result};
use crate::gotemplate::arguments::missing;
use crate::gotemplate::function::Arguments;
use crate::gotemplate::map::Map;
use crate::gotemplate::object::Object;
use crate::gotemplate::probe::Probe;
use crate::gotemplate::strconv::quote;
use crate::gotemplate::template::MissingKey;
use crate::gotemplate::text::GoString;
use crate::gotemplate::tree::Expression;
use crate::gotemplate::value::Value;

impl<P: Probe> Evaluation<'_, P> {
    /// `.a.b.c`: only the last name may be a method with arguments.
    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    pub(super) fn fields<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        receiver: &Operand,
        expression: &'t Expression,
        names: &'t [GoString],
        arguments: &'t [Expression],
        last: Option<Operand>,
    ) -> Result<Operand> {
        let Some((final_name, names)) = names.split_last() else {
            return Ok(receiver.clone());
        };
        let mut held;
        let mut receiver = receiver;
        for name in names {
            held = self.field(frame, dot, receiver, expression, name, &[], None)?;
            receiver = &held;
        }
        self.field(frame, dot, receiver, expression, final_name, arguments, last)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn field<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        receiver: &Operand,
        expression: &'t Expression,
        name: &'t GoString,
        arguments: &'t [Expression],
        last: Option<Operand>,
    ) -> Result<Operand> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &receiver.value {
            Value::Map(map) => match map.go_type().map_method(name) {
                None => self.entry(frame, map, name, has_arguments),
                Some(method) => {
                    let shown = name.to_text();
                    let values = self.arguments(frame, dot, &method.signature, &shown, arguments, last)?;
                    let result = (method.body)(map, Arguments::new(&values));
                    self.answer(frame, At::Expression(expression), &shown, result)
                }
            },
            Value::Invalid => {
                if self.templates.mode() == MissingKey::Error {
                    let shown = quote(name);
                    let shown = String::from_utf8_lossy(&shown);
                    return Err(frame.error(format!("nil data; no entry for key {shown}")));
                }
                Ok(Operand::of(Value::Invalid))
            }
            Value::Nil => Err(frame.error(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Object(object) => {
                let object = Rc::clone(object);
                if object.method(name).is_some() {
                    return self.method(frame, dot, &*object, expression, name, arguments, last);
                }
                if let Some(value) = object.field(name) {
                    if has_arguments {
                        let message = format!("{name} has arguments but cannot be invoked as function");
                        return Err(frame.error(message));
                    }
                    return Ok(Operand::of(value));
                }
                if let Some(Value::Map(map)) = object.underlying() {
                    return self.entry(frame, &map, name, has_arguments);
                }
                Err(no_field(frame, receiver, name))
            }
            _ => Err(no_field(frame, receiver, name)),
        }
    }

    fn entry(
        &mut self,
        frame: &Frame<'_>,
        map: &Map,
        name: &GoString,
        has_arguments: bool,
    ) -> Result<Operand> {
        if has_arguments {
            return Err(frame.error(format!("{name} is not a method but has arguments")));
        }
        self.probe.read(map, name);
        if let Some(value) = map.get(name) {
            return Ok(Operand::boxed(value, map.holds_any()));
        }
        match self.templates.mode() {
            MissingKey::Invalid => Ok(Operand::of(Value::Invalid)),
            MissingKey::Zero => Ok(Operand::boxed(missing(map), map.holds_any())),
            MissingKey::Error => {
                let shown = quote(name);
                let shown = String::from_utf8_lossy(&shown);
                Err(frame.error(format!("map has no entry for key {shown}")))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn method<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        object: &dyn Object,
        expression: &'t Expression,
        name: &'t GoString,
        arguments: &'t [Expression],
        last: Option<Operand>,
    ) -> Result<Operand> {
        let Some(signature) = object.method(name) else {
            return Ok(Operand::of(Value::Invalid));
        };
        let shown = name.to_text();
        let values = self.arguments(frame, dot, signature, &shown, arguments, last)?;
        let result = object.call(name, Arguments::new(&values), self);
        self.answer(frame, At::Expression(expression), &shown, result)
    }
}

fn no_field(frame: &Frame<'_>, receiver: &Operand, name: &GoString) -> crate::gotemplate::error::Error {
    frame.error(format!(
        "can't evaluate field {name} in type {}",
        receiver.type_name()
    ))
}
