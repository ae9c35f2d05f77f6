//! Arithmetic. Whole numbers are 64 bits and wrap around; the functions with an `f` calculate in decimals.

use super::cast::{from_octal, saturated_decimal, to_float64, to_int64};
use super::decimal::{self, Decimal};
use crate::gotemplate::{Arguments, Failure, Function, List, Type, Value, memory};

const ANY: &Type = Type::ANY;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("atoi", &[Type::STRING], |a| {
            Ok(Value::int(saturated_decimal(a.text(0)?)))
        }),
        Function::plain("int", &[ANY], |a| Ok(Value::int(to_int64(a.value(0)?)))),
        Function::plain("int64", &[ANY], |a| Ok(Value::int64(to_int64(a.value(0)?)))),
        Function::plain("float64", &[ANY], |a| Ok(to_float64(a.value(0)?).into())),
        Function::plain("toDecimal", &[ANY], |a| {
            Ok(Value::int64(from_octal(a.value(0)?)?))
        }),
        Function::plain("until", &[Type::INT], until),
        Function::plain("untilStep", &[Type::INT, Type::INT, Type::INT], |a| {
            Ok(List::ints(counted(a.int(0)?, a.int(1)?, a.int(2)?)?).into())
        }),
        Function::variadic("seq", &[], Type::INT, seq),
        Function::plain("add1", &[ANY], |a| {
            Ok(Value::int64(to_int64(a.value(0)?).wrapping_add(1)))
        }),
        Function::variadic("add", &[], ANY, |a| Ok(folded(a, 0, i64::wrapping_add))),
        Function::plain("sub", &[ANY, ANY], |a| {
            Ok(Value::int64(
                to_int64(a.value(0)?).wrapping_sub(to_int64(a.value(1)?)),
            ))
        }),
        Function::plain("div", &[ANY, ANY], |a| divided(a, i64::wrapping_div)),
        Function::plain("mod", &[ANY, ANY], |a| divided(a, i64::wrapping_rem)),
        Function::variadic("mul", &[ANY], ANY, |a| Ok(folded(a, 1, i64::wrapping_mul))),
        Function::variadic("max", &[ANY], ANY, |a| Ok(folded(a, i64::MIN, i64::max))),
        Function::variadic("biggest", &[ANY], ANY, |a| Ok(folded(a, i64::MIN, i64::max))),
        Function::variadic("min", &[ANY], ANY, |a| Ok(folded(a, i64::MAX, i64::min))),
        Function::variadic("maxf", &[ANY], ANY, |a| Ok(chosen(a, f64::max))),
        Function::variadic("minf", &[ANY], ANY, |a| Ok(chosen(a, f64::min))),
        Function::plain("floor", &[ANY], |a| Ok(to_float64(a.value(0)?).floor().into())),
        Function::plain("ceil", &[ANY], |a| Ok(to_float64(a.value(0)?).ceil().into())),
        Function::variadic("round", &[ANY, Type::INT], Type::FLOAT64, round),
        Function::plain("add1f", &[ANY], |a| {
            decimal(a.all(), &[Value::int(1)], |x, y| Ok(x.plus(y)))
        }),
        Function::variadic("addf", &[], ANY, |a| {
            decimal(&[Value::Float(0.0)], a.all(), |x, y| Ok(x.plus(y)))
        }),
        Function::variadic("subf", &[ANY], ANY, |a| {
            decimal(a.all(), a.from(1), |x, y| Ok(x.minus(y)))
        }),
        Function::variadic("mulf", &[ANY], ANY, |a| {
            decimal(a.all(), a.from(1), Decimal::times)
        }),
        Function::variadic("divf", &[ANY], ANY, |a| {
            decimal(a.all(), a.from(1), Decimal::divided_by)
        }),
    ]
}

/// The operation over all arguments, beginning with `start`.
fn folded(arguments: Arguments<'_>, start: i64, operation: fn(i64, i64) -> i64) -> Value {
    let numbers = arguments.all().iter().map(to_int64);
    Value::int64(numbers.fold(start, operation))
}

fn divided(arguments: Arguments<'_>, operation: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    let (dividend, divisor) = (to_int64(arguments.value(0)?), to_int64(arguments.value(1)?));
    if divisor == 0 {
        return Err("runtime error: integer divide by zero".into());
    }
    Ok(Value::int64(operation(dividend, divisor)))
}

/// The largest or smallest; not-a-number, where there is one.
fn chosen(arguments: Arguments<'_>, choose: fn(f64, f64) -> f64) -> Value {
    let numbers = arguments.all().iter().map(to_float64);
    let found = numbers.reduce(|a, b| {
        if a.is_nan() || b.is_nan() {
            f64::NAN
        } else {
            choose(a, b)
        }
    });
    found.unwrap_or_default().into()
}

fn until(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let count = arguments.int(0)?;
    Ok(List::ints(counted(0, count, if count < 0 { -1 } else { 1 })?).into())
}

/// The numbers from `start` on, up or down to before `stop`; none where the step leads away from it.
fn counted(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let upwards = stop >= start;
    if (upwards && step <= 0) || (!upwards && step >= 0) {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(stop).div_ceil(step.unsigned_abs());
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    memory::reserve(count.saturating_mul(size_of::<Value>()))?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step));
    Ok(numbers.take(count).collect())
}

/// Like the shell's `seq`: `seq last`, `seq first last`, `seq first step last`.
fn seq(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let numbers = (0..arguments.len())
        .map(|at| arguments.int(at))
        .collect::<Result<Vec<_>, _>>()?;
    let (first, last, step) = match *numbers.as_slice() {
        [last] => (1, last, None),
        [first, last] => (first, last, None),
        [first, step, last] if last >= first || step <= 0 => (first, last, Some(step)),
        _ => return Ok("".into()),
    };
    let direction = if last < first { -1 } else { 1 };
    let numbers = counted(first, last.wrapping_add(direction), step.unwrap_or(direction))?;
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Ok(numbers.join(" ").into())
}

/// Rounded to decimal places; upwards from the given fraction on, a half by default. Negative numbers are rounded
/// down.
fn round(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (number, places) = (to_float64(arguments.value(0)?), arguments.int(1)?);
    let upwards_from = match arguments.len() {
        0..=2 => 0.5,
        _ => arguments.float(2)?,
    };
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
    let power = 10_f64.powf(places as f64);
    let scaled = power * number;
    let rounded = if scaled.fract() >= upwards_from {
        scaled.ceil()
    } else {
        scaled.floor()
    };
    Ok((rounded / power).into())
}

/// The operation over decimals: the first of `start`, then all of `further`.
fn decimal(
    start: &[Value],
    further: &[Value],
    operation: impl Fn(Decimal, &Decimal) -> Result<Decimal, Failure>,
) -> Result<Value, Failure> {
    let mut result = decimal::from_float(start.first().map_or(0.0, to_float64))?;
    for value in further {
        result = operation(result, &decimal::from_float(to_float64(value))?)?;
    }
    Ok(result.to_float().into())
}
