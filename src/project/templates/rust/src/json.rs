//! Reads members of the JSON object that `serialize` has written. hotrun hands only whole, valid JSON
//! over, so that what is not asked for is passed over: strings, arrays and objects within.

use std::str::FromStr;

/// Behind the string whose first quote is at `at`.
fn string_end(json: &[u8], mut at: usize) -> usize {
    at += 1;
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(json.len())
}

/// The value of the object's own member `key`, up to the next comma or bracket.
fn member<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let bytes = json.as_bytes();
    let quoted = format!("\"{}\"", key);
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let end = string_end(bytes, at);
                let behind = json[end..].trim_start();
                if depth == 1 && behind.starts_with(':') && json[at..end] == quoted {
                    let value = behind[1..].trim_start();
                    let len = value.find([',', '}', ']']).unwrap_or(value.len());
                    return Some(value[..len].trim_end());
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// A member that is missing, or is no such number or bool, leaves `value` as it is.
pub fn read<T: FromStr>(json: &str, key: &str, value: &mut T) {
    if let Some(found) = member(json, key).and_then(|text| text.parse().ok()) {
        *value = found;
    }
}
