//! Hours of the day, and instants as text.
//!
//! The world is simulated in *even* time, in which every hour is as busy as any other. The clock that the shop's
//! customers live by is a stretched copy: quiet at night, busy in the evening. As the stretching never turns back,
//! order in even time is order in the shop's time.

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// 1990-01-01T00:00:00Z, the contract's earliest time.
pub(super) const EARLIEST_MS: i64 = 631_152_000_000;
/// 10000-01-01T00:00:00Z, the first instant the contract has no text for.
pub(super) const TOO_LATE_MS: i64 = 253_402_300_800_000;

/// How busy each hour (UTC) is; only the proportions count.
const BUSY: [i64; 24] = [5, 3, 2, 2, 2, 3, 5, 8, 10, 12, 13, 13, 14, 13, 12, 12, 13, 14, 16, 18, 19, 17, 13, 9];

/// What is sold before each hour, with the whole day at the end.
const SOLD_BEFORE: [i64; 25] = {
    let mut sums = [0; 25];
    let mut hour = 0;
    while hour < 24 {
        sums[hour + 1] = sums[hour] + BUSY[hour];
        hour += 1;
    }
    sums
};

/// The shop's time at an instant of even time. Never turns back; midnight stays midnight.
pub(super) fn shop_time(even_ms: i64) -> i64 {
    let midnight = even_ms.div_euclid(DAY_MS) * DAY_MS;
    let sold = (even_ms - midnight) * SOLD_BEFORE[24];
    let hour = SOLD_BEFORE[1..24].partition_point(|before| before * DAY_MS <= sold);
    let into_hour = (sold - SOLD_BEFORE[hour] * DAY_MS) / 24 / BUSY[hour];
    midnight + hour as i64 * HOUR_MS + into_hour
}

/// The first instant of even time whose shop time is not before this one.
pub(super) fn even_time(shop_ms: i64) -> i64 {
    let midnight = shop_ms.div_euclid(DAY_MS) * DAY_MS;
    let (mut before, mut reached) = (midnight - 1, midnight + DAY_MS);
    while reached - before > 1 {
        let middle = before + (reached - before) / 2;
        if shop_time(middle) >= shop_ms {
            reached = middle;
        } else {
            before = middle;
        }
    }
    reached
}

/// RFC 3339 in UTC with milliseconds: `2026-03-01T10:00:00.000Z`.
pub(super) fn rfc3339(at_ms: i64) -> String {
    let (year, month, day) = date_of(at_ms.div_euclid(DAY_MS));
    let of_day = at_ms.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / HOUR_MS, of_day / 60_000 % 60);
    let (second, millis) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01. Years are counted from March, so that the
/// leap day is the last of its year.
const fn date_of(epoch_day: i64) -> (i64, i64, i64) {
    const DAYS_FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let days = epoch_day + DAYS_FROM_MARCH_OF_YEAR_0;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + (month <= 2) as i64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_are_written_as_the_contract_has_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(EARLIEST_MS), "1990-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(rfc3339(1_772_359_200_000), "2026-03-01T10:00:00.000Z");
        assert_eq!(rfc3339(1_735_689_599_999), "2024-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(TOO_LATE_MS - 1), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn nights_are_quiet() {
        let sold_by_four = even_time(4 * HOUR_MS);
        assert!(sold_by_four < 2 * HOUR_MS, "four hours of night are {sold_by_four} ms");
    }

    proptest! {
        #[test]
        fn shop_time_never_turns_back(even in EARLIEST_MS..TOO_LATE_MS, on in 0..2 * DAY_MS) {
            prop_assert!(shop_time(even) <= shop_time(even + on));
            prop_assert_eq!(shop_time(even).div_euclid(DAY_MS), even.div_euclid(DAY_MS));
        }

        #[test]
        fn even_time_is_the_first_that_reaches(shop in EARLIEST_MS..TOO_LATE_MS) {
            let even = even_time(shop);
            prop_assert!(shop_time(even) >= shop);
            prop_assert!(shop_time(even - 1) < shop);
        }

        #[test]
        fn days_follow_each_other(day in 7_305_i64..2_932_895) {
            let (year, month, day_of_month) = date_of(day);
            let next = date_of(day + 1);
            prop_assert!(next > (year, month, day_of_month));
            prop_assert!(next == (year, month, day_of_month + 1) || next.2 == 1);
        }
    }
}
