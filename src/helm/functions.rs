//! The functions that only Helm has: those that run templates, those that stop a render, those that would ask a cluster.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use crate::gotemplate::{
    Arguments, Engine, ErrorKind, Failure, Function, Functions, GoString, Map, Signature, Type, Value,
    builtins, strconv,
};
use crate::sprig;

/// What stands around a message that a chart's author wrote, so that it can be found within the engine's own words.
const START: &str = "HELM_ERR_START";
const END: &str = "HELM_ERR_END";

/// How often a template may be included from within itself.
const INCLUSIONS: u32 = 1000;

/// The name that Helm's engine has for texts that `tpl` runs.
const TEXT_NAME: &[u8] = b"gotpl";

const NAME_AND_DATA: Signature = Signature::of(&[Type::STRING, Type::ANY]);
const TEXT: Signature = Signature::of(&[Type::STRING]);

/// The whole table: Go's functions, Sprig's over them, Helm's over these.
pub(super) fn table() -> Arc<Functions> {
    static TABLE: LazyLock<Arc<Functions>> = LazyLock::new(|| {
        let mut table = builtins();
        table.add(sprig::functions());
        table.add([
            Function::with_engine("include", NAME_AND_DATA, include),
            Function::with_engine("tpl", NAME_AND_DATA, tpl),
            Function::with_engine("required", NAME_AND_DATA, required),
            Function::with_engine("fail", TEXT, fail),
            Function::plain(
                "lookup",
                &[Type::STRING, Type::STRING, Type::STRING, Type::STRING],
                |_| Ok(Value::Map(Map::any())),
            ),
            Function::plain("getHostByName", &[Type::STRING], |_| Ok(Value::from(""))),
        ]);
        Arc::new(table)
    });
    Arc::clone(&TABLE)
}

/// How deep each template is included within itself right now.
#[derive(Debug, Default)]
pub(super) struct Inclusions(RefCell<HashMap<GoString, u32>>);

impl Inclusions {
    fn enter(&self, name: &GoString) -> bool {
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(name.clone()).or_default();
        let free = *count <= INCLUSIONS;
        if free {
            *count += 1;
        }
        free
    }

    fn leave(&self, name: &GoString) {
        if let Some(count) = self.0.borrow_mut().get_mut(name) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Whether `fail` and `required` let a template go on, as they do for `helm lint`: for files that failed already and whose
/// text is only looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Leniency(Rc<Cell<bool>>);

impl Leniency {
    /// Lets them, from now on.
    pub(super) fn begin(&self) {
        self.0.set(true);
    }

    fn holds(engine: &dyn Engine) -> bool {
        engine
            .state()
            .get::<Self>()
            .is_some_and(|lenient| lenient.0.get())
    }
}

fn include(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (name, data) = (arguments.text(0)?, arguments.value(1)?);
    if engine.state().get::<Inclusions>().is_some_and(|i| !i.enter(name)) {
        return Err(Failure::from(format!(
            "rendering template has a nested reference name: {}: unable to execute template",
            name.to_text()
        )));
    }
    let text = engine.include(name, data);
    if let Some(inclusions) = engine.state().get::<Inclusions>() {
        inclusions.leave(name);
    }
    Ok(Value::String(text?))
}

fn tpl(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (text, data) = (arguments.text(0)?, arguments.value(1)?);
    match engine.evaluate(TEXT_NAME, text, data) {
        Ok(out) => Ok(Value::String(without_no_value(out))),
        Err(error) => {
            let quoted = String::from_utf8_lossy(&strconv::quote(text)).into_owned();
            let prefix = match error.kind() {
                ErrorKind::Syntax => format!("cannot parse template {quoted}: "),
                _ => format!("error during tpl function execution for {quoted}: "),
            };
            Err(Failure::Template {
                prefix,
                source: Box::new(error),
            })
        }
    }
}

fn required(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (message, value) = (arguments.text(0)?, arguments.value(1)?);
    engine.required(message, value);
    if value.is_nil() || value.as_text().is_some_and(|t| t.is_empty()) {
        if Leniency::holds(engine) {
            return Ok(Value::from(""));
        }
        return Err(Failure::from(wrapped(message)));
    }
    Ok(value.clone())
}

fn fail(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    if Leniency::holds(engine) {
        return Ok(Value::from(""));
    }
    Err(Failure::from(wrapped(arguments.text(0)?)))
}

fn wrapped(message: &GoString) -> String {
    format!("{START}{}{END}", message.to_text())
}

/// The message of `required` or `fail` within the engine's words.
pub(super) fn authors_message(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(START)?;
    let (message, _) = rest.rsplit_once(END)?;
    Some(message)
}

/// The engine's words without what stands around the message of `required` or `fail`.
pub(super) fn unmarked(text: &str) -> String {
    text.replace(START, "").replace(END, "")
}

/// The text without Go's sign for a missing value, which Helm takes out wherever it stands.
pub(super) fn without_no_value(text: GoString) -> GoString {
    const SIGN: &[u8] = b"<no value>";
    if !text.windows(SIGN.len()).any(|w| w == SIGN) {
        return text;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest: &[u8] = &text;
    while let Some(at) = rest.windows(SIGN.len()).position(|w| w == SIGN) {
        out.extend(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + SIGN.len()..).unwrap_or_default();
    }
    out.extend(rest);
    GoString::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_for_no_value_goes_wherever_it_stands() {
        let out = without_no_value("a<no value>b<no value><no value>c<no".into());
        assert_eq!(out, "abc<no");
    }

    #[test]
    fn an_authors_message_is_found_within_the_engines_words() {
        let text = format!("executing: error calling fail: {START}line one\nline two{END}");
        assert_eq!(authors_message(&text), Some("line one\nline two"));
        assert_eq!(authors_message("no such thing"), None);
        assert_eq!(
            unmarked(&text),
            "executing: error calling fail: line one\nline two"
        );
    }
}
