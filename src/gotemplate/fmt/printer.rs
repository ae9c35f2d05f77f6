//! Values by verb.

use super::flags::Flags;
use crate::gotemplate::function::Failure;
use crate::gotemplate::list::List;
use crate::gotemplate::map::Map;
use crate::gotemplate::memory;
use crate::gotemplate::object::Object;
use crate::gotemplate::text::GoString;
use crate::gotemplate::types::Kind;
use crate::gotemplate::value::Value;

/// Values inside each other deeper than this are refused: a map may hold itself.
const MAX_DEPTH: usize = 10_000;

/// Bytes between two looks at the memory limit.
const LOOK: usize = 1 << 16;

pub(super) struct Printer {
    pub(super) out: Vec<u8>,
    pub(super) flags: Flags,
    checked: usize,
}

type Done = Result<(), Failure>;

impl Printer {
    pub(super) fn new() -> Self {
        Self::onto(Vec::new())
    }

    pub(super) fn onto(out: Vec<u8>) -> Self {
        Self {
            checked: out.len(),
            out,
            flags: Flags::default(),
        }
    }

    pub(super) fn finish(self) -> GoString {
        self.out.into()
    }

    /// Fails once the text is larger than the render may hold.
    pub(super) fn look(&mut self) -> Done {
        if self.out.len() > self.checked + LOOK {
            self.checked = self.out.len();
            memory::reserve(self.out.len() * 2)?;
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn verb(&mut self, verb: char) {
        self.text(verb.encode_utf8(&mut [0; 4]));
    }

    /// A value that stands by itself.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Done {
        self.look()?;
        match (value, verb) {
            (Value::Invalid, 'v') => self.pad(b"<no value>"),
            (Value::Nil | Value::Invalid, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil | Value::Invalid, _) => self.bad_verb(value, verb)?,
            (_, 'T') => self.string_form(value.type_name().as_bytes()),
            (_, 'p') => self.pointer(value, verb)?,
            (_, 'w') if !matches!(value, Value::Bytes(_)) => self.bad_verb(value, verb)?,
            _ => self.value(value, verb, 0)?,
        }
        Ok(())
    }

    fn bad_verb(&mut self, value: &Value, verb: char) -> Done {
        self.text("%!");
        self.verb(verb);
        self.text("(");
        if value.is_nil() {
            self.text("<nil>");
        } else {
            self.text(value.type_name());
            self.text("=");
            self.value(value, 'v', 0)?;
        }
        self.text(")");
        Ok(())
    }

    fn pointer(&mut self, value: &Value, verb: char) -> Done {
        match value.kind() {
            Kind::Map | Kind::Slice | Kind::Pointer | Kind::Func => {
                // An address says nothing that two runs agree on.
                self.pad(b"0xc000000000");
                Ok(())
            }
            _ => self.bad_verb(value, verb),
        }
    }

    /// A value, possibly inside others.
    pub(super) fn value(&mut self, value: &Value, verb: char, depth: usize) -> Done {
        if depth > MAX_DEPTH {
            return Err(Failure::from(format!(
                "value nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.look()?;
        match value {
            Value::Invalid | Value::Nil if self.flags.sharp_v => self.text("interface {}(nil)"),
            Value::Invalid | Value::Nil => self.text("<nil>"),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb)?,
            },
            Value::Int(number, _) => self.integer(value, number.unsigned_abs(), *number < 0, true, verb)?,
            Value::Uint(number, _) => self.integer(value, *number, false, false, verb)?,
            Value::Float(number) => self.float(value, *number, verb)?,
            Value::Complex(re, im) => self.complex(value, *re, *im, verb)?,
            Value::String(text) => self.string(value, text, verb)?,
            Value::Bytes(bytes) => self.bytes(bytes, verb, depth)?,
            Value::List(list) => {
                stacker::maybe_grow(64 << 10, 1 << 20, || self.list(list, verb, depth))?;
            }
            Value::Map(map) => {
                stacker::maybe_grow(64 << 10, 1 << 20, || self.map(map, verb, depth))?;
            }
            Value::Object(object) => {
                stacker::maybe_grow(64 << 10, 1 << 20, || self.object(value, &**object, verb, depth))?;
            }
            Value::Function(_) if verb == 'v' => self.text("0x0"),
            Value::Function(_) => self.bad_verb(value, verb)?,
        }
        Ok(())
    }

    fn integer(&mut self, value: &Value, magnitude: u64, negative: bool, signed: bool, verb: char) -> Done {
        let code = if negative { u64::MAX } else { magnitude };
        match verb {
            'v' if self.flags.sharp_v && !signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.integer_form(magnitude, false, 16, 'v', false);
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.integer_form(magnitude, negative, 10, verb, false),
            'b' => self.integer_form(magnitude, negative, 2, verb, false),
            'o' | 'O' => self.integer_form(magnitude, negative, 8, verb, false),
            'x' => self.integer_form(magnitude, negative, 16, verb, false),
            'X' => self.integer_form(magnitude, negative, 16, verb, true),
            'c' => self.character_form(code),
            'q' => self.quoted_character(code),
            'U' => self.unicode_form(if negative {
                magnitude.wrapping_neg()
            } else {
                magnitude
            }),
            _ => self.bad_verb(value, verb)?,
        }
        Ok(())
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) -> Done {
        match verb {
            'v' => self.float_form(number, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float_form(number, verb, None),
            'f' | 'e' | 'E' | 'F' => self.float_form(number, verb, Some(6)),
            _ => self.bad_verb(value, verb)?,
        }
        Ok(())
    }

    fn complex(&mut self, value: &Value, re: f64, im: f64, verb: char) -> Done {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(value, verb);
        }
        let plus = self.flags.plus;
        self.text("(");
        self.float(value, re, verb)?;
        self.flags.plus = true;
        self.float(value, im, verb)?;
        self.text("i)");
        self.flags.plus = plus;
        Ok(())
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) -> Done {
        if text.len() > LOOK {
            // Quoted, a byte takes up to four, and is copied once.
            memory::reserve(text.len() * if verb == 'q' { 8 } else { 4 })?;
        }
        match verb {
            'v' if self.flags.sharp_v => self.quoted_form(text),
            'v' | 's' => self.string_form(text),
            'x' => self.hex_string(text, false),
            'X' => self.hex_string(text, true),
            'q' => self.quoted_form(text),
            _ => self.bad_verb(value, verb)?,
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, depth: usize) -> Done {
        match verb {
            's' => self.string_form(bytes),
            'x' => self.hex_string(bytes, false),
            'X' => self.hex_string(bytes, true),
            'q' => self.quoted_form(bytes),
            _ => {
                let sharp = self.flags.sharp_v;
                if sharp {
                    let direct = depth == 0 && matches!(verb, 'v' | 'd');
                    self.text(if direct { "[]byte" } else { "[]uint8" });
                }
                self.text(if sharp { "{" } else { "[" });
                for (i, byte) in bytes.iter().enumerate() {
                    if i > 0 {
                        self.text(if sharp { ", " } else { " " });
                    }
                    let byte = Value::Uint(u64::from(*byte), crate::gotemplate::value::UintKind::Uint8);
                    self.value(&byte, verb, depth + 1)?;
                }
                self.text(if sharp { "}" } else { "]" });
            }
        }
        Ok(())
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) -> Done {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.text(list.go_type().name());
            if list.is_nil() {
                self.text("(nil)");
                return Ok(());
            }
        }
        self.text(if sharp { "{" } else { "[" });
        for (i, item) in list.iter().enumerate() {
            if i > 0 {
                self.text(if sharp { ", " } else { " " });
            }
            self.value(item, verb, depth + 1)?;
        }
        self.text(if sharp { "}" } else { "]" });
        Ok(())
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) -> Done {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.text(map.go_type().name());
            if map.is_nil() {
                self.text("(nil)");
                return Ok(());
            }
        }
        self.text(if sharp { "{" } else { "map[" });
        for (i, (key, item)) in map.entries().into_iter().enumerate() {
            if i > 0 {
                self.text(if sharp { ", " } else { " " });
            }
            self.value(&Value::String(key), verb, depth + 1)?;
            self.text(":");
            self.value(&item, verb, depth + 1)?;
        }
        self.text(if sharp { "}" } else { "]" });
        Ok(())
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) -> Done {
        if !self.flags.sharp_v
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = object.display()
        {
            return self.string(value, &text, verb);
        }
        if let Some(plain) = object.underlying() {
            return self.value(&plain, verb, depth + 1);
        }
        if object.go_type().kind() == Kind::Pointer {
            if depth > 0 {
                return self.pointer(value, verb);
            }
            self.text("&");
        }
        let sharp = self.flags.sharp_v;
        if sharp {
            self.text(object.go_type().name().trim_start_matches('*'));
        }
        self.text("{");
        for (i, name) in object.fields().iter().enumerate() {
            if i > 0 {
                self.text(if sharp { ", " } else { " " });
            }
            if sharp || self.flags.plus_v {
                self.text(name);
                self.text(":");
            }
            let name = name.as_bytes();
            let field = object.field(name).or_else(|| object.hidden_field(name));
            self.value(&field.unwrap_or_default().copied(), verb, depth + 1)?;
        }
        self.text("}");
        Ok(())
    }
}
