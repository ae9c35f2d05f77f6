//! Durations as Go writes and reads them: `1h30m0s`.

use crate::gotemplate::strconv;

const SECOND: u64 = 1_000_000_000;

/// Why a text is no duration, in Go's words.
pub(super) type Error = String;

/// A duration in nanoseconds out of its text.
pub(super) fn parse(text: &[u8]) -> Result<i64, Error> {
    let shown = || String::from_utf8_lossy(&strconv::quote(text)).into_owned();
    let invalid = || format!("time: invalid duration {}", shown());
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix(b".") {
            Some(after) => digits(after),
            None => (&[][..], after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.iter().position(|b| *b == b'.' || b.is_ascii_digit());
        let (unit, next) = after.split_at(end.unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", shown()));
        }
        let Some(nanoseconds) = nanoseconds_of(unit) else {
            let unit = String::from_utf8_lossy(&strconv::quote(unit)).into_owned();
            return Err(format!("time: unknown unit {unit} in duration {}", shown()));
        };
        let part = part(whole, fraction, nanoseconds).ok_or_else(invalid)?;
        total = total
            .checked_add(part)
            .filter(|t| *t <= 1 << 63)
            .ok_or_else(invalid)?;
        rest = next;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|b| b.is_ascii_digit()).count())
}

fn nanoseconds_of(unit: &[u8]) -> Option<u64> {
    Some(match unit {
        b"ns" => 1,
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => 1_000,
        b"ms" => 1_000_000,
        b"s" => SECOND,
        b"m" => 60 * SECOND,
        b"h" => 3_600 * SECOND,
        _ => return None,
    })
}

fn part(whole: &[u8], fraction: &[u8], nanoseconds: u64) -> Option<u64> {
    let number = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<u64>().ok()
        }
    };
    let whole = number(whole)?
        .checked_mul(nanoseconds)
        .filter(|n| *n <= 1 << 63)?;
    // More digits than these are below a nanosecond of any unit.
    let fraction = fraction.get(..fraction.len().min(18))?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let below = u128::from(number(fraction)?) * u128::from(nanoseconds) / scale;
    whole.checked_add(u64::try_from(below).ok()?)
}

/// The text of a duration in nanoseconds.
pub(super) fn text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    if total == 0 {
        return "0s".to_owned();
    }
    let (unit, divisor) = match total {
        0..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..SECOND => ("ms", 1_000_000),
        _ => {
            let (minutes, rest) = (total / (60 * SECOND), total % (60 * SECOND));
            let (hours, minutes) = (minutes / 60, minutes % 60);
            let seconds = with_fraction(rest, SECOND);
            return match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, _) => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
            };
        }
    };
    format!("{sign}{}{unit}", with_fraction(total, divisor))
}

/// The quotient with its decimal places, less zeros at the end.
fn with_fraction(number: u64, divisor: u64) -> String {
    let places = divisor.ilog10() as usize;
    let (whole, rest) = (number / divisor, number % divisor);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:0places$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// The largest unit alone, as Sprig's `durationRound` has it: `2h`, `3mo`, `1y`.
pub(super) fn rounded(nanoseconds: i64) -> String {
    const DAY: u64 = 24 * 3_600 * SECOND;
    let total = nanoseconds.unsigned_abs();
    let units = [
        ("y", 365 * DAY),
        ("mo", 30 * DAY),
        ("d", DAY),
        ("h", 3_600 * SECOND),
        ("m", 60 * SECOND),
        ("s", SECOND),
    ];
    let found = units.iter().find(|(_, length)| total > *length);
    found.map_or_else(
        || "0s".to_owned(),
        |(unit, length)| format!("{}{unit}", total / length),
    )
}
