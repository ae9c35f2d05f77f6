//! Go's `fmt`: `Sprint`, `Sprintln`, `Sprintf` with all verbs, flags and the ways in which it complains.

mod flags;
mod pattern;
mod printer;

use super::function::Failure;
use super::text::GoString;
use super::value::Value;
use printer::Printer;

/// `fmt.Sprintf`.
///
/// ```
/// use carrack::gotemplate::{Value, fmt};
///
/// let text = fmt::sprintf(b"%05.1f|%-4s|%q|%d", &[Value::from(3.14159), "ab".into(), "x".into(), "no".into()]).unwrap();
/// assert_eq!(text, "003.1|ab  |\"x\"|%!d(string=no)");
/// ```
pub fn sprintf(pattern: &[u8], arguments: &[Value]) -> Result<GoString, Failure> {
    let mut printer = Printer::new();
    pattern::print(&mut printer, pattern, arguments)?;
    Ok(printer.finish())
}

/// `fmt.Sprint`: a space between operands when neither is a string.
pub fn sprint(arguments: &[Value]) -> Result<GoString, Failure> {
    if let [Value::String(text)] = arguments {
        return Ok(text.clone());
    }
    let mut out = Vec::new();
    print_into(&mut out, arguments)?;
    Ok(out.into())
}

/// `fmt.Sprintln`: spaces between all operands and a newline at the end.
pub fn sprintln(arguments: &[Value]) -> Result<GoString, Failure> {
    let mut printer = Printer::new();
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            printer.out.push(b' ');
        }
        printer.argument(argument, 'v')?;
    }
    printer.out.push(b'\n');
    Ok(printer.finish())
}

/// `fmt.Fprint` to the end of a buffer.
pub fn print_into(out: &mut Vec<u8>, arguments: &[Value]) -> Result<(), Failure> {
    let mut printer = Printer::onto(std::mem::take(out));
    let mut after_text = false;
    for (i, argument) in arguments.iter().enumerate() {
        let text = matches!(argument, Value::String(_));
        if i > 0 && !text && !after_text {
            printer.out.push(b' ');
        }
        printer.argument(argument, 'v')?;
        after_text = text;
    }
    *out = printer.out;
    Ok(())
}

/// A value as `%v` shows it.
pub fn text_of(value: &Value) -> Result<GoString, Failure> {
    sprint(std::slice::from_ref(value))
}
