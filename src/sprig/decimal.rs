//! Decimal numbers for `addf` and its relatives, with the rounding of Go's shopspring/decimal.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};

use crate::gotemplate::Failure;

/// Decimal places that a division keeps.
const DIVISION_PLACES: i64 = 16;
/// The most digits that a product may have: `mulf` takes any number of arguments.
const MOST_DIGITS: u64 = 100_000;

/// An exact decimal number.
#[derive(Clone, Debug)]
pub(super) struct Decimal(BigDecimal);

/// The shortest decimal that reads as this float; infinities and not-a-number have none.
pub(super) fn from_float(number: f64) -> Result<Decimal, Failure> {
    if number.is_finite()
        && let Ok(decimal) = BigDecimal::from_str(&format!("{number:e}"))
    {
        return Ok(Decimal(decimal));
    }
    let name = match number {
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => "NaN",
    };
    Err(Failure::from(format!("Cannot create a Decimal from {name}")))
}

impl Decimal {
    pub(super) fn plus(self, other: &Self) -> Self {
        Self(self.0 + &other.0)
    }

    pub(super) fn minus(self, other: &Self) -> Self {
        Self(self.0 - &other.0)
    }

    pub(super) fn times(self, other: &Self) -> Result<Self, Failure> {
        if self.0.digits() > MOST_DIGITS {
            return Err("the product has too many digits".into());
        }
        Ok(Self(self.0 * &other.0))
    }

    /// The quotient to sixteen places, halves rounded away from zero.
    pub(super) fn divided_by(self, other: &Self) -> Result<Self, Failure> {
        let (dividend, dividend_scale) = self.0.into_bigint_and_exponent();
        let (divisor, divisor_scale) = other.0.as_bigint_and_exponent();
        if divisor.sign() == Sign::NoSign {
            return Err("decimal division by 0".into());
        }
        let shift = DIVISION_PLACES + divisor_scale - dividend_scale;
        let power = BigInt::from(10).pow(u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX));
        let (dividend, divisor) = if shift >= 0 {
            (dividend * power, divisor)
        } else {
            (dividend, divisor * power)
        };
        let negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
        let (dividend, divisor) = (dividend.magnitude().clone(), divisor.magnitude().clone());
        let quotient = (dividend * 2_u8 + &divisor) / (divisor * 2_u8);
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        Ok(Self(BigDecimal::new(
            BigInt::from_biguint(sign, quotient),
            DIVISION_PLACES,
        )))
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        self.0.to_scientific_notation().parse().unwrap_or(f64::NAN)
    }
}
