//! Numbers out of any value: what cannot be read as one is zero, never a failure.

use super::date::calendar_number;
use super::show::shown;
use crate::gotemplate::strconv::{NumberError, parse_float, parse_int};
use crate::gotemplate::{Failure, Value};

/// A whole number; fractions are cut off.
pub(super) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(number, _) => *number,
        #[expect(clippy::cast_possible_wrap, reason = "Go's conversion wraps")]
        Value::Uint(number, _) => *number as i64,
        Value::Float(number) => truncated(*number),
        Value::String(text) => parse_int(without_zero_fraction(text), 0).unwrap_or(0),
        Value::Bool(truth) => i64::from(*truth),
        other => calendar_number(other).unwrap_or(0),
    }
}

/// A floating-point number.
pub(super) fn to_float64(value: &Value) -> f64 {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
        Value::Int(number, _) => *number as f64,
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
        Value::Uint(number, _) => *number as f64,
        Value::Float(number) => *number,
        Value::String(text) => parse_float(text).unwrap_or(0.0),
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        #[expect(clippy::cast_precision_loss, reason = "months and weekdays are small")]
        other => calendar_number(other).unwrap_or(0) as f64,
    }
}

/// The whole number that Unix permissions in octal digits stand for, zero if they are none.
pub(super) fn from_octal(value: &Value) -> Result<i64, Failure> {
    Ok(parse_int(&shown(value)?, 8).unwrap_or(0))
}

/// Decimal digits; a number too large is the largest one, what is no number is zero.
pub(super) fn saturated_decimal(text: &[u8]) -> i64 {
    match parse_int(text, 10) {
        Ok(number) => number,
        Err(NumberError::Range) if text.starts_with(b"-") => i64::MIN,
        Err(NumberError::Range) => i64::MAX,
        Err(NumberError::Syntax) => 0,
    }
}

/// A float's whole part; one beyond 64 bits is the smallest number, as on the processors that Helm runs on.
pub(super) fn truncated(number: f64) -> i64 {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if (-BEYOND..BEYOND).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "the fraction is to be cut off")]
        return number as i64;
    }
    i64::MIN
}

/// `2.00` is read as `2`.
fn without_zero_fraction(text: &[u8]) -> &[u8] {
    let zeros = text.iter().rev().take_while(|b| **b == b'0').count();
    let whole = text.strip_suffix(&b"0".repeat(zeros)[..]).unwrap_or(text);
    whole.strip_suffix(b".").filter(|_| zeros > 0).unwrap_or(text)
}
