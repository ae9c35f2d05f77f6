//! Numbers as Go's `strconv` reads and prints them.

use super::resolve::Scalar;

/// `strconv.ParseInt(text, 0, 64)`, or failing that `strconv.ParseUint(text, 0, 64)`.
pub(super) fn integer(text: &str) -> Option<Scalar> {
    let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (unsigned.get(2..)?, 16),
        [b'0', b'b' | b'B', ..] => (unsigned.get(2..)?, 2),
        [b'0', b'o' | b'O', ..] => (unsigned.get(2..)?, 8),
        [b'0', _, ..] => (unsigned.get(1..)?, 8),
        _ => (unsigned, 10),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    match i64::try_from(size) {
        Ok(number) => Some(Scalar::Int(if negative { -number } else { number })),
        Err(_) if negative && size == 1 << 63 => Some(Scalar::Int(i64::MIN)),
        Err(_) if unsigned.len() == text.len() => Some(Scalar::Uint(size)),
        Err(_) => None,
    }
}

/// The value as `i64` if it is whole and fits.
pub(super) fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
    (number.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number))
        .then_some(number as i64)
}

/// The digits of the shortest text that reads back as `number`, and the power of ten behind the first of them.
fn shortest(number: f64) -> (String, i32) {
    split(&format!("{:e}", number.abs()))
}

fn split(scientific: &str) -> (String, i32) {
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (
        digits.chars().filter(char::is_ascii_digit).collect(),
        exponent.parse().unwrap_or_default(),
    )
}

/// `digits` with an exponent, as Go's `%e` writes it: at least two digits of exponent.
fn scientific(out: &mut String, digits: &str, exponent: i32, padded: bool) {
    let mut digits = digits.chars();
    out.extend(digits.next());
    if !digits.as_str().is_empty() {
        out.push('.');
        out.push_str(digits.as_str());
    }
    out.push('e');
    out.push(if exponent < 0 { '-' } else { '+' });
    let size = exponent.unsigned_abs();
    if padded && size < 10 {
        out.push('0');
    }
    out.push_str(&size.to_string());
}

/// `digits` without an exponent.
fn positional(out: &mut String, digits: &str, exponent: i32) {
    let Ok(before) = usize::try_from(exponent) else {
        out.push_str("0.");
        (1..exponent.unsigned_abs()).for_each(|_| out.push('0'));
        out.push_str(digits);
        return;
    };
    let before = before + 1;
    match digits.split_at_checked(before) {
        Some((whole, "")) => out.push_str(whole),
        Some((whole, fraction)) => {
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        None => {
            out.push_str(digits);
            (digits.len()..before).for_each(|_| out.push('0'));
        }
    }
}

fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number.is_infinite() {
        Some(if number > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// `strconv.FormatFloat(number, 'g', -1, 64)`.
pub(super) fn general(number: f64) -> String {
    if let Some(name) = special(number) {
        return name.to_owned();
    }
    let (digits, exponent) = shortest(number);
    general_of(number.is_sign_negative(), &digits, exponent)
}

/// `strconv.FormatFloat(number, 'g', -1, 32)`, which Helm's YAML library uses for keys.
pub(super) fn short(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "losing precision is the point")]
    let number = number as f32;
    if let Some(name) = special(f64::from(number)) {
        return name.to_owned();
    }
    let (digits, exponent) = split(&format!("{:e}", number.abs()));
    general_of(number.is_sign_negative(), &digits, exponent)
}

fn general_of(negative: bool, digits: &str, exponent: i32) -> String {
    let mut out = String::with_capacity(24);
    if negative {
        out.push('-');
    }
    // The shortest form decides as if it had a precision of six.
    if (-4..6).contains(&exponent) {
        positional(&mut out, digits, exponent);
    } else {
        scientific(&mut out, digits, exponent, true);
    }
    out
}

/// A number as `encoding/json` writes it, or `None` for an infinity or not-a-number.
pub(super) fn json(number: f64) -> Option<String> {
    if special(number).is_some() {
        return None;
    }
    let (digits, exponent) = shortest(number);
    let mut out = String::with_capacity(24);
    if number.is_sign_negative() {
        out.push('-');
    }
    if number != 0.0 && !(-6..21).contains(&exponent) {
        scientific(&mut out, &digits, exponent, exponent >= 0);
    } else {
        positional(&mut out, &digits, exponent);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_general_form_changes_to_an_exponent_at_a_million_and_below_a_ten_thousandth() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (100_000.0, "100000"),
            (999_999.5, "999999.5"),
            (1_000_000.0, "1e+06"),
            (12_345_678.0, "1.2345678e+07"),
            (0.0001, "0.0001"),
            (0.000_012_34, "1.234e-05"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(general(number), text);
        }
    }

    #[test]
    fn json_has_exponents_only_for_the_very_small_and_the_very_large() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.1, "1.1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
        ] {
            assert_eq!(json(number).as_deref(), Some(text));
        }
        assert_eq!(json(f64::NAN), None);
    }

    #[test]
    fn keys_lose_what_does_not_fit_32_bits() {
        assert_eq!(short(1.1), "1.1");
        assert_eq!(short(0.123_456_789_1), "0.12345679");
    }
}
