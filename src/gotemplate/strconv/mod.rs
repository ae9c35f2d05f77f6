//! Numbers and quoted strings as Go writes and reads them.

mod float;
mod number;
mod quote;

pub use float::{Form, format_float};
pub use number::{NumberError, parse_float, parse_int, parse_uint};
pub use quote::{
    can_backquote, is_digit, is_letter, is_print, quote, quote_ascii, quote_char, runes, unquote,
    unquote_char,
};
