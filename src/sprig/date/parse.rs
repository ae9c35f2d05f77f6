//! Reading a moment by a layout.

use super::layout::{self, Element, MONTHS, Next, Offset, WEEKDAYS};
use super::time::{Time, Zone, days_before, days_in, local_moment};
use crate::gotemplate::strconv;

/// What was read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i64>,
    zone: Option<String>,
}

/// Why an element could not be read.
enum Bad {
    /// The text does not look like the element.
    Shape,
    /// A number is out of its range.
    Range(&'static str),
}

/// Reads a moment; one without a zone is in the given one. The error is Go's text.
pub(super) fn parse(whole_layout: &[u8], whole: &[u8], zone: &Zone) -> Result<Time, String> {
    let quoted = |text: &[u8]| String::from_utf8_lossy(&strconv::quote(text)).into_owned();
    let mismatch = |element: &[u8], value: &[u8]| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(whole),
            quoted(whole_layout),
            quoted(value),
            quoted(element)
        )
    };
    let message = |text: &str| format!("parsing time {}: {text}", quoted(whole));
    let mut fields = Fields::default();
    let (mut layout, mut value) = (whole_layout, whole);
    loop {
        let Next {
            before,
            element,
            written,
            rest,
        } = layout::next(layout);
        value = skip(value, before).map_err(|left| mismatch(before, left))?;
        let Some(element) = element else { break };
        layout = rest;
        let held = value;
        match fields.read(element, &mut value, layout) {
            Ok(()) => {}
            Err(Bad::Range(what)) => return Err(message(&format!("{what} out of range"))),
            Err(Bad::Shape) => return Err(mismatch(written, held)),
        }
    }
    if !value.is_empty() {
        return Err(message(&format!("extra text: {}", quoted(value))));
    }
    fields.moment(zone).map_err(message)
}

impl Time {
    /// A moment of a TOML document, whose local forms have zones of their own in the Go library.
    pub(in crate::sprig) fn from_toml(text: &str) -> Option<Self> {
        let forms = [
            ("2006-01-02T15:04:05Z07:00", ""),
            ("2006-01-02T15:04:05", "datetime-local"),
            ("2006-01-02", "date-local"),
            ("15:04:05", "time-local"),
        ];
        forms.into_iter().find_map(|(layout, name)| {
            let time = parse(layout.as_bytes(), text.as_bytes(), &Zone::Utc).ok()?;
            let local = Zone::Fixed(name.to_owned(), 0);
            Some(if name.is_empty() {
                time
            } else {
                time.in_zone(local)
            })
        })
    }
}

/// Takes the literal text; spaces stand for any number of spaces.
fn skip<'a>(mut value: &'a [u8], mut literal: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some((wanted, rest)) = literal.split_first() {
        if *wanted == b' ' {
            if value.first().is_some_and(|b| *b != b' ') {
                return Err(value);
            }
            literal = literal.trim_prefix_spaces();
            value = value.trim_prefix_spaces();
            continue;
        }
        match value.split_first() {
            Some((found, after)) if found == wanted => value = after,
            _ => return Err(value),
        }
        literal = rest;
    }
    Ok(value)
}

trait TrimPrefixSpaces {
    fn trim_prefix_spaces(&self) -> &Self;
}

impl TrimPrefixSpaces for [u8] {
    fn trim_prefix_spaces(&self) -> &Self {
        let spaces = self.iter().take_while(|b| **b == b' ').count();
        self.get(spaces..).unwrap_or_default()
    }
}

impl Fields {
    fn read(&mut self, element: Element, value: &mut &[u8], layout: &[u8]) -> Result<(), Bad> {
        match element {
            Element::Year => self.year = digits(value, 4)?,
            Element::ShortYear => {
                let year = digits(value, 2)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Element::MonthName => self.month = Some(name(value, &MONTHS, usize::MAX)? + 1),
            Element::ShortMonthName => self.month = Some(name(value, &MONTHS, 3)? + 1),
            Element::WeekdayName => {
                name(value, &WEEKDAYS, usize::MAX)?;
            }
            Element::ShortWeekdayName => {
                name(value, &WEEKDAYS, 3)?;
            }
            Element::Month(width) => self.month = Some(in_range(number(value, width)?, 1..=12, "month")?),
            Element::SpacedDay => {
                *value = value.strip_prefix(b" ").unwrap_or(value);
                self.day = Some(number(value, 1)?);
            }
            Element::Day(width) => self.day = Some(number(value, width)?),
            Element::YearDay | Element::SpacedYearDay => {
                if element == Element::SpacedYearDay {
                    let spaces = value.iter().take(2).take_while(|b| **b == b' ').count();
                    *value = value.get(spaces..).unwrap_or_default();
                }
                self.year_day = Some(up_to_three(value, element == Element::YearDay)?);
            }
            Element::Hour => self.hour = in_range(number(value, 1)?, 0..=23, "hour")?,
            Element::Hour12(width) => self.hour = in_range(number(value, width)?, 0..=12, "hour")?,
            Element::Minute(width) => self.minute = in_range(number(value, width)?, 0..=59, "minute")?,
            Element::Second(width) => {
                self.second = in_range(number(value, width)?, 0..=59, "second")?;
                // A fraction may follow though the layout has none.
                let named = matches!(layout::next(layout).element, Some(Element::Fraction(..)));
                if !named && let Some(length) = fraction_length(value) {
                    self.nanoseconds = fraction(value, length)?;
                }
            }
            Element::Half(capital) => {
                let (half, rest) = value.split_at_checked(2).ok_or(Bad::Shape)?;
                let afternoon: &[u8] = if capital { b"PM" } else { b"pm" };
                let morning: &[u8] = if capital { b"AM" } else { b"am" };
                self.afternoon = Some(half == afternoon);
                if half != afternoon && half != morning {
                    return Err(Bad::Shape);
                }
                *value = rest;
            }
            Element::Offset(form) => self.read_offset(form, value)?,
            Element::ZoneName => self.read_zone(value)?,
            Element::Fraction(count, _, trimmed) => {
                let length = fraction_length(value);
                match length {
                    Some(length) if trimmed => self.nanoseconds = fraction(value, length.min(10))?,
                    None if trimmed => {}
                    _ => self.nanoseconds = fraction(value, count + 1)?,
                }
            }
        }
        Ok(())
    }

    fn read_offset(&mut self, form: Offset, value: &mut &[u8]) -> Result<(), Bad> {
        if form.zulu
            && let Some(rest) = value.strip_prefix(b"Z")
        {
            *value = rest;
            self.utc = true;
            return Ok(());
        }
        let negative = match value.split_first() {
            Some((b'-', rest)) => {
                *value = rest;
                true
            }
            Some((b'+', rest)) => {
                *value = rest;
                false
            }
            _ => return Err(Bad::Shape),
        };
        let mut part = |wanted: bool, first: bool| {
            if !wanted {
                return Ok(0);
            }
            if form.colon && !first {
                *value = value.strip_prefix(b":").ok_or(Bad::Shape)?;
            }
            digits(value, 2)
        };
        let hours = in_range(part(true, true)?, 0..=24, "time zone offset hour")?;
        let minutes = in_range(part(form.minutes, false)?, 0..=60, "time zone offset minute")?;
        let seconds = in_range(part(form.seconds, false)?, 0..=60, "time zone offset second")?;
        let offset = hours * 3_600 + minutes * 60 + seconds;
        self.offset = Some(if negative { -offset } else { offset });
        Ok(())
    }

    fn read_zone(&mut self, value: &mut &[u8]) -> Result<(), Bad> {
        if let Some(rest) = value.strip_prefix(b"UTC") {
            *value = rest;
            self.utc = true;
            return Ok(());
        }
        let length = zone_length(value).ok_or(Bad::Shape)?;
        let (zone, rest) = value.split_at_checked(length).ok_or(Bad::Shape)?;
        self.zone = Some(String::from_utf8_lossy(zone).into_owned());
        *value = rest;
        Ok(())
    }

    fn moment(mut self, zone: &Zone) -> Result<Time, &'static str> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.month_and_day()?;
        let days = days_before(self.year, month, day);
        let local = days * 86_400 + self.hour * 3_600 + self.minute * 60 + self.second;
        let fixed = |name: String, offset: i64| Time {
            seconds: local - offset,
            nanoseconds: self.nanoseconds,
            zone: Zone::Fixed(name, offset),
            monotonic: None,
        };
        if self.utc {
            return Ok(local_moment(local, self.nanoseconds, Zone::Utc));
        }
        if let Some(offset) = self.offset {
            let found = fixed(self.zone.clone().unwrap_or_default(), offset);
            let (name, local_offset) = zone.at(found.seconds);
            let agrees = local_offset == offset && self.zone.as_ref().is_none_or(|z| *z == name);
            return Ok(if agrees {
                found.in_zone(zone.clone())
            } else {
                found
            });
        }
        if let Some(name) = self.zone.take() {
            if let Some(offset) = zone.offset_of(&name, local) {
                return Ok(fixed(String::new(), offset).in_zone(zone.clone()));
            }
            let hours = name.strip_prefix("GMT").filter(|_| name.len() > 3);
            let offset = hours.and_then(|h| h.parse::<i64>().ok()).unwrap_or(0) * 3_600;
            // Go takes the clock to be Greenwich's, whatever the name's offset.
            let greenwich = fixed(String::new(), 0);
            return Ok(greenwich.in_zone(Zone::Fixed(name, offset)));
        }
        Ok(local_moment(local, self.nanoseconds, zone.clone()))
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        if let Some(year_day) = self.year_day {
            let days = days_before(self.year + 1, 1, 1) - days_before(self.year, 1, 1);
            if !(1..=days).contains(&year_day) {
                return Err("day-of-year out of range");
            }
            let mut left = year_day;
            let month = (1..=12).find(|month| {
                let days = days_in(self.year, *month);
                let found = left <= days;
                left -= if found { 0 } else { days };
                found
            });
            let month = month.unwrap_or(12);
            if self.month.is_some_and(|m| m != month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|d| d != left) {
                return Err("day-of-year does not match day");
            }
            return Ok((month, left));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if !(1..=days_in(self.year, month)).contains(&day) {
            return Err("day out of range");
        }
        Ok((month, day))
    }
}

fn in_range(number: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Result<i64, Bad> {
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(Bad::Range(what))
    }
}

/// Exactly so many digits.
fn digits(value: &mut &[u8], count: usize) -> Result<i64, Bad> {
    let (digits, rest) = value.split_at_checked(count).ok_or(Bad::Shape)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Shape);
    }
    *value = rest;
    Ok(digits.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')))
}

/// One or two digits; two where the layout has two.
fn number(value: &mut &[u8], at_least: usize) -> Result<i64, Bad> {
    let two = value.get(1).is_some_and(u8::is_ascii_digit);
    digits(value, if two { 2 } else { at_least.max(1) })
}

fn up_to_three(value: &mut &[u8], all: bool) -> Result<i64, Bad> {
    let count = value.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    if count == 0 || (all && count < 3) {
        return Err(Bad::Shape);
    }
    digits(value, count)
}

/// Where in the list the name stands with which the value begins, capitals or not.
fn name(value: &mut &[u8], names: &[&str], length: usize) -> Result<i64, Bad> {
    for (at, name) in names.iter().enumerate() {
        let name = name.get(..length).unwrap_or(name);
        if let Some((found, rest)) = value.split_at_checked(name.len())
            && found.eq_ignore_ascii_case(name.as_bytes())
        {
            *value = rest;
            return i64::try_from(at).map_err(|_| Bad::Shape);
        }
    }
    Err(Bad::Shape)
}

/// The length of `.123` or `,123` at the beginning.
fn fraction_length(value: &[u8]) -> Option<usize> {
    let [b'.' | b',', digits @ ..] = value else {
        return None;
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    (count > 0).then_some(count + 1)
}

fn fraction(value: &mut &[u8], length: usize) -> Result<u32, Bad> {
    let (text, rest) = value.split_at_checked(length).ok_or(Bad::Shape)?;
    let [b'.' | b',', digits @ ..] = text else {
        return Err(Bad::Shape);
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Range("fractional second"));
    }
    *value = rest;
    let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Ok(nine.fold(0, |n, b| n * 10 + u32::from(b - b'0')))
}

/// How long the name of a zone at the beginning is.
fn zone_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_offset(rest));
    }
    if value.starts_with(b"+") || value.starts_with(b"-") {
        let length = signed_offset(value);
        return (length > 0).then_some(length);
    }
    match value
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_uppercase())
        .count()
    {
        5 if value.get(4) == Some(&b'T') => Some(5),
        4 if value.get(3) == Some(&b'T') || value.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// The length of a sign with at most 23 hours after it.
fn signed_offset(value: &[u8]) -> usize {
    let [b'+' | b'-', rest @ ..] = value else { return 0 };
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = rest.iter().take(count).fold(0_u64, |n, b| {
        n.saturating_mul(10).saturating_add(u64::from(b - b'0'))
    });
    if count == 0 || hours > 23 { 0 } else { count + 1 }
}
