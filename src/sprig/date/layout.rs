//! Go's date layouts, written as a certain moment: `Mon Jan 2 15:04:05 MST 2006`.

use std::fmt::Write as _;

use super::time::Time;
use crate::sprig::Bytes;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// How an offset from Greenwich is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for none.
    pub(super) zulu: bool,
    pub(super) colon: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Year,
    ShortYear,
    MonthName,
    ShortMonthName,
    /// With how many digits at least.
    Month(usize),
    WeekdayName,
    ShortWeekdayName,
    Day(usize),
    /// Filled up with spaces.
    SpacedDay,
    YearDay,
    SpacedYearDay,
    Hour,
    Hour12(usize),
    Minute(usize),
    Second(usize),
    /// `PM` or `pm`.
    Half(bool),
    ZoneName,
    Offset(Offset),
    /// Digits of the fraction, the separator, and whether zeros at the end are left out.
    Fraction(usize, u8, bool),
}

/// The literal text before the next element, the element, how it is written, and the rest.
pub(super) struct Next<'a> {
    pub(super) before: &'a [u8],
    pub(super) element: Option<Element>,
    pub(super) written: &'a [u8],
    pub(super) rest: &'a [u8],
}

/// The texts of fixed elements; one that begins with another one stands before it.
const FIXED: [(&[u8], Element); 25] = [
    (b"January", Element::MonthName),
    (b"Jan", Element::ShortMonthName),
    (b"Monday", Element::WeekdayName),
    (b"Mon", Element::ShortWeekdayName),
    (b"MST", Element::ZoneName),
    (b"01", Element::Month(2)),
    (b"02", Element::Day(2)),
    (b"03", Element::Hour12(2)),
    (b"04", Element::Minute(2)),
    (b"05", Element::Second(2)),
    (b"06", Element::ShortYear),
    (b"002", Element::YearDay),
    (b"15", Element::Hour),
    (b"1", Element::Month(1)),
    (b"2006", Element::Year),
    (b"2", Element::Day(1)),
    (b"__2", Element::SpacedYearDay),
    (b"_2", Element::SpacedDay),
    (b"3", Element::Hour12(1)),
    (b"4", Element::Minute(1)),
    (b"5", Element::Second(1)),
    (b"PM", Element::Half(true)),
    (b"pm", Element::Half(false)),
    (
        b"-",
        Element::Offset(Offset {
            zulu: false,
            colon: false,
            minutes: false,
            seconds: false,
        }),
    ),
    (
        b"Z",
        Element::Offset(Offset {
            zulu: true,
            colon: false,
            minutes: false,
            seconds: false,
        }),
    ),
];

/// Finds the next element of a layout.
pub(super) fn next(layout: &[u8]) -> Next<'_> {
    for at in 0..layout.len() {
        let (before, here) = layout.split_at(at);
        if let Some((element, length)) = element(here) {
            let (written, rest) = here.split_at(length);
            return Next {
                before,
                element: Some(element),
                written,
                rest,
            };
        }
        // In `_2006` the underscore is literal.
        if here.starts_with(b"_2006") {
            let (before, here) = layout.split_at(at + 1);
            let (written, rest) = here.split_at(4);
            return Next {
                before,
                element: Some(Element::Year),
                written,
                rest,
            };
        }
    }
    Next {
        before: layout,
        element: None,
        written: b"",
        rest: b"",
    }
}

fn element(here: &[u8]) -> Option<(Element, usize)> {
    if let [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] = here {
        let digits = here.iter().skip(1).take_while(|b| *b == digit).count();
        let ends = !here.get(digits + 1).is_some_and(u8::is_ascii_digit);
        return ends.then_some((Element::Fraction(digits, *separator, *digit == b'9'), digits + 1));
    }
    if here.starts_with(b"_2006") {
        return None;
    }
    let (text, element) = FIXED.iter().find(|(text, element)| {
        // A short name must not go on in small letters: `Janus` is no month.
        let goes_on = || here.get(text.len()).is_some_and(u8::is_ascii_lowercase);
        let short = matches!(element, Element::ShortMonthName | Element::ShortWeekdayName);
        here.starts_with(text) && !(short && goes_on())
    })?;
    let Element::Offset(offset) = element else {
        return Some((*element, text.len()));
    };
    let forms: [(&[u8], bool, bool, bool); 5] = [
        (b"070000", false, true, true),
        (b"07:00:00", true, true, true),
        (b"0700", false, true, false),
        (b"07:00", true, true, false),
        (b"07", false, false, false),
    ];
    let behind = here.get(1..)?;
    let (form, colon, minutes, seconds) = forms.into_iter().find(|(form, ..)| behind.starts_with(form))?;
    let zulu = offset.zulu;
    Some((
        Element::Offset(Offset {
            zulu,
            colon,
            minutes,
            seconds,
        }),
        form.len() + 1,
    ))
}

/// A moment written in a layout.
pub(super) fn format(time: &Time, mut layout: &[u8]) -> Bytes {
    let civil = time.civil();
    let (zone, offset) = time.zone.at(time.seconds);
    let mut out = Vec::new();
    loop {
        let Next {
            before,
            element,
            rest,
            ..
        } = next(layout);
        out.extend_from_slice(before);
        let Some(element) = element else { return out };
        layout = rest;
        let name = |names: &[&'static str], at: i64| {
            usize::try_from(at)
                .ok()
                .and_then(|at| names.get(at))
                .copied()
                .unwrap_or("%!")
        };
        let short = |name: &'static str| name.get(..3).unwrap_or(name);
        let hour12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
        let text = match element {
            Element::Year if civil.year < 0 => format!("-{:04}", -civil.year),
            Element::Year => format!("{:04}", civil.year),
            Element::ShortYear => format!("{:02}", civil.year.rem_euclid(100)),
            Element::MonthName => name(&MONTHS, civil.month - 1).to_owned(),
            Element::ShortMonthName => short(name(&MONTHS, civil.month - 1)).to_owned(),
            Element::WeekdayName => name(&WEEKDAYS, civil.weekday).to_owned(),
            Element::ShortWeekdayName => short(name(&WEEKDAYS, civil.weekday)).to_owned(),
            Element::Month(width) => format!("{:0width$}", civil.month),
            Element::Day(width) => format!("{:0width$}", civil.day),
            Element::SpacedDay => format!("{:2}", civil.day),
            Element::YearDay => format!("{:03}", civil.year_day),
            Element::SpacedYearDay => format!("{:3}", civil.year_day),
            Element::Hour => format!("{:02}", civil.hour),
            Element::Hour12(width) => format!("{hour12:0width$}"),
            Element::Minute(width) => format!("{:0width$}", civil.minute),
            Element::Second(width) => format!("{:0width$}", civil.second),
            Element::Half(capital) => {
                let half = if civil.hour >= 12 { "PM" } else { "AM" };
                if capital {
                    half.to_owned()
                } else {
                    half.to_ascii_lowercase()
                }
            }
            Element::ZoneName if zone.is_empty() => nameless(offset),
            Element::ZoneName => zone.clone(),
            Element::Offset(form) => offset_text(offset, form),
            Element::Fraction(digits, separator, trimmed) => {
                fraction(time.nanoseconds, digits, separator, trimmed)
            }
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// A zone without a name is called by its offset.
fn nameless(offset: i64) -> String {
    let form = Offset {
        zulu: false,
        colon: false,
        minutes: true,
        seconds: false,
    };
    offset_text(offset, form)
}

fn offset_text(offset: i64, form: Offset) -> String {
    if form.zulu && offset == 0 {
        return "Z".to_owned();
    }
    let (minutes, seconds) = (offset / 60, offset.abs() % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    let colon = if form.colon { ":" } else { "" };
    let mut out = format!("{sign}{:02}", minutes / 60);
    if form.minutes {
        let _ = write!(out, "{colon}{:02}", minutes % 60);
    }
    if form.seconds {
        let _ = write!(out, "{colon}{seconds:02}");
    }
    out
}

fn fraction(nanoseconds: u32, digits: usize, separator: u8, trimmed: bool) -> String {
    let all = format!("{nanoseconds:09}");
    let kept: String = all
        .chars()
        .chain(std::iter::repeat('0'))
        .take(digits.min(9))
        .collect();
    let kept = if trimmed {
        kept.trim_end_matches('0')
    } else {
        &kept
    };
    if kept.is_empty() {
        return String::new();
    }
    format!("{}{kept}", char::from(separator))
}
