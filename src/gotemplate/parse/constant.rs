//! Number and character constants: every reading that a constant has.

use super::lexer::TokenKind;
use crate::gotemplate::strconv::{parse_float, parse_int, parse_uint, quote, unquote_char};
use crate::gotemplate::tree::Number;

/// Reads a constant; the error is Go's text.
pub(super) fn number(text: &[u8], kind: TokenKind) -> Result<Number, String> {
    let shown = String::from_utf8_lossy(text).into_owned();
    let mut number = Number {
        text: shown.clone(),
        ..Number::default()
    };
    match kind {
        TokenKind::CharConstant => {
            let code = unquote_char(text).ok_or_else(|| char_error(text, &shown))?;
            number.int = Some(i64::from(code));
            number.uint = Some(u64::from(code));
            number.float = Some(f64::from(code));
            number.character = true;
            return Ok(number);
        }
        TokenKind::Complex => {
            let (re, im) = split_complex(text).ok_or("syntax error scanning complex number")?;
            complex(&mut number, part(re)?, part(im)?);
            return Ok(number);
        }
        _ => {}
    }
    if let Some(imaginary) = text.strip_suffix(b"i")
        && let Ok(value) = parse_float(imaginary)
    {
        complex(&mut number, 0.0, value);
        return Ok(number);
    }
    number.uint = parse_uint(text, 0).ok();
    number.int = parse_int(text, 0).ok();
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "the float reading of an integer is the nearest float"
    )]
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Ok(float) = parse_float(text) {
        if !text.iter().any(|b| b".eEpP".contains(b)) {
            return Err(format!("integer overflow: {}", quoted(text)));
        }
        number.float = Some(float);
        whole(&mut number, float);
    }
    if number.int.is_none() && number.uint.is_none() && number.float.is_none() {
        return Err(format!("illegal number syntax: {}", quoted(text)));
    }
    Ok(number)
}

fn char_error(text: &[u8], shown: &str) -> String {
    // Too much between the quotes is malformed; anything else is what reading a quoted character says.
    let inner = text.get(1..).unwrap_or_default();
    if inner.len() > 1 && !inner.starts_with(b"\\") {
        return format!("malformed character constant: {shown}");
    }
    let several = (2..inner.len()).any(|end| {
        let mut head = text.get(..=end).unwrap_or_default().to_vec();
        head.push(b'\'');
        unquote_char(&head).is_some()
    });
    if several {
        format!("malformed character constant: {shown}")
    } else {
        "invalid syntax".to_owned()
    }
}

fn quoted(text: &[u8]) -> String {
    String::from_utf8_lossy(&quote(text)).into_owned()
}

fn split_complex(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_suffix(b"i")?;
    let at = (1..text.len()).rev().find(|i| {
        let exponent = text.get(i - 1).is_some_and(|b| b"eEpP".contains(b))
            && !(text.starts_with(b"0x") && text.get(i - 1).is_some_and(|b| b"eE".contains(b)));
        text.get(*i).is_some_and(|b| b"+-".contains(b)) && !exponent
    })?;
    text.split_at_checked(at).filter(|(_, im)| im.len() > 1)
}

/// One part of a complex constant.
fn part(text: &[u8]) -> Result<f64, String> {
    parse_float(text).map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", quoted(text)))
}

fn complex(number: &mut Number, re: f64, im: f64) {
    number.complex = Some((re, im));
    if im == 0.0 {
        number.float = Some(re);
        whole(number, re);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the comparison tells whether anything was lost"
)]
fn whole(number: &mut Number, float: f64) {
    if number.int.is_none() && float as i64 as f64 == float && float < 9.3e18 {
        number.int = Some(float as i64);
    }
    if number.uint.is_none() && float as u64 as f64 == float && float >= 0.0 {
        number.uint = Some(float as u64);
    }
}
