//! Semantic versions: `semver` and `semverCompare`.

use std::fmt;
use std::rc::Rc;

use crate::gotemplate::{
    Arguments, Engine, Failure, Function, GoString, Kind, Object, Signature, Type, UintKind, Value,
};
use crate::version::{self, Constraint, Version};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("semver", &[Type::STRING], |a| {
            let version = parsed(a.text(0)?)?;
            Ok(Value::Object(Rc::new(VersionObject {
                version,
                pointer: true,
            })))
        }),
        Function::with_engine(
            "semverCompare",
            Signature::of(&[Type::STRING, Type::STRING]),
            compare,
        ),
    ]
}

fn parsed(text: &GoString) -> Result<Version, Failure> {
    let text = text
        .to_str()
        .ok_or(version::Error::NotAVersion)
        .map_err(|e| refused(&e))?;
    Version::parse(text).map_err(|e| refused(&e))
}

fn refused(error: &version::Error) -> Failure {
    Failure::from(error.to_string())
}

fn compare(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    engine.compared(arguments.all());
    let constraint = Constraint::parse(&arguments.text(0)?.to_text()).map_err(|e| refused(&e))?;
    Ok(constraint.matches(&parsed(arguments.text(1)?)?).into())
}

static POINTER: Type = Type::named("*semver.Version", Kind::Pointer);
static STRUCT: Type = Type::named("semver.Version", Kind::Struct);

/// A version with the methods that templates call: `.Major`, `.Prerelease`, `.Compare`, …
#[derive(Debug)]
pub(super) struct VersionObject {
    version: Version,
    /// `semver` gives a pointer, `.IncMajor` and its relatives a value.
    pointer: bool,
}

impl fmt::Display for VersionObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}

impl VersionObject {
    /// A pointer to Go's zero version.
    pub(super) fn zero() -> Value {
        let pointer = true;
        Value::Object(Rc::new(Self {
            version: Version::zero(),
            pointer,
        }))
    }

    fn value(version: Version) -> Value {
        Value::Object(Rc::new(Self {
            version,
            pointer: false,
        }))
    }

    fn other<'a>(arguments: &Arguments<'a>) -> Result<&'a Self, Failure> {
        let other = match arguments.value(0)? {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        };
        other.ok_or_else(|| Failure::from("runtime error: invalid memory address or nil pointer dereference"))
    }
}

static NOTHING: Signature = Signature::of(&[]);
static ANOTHER: Signature = Signature::of(&[&POINTER]);
static TEXT: Signature = Signature::of(&[Type::STRING]);

impl Object for VersionObject {
    fn go_type(&self) -> &'static Type {
        if self.pointer { &POINTER } else { &STRUCT }
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        match name {
            b"Major" | b"Minor" | b"Patch" | b"Prerelease" | b"Metadata" | b"Original" | b"String"
            | b"IncMajor" | b"IncMinor" | b"IncPatch" => Some(&NOTHING),
            b"SetPrerelease" | b"SetMetadata" => Some(&TEXT),
            b"Compare" | b"Equal" | b"LessThan" | b"LessThanEqual" | b"GreaterThan" | b"GreaterThanEqual"
                if self.pointer =>
            {
                Some(&ANOTHER)
            }
            _ => None,
        }
    }

    fn call(
        &self,
        name: &[u8],
        arguments: Arguments<'_>,
        _engine: &mut dyn Engine,
    ) -> Result<Value, Failure> {
        let version = &self.version;
        let number = |number| Value::Uint(number, UintKind::Uint64);
        let next = |part: &str, next: Option<Version>| {
            let overflow = || Failure::from(format!("{part} version increment would overflow uint64"));
            next.map(Self::value).ok_or_else(overflow)
        };
        let compared = || Self::other(&arguments).map(|other| version.cmp(&other.version));
        Ok(match name {
            b"Major" => number(version.major()),
            b"Minor" => number(version.minor()),
            b"Patch" => number(version.patch()),
            b"Prerelease" => version.prerelease().into(),
            b"Metadata" => version.metadata().into(),
            b"Original" => version.original().into(),
            b"IncMajor" => return next("major", version.next_major()),
            b"IncMinor" => return next("minor", version.next_minor()),
            b"IncPatch" => return next("patch", version.next_patch()),
            b"SetPrerelease" => Self::value(
                version
                    .with_prerelease(&arguments.text(0)?.to_text())
                    .map_err(|e| refused(&e))?,
            ),
            b"SetMetadata" => Self::value(
                version
                    .with_metadata(&arguments.text(0)?.to_text())
                    .map_err(|e| refused(&e))?,
            ),
            b"Compare" => Value::int(compared()? as i64),
            b"Equal" if arguments.value(0)?.is_nil() => false.into(),
            b"Equal" => compared()?.is_eq().into(),
            b"LessThan" => compared()?.is_lt().into(),
            b"LessThanEqual" => compared()?.is_le().into(),
            b"GreaterThan" => compared()?.is_gt().into(),
            b"GreaterThanEqual" => compared()?.is_ge().into(),
            _ => version.to_string().into(),
        })
    }

    fn display(&self) -> Option<GoString> {
        Some(self.version.to_string().into())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
