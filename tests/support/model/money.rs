//! Money in minor units of an ISO 4217 currency, never in a float.

use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    pub minor: i64,
    pub currency: String,
}

/// ISO 4217, active codes, those without minor units of their own included.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP \
    BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT \
    LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR \
    PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
    TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD \
    XCD XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW";
const WITHOUT_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const WITH_THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";
const WITH_FOUR_DECIMALS: &str = "CLF UYW";

impl Money {
    /// Nothing for what the contract calls an `invalid_field`.
    pub fn parse(amount: &str, currency: &str) -> Option<Self> {
        let decimals = decimals_of(currency)?;
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals {
            return None;
        }
        let minor = format!("{whole}{fraction:0<decimals$}").parse().ok()?;
        Some(Self { minor, currency: currency.to_owned() })
    }

    /// As the signals of the contract show amounts: every decimal the currency has.
    pub fn text(minor: i64, currency: &str) -> String {
        let decimals = decimals_of(currency).expect("only known currencies were accepted");
        let sign = if minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

fn decimals_of(currency: &str) -> Option<usize> {
    static DECIMALS: LazyLock<BTreeMap<&str, usize>> = LazyLock::new(|| {
        let mut decimals: BTreeMap<&str, usize> = CURRENCIES.split_whitespace().map(|code| (code, 2)).collect();
        for (codes, count) in [(WITHOUT_DECIMALS, 0), (WITH_THREE_DECIMALS, 3), (WITH_FOUR_DECIMALS, 4)] {
            decimals.extend(codes.split_whitespace().map(|code| (code, count)));
        }
        decimals
    });
    DECIMALS.get(currency).copied()
}

#[test]
fn money_is_exact() {
    let minor = |amount, currency| Money::parse(amount, currency).map(|money| money.minor);
    assert_eq!(minor("129.90", "EUR"), Some(12_990));
    assert_eq!(minor("129.9", "EUR"), Some(12_990));
    assert_eq!(minor("7", "XXX"), Some(700));
    assert_eq!(minor("12.3400", "EUR"), Some(1234));
    assert_eq!(minor("10.0", "JPY"), Some(10));
    assert_eq!(minor("1.234", "KWD"), Some(1234));
    assert_eq!(minor("92233720368547758.07", "EUR"), Some(i64::MAX));
    for (amount, currency) in [
        ("92233720368547758.08", "EUR"),
        ("12.345", "EUR"),
        ("10.5", "JPY"),
        ("-1", "EUR"),
        ("NaN", "EUR"),
        ("", "EUR"),
        ("1", "QQQ"),
        ("1", "eur"),
    ] {
        assert_eq!(minor(amount, currency), None, "{amount} {currency}");
    }
    assert_eq!(Money::text(12_990, "EUR"), "129.90");
    assert_eq!(Money::text(-5, "EUR"), "-0.05");
    assert_eq!(Money::text(1000, "JPY"), "1000");
}
