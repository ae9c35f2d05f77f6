//! Go's static types, as far as templates can tell them apart.

use std::fmt;

use super::function::{Arguments, Failure, Signature};
use super::map::Map;
use super::value::Value;

/// What sort of thing a type is, as Go's `reflect.Kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uintptr,
    Float32,
    Float64,
    Complex64,
    Complex128,
    Func,
    Interface,
    Map,
    Pointer,
    Slice,
    String,
    Struct,
}

impl Kind {
    /// The name that Go prints (`kindOf`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Uintptr => "uintptr",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Complex64 => "complex64",
            Self::Complex128 => "complex128",
            Self::Func => "func",
            Self::Interface => "interface",
            Self::Map => "map",
            Self::Pointer => "ptr",
            Self::Slice => "slice",
            Self::String => "string",
            Self::Struct => "struct",
        }
    }

    /// Whether a value of this kind can be nil.
    pub fn can_be_nil(self) -> bool {
        matches!(
            self,
            Self::Func | Self::Interface | Self::Map | Self::Pointer | Self::Slice
        )
    }
}

/// A static type. All types are `'static`: a program that brings named types of its own declares them as statics.
///
/// ```
/// use carrack::gotemplate::Type;
///
/// static VALUES: Type = Type::named_map("common.Values", Type::ANY);
/// assert!(VALUES.assignable_to(Type::ANY_MAP));
/// assert_eq!(Type::STRINGS.name(), "[]string");
/// ```
#[derive(Clone, Copy)]
pub struct Type {
    name: &'static str,
    kind: Kind,
    named: bool,
    element: Option<&'static Self>,
    methods: &'static [MapMethod],
}

/// A method of a named map type.
#[derive(Clone, Copy, Debug)]
pub struct MapMethod {
    /// The name.
    pub name: &'static str,
    /// The parameters.
    pub signature: Signature,
    /// The body: the map, and arguments that were checked against the signature.
    pub body: fn(&Map, Arguments<'_>) -> Result<Value, Failure>,
}

const fn basic(name: &'static str, kind: Kind) -> Type {
    Type {
        name,
        kind,
        named: true,
        element: None,
        methods: &[],
    }
}

const fn holding(name: &'static str, kind: Kind, element: &'static Type) -> Type {
    Type {
        name,
        kind,
        named: false,
        element: Some(element),
        methods: &[],
    }
}

impl Type {
    /// `interface {}`
    pub const ANY: &'static Self = &Self {
        name: "interface {}",
        kind: Kind::Interface,
        named: false,
        element: None,
        methods: &[],
    };
    /// `bool`
    pub const BOOL: &'static Self = &basic("bool", Kind::Bool);
    /// `int`
    pub const INT: &'static Self = &basic("int", Kind::Int);
    /// `int8`
    pub const INT8: &'static Self = &basic("int8", Kind::Int8);
    /// `int16`
    pub const INT16: &'static Self = &basic("int16", Kind::Int16);
    /// `int32`
    pub const INT32: &'static Self = &basic("int32", Kind::Int32);
    /// `int64`
    pub const INT64: &'static Self = &basic("int64", Kind::Int64);
    /// `uint`
    pub const UINT: &'static Self = &basic("uint", Kind::Uint);
    /// `uint8`
    pub const UINT8: &'static Self = &basic("uint8", Kind::Uint8);
    /// `uint16`
    pub const UINT16: &'static Self = &basic("uint16", Kind::Uint16);
    /// `uint32`
    pub const UINT32: &'static Self = &basic("uint32", Kind::Uint32);
    /// `uint64`
    pub const UINT64: &'static Self = &basic("uint64", Kind::Uint64);
    /// `float64`
    pub const FLOAT64: &'static Self = &basic("float64", Kind::Float64);
    /// `complex128`
    pub const COMPLEX128: &'static Self = &basic("complex128", Kind::Complex128);
    /// `string`
    pub const STRING: &'static Self = &basic("string", Kind::String);
    /// `[]interface {}`
    pub const ANYS: &'static Self = &holding("[]interface {}", Kind::Slice, Self::ANY);
    /// `[][]interface {}`
    pub const ANY_LISTS: &'static Self = &holding("[][]interface {}", Kind::Slice, Self::ANYS);
    /// `[]string`
    pub const STRINGS: &'static Self = &holding("[]string", Kind::Slice, Self::STRING);
    /// `[]int`
    pub const INTS: &'static Self = &holding("[]int", Kind::Slice, Self::INT);
    /// `[]uint8`, that is `[]byte`
    pub const BYTES: &'static Self = &holding("[]uint8", Kind::Slice, Self::UINT8);
    /// `map[string]interface {}`
    pub const ANY_MAP: &'static Self = &holding("map[string]interface {}", Kind::Map, Self::ANY);
    /// `map[string]string`
    pub const STRING_MAP: &'static Self = &holding("map[string]string", Kind::Map, Self::STRING);
    /// `map[string][]uint8`
    pub const BYTES_MAP: &'static Self = &holding("map[string][]uint8", Kind::Map, Self::BYTES);
    /// `reflect.Value`: the parameter type of functions that take a value as it is, even "no value".
    pub const REFLECT: &'static Self = &basic("reflect.Value", Kind::Struct);
    /// A function.
    pub const FUNC: &'static Self = &Self {
        name: "func(...interface {}) (interface {}, error)",
        kind: Kind::Func,
        named: false,
        element: None,
        methods: &[],
    };

    /// A named map type with string keys, such as `common.Values`.
    pub const fn named_map(name: &'static str, element: &'static Self) -> Self {
        Self {
            name,
            kind: Kind::Map,
            named: true,
            element: Some(element),
            methods: &[],
        }
    }

    /// The same named map type with methods, which templates find before keys.
    #[must_use]
    pub const fn with_methods(mut self, methods: &'static [MapMethod]) -> Self {
        self.methods = methods;
        self
    }

    /// The method of a map type.
    pub fn map_method(&self, name: &[u8]) -> Option<&'static MapMethod> {
        self.methods.iter().find(|m| m.name.as_bytes() == name)
    }

    /// A named slice type, such as `common.VersionSet`.
    pub const fn named_slice(name: &'static str, element: &'static Self) -> Self {
        Self {
            name,
            kind: Kind::Slice,
            named: true,
            element: Some(element),
            methods: &[],
        }
    }

    /// A slice type without a name; `name` is spelt as Go prints it, such as `[]*chart.Maintainer`.
    pub const fn slice(name: &'static str, element: &'static Self) -> Self {
        holding(name, Kind::Slice, element)
    }

    /// A map type without a name and with string keys; `name` is spelt as Go prints it.
    pub const fn map(name: &'static str, element: &'static Self) -> Self {
        holding(name, Kind::Map, element)
    }

    /// A named type of another kind: a struct, a pointer to one, a named integer.
    pub const fn named(name: &'static str, kind: Kind) -> Self {
        basic(name, kind)
    }

    /// The type as Go prints it (`%T`, `typeOf`).
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What a slice or map holds.
    pub const fn element(&self) -> Option<&'static Self> {
        self.element
    }

    /// Whether the type is written by its name, so that another type of the same make is a different one.
    pub const fn is_named(&self) -> bool {
        self.named
    }

    /// Go's assignability: identical types, any type to `interface {}`, or the same make where one has no name.
    pub fn assignable_to(&self, target: &Self) -> bool {
        self == target
            || target.is_any()
            || (self.kind == target.kind
                && matches!(self.kind, Kind::Map | Kind::Slice)
                && !(self.named && target.named)
                && self.element == target.element)
    }

    /// Whether this is `interface {}`.
    pub fn is_any(&self) -> bool {
        self.kind == Kind::Interface
    }

    /// Whether this is `reflect.Value`.
    pub fn is_reflect(&self) -> bool {
        self == Self::REFLECT
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.kind == other.kind && self.name == other.name)
    }
}

impl Eq for Type {}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
