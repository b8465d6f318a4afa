//! Amounts in minor units, never in floats.

/// Decimals of the currencies that the histories here use. Others are an error, not a guess.
pub fn decimals(currency: &str) -> usize {
    match currency {
        "EUR" | "USD" | "XXX" => 2,
        "JPY" => 0,
        "KWD" => 3,
        other => panic!("the recount does not know how many decimals {other} has"),
    }
}

/// `129.9` EUR is 12990.
pub fn minor(text: &str, currency: &str) -> i64 {
    let places = decimals(currency);
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    assert!(fraction.len() <= places, "{text} has more decimals than {currency}");
    let units: i64 = format!("{whole}{fraction:0<places$}").parse().unwrap_or_else(|_| panic!("{text} is no amount"));
    sign * units
}

/// 12990 of EUR is `129.90`.
pub fn text(minor: i128, currency: &str) -> String {
    let (places, sign, size) = (decimals(currency), if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    let unit = 10u128.pow(u32::try_from(places).expect("few decimals"));
    if places == 0 {
        return format!("{sign}{size}");
    }
    format!("{sign}{}.{:0places$}", size / unit, size % unit)
}

#[test]
fn an_amount_is_written_as_it_was_read() {
    for (amount, currency, units) in [
        ("129.90", "EUR", 12_990),
        ("0.05", "USD", 5),
        ("-3.00", "EUR", -300),
        ("70", "JPY", 70),
        ("1.234", "KWD", 1234),
    ] {
        assert_eq!(minor(amount, currency), units);
        assert_eq!(text(i128::from(units), currency), amount);
    }
    assert_eq!(minor("129.9", "EUR"), 12_990);
}
