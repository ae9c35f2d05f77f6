//! `.Files`: the files of a chart that are neither templates nor values.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::gotemplate::{Arguments, Engine, Failure, GoString, List, Map, Object, Signature, Type, Value};
use crate::goyaml;
use crate::helm::chart::File;
use crate::helm::glob;
use crate::helm::manifest::base;

static FILES: Type = Type::named_map("engine.files", Type::BYTES);
static TEXT: Signature = Signature::of(&[Type::STRING]);
static NOTHING: Signature = Signature::of(&[]);

/// Go's `engine.files`: a map from names to bytes, with methods.
#[derive(Debug)]
pub(super) struct Files(Map);

impl Files {
    /// The files as templates see them.
    pub(super) fn value(files: &[File]) -> Value {
        let entries = files
            .iter()
            .map(|f| {
                let bytes = Value::Bytes(GoString::from(&*f.data));
                (GoString::from(f.name.as_str()), bytes)
            })
            .collect();
        Self::of(Map::with_entries(&FILES, entries))
    }

    fn of(map: Map) -> Value {
        Value::Object(Rc::new(Self(map)))
    }

    fn bytes(&self, name: &[u8]) -> GoString {
        match self.0.get(name) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => GoString::default(),
        }
    }

    fn glob(&self, pattern: &str) -> Value {
        let compiled = glob::compile(pattern);
        let entries = self.0.entries().into_iter();
        let fitting = entries.filter(|(name, _)| glob::fits(compiled.as_ref(), &name.to_text()));
        Self::of(Map::with_entries(&FILES, fitting.collect()))
    }

    /// Every file by the last component of its name, as YAML; of equal ones the last wins.
    fn flat(&self, text: impl Fn(&[u8]) -> String) -> Value {
        let mut entries = BTreeMap::new();
        for (name, value) in self.0.entries() {
            if let Value::Bytes(bytes) = value {
                entries.insert(
                    base(&name.to_text()).to_owned(),
                    goyaml::Value::String(text(&bytes)),
                );
            }
        }
        Value::string(goyaml::to_yaml(&goyaml::Value::Map(entries)).unwrap_or_default())
    }

    fn lines(&self, name: &[u8]) -> Result<Value, Failure> {
        if !self.0.contains(name) {
            return Ok(List::strings::<GoString>([]).into());
        }
        let bytes = self.bytes(name);
        if bytes.is_empty() {
            return Err(Failure::from("runtime error: index out of range [-1]"));
        }
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        Ok(List::strings(text.split(|b| *b == b'\n')).into())
    }
}

impl Object for Files {
    fn go_type(&self) -> &'static Type {
        &FILES
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        match name {
            b"Get" | b"GetBytes" | b"Glob" | b"Lines" => Some(&TEXT),
            b"AsConfig" | b"AsSecrets" => Some(&NOTHING),
            _ => None,
        }
    }

    fn call(&self, name: &[u8], arguments: Arguments<'_>, _: &mut dyn Engine) -> Result<Value, Failure> {
        match name {
            b"Get" => Ok(Value::String(self.bytes(arguments.text(0)?))),
            b"GetBytes" => Ok(Value::Bytes(self.bytes(arguments.text(0)?))),
            b"Glob" => Ok(self.glob(&arguments.text(0)?.to_text())),
            b"Lines" => self.lines(arguments.text(0)?),
            b"AsConfig" => Ok(self.flat(|b| String::from_utf8_lossy(b).into_owned())),
            _ => Ok(self.flat(|b| STANDARD.encode(b))),
        }
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Map(self.0.clone()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
