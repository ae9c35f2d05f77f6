//! Functions that templates call: their signatures, the table of them, and what they may ask of the engine.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use thiserror::Error;

use super::error::Error;
use super::list::List;
use super::map::Map;
use super::text::GoString;
use super::types::Type;
use super::value::Value;

/// The parameters of a function, from which one routine checks and converts all arguments as Go does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The types of the parameters that must be given.
    pub fixed: &'static [&'static Type],
    /// The type of any further arguments, if the function is variadic.
    pub variadic: Option<&'static Type>,
}

impl Signature {
    /// A function with exactly these parameters.
    pub const fn of(fixed: &'static [&'static Type]) -> Self {
        Self {
            fixed,
            variadic: None,
        }
    }

    /// A function with these parameters and any number of further ones.
    pub const fn variadic(fixed: &'static [&'static Type], rest: &'static Type) -> Self {
        Self {
            fixed,
            variadic: Some(rest),
        }
    }

    /// The type of the parameter at `index`.
    pub fn parameter(&self, index: usize) -> Option<&'static Type> {
        self.fixed.get(index).copied().or(self.variadic)
    }
}

/// Why a function gave no value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The function says so: Go's error text, or the text of a Go panic.
    #[error("{message}")]
    Refused {
        /// What the function says.
        message: String,
    },
    /// A template that the function ran (`include`, `tpl`) failed.
    #[error("{prefix}{source}")]
    Template {
        /// What the function puts before the template's own message; often empty.
        prefix: String,
        /// The failure inside.
        #[source]
        source: Box<Error>,
    },
    /// The values would need more memory than the render may use.
    #[error("the values need more memory than allowed")]
    Memory,
    /// The run's time is over.
    #[error("the evaluation takes more time than allowed")]
    Time,
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Refused { message }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Template {
            prefix: String::new(),
            source: Box::new(error),
        }
    }
}

/// The arguments of a call, checked and converted to the signature's types.
///
/// The typed accessors fail only when a function's body and its signature disagree, or on an index past the end.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a>(&'a [Value]);

impl<'a> Arguments<'a> {
    /// Arguments for calling a function by hand.
    pub fn new(values: &'a [Value]) -> Self {
        Self(values)
    }

    /// All of them.
    pub fn all(&self) -> &'a [Value] {
        self.0
    }

    /// Those from `index` on: what a variadic function got beyond its fixed parameters.
    pub fn from(&self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The argument as it is.
    pub fn value(&self, index: usize) -> Result<&'a Value, Failure> {
        self.0
            .get(index)
            .ok_or_else(|| Failure::from(format!("argument {index} is missing")))
    }

    /// A `string`.
    pub fn text(&self, index: usize) -> Result<&'a GoString, Failure> {
        match self.value(index)? {
            Value::String(text) => Ok(text),
            other => Err(mismatch(index, "string", other)),
        }
    }

    /// Any signed integer.
    pub fn int(&self, index: usize) -> Result<i64, Failure> {
        match self.value(index)? {
            Value::Int(number, _) => Ok(*number),
            other => Err(mismatch(index, "int", other)),
        }
    }

    /// A `float64`.
    pub fn float(&self, index: usize) -> Result<f64, Failure> {
        match self.value(index)? {
            Value::Float(number) => Ok(*number),
            other => Err(mismatch(index, "float64", other)),
        }
    }

    /// A `bool`.
    pub fn bool(&self, index: usize) -> Result<bool, Failure> {
        match self.value(index)? {
            Value::Bool(truth) => Ok(*truth),
            other => Err(mismatch(index, "bool", other)),
        }
    }

    /// A map.
    pub fn map(&self, index: usize) -> Result<&'a Map, Failure> {
        match self.value(index)? {
            Value::Map(map) => Ok(map),
            other => Err(mismatch(index, "map", other)),
        }
    }

    /// A slice (other than `[]byte`).
    pub fn list(&self, index: usize) -> Result<&'a List, Failure> {
        match self.value(index)? {
            Value::List(list) => Ok(list),
            other => Err(mismatch(index, "slice", other)),
        }
    }

    /// A `[]byte`.
    pub fn bytes(&self, index: usize) -> Result<&'a GoString, Failure> {
        match self.value(index)? {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(mismatch(index, "[]uint8", other)),
        }
    }
}

fn mismatch(index: usize, wanted: &str, got: &Value) -> Failure {
    Failure::from(format!(
        "argument {index} has type {}, the function takes {wanted}",
        got.type_name()
    ))
}

/// What a function may ask of the engine that runs it.
pub trait Engine {
    /// Runs a template by name and gives what it printed (`include`).
    fn include(&mut self, name: &[u8], data: &Value) -> Result<GoString, Error>;

    /// Parses and runs a text in a scope of its own: it sees all templates, and what it defines is visible inside
    /// this call only (`tpl`). `name` is what errors call the text.
    fn evaluate(&mut self, name: &[u8], text: &GoString, data: &Value) -> Result<GoString, Error>;

    /// Whether a template of that name exists here.
    fn defines(&self, name: &[u8]) -> bool;

    /// The name of the file whose template runs now, as errors print it.
    fn file(&self) -> &str;

    /// State that the embedding program gave to the render (see [`State`]).
    fn state(&self) -> &State;

    /// Tells the probe that a required value was asked for.
    fn required(&mut self, message: &[u8], value: &Value);

    /// Tells the probe that a capability was asked for, and the answer.
    fn capability(&mut self, name: &[u8], has: bool);

    /// Tells the probe that a value was read from a map by a function (`get`, `dig`, `hasKey`, …).
    fn read(&mut self, map: &Map, key: &[u8]);

    /// Tells the probe that a value was compared with others (`has`, `contains`, …); literals are what it looks for.
    fn compared(&mut self, values: &[Value]);
}

/// What the embedding program keeps for its functions during a render, found by type.
///
/// ```
/// use carrack::gotemplate::State;
///
/// struct Seed(u64);
/// let mut state = State::default();
/// state.insert(Seed(7));
/// assert_eq!(state.get::<Seed>().map(|s| s.0), Some(7));
/// ```
#[derive(Clone, Default)]
pub struct State {
    entries: Vec<(TypeId, Rc<dyn Any>)>,
}

impl State {
    /// Keeps a value; an older one of the same type goes.
    pub fn insert<T: Any>(&mut self, value: T) {
        self.entries.retain(|(id, _)| *id != TypeId::of::<T>());
        self.entries.push((TypeId::of::<T>(), Rc::new(value)));
    }

    /// The value of that type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        let (_, value) = self.entries.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        value.downcast_ref()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({} entries)", self.entries.len())
    }
}

/// A function body that needs only its arguments.
pub type Plain = fn(Arguments<'_>) -> Result<Value, Failure>;
/// A function body that asks the engine.
pub type WithEngine = fn(&mut dyn Engine, Arguments<'_>) -> Result<Value, Failure>;
/// A function body that carries something with it.
pub type Closure = Arc<dyn Fn(&mut dyn Engine, Arguments<'_>) -> Result<Value, Failure> + Send + Sync>;

#[derive(Clone)]
pub(super) enum Body {
    Plain(Plain),
    Engine(WithEngine),
    Closure(Closure),
    /// `and`: evaluated by the evaluator itself, since later arguments may not be looked at.
    And,
    /// `or`, likewise.
    Or,
}

/// A function with its name and signature.
///
/// ```
/// use carrack::gotemplate::{Arguments, Failure, Function, Type, Value};
///
/// fn upper(arguments: Arguments<'_>) -> Result<Value, Failure> {
///     Ok(Value::string(arguments.text(0)?.to_ascii_uppercase()))
/// }
/// let function = Function::plain("upper", &[Type::STRING], upper);
/// assert_eq!(function.name(), "upper");
/// ```
#[derive(Clone)]
pub struct Function {
    name: &'static str,
    signature: Signature,
    pub(super) body: Body,
}

impl Function {
    /// A function of exactly these parameters.
    pub const fn plain(name: &'static str, fixed: &'static [&'static Type], body: Plain) -> Self {
        Self {
            name,
            signature: Signature::of(fixed),
            body: Body::Plain(body),
        }
    }

    /// A function of these parameters and any number of further ones of type `rest`.
    pub const fn variadic(
        name: &'static str,
        fixed: &'static [&'static Type],
        rest: &'static Type,
        body: Plain,
    ) -> Self {
        Self {
            name,
            signature: Signature::variadic(fixed, rest),
            body: Body::Plain(body),
        }
    }

    /// A function that asks the engine.
    pub const fn with_engine(name: &'static str, signature: Signature, body: WithEngine) -> Self {
        Self {
            name,
            signature,
            body: Body::Engine(body),
        }
    }

    /// A function that carries something with it.
    pub fn closure(name: &'static str, signature: Signature, body: Closure) -> Self {
        Self {
            name,
            signature,
            body: Body::Closure(body),
        }
    }

    pub(super) const fn special(name: &'static str, body: Body) -> Self {
        Self {
            name,
            signature: Signature::variadic(&[Type::REFLECT], Type::REFLECT),
            body,
        }
    }

    /// The name that templates call it by.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The parameters.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Runs the body with arguments that are already of the signature's types.
    pub fn call(&self, engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
        match &self.body {
            Body::Plain(body) => body(arguments),
            Body::Engine(body) => body(engine, arguments),
            Body::Closure(body) => body(engine, arguments),
            Body::And => Ok(last_before(arguments, false)),
            Body::Or => Ok(last_before(arguments, true)),
        }
    }
}

/// The first argument whose truth is `stop`, else the last one.
fn last_before(arguments: Arguments<'_>, stop: bool) -> Value {
    let all = arguments.all();
    let found = all.iter().find(|v| v.truth() == stop);
    found.or_else(|| all.last()).cloned().unwrap_or_default()
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

/// The functions that templates may name. Parsing turns names into places in this table, so a template runs only with
/// the table it was parsed with.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    list: Vec<Function>,
    places: HashMap<&'static str, u32>,
}

impl Functions {
    /// A table without any function, not even Go's own.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds functions; a later one of the same name replaces an earlier one.
    pub fn add(&mut self, functions: impl IntoIterator<Item = Function>) {
        for function in functions {
            if let Some(place) = self.places.get(function.name) {
                if let Some(old) = self.list.get_mut(*place as usize) {
                    *old = function;
                }
            } else if let Ok(place) = u32::try_from(self.list.len()) {
                self.places.insert(function.name, place);
                self.list.push(function);
            }
        }
    }

    /// Takes a function away, so that naming it is a parse error.
    pub fn remove(&mut self, name: &str) {
        self.places.remove(name);
    }

    /// The place of a function.
    pub(super) fn place(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    /// The function of a name.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.at(self.place(name)?)
    }

    pub(super) fn at(&self, place: u32) -> Option<&Function> {
        self.list.get(place as usize)
    }

    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.places.keys().copied()
    }
}
