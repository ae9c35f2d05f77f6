//! Any pattern prints any values, and quoted strings read back as they were.

use carrack::gotemplate::strconv::{Form, format_float, parse_float, parse_int, quote, unquote};
use carrack::gotemplate::{List, Map, UintKind, Value, fmt};

/// The first 16 bytes are a float and an integer; what follows is a pattern and, after a line break, a text.
#[expect(clippy::naive_bytecount, reason = "a small text")]
pub(super) fn check(data: &[u8]) {
    let Some((float, rest)) = data.split_first_chunk::<8>() else {
        return;
    };
    let Some((int, rest)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let (float, int) = (f64::from_le_bytes(*float), i64::from_le_bytes(*int));
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (pattern, text) = rest.split_at(end);
    let text = text.get(1..).unwrap_or_default();
    // Widths are allowed up to a million each; many of them only cost time here.
    if pattern.iter().filter(|b| **b == b'%').count() > 8 {
        return;
    }
    let map: Map = [("k", Value::Float(float))].into_iter().collect();
    let values = [
        Value::Float(float),
        Value::int(int),
        Value::string(text),
        Value::Bytes(text.into()),
        Value::Uint(int.unsigned_abs(), UintKind::Uint8),
        List::any(vec![Value::Nil, map.into()]).into(),
        Value::Complex(float, -float),
    ];
    fmt::sprintf(pattern, &values).unwrap();
    fmt::sprint(&values).unwrap();
    assert_eq!(unquote(&quote(text)).unwrap(), text);
    if float.is_finite() {
        let back = |form| parse_float(format_float(float, form, None).as_bytes()).unwrap();
        for form in [Form::General, Form::Exponent, Form::Fixed, Form::Hex] {
            assert_eq!(back(form).to_bits(), float.to_bits(), "{float:?} {form:?}");
        }
    }
    assert_eq!(parse_int(int.to_string().as_bytes(), 10), Ok(int));
    let _ = parse_float(text);
    let _ = parse_int(text, 0);
}
