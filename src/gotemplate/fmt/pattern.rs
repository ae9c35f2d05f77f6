//! `Sprintf`: the pattern, its argument numbers, and the complaints about both.

use super::flags::Flags;
use super::printer::Printer;
use crate::gotemplate::function::Failure;
use crate::gotemplate::strconv::runes;
use crate::gotemplate::value::Value;

/// Widths, precisions and argument numbers past this are not understood.
const TOO_LARGE: usize = 1_000_000;

struct Pattern<'a> {
    text: &'a [u8],
    at: usize,
    arguments: &'a [Value],
    next: usize,
    reordered: bool,
    good_index: bool,
    after_index: bool,
}

/// Prints by a pattern.
pub(super) fn print(printer: &mut Printer, text: &[u8], arguments: &[Value]) -> Result<(), Failure> {
    let mut pattern = Pattern {
        text,
        at: 0,
        arguments,
        next: 0,
        reordered: false,
        good_index: true,
        after_index: false,
    };
    while pattern.at < text.len() {
        pattern.literal(printer);
        if pattern.at < text.len() {
            pattern.directive(printer)?;
        }
    }
    if !pattern.reordered && pattern.next < arguments.len() {
        extra(printer, arguments.get(pattern.next..).unwrap_or_default())?;
    }
    Ok(())
}

fn extra(printer: &mut Printer, arguments: &[Value]) -> Result<(), Failure> {
    printer.flags = Flags::default();
    printer.out.extend_from_slice(b"%!(EXTRA ");
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            printer.out.extend_from_slice(b", ");
        }
        if argument.is_nil() {
            printer.out.extend_from_slice(b"<nil>");
        } else {
            printer.out.extend_from_slice(argument.type_name().as_bytes());
            printer.out.push(b'=');
            printer.argument(argument, 'v')?;
        }
    }
    printer.out.push(b')');
    Ok(())
}

impl Pattern<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn literal(&mut self, printer: &mut Printer) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|b| *b == b'%').unwrap_or(rest.len());
        printer.out.extend_from_slice(rest.get(..end).unwrap_or_default());
        self.at += end;
    }

    fn directive(&mut self, printer: &mut Printer) -> Result<(), Failure> {
        self.at += 1;
        self.good_index = true;
        self.after_index = false;
        printer.flags = Flags::default();
        self.flags(&mut printer.flags);
        self.argument_index();
        self.width(printer);
        self.precision(printer);
        if !self.after_index {
            self.argument_index();
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some((_, verb, width)) = runes(rest).next() else {
            printer.out.extend_from_slice(b"%!(NOVERB)");
            return Ok(());
        };
        self.at += width;
        if verb == '%' {
            printer.out.push(b'%');
            return Ok(());
        }
        if !self.good_index {
            complain(printer, verb, "(BADINDEX)");
            return Ok(());
        }
        let Some(argument) = self.arguments.get(self.next) else {
            complain(printer, verb, "(MISSING)");
            return Ok(());
        };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
            printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
        }
        printer.argument(argument, verb)
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn width(&mut self, printer: &mut Printer) {
        if self.peek() == Some(b'*') {
            self.at += 1;
            self.after_index = false;
            match self.number_argument() {
                None => printer.out.extend_from_slice(b"%!(BADWIDTH)"),
                Some(width) => {
                    printer.flags.width = Some(width.unsigned_abs());
                    if width < 0 {
                        printer.flags.minus = true;
                        printer.flags.zero = false;
                    }
                }
            }
            return;
        }
        printer.flags.width = self.number();
        if self.after_index && printer.flags.width.is_some() {
            self.good_index = false;
        }
    }

    fn precision(&mut self, printer: &mut Printer) {
        // A point at the very end is taken for the verb.
        if self.peek() != Some(b'.') || self.at + 1 == self.text.len() {
            return;
        }
        self.at += 1;
        if self.after_index {
            self.good_index = false;
        }
        self.argument_index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            self.after_index = false;
            let precision = self.number_argument().and_then(|p| usize::try_from(p).ok());
            if precision.is_none() {
                printer.out.extend_from_slice(b"%!(BADPREC)");
            }
            printer.flags.precision = precision;
        } else {
            printer.flags.precision = Some(self.number().unwrap_or(0));
        }
    }

    /// The decimal number here. One that is too large eats the rest of the pattern, as Go does.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            if number.is_some_and(|n| n > TOO_LARGE) {
                self.at = self.text.len();
                return None;
            }
            number = Some(number.unwrap_or(0) * 10 + usize::from(digit - b'0'));
            self.at += 1;
        }
        number
    }

    /// A width or precision that stands among the arguments.
    fn number_argument(&mut self) -> Option<isize> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let number = match argument.plain() {
            Value::Int(number, _) => isize::try_from(number).ok()?,
            Value::Uint(number, _) => isize::try_from(number).ok()?,
            _ => return None,
        };
        (number.unsigned_abs() <= TOO_LARGE).then_some(number)
    }

    /// `[n]`
    fn argument_index(&mut self) {
        if self.peek() != Some(b'[') {
            self.after_index = false;
            return;
        }
        self.reordered = true;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let close = rest.iter().position(|b| *b == b']').filter(|_| rest.len() >= 3);
        let Some(close) = close else {
            self.at += 1;
            self.good_index = false;
            self.after_index = false;
            return;
        };
        let index = parse_index(rest.get(1..close).unwrap_or_default());
        self.at += close + 1;
        match index {
            Some(index) if (1..=self.arguments.len()).contains(&index) => {
                self.next = index - 1;
                self.after_index = true;
            }
            _ => {
                self.good_index = false;
                self.after_index = index.is_some();
            }
        }
    }
}

fn parse_index(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= TOO_LARGE * 10).then_some(number)
}

fn complain(printer: &mut Printer, verb: char, what: &str) {
    printer.out.extend_from_slice(b"%!");
    printer.verb(verb);
    printer.out.extend_from_slice(what.as_bytes());
}
