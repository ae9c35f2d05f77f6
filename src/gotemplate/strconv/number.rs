//! Reading numbers.

/// Why a text is no number of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// No number at all.
    Syntax,
    /// Too large.
    Range,
}

/// An unsigned integer in Go's syntax: the base is read from the prefix when `base` is 0, and then underscores may
/// separate digits.
pub fn parse_uint(text: &[u8], base: u32) -> Result<u64, NumberError> {
    let (digits, radix) = if base == 0 { prefix(text) } else { (text, base) };
    if base == 0 && !underscores_fit(text) {
        return Err(NumberError::Syntax);
    }
    let mut value: Option<u64> = Some(0);
    let mut any = false;
    for byte in digits {
        if *byte == b'_' && base == 0 {
            continue;
        }
        let digit = char::from(*byte).to_digit(radix).ok_or(NumberError::Syntax)?;
        any = true;
        value = value
            .and_then(|v| v.checked_mul(u64::from(radix)))
            .and_then(|v| v.checked_add(u64::from(digit)));
    }
    if !any && (base != 0 || text != b"0") {
        return Err(NumberError::Syntax);
    }
    value.ok_or(NumberError::Range)
}

/// A signed integer, likewise.
pub fn parse_int(text: &[u8], base: u32) -> Result<i64, NumberError> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let value = i128::from(parse_uint(digits, base)?);
    i64::try_from(if negative { -value } else { value }).map_err(|_| NumberError::Range)
}

fn prefix(text: &[u8]) -> (&[u8], u32) {
    match text {
        [b'0', b'x' | b'X', rest @ ..] => (rest, 16),
        [b'0', b'b' | b'B', rest @ ..] => (rest, 2),
        [b'0', b'o' | b'O', rest @ ..] => (rest, 8),
        [b'0', rest @ ..] if !rest.is_empty() => (rest, 8),
        _ => (text, 10),
    }
}

/// Underscores stand between digits, or between the base prefix and a digit.
fn underscores_fit(text: &[u8]) -> bool {
    if !text.contains(&b'_') {
        return true;
    }
    let text = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let (rest, hex, mut last) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (rest, true, b'0'),
        [b'0', b'b' | b'B' | b'o' | b'O', rest @ ..] => (rest, false, b'0'),
        _ => (text, false, b'^'),
    };
    for byte in rest {
        if byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit()) {
            last = b'0';
        } else if *byte == b'_' {
            if last != b'0' {
                return false;
            }
            last = b'_';
        } else {
            if last == b'_' {
                return false;
            }
            last = b'!';
        }
    }
    last != b'_'
}

/// A float in Go's syntax: decimal or hexadecimal, `inf`, `infinity`, `nan`, underscores between digits after a prefix.
pub fn parse_float(text: &[u8]) -> Result<f64, NumberError> {
    let unsigned = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    let negative = text.first() == Some(&b'-');
    let signed = |v: f64| if negative { -v } else { v };
    match lower.as_slice() {
        b"inf" | b"infinity" => return Ok(signed(f64::INFINITY)),
        b"nan" if unsigned.len() == text.len() => return Ok(f64::NAN),
        _ => {}
    }
    if !underscores_fit(text) {
        return Err(NumberError::Syntax);
    }
    let clean: Vec<u8> = lower.iter().copied().filter(|b| *b != b'_').collect();
    if let Some(hex) = clean.strip_prefix(b"0x") {
        return hex_float(hex).map(signed);
    }
    let first = clean.first().copied().unwrap_or_default();
    if !(first.is_ascii_digit() || first == b'.') {
        return Err(NumberError::Syntax);
    }
    let text = std::str::from_utf8(&clean).map_err(|_| NumberError::Syntax)?;
    let value: f64 = text.parse().map_err(|_| NumberError::Syntax)?;
    if value.is_infinite() {
        return Err(NumberError::Range);
    }
    Ok(signed(value))
}

/// `1.8p3` after the prefix. The exponent must be there.
fn hex_float(text: &[u8]) -> Result<f64, NumberError> {
    let p = text.iter().position(|b| *b == b'p').ok_or(NumberError::Syntax)?;
    let (digits, exponent) = text.split_at_checked(p).ok_or(NumberError::Syntax)?;
    let exponent =
        std::str::from_utf8(exponent.get(1..).unwrap_or_default()).map_err(|_| NumberError::Syntax)?;
    let mut exponent: i64 = exponent.parse().map_err(|_| NumberError::Syntax)?;
    exponent = exponent.clamp(-100_000, 100_000);
    let mut mantissa: u128 = 0;
    let mut lost = false;
    let mut point = false;
    let mut any = false;
    for byte in digits {
        if *byte == b'.' {
            if point {
                return Err(NumberError::Syntax);
            }
            point = true;
            continue;
        }
        let digit = char::from(*byte).to_digit(16).ok_or(NumberError::Syntax)?;
        any = true;
        if mantissa < 1 << 100 {
            mantissa = mantissa << 4 | u128::from(digit);
            exponent -= if point { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            exponent += if point { 0 } else { 4 };
        }
    }
    if !any {
        return Err(NumberError::Syntax);
    }
    scaled(mantissa, lost, exponent)
}

/// `mantissa · 2^exponent`, rounded to the nearest, ties to even.
fn scaled(mut mantissa: u128, lost: bool, mut exponent: i64) -> Result<f64, NumberError> {
    if mantissa == 0 {
        return Ok(0.0);
    }
    let bits = i64::from(128 - mantissa.leading_zeros());
    // 53 bits of precision, fewer below the smallest normal number.
    let keep = (bits + exponent + 1074).clamp(0, 53);
    let drop = bits - keep;
    if drop > 0 {
        let drop = u32::try_from(drop).unwrap_or(u32::MAX);
        let half = 1u128.checked_shl(drop - 1).unwrap_or(0);
        let rest = if drop >= 128 {
            mantissa
        } else {
            mantissa & ((half << 1) - 1)
        };
        mantissa = mantissa.checked_shr(drop).unwrap_or(0);
        if rest > half || (rest == half && (lost || mantissa & 1 == 1)) {
            mantissa += 1;
        }
        exponent += i64::from(drop);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 54 bits are left")]
    let mut value = mantissa as f64;
    while exponent > 0 && value.is_finite() {
        let step = exponent.min(1000);
        value *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent -= step;
    }
    while exponent < 0 && value != 0.0 {
        let step = (-exponent).min(1000);
        value /= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent += step;
    }
    if value.is_infinite() {
        return Err(NumberError::Range);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_prefixes_and_underscores() {
        assert_eq!(parse_int(b"0x1F", 0), Ok(31));
        assert_eq!(parse_int(b"-0b101", 0), Ok(-5));
        assert_eq!(parse_int(b"0755", 0), Ok(493));
        assert_eq!(parse_int(b"1_000", 0), Ok(1000));
        assert_eq!(parse_int(b"1__0", 0), Err(NumberError::Syntax));
        assert_eq!(parse_int(b"08", 0), Err(NumberError::Syntax));
        assert_eq!(parse_int(b"9223372036854775808", 0), Err(NumberError::Range));
        assert_eq!(parse_int(b"-9223372036854775808", 10), Ok(i64::MIN));
    }

    #[test]
    fn floats_are_decimal_or_hexadecimal() {
        assert_eq!(parse_float(b"1e3"), Ok(1000.0));
        assert_eq!(parse_float(b"0x1.8p3"), Ok(12.0));
        assert_eq!(parse_float(b"0x1p-1074"), Ok(f64::from_bits(1)));
        assert_eq!(parse_float(b"1e999"), Err(NumberError::Range));
        assert_eq!(parse_float(b""), Err(NumberError::Syntax));
        assert_eq!(parse_float(b"1e"), Err(NumberError::Syntax));
    }
}
