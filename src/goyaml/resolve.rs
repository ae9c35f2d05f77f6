//! What a scalar means: go-yaml v2's resolver.

use super::number;

/// The short names that go-yaml gives its tags.
pub(super) const STR: &str = "!!str";

/// A scalar, resolved: its tag, and its value where that is no text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or time; its value stays the text.
    Timestamp,
    Text,
}

impl Scalar {
    /// go-yaml's short tag.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Text => STR,
        }
    }
}

/// The prefix of the tags that YAML itself defines.
const LONG_PREFIX: &str = "tag:yaml.org,2002:";

/// A tag as go-yaml prints it.
pub(super) fn short_tag(tag: &str) -> String {
    match tag.strip_prefix(LONG_PREFIX) {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    }
}

/// What a scalar with an explicit tag means, or the tag it has instead of the one it was given.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Scalar, &'static str> {
    let wanted = tag.strip_prefix(LONG_PREFIX);
    if !matches!(wanted, Some("bool" | "int" | "float" | "null" | "timestamp")) {
        return Ok(Scalar::Text);
    }
    let found = resolve(text, wanted == Some("timestamp"));
    match (wanted, found) {
        #[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
        (Some("float"), Scalar::Int(number)) => Ok(Scalar::Float(number as f64)),
        (Some(wanted), found) if found.tag().strip_prefix("!!") == Some(wanted) => Ok(found),
        _ => Err(found.tag()),
    }
}

/// What a plain scalar without a tag means.
pub(super) fn plain(text: &str) -> Scalar {
    resolve(text, true)
}

/// What `text` means; `timestamps` as the tag allows them.
pub(super) fn resolve(text: &str, timestamps: bool) -> Scalar {
    match text.as_bytes().first() {
        None => Scalar::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => word(text),
        Some(b'.') => match dotted(text) {
            Scalar::Text => float(text).map_or(Scalar::Text, Scalar::Float),
            special => special,
        },
        Some(b'+' | b'-' | b'0'..=b'9') => match dotted(text) {
            Scalar::Text if timestamps && is_timestamp(text) => Scalar::Timestamp,
            Scalar::Text => numeric(text),
            special => special,
        },
        Some(_) => Scalar::Text,
    }
}

fn word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Text,
    }
}

fn dotted(text: &str) -> Scalar {
    match text {
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => Scalar::Text,
    }
}

fn numeric(text: &str) -> Scalar {
    let without_underscores;
    let digits = if text.contains('_') {
        without_underscores = text.replace('_', "");
        &without_underscores
    } else {
        text
    };
    if let Some(integer) = number::integer(digits) {
        return integer;
    }
    float(digits).map_or(Scalar::Text, Scalar::Float)
}

/// A decimal number with a finite value, in the form that YAML's own pattern allows.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !all_digits(exponent) {
            return None;
        }
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether Go's `time.Parse` takes the text in one of the forms that go-yaml tries.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((year, [b'-', rest @ ..])) = bytes.split_at_checked(4) else {
        return false;
    };
    if !year.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let year = year
        .iter()
        .fold(0_u32, |year, digit| year * 10 + u32::from(digit - b'0'));
    timestamp_after_year(year, rest).is_some()
}

/// One or two digits off the front.
fn one_or_two(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [tens @ b'0'..=b'9', units @ b'0'..=b'9', rest @ ..] => {
            Some((u32::from(tens - b'0') * 10 + u32::from(units - b'0'), rest))
        }
        [units @ b'0'..=b'9', rest @ ..] => Some((u32::from(units - b'0'), rest)),
        _ => None,
    }
}

fn timestamp_after_year(year: u32, text: &[u8]) -> Option<()> {
    let (month, rest) = one_or_two(text)?;
    let rest = rest.strip_prefix(b"-")?;
    let (day, rest) = one_or_two(rest)?;
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return None;
    }
    match rest {
        [] => Some(()),
        [b'T' | b't', rest @ ..] => zone(time(rest)?),
        [b' ', rest @ ..] => {
            let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
            let rest = rest.get(spaces..)?;
            time(rest)?.is_empty().then_some(())
        }
        _ => None,
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Hours, minutes, seconds and a fraction off the front.
fn time(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = one_or_two(text)?;
    let (minute, rest) = one_or_two(rest.strip_prefix(b":")?)?;
    let (second, rest) = one_or_two(rest.strip_prefix(b":")?)?;
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    match rest {
        [b'.' | b',', b'0'..=b'9', ..] => {
            let digits = rest
                .iter()
                .skip(1)
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            rest.get(1 + digits..)
        }
        _ => Some(rest),
    }
}

/// `Z` or an offset, and nothing behind it.
fn zone(text: &[u8]) -> Option<()> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    match *text {
        [b'Z'] => Some(()),
        [b'+' | b'-', a, b, b':', c, d] => {
            let hours = digit(a)? * 10 + digit(b)?;
            let minutes = digit(c)? * 10 + digit(d)?;
            (hours <= 24 && minutes <= 60).then_some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_yaml_1_1_are_booleans() {
        for text in ["y", "Y", "yes", "on", "True", "ON"] {
            assert_eq!(plain(text), Scalar::Bool(true), "{text}");
        }
        for text in ["n", "no", "off", "FALSE"] {
            assert_eq!(plain(text), Scalar::Bool(false), "{text}");
        }
        assert_eq!(plain("yEs"), Scalar::Text);
    }

    #[test]
    fn integers_come_in_many_bases() {
        for (text, number) in [
            ("0755", 493),
            ("0o755", 493),
            ("0x1F", 31),
            ("0b101", 5),
            ("-0b101", -5),
            ("1_000", 1000),
            ("+12", 12),
            ("-0x10", -16),
        ] {
            assert_eq!(plain(text), Scalar::Int(number), "{text}");
        }
        assert_eq!(plain("18446744073709551615"), Scalar::Uint(u64::MAX));
        assert_eq!(plain("08"), Scalar::Float(8.0));
        assert_eq!(plain("0x"), Scalar::Text);
        assert_eq!(plain("12:30:45"), Scalar::Text);
    }

    #[test]
    fn floats_need_digits_and_a_finite_value() {
        assert_eq!(plain("1e3"), Scalar::Float(1000.0));
        assert_eq!(plain(".5"), Scalar::Float(0.5));
        assert_eq!(plain("5."), Scalar::Float(5.0));
        for text in [".", "1e", "1e999", "-", "+", "1.2.3", "e1", "-.e1"] {
            assert_eq!(plain(text), Scalar::Text, "{text}");
        }
    }

    #[test]
    fn a_timestamp_is_one_only_if_the_day_exists() {
        for text in [
            "2020-01-02",
            "2020-1-2",
            "2024-02-29",
            "2020-01-02T10:11:12Z",
            "2020-01-02t10:11:12.5+01:00",
            "2020-01-02 10:11:12",
            "2020-01-02 10:11:12,123456789012",
        ] {
            assert_eq!(plain(text), Scalar::Timestamp, "{text}");
        }
        for text in [
            "2020-13-01",
            "2023-02-29",
            "2020-01-02T10:11:12",
            "2020-01-02 10:11:12Z",
            "2020-01-02 24:00:00",
            "20200-01-02",
        ] {
            assert_eq!(plain(text), Scalar::Text, "{text}");
        }
    }
}
