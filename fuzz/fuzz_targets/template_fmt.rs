//! Any pattern prints any values, and quoted strings read back as they were.
#![no_main]

use carrack::gotemplate::strconv::{Form, format_float, parse_float, parse_int, quote, unquote};
use carrack::gotemplate::{List, Map, UintKind, Value, fmt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, f64, i64, Vec<u8>)| {
    let (pattern, float, int, text) = input;
    // Widths are allowed up to a million each; many of them only cost time here.
    if pattern.iter().filter(|b| **b == b'%').count() > 8 {
        return;
    }
    let map: Map = [("k", Value::Float(float))].into_iter().collect();
    let values = [
        Value::Float(float),
        Value::int(int),
        Value::string(text.as_slice()),
        Value::Bytes(text.as_slice().into()),
        Value::Uint(int.unsigned_abs(), UintKind::Uint8),
        List::any(vec![Value::Nil, map.into()]).into(),
        Value::Complex(float, -float),
    ];
    fmt::sprintf(&pattern, &values).unwrap();
    fmt::sprint(&values).unwrap();
    assert_eq!(unquote(&quote(&text)).unwrap(), text);
    if float.is_finite() {
        let back = |form| parse_float(format_float(float, form, None).as_bytes()).unwrap();
        for form in [Form::General, Form::Exponent, Form::Fixed, Form::Hex] {
            assert_eq!(back(form).to_bits(), float.to_bits(), "{float:?} {form:?}");
        }
    }
    assert_eq!(parse_int(int.to_string().as_bytes(), 10), Ok(int));
    let _ = parse_float(&text);
    let _ = parse_int(&text, 0);
});
