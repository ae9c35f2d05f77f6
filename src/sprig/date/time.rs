//! Moments and the civil time of a zone.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Seconds of Go's zero time, the first of January of the year 1.
pub(super) const ZERO: i64 = -62_135_596_800;
const DAY: i64 = 86_400;

/// Where a moment is looked at from.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    Utc,
    /// The machine's zone, which Go calls `Local`.
    Local(TimeZone),
    Named(TimeZone),
    /// A zone of one offset, in seconds east; the name may be empty.
    Fixed(String, i64),
}

impl Zone {
    /// Name and offset in seconds east at a moment.
    pub(super) fn at(&self, seconds: i64) -> (String, i64) {
        match self {
            Self::Utc => ("UTC".to_owned(), 0),
            Self::Fixed(name, offset) => (name.clone(), *offset),
            Self::Local(zone) | Self::Named(zone) => {
                let clamped = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let Ok(timestamp) = Timestamp::from_second(clamped) else {
                    return ("UTC".to_owned(), 0);
                };
                let info = zone.to_offset_info(timestamp);
                let name = info.abbreviation();
                // Zones without letters of their own are named by their offset.
                let name = if name == "Etc/Unknown" { "UTC" } else { name };
                (name.to_owned(), i64::from(info.offset().seconds()))
            }
        }
    }

    /// The offset that a name such as `CET` has in this zone around a moment.
    pub(super) fn offset_of(&self, name: &str, seconds: i64) -> Option<i64> {
        let half_year = 183 * DAY;
        [seconds, seconds - half_year, seconds + half_year]
            .into_iter()
            .find_map(|moment| {
                let (known, offset) = self.at(moment);
                (known == name).then_some(offset)
            })
    }
}

/// A moment with the zone it is looked at from.
#[derive(Clone, Debug)]
pub(in crate::sprig) struct Time {
    /// Seconds since 1970.
    pub(super) seconds: i64,
    /// Nanoseconds in the second.
    pub(super) nanoseconds: u32,
    pub(super) zone: Zone,
    /// Nanoseconds since the render began, for times that `now` gave: Go prints them.
    pub(super) monotonic: Option<i128>,
}

/// Date and time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// Sunday is 0.
    pub(super) weekday: i64,
    /// The first day of the year is 1.
    pub(super) year_day: i64,
}

impl Time {
    pub(super) fn utc(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
            zone: Zone::Utc,
            monotonic: None,
        }
    }

    pub(super) fn of(moment: SystemTime, zone: Zone) -> Self {
        let nanoseconds = match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        };
        let mut time = Self::utc(0);
        time.zone = zone;
        time.plus(nanoseconds)
    }

    /// Nanoseconds since 1970.
    pub(super) fn total(&self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }

    /// A moment so many nanoseconds later.
    pub(super) fn plus(&self, nanoseconds: i128) -> Self {
        let total = self.total().saturating_add(nanoseconds);
        let seconds = i64::try_from(total.div_euclid(1_000_000_000)).unwrap_or(if total < 0 {
            i64::MIN
        } else {
            i64::MAX
        });
        Self {
            seconds,
            nanoseconds: u32::try_from(total.rem_euclid(1_000_000_000)).unwrap_or(0),
            zone: self.zone.clone(),
            monotonic: self.monotonic.map(|m| m.saturating_add(nanoseconds)),
        }
    }

    pub(super) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.seconds == ZERO && self.nanoseconds == 0
    }

    pub(super) fn civil(&self) -> Civil {
        let (_, offset) = self.zone.at(self.seconds);
        let local = self.seconds.saturating_add(offset);
        let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: (days + 4).rem_euclid(7),
            year_day: days - days_before(year, 1, 1) + 1,
        }
    }

    /// The same time of day on another date; months and days beyond their range count on.
    pub(super) fn plus_date(&self, years: i64, months: i64, days: i64) -> Self {
        let civil = self.civil();
        let months = civil.month.saturating_sub(1).saturating_add(months);
        let year = civil
            .year
            .saturating_add(years)
            .saturating_add(months.div_euclid(12));
        let day = days_before(year.clamp(-1_000_000, 1_000_000), months.rem_euclid(12) + 1, 1)
            .saturating_add(civil.day - 1)
            .saturating_add(days);
        let of_day = civil.hour * 3_600 + civil.minute * 60 + civil.second;
        local_moment(
            day.saturating_mul(DAY).saturating_add(of_day),
            self.nanoseconds,
            self.zone.clone(),
        )
    }
}

/// The moment at which the zone's clocks show so many seconds since 1970.
pub(super) fn local_moment(local: i64, nanoseconds: u32, zone: Zone) -> Time {
    let (_, guess) = zone.at(local);
    let (_, offset) = zone.at(local.saturating_sub(guess));
    Time {
        seconds: local.saturating_sub(offset),
        nanoseconds,
        zone,
        monotonic: None,
    }
}

/// Days since 1970 of a date of the Gregorian calendar, which goes on before its invention.
pub(super) fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// How many days a month has.
pub(super) fn days_in(year: i64, month: i64) -> i64 {
    let next = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    days_before(next.0, next.1, 1) - days_before(year, month, 1)
}
