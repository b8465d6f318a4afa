//! What was agreed once, on disk.

use std::fs;
use std::path::{Path, PathBuf};

pub fn golden(name: &str, actual: &str) {
    let path = place_of(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).expect("tests/golden can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} is not what it was; UPDATE_GOLDEN=1 if that is meant to be");
}

/// The bytes in a golden file of hex digits.
pub fn stored(name: &str) -> Vec<u8> {
    from_hex(&fs::read_to_string(place_of(name)).expect("the golden record is there"))
}

/// One field a line, in the order in which they are sent.
pub fn pretty(json: &[u8]) -> String {
    let (mut text, mut depth, mut is_string, mut is_escaped, mut is_new_line) = (String::new(), 0, false, false, false);
    for c in std::str::from_utf8(json).expect("JSON is UTF-8").chars() {
        let closes = !is_string && matches!(c, '}' | ']');
        depth -= usize::from(closes);
        if closes != is_new_line {
            text += &format!("\n{:width$}", "", width = 2 * depth);
        }
        text.push(c);
        if c == '"' && !is_escaped {
            is_string = !is_string;
        }
        let opens = !is_string && matches!(c, '{' | '[');
        depth += usize::from(opens);
        is_new_line = opens || !is_string && c == ',';
        text += if !is_string && c == ':' { " " } else { "" };
        is_escaped = is_string && c == '\\' && !is_escaped;
    }
    text + "\n"
}

pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.chunks(32).map(|line| line.concat() + "\n").collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two hex digits");
    digits.chunks(2).map(byte).collect()
}

fn place_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}
