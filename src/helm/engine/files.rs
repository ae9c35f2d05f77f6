//! `.Files`: the files of a chart that are neither templates nor values.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::gotemplate::{Failure, GoString, List, Map, MapMethod, Signature, Type, Value};
use crate::goyaml;
use crate::helm::chart::File;
use crate::helm::glob;
use crate::helm::manifest::base;

/// Go's `engine.files`: a map from names to bytes, with methods. Copies keep the type, and the methods with it.
static FILES: Type = Type::named_map("engine.files", Type::BYTES).with_methods(&METHODS);
const TEXT: Signature = Signature::of(&[Type::STRING]);
const NOTHING: Signature = Signature::of(&[]);

static METHODS: [MapMethod; 6] = [
    MapMethod {
        name: "Get",
        signature: TEXT,
        body: |files, arguments| Ok(Value::String(bytes(files, arguments.text(0)?))),
    },
    MapMethod {
        name: "GetBytes",
        signature: TEXT,
        body: |files, arguments| Ok(Value::Bytes(bytes(files, arguments.text(0)?))),
    },
    MapMethod {
        name: "Glob",
        signature: TEXT,
        body: |files, arguments| Ok(glob_of(files, &arguments.text(0)?.to_text())),
    },
    MapMethod {
        name: "Lines",
        signature: TEXT,
        body: |files, arguments| lines(files, arguments.text(0)?),
    },
    MapMethod {
        name: "AsConfig",
        signature: NOTHING,
        body: |files, _| Ok(flat(files, |b| String::from_utf8_lossy(b).into_owned())),
    },
    MapMethod {
        name: "AsSecrets",
        signature: NOTHING,
        body: |files, _| Ok(flat(files, |b| STANDARD.encode(b))),
    },
];

/// The files as templates see them.
pub(super) fn value(files: &[File]) -> Value {
    let entries = files.iter().map(|f| {
        let bytes = Value::Bytes(GoString::from(&*f.data));
        (GoString::from(f.name.as_str()), bytes)
    });
    Map::with_entries(&FILES, entries.collect()).into()
}

fn bytes(files: &Map, name: &[u8]) -> GoString {
    match files.get(name) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => GoString::default(),
    }
}

fn glob_of(files: &Map, pattern: &str) -> Value {
    let compiled = glob::compile(pattern);
    let entries = files.entries().into_iter();
    let fitting = entries.filter(|(name, _)| glob::fits(compiled.as_ref(), &name.to_text()));
    Map::with_entries(&FILES, fitting.collect()).into()
}

/// Every file by the last component of its name, as YAML; of equal ones the last wins.
fn flat(files: &Map, text: impl Fn(&[u8]) -> String) -> Value {
    let mut entries = BTreeMap::new();
    for (name, value) in files.entries() {
        if let Value::Bytes(bytes) = value {
            entries.insert(
                base(&name.to_text()).to_owned(),
                goyaml::Value::String(text(&bytes)),
            );
        }
    }
    Value::string(goyaml::to_yaml(&goyaml::Value::Map(entries)).unwrap_or_default())
}

fn lines(files: &Map, name: &[u8]) -> Result<Value, Failure> {
    if !files.contains(name) {
        return Ok(List::strings::<GoString>([]).into());
    }
    let bytes = bytes(files, name);
    if bytes.is_empty() {
        return Err(Failure::from("runtime error: index out of range [-1]"));
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Ok(List::strings(text.split(|b| *b == b'\n')).into())
}
