//! A value as Go's templates see it.

use std::rc::Rc;

use super::function::Function;
use super::list::List;
use super::map::Map;
use super::object::Object;
use super::text::GoString;
use super::types::{Kind, Type};

/// The signed integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum IntKind {
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
}

/// The unsigned integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum UintKind {
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
}

/// A Go value. Small ones are held in place, the others are shared by cloning.
///
/// A render is single-threaded, so values are not `Send`; parsed templates are.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value at all: Go's zero `reflect.Value`, which prints as `<no value>`. Functions never receive it for a
    /// parameter of type `interface {}` (they get [`Value::Nil`]).
    #[default]
    Invalid,
    /// The nil `interface {}`: what a missing or null key of a map holds.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A signed integer with its type.
    Int(i64, IntKind),
    /// An unsigned integer with its type.
    Uint(u64, UintKind),
    /// A `float64`.
    Float(f64),
    /// A `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// A `string`.
    String(GoString),
    /// A `[]byte`.
    Bytes(GoString),
    /// Any other slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A value with fields or methods.
    Object(Rc<dyn Object>),
    /// A function that `call` can run.
    Function(Rc<Function>),
}

impl Value {
    /// An `int`.
    pub const fn int(value: i64) -> Self {
        Self::Int(value, IntKind::Int)
    }

    /// An `int64`.
    pub const fn int64(value: i64) -> Self {
        Self::Int(value, IntKind::Int64)
    }

    /// A `string`.
    pub fn string(value: impl Into<GoString>) -> Self {
        Self::String(value.into())
    }

    /// The dynamic type; `None` for nil and for no value.
    pub fn go_type(&self) -> Option<&'static Type> {
        Some(match self {
            Self::Invalid | Self::Nil => return None,
            Self::Bool(_) => Type::BOOL,
            Self::Int(_, kind) => kind.go_type(),
            Self::Uint(_, kind) => kind.go_type(),
            Self::Float(_) => Type::FLOAT64,
            Self::Complex(..) => Type::COMPLEX128,
            Self::String(_) => Type::STRING,
            Self::Bytes(_) => Type::BYTES,
            Self::List(list) => list.go_type(),
            Self::Map(map) => map.go_type(),
            Self::Object(object) => object.go_type(),
            Self::Function(_) => Type::FUNC,
        })
    }

    /// The kind: `Invalid` for no value, `Interface` for nil.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid => Kind::Invalid,
            Self::Nil => Kind::Interface,
            _ => self.go_type().map_or(Kind::Invalid, Type::kind),
        }
    }

    /// The type as `%T` prints it: `<nil>` for nil and for no value.
    pub fn type_name(&self) -> &'static str {
        self.go_type().map_or("<nil>", Type::name)
    }

    /// Whether this is nil or no value (typed nils are not).
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Invalid | Self::Nil)
    }

    /// Go's truth: false are zero, empty strings, slices and maps, and nil.
    pub fn truth(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(n, _) => *n != 0,
            Self::Uint(n, _) => *n != 0,
            Self::Float(n) => *n != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::String(s) | Self::Bytes(s) => !s.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.underlying().is_none_or(|u| u.truth()),
            Self::Function(_) => true,
        }
    }

    /// The value without its methods: the map, slice or number that an object is made of, else the value itself.
    #[must_use]
    pub fn plain(&self) -> Self {
        match self {
            Self::Object(object) => object.underlying().unwrap_or_else(|| self.clone()),
            _ => self.clone(),
        }
    }

    /// The value as a function gets it ([`Object::copied`]).
    #[must_use]
    pub fn copied(self) -> Self {
        match self {
            Self::Object(object) => object.copied().unwrap_or(Self::Object(object)),
            other => other,
        }
    }

    /// The bytes of a string.
    pub fn as_text(&self) -> Option<&GoString> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The zero value of a type, as Go makes it.
    pub fn zero(ty: &'static Type) -> Self {
        match ty.kind() {
            Kind::Invalid => Self::Invalid,
            Kind::Bool => Self::Bool(false),
            Kind::Int => Self::int(0),
            Kind::Int8 => Self::Int(0, IntKind::Int8),
            Kind::Int16 => Self::Int(0, IntKind::Int16),
            Kind::Int32 => Self::Int(0, IntKind::Int32),
            Kind::Int64 => Self::int64(0),
            Kind::Uint | Kind::Uintptr => Self::Uint(0, UintKind::Uint),
            Kind::Uint8 => Self::Uint(0, UintKind::Uint8),
            Kind::Uint16 => Self::Uint(0, UintKind::Uint16),
            Kind::Uint32 => Self::Uint(0, UintKind::Uint32),
            Kind::Uint64 => Self::Uint(0, UintKind::Uint64),
            Kind::Float32 | Kind::Float64 => Self::Float(0.0),
            Kind::Complex64 | Kind::Complex128 => Self::Complex(0.0, 0.0),
            Kind::String => Self::String(GoString::default()),
            Kind::Map => Self::Map(Map::nil(ty)),
            Kind::Slice if ty == Type::BYTES => Self::Bytes(GoString::default()),
            Kind::Slice => Self::List(List::nil(ty)),
            Kind::Func | Kind::Interface | Kind::Pointer | Kind::Struct => Self::Nil,
        }
    }
}

impl IntKind {
    /// The type of such integers.
    pub const fn go_type(self) -> &'static Type {
        match self {
            Self::Int => Type::INT,
            Self::Int8 => Type::INT8,
            Self::Int16 => Type::INT16,
            Self::Int32 => Type::INT32,
            Self::Int64 => Type::INT64,
        }
    }
}

impl UintKind {
    /// The type of such integers.
    pub const fn go_type(self) -> &'static Type {
        match self {
            Self::Uint => Type::UINT,
            Self::Uint8 => Type::UINT8,
            Self::Uint16 => Type::UINT16,
            Self::Uint32 => Type::UINT32,
            Self::Uint64 => Type::UINT64,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::string(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::string(value)
    }
}

impl From<GoString> for Value {
    fn from(value: GoString) -> Self {
        Self::String(value)
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

/// Lets go of values without recursion: a template can nest lists as deep as it has steps.
pub(super) fn release(mut pending: Vec<Value>) {
    if !pending
        .iter()
        .any(|v| matches!(v, Value::List(_) | Value::Map(_)))
    {
        return;
    }
    while let Some(value) = pending.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut items) = Rc::into_inner(list.into_data()) {
                    pending.append(&mut items.take());
                }
            }
            Value::Map(map) => {
                if let Some(mut entries) = Rc::into_inner(map.into_data()) {
                    pending.append(&mut entries.take());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_shared_by_its_clones() {
        let map = Map::any();
        let other = map.clone();
        other.insert("a", Value::int(1)).unwrap();
        assert!(matches!(map.get(b"a"), Some(Value::Int(1, IntKind::Int))));
        assert_eq!(map.id(), other.id());
        assert_ne!(map.id(), Map::any().id());
    }

    #[test]
    fn a_nil_map_refuses_entries() {
        assert!(Map::nil(Type::ANY_MAP).insert("a", Value::Nil).is_err());
    }

    #[test]
    fn very_deep_values_are_let_go_without_recursion() {
        let mut value = Value::Nil;
        for i in 0..2_000_000 {
            value = if i % 2 == 0 {
                List::any(vec![value]).into()
            } else {
                [("a", value)].into_iter().collect::<Map>().into()
            };
        }
        drop(value);
    }

    #[test]
    fn values_stay_small() {
        assert!(size_of::<Value>() <= 24);
    }

    #[test]
    fn memory_held_by_values_is_given_back() {
        use crate::gotemplate::memory;
        let before = memory::held();
        {
            let map: Map = [("a", Value::string("x".repeat(1000)))].into_iter().collect();
            let list = List::any(vec![map.clone().into(), map.into()]);
            assert!(memory::held() > before + 1000);
            drop(list);
        }
        assert_eq!(memory::held(), before);
    }
}
