//! Writing floats.

use std::fmt::Write as _;

/// The forms that Go's `FormatFloat` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `-ddd.dddd`
    Fixed,
    /// `-d.dddde±dd`
    Exponent,
    /// `-d.ddddE±dd`
    UpperExponent,
    /// [`Form::Exponent`] for large exponents, [`Form::Fixed`] otherwise.
    General,
    /// The same with a capital `E`.
    UpperGeneral,
    /// `-0xd.dddp±dd`
    Hex,
    /// `-0XD.DDDP±DD`
    UpperHex,
    /// `-ddddp±ddd`: mantissa and binary exponent.
    Binary,
}

/// No float has more digits than this; what is asked for beyond is zeros. (Rust's own formatting takes no precision
/// past 65,535.)
const MOST_DIGITS: usize = 1100;

/// The decimal digits of a finite, positive number: `0.d₁d₂d₃… · 10^point`.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    fn from_exponent_form(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        if digits.iter().all(|d| *d == b'0') {
            return Self {
                digits: Vec::new(),
                point: 0,
            };
        }
        Self {
            digits,
            point: exponent.parse::<i32>().unwrap_or(0) + 1,
        }
    }

    fn shortest(value: f64) -> Self {
        Self::from_exponent_form(&format!("{value:e}"))
    }

    /// Rounded to that many digits.
    fn rounded(value: f64, digits: usize) -> Self {
        let digits = digits.clamp(1, MOST_DIGITS);
        Self::from_exponent_form(&format!("{value:.*e}", digits - 1))
    }

    fn digit(&self, index: usize) -> u8 {
        self.digits.get(index).copied().unwrap_or(b'0')
    }
}

/// A float as Go's `strconv.FormatFloat` writes it; no precision means as many digits as tell it from its neighbours.
pub fn format_float(value: f64, form: Form, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let value = value.abs();
    let body = match form {
        Form::Fixed => match precision {
            Some(precision) => {
                let exact = precision.min(MOST_DIGITS);
                let zeros = "0".repeat(precision - exact);
                format!("{value:.exact$}{zeros}")
            }
            None => format!("{value}"),
        },
        Form::Exponent | Form::UpperExponent => {
            let decimal = match precision {
                Some(precision) => Decimal::rounded(value, precision + 1),
                None => Decimal::shortest(value),
            };
            let count = precision.unwrap_or_else(|| decimal.digits.len().saturating_sub(1));
            exponent_form(&decimal, count, form == Form::UpperExponent)
        }
        Form::General | Form::UpperGeneral => general(value, precision, form == Form::UpperGeneral),
        Form::Hex => hexadecimal(value, precision, false),
        Form::UpperHex => hexadecimal(value, precision, true),
        Form::Binary => {
            let (mantissa, exponent) = parts(value);
            format!("{mantissa}p{exponent:+}")
        }
    };
    format!("{sign}{body}")
}

fn general(value: f64, precision: Option<usize>, upper: bool) -> String {
    let decimal = match precision {
        Some(precision) => Decimal::rounded(value, precision.max(1)),
        None => Decimal::shortest(value),
    };
    let significant = decimal
        .digits
        .iter()
        .rposition(|d| *d != b'0')
        .map_or(0, |n| n + 1);
    let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let point = i64::from(decimal.point);
    // Without a precision, six digits decide.
    let limit = match precision.map(|p| p.max(1)) {
        None => 6,
        // A whole number with fewer digits than asked for is not padded.
        Some(p) if p > significant && signed(significant) >= point => signed(significant),
        Some(p) => signed(p),
    };
    if point - 1 < -4 || point > limit {
        return exponent_form(&decimal, significant.max(1) - 1, upper);
    }
    fixed_form(
        &decimal,
        usize::try_from(signed(significant) - point).unwrap_or(0),
    )
}

fn fixed_form(decimal: &Decimal, fraction: usize) -> String {
    let mut out = String::new();
    let whole = usize::try_from(decimal.point.max(0)).unwrap_or(0);
    if whole == 0 {
        out.push('0');
    }
    (0..whole).for_each(|i| out.push(char::from(decimal.digit(i))));
    if fraction > 0 {
        out.push('.');
        for i in 0..fraction {
            let index = i64::from(decimal.point) + i64::try_from(i).unwrap_or(0);
            let digit = usize::try_from(index).map_or(b'0', |index| decimal.digit(index));
            out.push(char::from(digit));
        }
    }
    out
}

fn exponent_form(decimal: &Decimal, fraction: usize, upper: bool) -> String {
    let mut out = String::new();
    out.push(char::from(decimal.digit(0)));
    if fraction > 0 {
        out.push('.');
        (1..=fraction).for_each(|i| out.push(char::from(decimal.digit(i))));
    }
    let exponent = if decimal.digits.is_empty() {
        0
    } else {
        decimal.point - 1
    };
    out.push(if upper { 'E' } else { 'e' });
    out.push(if exponent < 0 { '-' } else { '+' });
    _ = write!(out, "{:02}", exponent.abs());
    out
}

/// Mantissa and binary exponent such that the value is `mantissa · 2^exponent`.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

fn hexadecimal(value: f64, precision: Option<usize>, upper: bool) -> String {
    let (mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One digit before the point: shift until bit 60 is the leading one.
        let shift = i32::try_from(mantissa.leading_zeros()).unwrap_or(0) - 3;
        mantissa <<= shift;
        exponent = exponent - shift + 60;
    }
    if let Some(precision) = precision.filter(|p| *p < 15) {
        let shift = u32::try_from(precision * 4).unwrap_or(60);
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut out = format!("0x{}", mantissa >> 60 & 15);
    mantissa <<= 4;
    match precision {
        None => {
            if mantissa != 0 {
                out.push('.');
            }
            while mantissa != 0 {
                _ = write!(out, "{:x}", mantissa >> 60 & 15);
                mantissa <<= 4;
            }
        }
        Some(precision) => {
            if precision > 0 {
                out.push('.');
            }
            for _ in 0..precision {
                _ = write!(out, "{:x}", mantissa >> 60 & 15);
                mantissa <<= 4;
            }
        }
    }
    out.push('p');
    out.push(if exponent < 0 { '-' } else { '+' });
    _ = write!(out, "{:02}", exponent.abs());
    if upper { out.to_uppercase() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(value: f64) -> String {
        format_float(value, Form::General, None)
    }

    #[test]
    fn the_general_form_takes_an_exponent_when_it_is_large_or_small() {
        assert_eq!(shortest(1e21), "1e+21");
        assert_eq!(shortest(0.0001), "0.0001");
        assert_eq!(shortest(0.00001), "1e-05");
        assert_eq!(shortest(0.0), "0");
        assert_eq!(shortest(-0.0), "-0");
        assert_eq!(format_float(1_234_567.0, Form::General, Some(4)), "1.235e+06");
        assert_eq!(format_float(100.0, Form::General, Some(4)), "100");
    }

    #[test]
    fn a_precision_of_a_million_is_zeros_at_the_end() {
        for form in [Form::Fixed, Form::Exponent] {
            let text = format_float(0.1, form, Some(1_000_000));
            assert!(text.len() > 1_000_000);
            assert!(text.starts_with(if form == Form::Fixed {
                "0.1000000000000000055"
            } else {
                "1.000000000000000055"
            }));
        }
        assert_eq!(format_float(0.5, Form::General, Some(1_000_000)), "0.5");
    }

    #[test]
    fn hexadecimal_and_binary_forms_show_the_bits() {
        assert_eq!(format_float(1.0, Form::Hex, None), "0x1p+00");
        assert_eq!(format_float(3.5, Form::Hex, None), "0x1.cp+01");
        assert_eq!(format_float(1.0, Form::Binary, None), "4503599627370496p-52");
        assert_eq!(format_float(1.999, Form::Hex, Some(1)), "0x1.0p+01");
    }
}
