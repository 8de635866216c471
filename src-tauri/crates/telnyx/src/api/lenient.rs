//! Reading what may be absent, `null` or written in more than one way.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use timonel_domain::time::Timestamp;

use super::ConnectionId;

/// `null` as the default.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// A time in RFC 3339; one that is not counts as absent.
pub(crate) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.as_str().and_then(|text| text.trim().parse().ok()))
}

/// A text, also where it is written as a number.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// A connection, where there is one: absent, `null` and an empty text all say that there is none.
pub(crate) fn connection<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ConnectionId>, D::Error> {
    Ok(text(from)?.map(ConnectionId::new))
}
