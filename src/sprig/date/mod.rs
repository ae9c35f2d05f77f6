//! Dates and durations. The time of day comes from the render's clock, the local zone from its surroundings.

mod duration;
mod layout;
mod object;
mod parse;
mod time;

use jiff::tz::TimeZone;

use self::object::TIME;
use self::time::{Time, ZERO, Zone};
use super::surroundings::{Surroundings, surroundings};
use crate::gotemplate::strconv::{NumberError, parse_int};
use crate::gotemplate::{Arguments, Engine, Failure, Function, IntKind, Signature, Type, Value};

pub(super) use self::object::calendar_number;
pub(super) use self::time::Time as Moment;

const TEXT: &Type = Type::STRING;
const ANY: &Type = Type::ANY;
static TEXT_AND_TIME: &[&Type] = &[TEXT, &TIME];
static A_TIME: &[&Type] = &[&TIME];

pub(super) fn functions() -> Vec<Function> {
    let zoned = Signature::of(&[TEXT, ANY, TEXT]);
    let read = Signature::of(&[TEXT, TEXT]);
    let mut functions = vec![
        Function::with_engine("now", Signature::of(&[]), |e, _| {
            Ok(now(surroundings(e)?).into_value())
        }),
        Function::with_engine("date", Signature::of(&[TEXT, ANY]), |e, a| {
            formatted(e, a.text(0)?, a.value(1)?, b"Local")
        }),
        Function::with_engine("htmlDate", Signature::of(&[ANY]), |e, a| {
            formatted(e, b"2006-01-02", a.value(0)?, b"Local")
        }),
        Function::with_engine("htmlDateInZone", Signature::of(&[ANY, TEXT]), |e, a| {
            formatted(e, b"2006-01-02", a.value(0)?, a.text(1)?)
        }),
        Function::with_engine("ago", Signature::of(&[ANY]), ago),
        Function::plain("duration", &[ANY], |a| {
            Ok(duration::text(seconds(a.value(0)?).wrapping_mul(SECOND)).into())
        }),
        Function::with_engine("durationRound", Signature::of(&[ANY]), duration_round),
        Function::with_engine("toDate", read, |e, a| {
            let zone = local(surroundings(e)?);
            Ok(parse::parse(a.text(0)?, a.text(1)?, &zone)
                .unwrap_or_else(|_| Time::utc(ZERO))
                .into_value())
        }),
        Function::with_engine("mustToDate", read, |e, a| {
            let zone = local(surroundings(e)?);
            Ok(parse::parse(a.text(0)?, a.text(1)?, &zone)
                .map_err(Failure::from)?
                .into_value())
        }),
        Function::plain("unixEpoch", A_TIME, |a| {
            Ok(time_of(a, 0)?.seconds.to_string().into())
        }),
    ];
    for name in ["dateInZone", "date_in_zone"] {
        functions.push(Function::with_engine(name, zoned, |e, a| {
            formatted(e, a.text(0)?, a.value(1)?, a.text(2)?)
        }));
    }
    for name in ["dateModify", "date_modify"] {
        functions.push(Function::plain(name, TEXT_AND_TIME, |a| {
            let time = time_of(a, 1)?;
            let shift = duration::parse(a.text(0)?).unwrap_or(0);
            Ok(time.plus(shift.into()).into_value())
        }));
    }
    for name in ["mustDateModify", "must_date_modify"] {
        functions.push(Function::plain(name, TEXT_AND_TIME, |a| {
            let shift = duration::parse(a.text(0)?).map_err(Failure::from)?;
            Ok(time_of(a, 1)?.plus(shift.into()).into_value())
        }));
    }
    functions
}

const SECOND: i64 = 1_000_000_000;

fn local(surroundings: &Surroundings) -> Zone {
    Zone::Local(surroundings.zone().clone())
}

fn now(surroundings: &Surroundings) -> Time {
    let now = surroundings.now();
    let since = now.duration_since(surroundings.started()).unwrap_or_default();
    let mut time = Time::of(now, local(surroundings));
    time.monotonic = Some(i128::try_from(since.as_nanos()).unwrap_or(i128::MAX));
    time
}

fn time_of(arguments: Arguments<'_>, at: usize) -> Result<&Time, Failure> {
    Time::given(arguments.value(at)?).ok_or_else(|| Failure::from("the value is no time.Time"))
}

/// The moment that a value stands for: itself, or seconds since 1970; any other value stands for now.
fn moment(surroundings: &Surroundings, value: &Value) -> Time {
    match value {
        Value::Int(seconds, IntKind::Int | IntKind::Int32 | IntKind::Int64) => {
            let mut time = Time::utc(*seconds);
            time.zone = local(surroundings);
            time
        }
        other => Time::given(other).cloned().unwrap_or_else(|| now(surroundings)),
    }
}

fn formatted(engine: &mut dyn Engine, layout: &[u8], value: &Value, zone: &[u8]) -> Result<Value, Failure> {
    let surroundings = surroundings(engine)?;
    let zone = match zone {
        b"" | b"UTC" => Zone::Utc,
        b"Local" => local(surroundings),
        // What is no zone counts as Greenwich.
        name => std::str::from_utf8(name)
            .ok()
            .filter(|name| !name.contains("..") && !name.starts_with(['/', '\\']))
            .and_then(|name| TimeZone::get(name).ok())
            .map_or(Zone::Utc, Zone::Named),
    };
    let time = moment(surroundings, value).in_zone(zone);
    Ok(Value::string(layout::format(&time, layout)))
}

/// How long ago it was, to the second.
fn ago(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let surroundings = surroundings(engine)?;
    let since = now(surroundings).total() - moment(surroundings, arguments.value(0)?).total();
    let since = i64::try_from(since).unwrap_or(if since < 0 { i64::MIN } else { i64::MAX });
    let (whole, rest) = (since / SECOND, since % SECOND);
    let up = i64::from(rest.abs() * 2 >= SECOND) * rest.signum();
    Ok(duration::text((whole + up).saturating_mul(SECOND)).into())
}

/// Seconds, as text in decimal digits or as an `int64`; anything else is none.
fn seconds(value: &Value) -> i64 {
    match value {
        Value::Int(number, IntKind::Int64) => *number,
        Value::String(text) => match parse_int(text, 10) {
            Ok(number) => number,
            Err(NumberError::Range) if text.starts_with(b"-") => i64::MIN,
            Err(NumberError::Range) => i64::MAX,
            Err(NumberError::Syntax) => 0,
        },
        _ => 0,
    }
}

fn duration_round(engine: &mut dyn Engine, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let nanoseconds = match arguments.value(0)? {
        Value::String(text) => duration::parse(text).unwrap_or(0),
        Value::Int(number, IntKind::Int64) => *number,
        other => match Time::given(other) {
            Some(time) => {
                i64::try_from(now(surroundings(engine)?).total() - time.total()).unwrap_or(i64::MAX)
            }
            None => 0,
        },
    };
    Ok(duration::rounded(nanoseconds).into())
}
