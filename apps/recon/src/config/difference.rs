//! Where two configurations differ.

use serde_json::Value;

/// The first key (in order) in which two configurations differ, with both values; `None` where they are equal.
///
/// ```
/// use serde_json::json;
/// let difference = diph_recon::config::first_difference(&json!({ "steps": { "n": 2 } }), &json!({ "steps": { "n": 7 } }));
/// assert_eq!(difference.unwrap(), "`steps.n` is 2, and 7 is asked for");
/// ```
pub fn first_difference(there: &Value, asked: &Value) -> Option<String> {
    difference("", there, asked)
}

fn difference(key: &str, a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let absent = Value::Null;
            keys.into_iter().find_map(|name| {
                let below = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                difference(&below, a.get(name).unwrap_or(&absent), b.get(name).unwrap_or(&absent))
            })
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("`{key}` is {a}, and {b} is asked for")),
    }
}
