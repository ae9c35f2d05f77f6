//! Moments, months, weekdays and durations as templates see them.

use std::cmp::Ordering;
use std::rc::Rc;

use super::duration;
use super::layout::{self, MONTHS, WEEKDAYS};
use super::time::{Time, Zone};
use crate::gotemplate::{Arguments, Engine, Failure, GoString, Kind, Object, Signature, Type, Value};
use crate::sprig::surroundings::surroundings;

/// Go's `time.Time`.
pub(super) static TIME: Type = Type::named("time.Time", Kind::Struct);
static DURATION: Type = Type::named("time.Duration", Kind::Int64);
static MONTH: Type = Type::named("time.Month", Kind::Int);
static WEEKDAY: Type = Type::named("time.Weekday", Kind::Int);
static LOCATION: Type = Type::named("*time.Location", Kind::Pointer);

static NOTHING: Signature = Signature::of(&[]);
static TEXT: Signature = Signature::of(&[Type::STRING]);
static A_TIME: Signature = Signature::of(&[&TIME]);
static A_DURATION: Signature = Signature::of(&[&DURATION]);
static THREE_NUMBERS: Signature = Signature::of(&[Type::INT, Type::INT, Type::INT]);

impl Time {
    /// The moment as a value of templates.
    pub(in crate::sprig) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// The moment that an argument holds.
    pub(super) fn given(value: &Value) -> Option<&Self> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    fn argument<'a>(arguments: &Arguments<'a>) -> Result<&'a Self, Failure> {
        Self::given(arguments.value(0)?).ok_or_else(|| Failure::from("the value is no time.Time"))
    }

    /// Go's text of a moment.
    pub(super) fn text(&self) -> GoString {
        let mut out = layout::format(self, b"2006-01-02 15:04:05.999999999 -0700 MST");
        if let Some(monotonic) = self.monotonic {
            let sign = if monotonic < 0 { '-' } else { '+' };
            let total = monotonic.unsigned_abs();
            let text = format!(" m={sign}{}.{:09}", total / 1_000_000_000, total % 1_000_000_000);
            out.extend_from_slice(text.as_bytes());
        }
        out.into()
    }

    /// As JSON has it.
    pub(in crate::sprig) fn to_json_text(&self) -> String {
        String::from_utf8_lossy(&layout::format(self, b"2006-01-02T15:04:05.999999999Z07:00")).into_owned()
    }
}

fn named(ty: &'static Type, number: i64, text: String) -> Value {
    Value::Object(Rc::new(Named { ty, number, text }))
}

fn duration_value(nanoseconds: i128) -> Value {
    let clamped = nanoseconds.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    let number = i64::try_from(clamped).unwrap_or(i64::MAX);
    named(&DURATION, number, duration::text(number))
}

impl Object for Time {
    fn go_type(&self) -> &'static Type {
        &TIME
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        match name {
            b"Unix" | b"UnixNano" | b"UnixMilli" | b"UnixMicro" | b"Year" | b"Month" | b"Day" | b"Hour"
            | b"Minute" | b"Second" | b"Nanosecond" | b"Weekday" | b"YearDay" | b"IsZero" | b"UTC"
            | b"Local" | b"String" | b"GoString" | b"Location" => Some(&NOTHING),
            b"Format" => Some(&TEXT),
            b"Before" | b"After" | b"Equal" | b"Compare" | b"Sub" => Some(&A_TIME),
            b"Add" | b"Round" | b"Truncate" => Some(&A_DURATION),
            b"AddDate" => Some(&THREE_NUMBERS),
            _ => None,
        }
    }

    fn call(&self, name: &[u8], arguments: Arguments<'_>, engine: &mut dyn Engine) -> Result<Value, Failure> {
        let civil = self.civil();
        let order = || Self::argument(&arguments).map(|other| self.total().cmp(&other.total()));
        let whole = |total: i128| Value::int64(i64::try_from(total).unwrap_or(i64::MAX));
        Ok(match name {
            b"Unix" => Value::int64(self.seconds),
            b"UnixNano" => whole(self.total()),
            b"UnixMicro" => whole(self.total().div_euclid(1_000)),
            b"UnixMilli" => whole(self.total().div_euclid(1_000_000)),
            b"Year" => Value::int(civil.year),
            b"Month" => {
                let name = MONTHS.get(usize::try_from(civil.month - 1).unwrap_or(0)).copied();
                named(&MONTH, civil.month, name.unwrap_or_default().to_owned())
            }
            b"Day" => Value::int(civil.day),
            b"Hour" => Value::int(civil.hour),
            b"Minute" => Value::int(civil.minute),
            b"Second" => Value::int(civil.second),
            b"Nanosecond" => Value::int(i64::from(self.nanoseconds)),
            b"Weekday" => {
                let name = WEEKDAYS.get(usize::try_from(civil.weekday).unwrap_or(0)).copied();
                named(&WEEKDAY, civil.weekday, name.unwrap_or_default().to_owned())
            }
            b"YearDay" => Value::int(civil.year_day),
            b"IsZero" => self.is_zero().into(),
            b"UTC" => self.in_zone(Zone::Utc).into_value(),
            b"Local" => self
                .in_zone(Zone::Local(surroundings(engine)?.zone().clone()))
                .into_value(),
            b"Location" => Value::Object(Rc::new(Location(match &self.zone {
                Zone::Utc => "UTC".to_owned(),
                Zone::Local(_) => "Local".to_owned(),
                Zone::Named(zone) => zone.iana_name().unwrap_or_default().to_owned(),
                Zone::Fixed(name, _) => name.clone(),
            }))),
            b"Format" => Value::string(layout::format(self, arguments.text(0)?)),
            b"Before" => (order()? == Ordering::Less).into(),
            b"After" => (order()? == Ordering::Greater).into(),
            b"Equal" => (order()? == Ordering::Equal).into(),
            b"Compare" => Value::int(order()? as i64),
            b"Sub" => duration_value(self.total() - Self::argument(&arguments)?.total()),
            b"Add" => self.plus(i128::from(nanoseconds(&arguments)?)).into_value(),
            b"Round" | b"Truncate" => self
                .rounded(nanoseconds(&arguments)?, name == b"Round")
                .into_value(),
            b"AddDate" => self
                .plus_date(arguments.int(0)?, arguments.int(1)?, arguments.int(2)?)
                .into_value(),
            _ => self.text().into(),
        })
    }

    fn display(&self) -> Option<GoString> {
        Some(self.text())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Time {
    /// The multiple of a duration since Go's zero time, the nearest one or the one before.
    fn rounded(&self, step: i64, nearest: bool) -> Self {
        let mut rounded = self.clone();
        rounded.monotonic = None;
        let Some(step) = Some(i128::from(step)).filter(|s| *s > 0) else {
            return rounded;
        };
        let since = self.total() - i128::from(super::time::ZERO) * 1_000_000_000;
        let over = since.rem_euclid(step);
        rounded.plus(if nearest && over * 2 >= step {
            step - over
        } else {
            -over
        })
    }
}

/// The duration that an argument holds, as a number or as Go's own type.
fn nanoseconds(arguments: &Arguments<'_>) -> Result<i64, Failure> {
    match arguments.value(0)?.plain() {
        Value::Int(number, _) => Ok(number),
        other => Err(Failure::from(format!(
            "the value is no time.Duration but {}",
            other.type_name()
        ))),
    }
}

/// A number of a named type: a month, a weekday, a duration.
#[derive(Debug)]
struct Named {
    ty: &'static Type,
    number: i64,
    text: String,
}

impl Object for Named {
    fn go_type(&self) -> &'static Type {
        self.ty
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        let of_duration = name == b"String"
            || (self.ty == &DURATION
                && matches!(
                    name,
                    b"Hours"
                        | b"Minutes"
                        | b"Seconds"
                        | b"Milliseconds"
                        | b"Microseconds"
                        | b"Nanoseconds"
                        | b"Abs"
                ));
        of_duration.then_some(&NOTHING)
    }

    fn call(
        &self,
        name: &[u8],
        _arguments: Arguments<'_>,
        _engine: &mut dyn Engine,
    ) -> Result<Value, Failure> {
        /// Whole units and the rest apart, as Go divides.
        #[expect(clippy::cast_precision_loss, reason = "Go rounds as well")]
        fn units(number: i64, unit: i64) -> Value {
            Value::Float((number / unit) as f64 + (number % unit) as f64 / unit as f64)
        }
        Ok(match name {
            b"Hours" => units(self.number, 3_600_000_000_000),
            b"Minutes" => units(self.number, 60_000_000_000),
            b"Seconds" => units(self.number, 1_000_000_000),
            b"Milliseconds" => Value::int64(self.number / 1_000_000),
            b"Microseconds" => Value::int64(self.number / 1_000),
            b"Nanoseconds" => Value::int64(self.number),
            b"Abs" => duration_value(i128::from(self.number).abs()),
            _ => self.text.clone().into(),
        })
    }

    fn underlying(&self) -> Option<Value> {
        Some(if self.ty == &DURATION {
            Value::int64(self.number)
        } else {
            Value::int(self.number)
        })
    }

    fn display(&self) -> Option<GoString> {
        Some(self.text.clone().into())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The number of a month or a weekday, which Sprig's casts know; they do not know durations.
pub(in crate::sprig) fn calendar_number(value: &Value) -> Option<i64> {
    match value {
        Value::Object(object) => {
            let named: &Named = object.as_any().downcast_ref()?;
            (named.ty != &DURATION).then_some(named.number)
        }
        _ => None,
    }
}

/// A zone's name.
#[derive(Debug)]
struct Location(String);

impl Object for Location {
    fn go_type(&self) -> &'static Type {
        &LOCATION
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        (name == b"String").then_some(&NOTHING)
    }

    fn call(
        &self,
        _name: &[u8],
        _arguments: Arguments<'_>,
        _engine: &mut dyn Engine,
    ) -> Result<Value, Failure> {
        Ok(self.0.clone().into())
    }

    fn display(&self) -> Option<GoString> {
        Some(self.0.clone().into())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
