//! Time as the wire writes it, in whole milliseconds since 1970, UTC.

pub type Instant = i64;

pub const SECOND: i64 = 1000;
pub const HOUR: i64 = 3600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// The earliest time the contract takes: the beginning of 1990.
pub const EARLIEST: Instant = 631_152_000 * SECOND;

/// RFC 3339 with an offset; nothing for what is not.
///
/// # Panics
/// For fractions finer than a millisecond: the contract does not say what becomes of them.
pub fn parse(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let at_offset = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = rest.split_at(at_offset);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let seconds = ((days_before(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * SECOND + millis(fraction)? - offset_millis(offset)?)
}

/// UTC, with milliseconds only where there are any.
pub fn format(at: Instant) -> String {
    let (days, of_day) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    let (seconds, millis) = (of_day / SECOND, of_day % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    let mut found = [0; 3];
    for ((part, width), number) in parts.iter().zip(widths).zip(&mut found) {
        *number = digits(part, width)?;
    }
    Some(found)
}

fn digits(text: &str, width: usize) -> Option<i64> {
    let plain = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn millis(fraction: &str) -> Option<i64> {
    digits(fraction, fraction.len()).filter(|_| !fraction.is_empty())?;
    let (kept, finer) = fraction.split_at(fraction.len().min(3));
    assert!(finer.bytes().all(|byte| byte == b'0'), "the contract is silent about .{fraction}");
    format!("{kept:0<3}").parse().ok()
}

fn offset_millis(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'Z' | b'z' => return (text.len() == 1).then_some(0),
        b'-' => -1,
        _ => 1,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60 * SECOND)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to that date, counted month by month.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Every day of the years before, their leap days among them.
    let leap_days = |before: i64| (before + 3) / 4 - (before + 99) / 100 + (before + 399) / 400;
    let of_years = year * 365 + leap_days(year);
    let of_months: i64 = (1..month).map(|earlier| days_in(year, earlier)).sum();
    of_years + of_months + (day - 1) - 719_528
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let mut year = 1970 + days / 366 - 1;
    while days_before(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1, 1) <= days {
        month += 1;
    }
    (year, month, days - days_before(year, month, 1) + 1)
}

#[test]
fn times_are_read_and_written_as_the_wire_has_them() {
    assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(parse("1990-01-01T00:00:00Z"), Some(EARLIEST));
    assert_eq!(parse("2000-02-29T00:00:00Z"), Some(951_782_400_000));
    assert_eq!(parse("2026-03-01T10:00:00.25+02:00"), Some(1_772_352_000_250));
    assert_eq!(parse("9999-12-31T23:59:59.999Z"), Some(253_402_300_799_999));
    for refused in [
        "2026-03-01T10:00:00",
        "2026-03-01",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-03-01T24:00:00Z",
        "yesterday",
        "",
    ] {
        assert_eq!(parse(refused), None, "{refused}");
    }
    for text in ["1990-01-01T00:00:00Z", "2024-12-31T23:59:59.007Z", "2026-03-01T08:00:00.250Z"] {
        assert_eq!(format(parse(text).expect("a valid time")), text);
    }
}
