//! Flags, and the forms of single things: padding, integers, floats, strings.

use super::printer::Printer;
use crate::gotemplate::strconv::{self, Form};

/// What stands between the percent sign and the verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
}

impl Printer {
    fn fill(&mut self, count: usize, zero: bool) {
        let byte = if zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + count, byte);
    }

    fn pad_with(&mut self, text: &[u8], zero: bool) {
        let missing = match self.flags.width {
            Some(width) if width > 0 => width.saturating_sub(strconv::runes(text).count()),
            _ => 0,
        };
        if self.flags.minus {
            self.out.extend_from_slice(text);
            self.fill(missing, zero);
        } else {
            self.fill(missing, zero);
            self.out.extend_from_slice(text);
        }
    }

    pub(super) fn pad(&mut self, text: &[u8]) {
        self.pad_with(text, self.flags.zero);
    }

    fn cut<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let Some(precision) = self.flags.precision else {
            return text;
        };
        match strconv::runes(text).nth(precision) {
            Some((at, _, _)) => text.get(..at).unwrap_or(text),
            None => text,
        }
    }

    pub(super) fn string_form(&mut self, text: &[u8]) {
        let text = self.cut(text);
        self.pad(text);
    }

    pub(super) fn quoted_form(&mut self, text: &[u8]) {
        let text = self.cut(text);
        let quoted = if self.flags.sharp && strconv::can_backquote(text) {
            [b"`", text, b"`"].concat()
        } else if self.flags.plus {
            strconv::quote_ascii(text)
        } else {
            strconv::quote(text)
        };
        self.pad(&quoted);
    }

    pub(super) fn hex_string(&mut self, text: &[u8], upper: bool) {
        let count = self.flags.precision.map_or(text.len(), |p| p.min(text.len()));
        let text = text.get(..count).unwrap_or(text);
        if text.is_empty() {
            let width = self.flags.width.unwrap_or(0);
            return self.fill(width, self.flags.zero);
        }
        let prefix: &[u8] = match (self.flags.sharp, upper) {
            (false, _) => b"",
            (true, false) => b"0x",
            (true, true) => b"0X",
        };
        let mut hex = Vec::with_capacity(2 * text.len() + 2);
        for (i, byte) in text.iter().enumerate() {
            if i == 0 {
                hex.extend_from_slice(prefix);
            } else if self.flags.space {
                hex.push(b' ');
                hex.extend_from_slice(prefix);
            }
            let digits: &[u8] = if upper {
                b"0123456789ABCDEF"
            } else {
                b"0123456789abcdef"
            };
            hex.extend(digits.get(usize::from(byte >> 4)));
            hex.extend(digits.get(usize::from(byte & 15)));
        }
        self.pad(&hex);
    }

    /// An integer in some base; `verb` is needed for `O` alone.
    pub(super) fn integer_form(
        &mut self,
        magnitude: u64,
        negative: bool,
        base: u64,
        verb: char,
        upper: bool,
    ) {
        let mut least = 0;
        if let Some(precision) = self.flags.precision {
            least = precision;
            if precision == 0 && magnitude == 0 {
                let width = self.flags.width.unwrap_or(0);
                return self.fill(width, false);
            }
        } else if self.flags.zero
            && !self.flags.minus
            && let Some(width) = self.flags.width
        {
            let sign = negative || self.flags.plus || self.flags.space;
            least = width.saturating_sub(usize::from(sign));
        }
        let mut digits = digits_of(magnitude, base, upper);
        while digits.len() < least {
            digits.push(b'0');
        }
        if self.flags.sharp {
            match base {
                2 => digits.extend_from_slice(b"b0"),
                8 if digits.last() != Some(&b'0') => digits.push(b'0'),
                16 => digits.extend_from_slice(if upper { b"X0" } else { b"x0" }),
                _ => {}
            }
        }
        if verb == 'O' {
            digits.extend_from_slice(b"o0");
        }
        if negative {
            digits.push(b'-');
        } else if self.flags.plus {
            digits.push(b'+');
        } else if self.flags.space {
            digits.push(b' ');
        }
        digits.reverse();
        self.pad_with(&digits, false);
    }

    pub(super) fn character_form(&mut self, code: u64) {
        let c = character(code);
        self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn quoted_character(&mut self, code: u64) {
        let quoted = strconv::quote_char(u64::from(u32::from(character(code))), self.flags.plus);
        self.pad(&quoted);
    }

    pub(super) fn unicode_form(&mut self, code: u64) {
        let least = self.flags.precision.unwrap_or(4).max(4);
        let digits = format!("{code:X}");
        let mut text = format!("U+{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && strconv::is_print(*c)) {
            text.extend([' ', '\'', c, '\'']);
        }
        self.pad_with(text.as_bytes(), false);
    }

    pub(super) fn float_form(&mut self, value: f64, verb: char, precision: Option<usize>) {
        let precision = self.flags.precision.or(precision);
        let form = match verb {
            'b' => Form::Binary,
            'e' => Form::Exponent,
            'E' => Form::UpperExponent,
            'f' | 'F' => Form::Fixed,
            'G' => Form::UpperGeneral,
            'x' => Form::Hex,
            'X' => Form::UpperHex,
            _ => Form::General,
        };
        let mut number = strconv::format_float(value, form, precision).into_bytes();
        if !matches!(number.first(), Some(b'+' | b'-')) {
            number.insert(0, b'+');
        }
        if self.flags.space
            && !self.flags.plus
            && let Some(sign) = number.first_mut().filter(|s| **s == b'+')
        {
            *sign = b' ';
        }
        if !value.is_finite() {
            if value.is_nan() && !self.flags.space && !self.flags.plus {
                number.remove(0);
            }
            // An infinity without a wish for signs shows none.
            let bare = value == f64::INFINITY && !self.flags.plus && !self.flags.space;
            let text = if bare {
                number.get(..).unwrap_or_default()
            } else {
                &number
            };
            return self.pad_with(text, false);
        }
        if self.flags.sharp && verb != 'b' {
            number = with_point(&number, verb, precision);
        }
        if !self.flags.plus && number.first() == Some(&b'+') {
            return self.pad(number.get(1..).unwrap_or_default());
        }
        let width = self.flags.width.unwrap_or(0);
        if self.flags.zero && !self.flags.minus && width > number.len() {
            let (sign, digits) = number.split_at(1);
            self.out.extend_from_slice(sign);
            self.fill(width - number.len(), true);
            self.out.extend_from_slice(digits);
            return;
        }
        self.pad(&number);
    }
}

/// `%#g` and its like: always a point, and trailing zeros up to the precision.
fn with_point(number: &[u8], verb: char, precision: Option<usize>) -> Vec<u8> {
    let mut wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.map_or(6, |p| i64::try_from(p).unwrap_or(i64::MAX)),
        _ => 0,
    };
    let hex = matches!(verb, 'x' | 'X');
    let mut body = number.to_vec();
    let mut tail = Vec::new();
    let mut point = false;
    let mut nonzero = false;
    for (i, byte) in number.iter().enumerate().skip(1) {
        match byte {
            b'.' => point = true,
            b'p' | b'P' => {
                tail = body.split_off(i);
                break;
            }
            b'e' | b'E' if !hex => {
                tail = body.split_off(i);
                break;
            }
            _ => {
                nonzero |= *byte != b'0';
                wanted -= i64::from(nonzero);
            }
        }
    }
    if !point {
        if body.len() == 2 && body.last() == Some(&b'0') {
            wanted -= 1;
        }
        body.push(b'.');
    }
    let zeros = usize::try_from(wanted).unwrap_or(0);
    body.resize(body.len() + zeros, b'0');
    body.extend_from_slice(&tail);
    body
}

fn character(code: u64) -> char {
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{fffd}')
}

/// The digits of a number, the last one first.
fn digits_of(mut value: u64, base: u64, upper: bool) -> Vec<u8> {
    let set: &[u8] = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let mut digits = Vec::with_capacity(20);
    loop {
        let digit = usize::try_from(value % base).unwrap_or(0);
        digits.extend(set.get(digit));
        value /= base;
        if value == 0 {
            return digits;
        }
    }
}
