//! Values with fields and methods that the embedding program brings.

use std::fmt;

use super::function::{Arguments, Engine, Failure, Signature};
use super::text::GoString;
use super::types::Type;
use super::value::Value;

/// A Go value with fields or methods: a struct, a pointer to one, or a named map, slice or number with methods.
///
/// All parts have answers for "there is none", so that an implementation says only what its Go counterpart has.
pub trait Object: fmt::Debug {
    /// The type, as `typeOf` prints it. Its kind decides how the object behaves where it has no
    /// [`underlying`](Self::underlying) value: a struct or pointer is always true and cannot be ranged over.
    fn go_type(&self) -> &'static Type;

    /// The exported field of that name.
    fn field(&self, name: &[u8]) -> Option<Value> {
        let _ = name;
        None
    }

    /// The names of all fields in order of declaration, for printing with `%v`.
    fn fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// The exported fields as encoders see them, in order of declaration: those of an embedded struct stand in its place.
    fn exported(&self) -> Vec<(&'static str, Value)> {
        let fields = self.fields().iter();
        fields
            .filter_map(|name| Some((*name, self.field(name.as_bytes())?)))
            .collect()
    }

    /// The field of that name that is not exported: printing shows it, nothing else does.
    fn hidden_field(&self, name: &[u8]) -> Option<Value> {
        let _ = name;
        None
    }

    /// What a function gets for it, and a printed struct around it holds. Go copies a struct then, and the methods of
    /// its pointer stay behind, `String` too.
    fn copied(&self) -> Option<Value> {
        None
    }

    /// The parameters of the exported method of that name; `None` if there is no such method.
    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        let _ = name;
        None
    }

    /// Calls a method with arguments that were checked against its signature.
    fn call(&self, name: &[u8], arguments: Arguments<'_>, engine: &mut dyn Engine) -> Result<Value, Failure> {
        let _ = (arguments, engine);
        Err(Failure::from(format!(
            "no method {}",
            String::from_utf8_lossy(name)
        )))
    }

    /// The map, slice or number that this type is made of, for `range`, `index`, `len`, comparison and printing.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// What encoders write instead of the fields: values by the names in Go's `json` tags, in order of declaration,
    /// empty fields left out.
    fn encoded(&self) -> Option<Vec<(String, Value)>> {
        None
    }

    /// What its `String` or `Error` method gives; printing prefers it.
    fn display(&self) -> Option<GoString> {
        None
    }

    /// The object as its own Rust type, for functions that know it.
    fn as_any(&self) -> &dyn std::any::Any;
}
