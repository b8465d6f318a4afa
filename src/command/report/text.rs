//! Text and numbers as the page shows them. Whatever came from input passes through `escaped`.

/// Text that stands in the page as it is, also between double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// `23,570`.
pub(super) fn whole(count: i64) -> String {
    amount(&count.to_string())
}

/// `1,692,822.66` of `1692822.66`; what is no number is left as it is.
pub(super) fn amount(decimal: &str) -> String {
    let (sign, rest) = decimal.strip_prefix('-').map_or(("", decimal), |rest| ("-", rest));
    let (digits, fraction) = rest.split_once('.').map_or((rest, None), |(digits, fraction)| (digits, Some(fraction)));
    let mut grouped = String::from(sign);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// What a decimal is worth on a plot, where its last digits can't be seen.
pub(super) fn value(decimal: &str) -> f64 {
    decimal.parse().unwrap_or(0.0)
}

/// `49.5 %`, the space one that does not break.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// `90 days` of `90d`.
pub(super) fn days(span: &str) -> String {
    match span.strip_suffix('d') {
        Some("1") => "1 day".to_owned(),
        Some(number) => format!("{} days", escaped(number)),
        None => escaped(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_escaped_can_become_markup() {
        let hostile = "</title><script>alert('x')</script>\" onload=\"y\" &amp;\u{0}\u{7}";
        let safe = escaped(hostile);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{0}', '\u{7}']), "{safe}");
        assert!(safe.starts_with("&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)"), "{safe}");
        assert!(safe.contains("&quot; onload=&quot;y&quot; &amp;amp;"), "{safe}");
        assert_eq!(escaped("Zoë & Söhne 店"), "Zoë &amp; Söhne 店");
    }

    #[test]
    fn thousands_are_told_apart() {
        let told = ["0", "999", "1000", "-1234567.50", "-999.000", "12345678901234567890.1"].map(amount);
        assert_eq!(told, ["0", "999", "1,000", "-1,234,567.50", "-999.000", "12,345,678,901,234,567,890.1"]);
        assert_eq!(whole(-23_570), "-23,570");
    }

    #[test]
    fn shares_are_told_to_a_tenth_of_a_percent() {
        assert_eq!(
            [0.494_782, 0.0, 1.0, -0.05].map(percent),
            ["49.5\u{a0}%", "0.0\u{a0}%", "100.0\u{a0}%", "-5.0\u{a0}%"]
        );
        assert_eq!(["1d", "90d", "2w"].map(days), ["1 day", "90 days", "2w"]);
    }
}
