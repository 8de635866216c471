//! The small texts that people write in files: durations, limits, moments. Kept as written until they are needed,
//! so that one file gives all its mistakes at once, each with its place. Deliberately nothing about metrics' meaning.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use timonel_domain::metric::MetricUnit;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Quantity;

/// A number or a text, kept as it is written.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Text(String),
    Whole(i64),
    Decimal(f64),
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word::Text(text.to_owned()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Word, E> {
                Ok(Word::Whole(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Word, E> {
                Ok(i64::try_from(number).map_or(Word::Decimal(number as f64), Word::Whole))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Word, E> {
                Ok(Word::Decimal(number))
            }
            /// A moment without quotes, which crate `toml` hands over as a table of one text.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
                match map.next_entry::<String, String>()? {
                    Some((key, text)) if key == "$__toml_private_datetime" => Ok(Word::Text(text)),
                    Some(_) | None => Err(Error::invalid_type(Unexpected::Map, &self)),
                }
            }
        }
        from.deserialize_any(Words)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Word::Text(text) => to.serialize_str(text),
            Word::Whole(number) => to.serialize_i64(*number),
            Word::Decimal(number) => to.serialize_f64(*number),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Text(text) => f.write_str(text),
            Word::Whole(number) => write!(f, "{number}"),
            Word::Decimal(number) => write!(f, "{number}"),
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident => $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Word);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Word::Text(text.to_owned()))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

words! {
    /// A length of time as people write it: `30s`, `5m`, `72h`, `1h 30m`, `1w`.
    DurationText => {
        "description": "A length of time: 500ms, 30s, 5m, 72h, 1h 30m, 7d, 1w.",
        "type": "string",
        "pattern": "^\\s*([0-9]+\\s*(ms|s|sec|m|min|h|d|w)\\s*)+$"
    };
    /// A limit as people write it: `10%`, `800ms`, `3s`, `1000`.
    LimitText => {
        "description": "A limit in the metric's unit: \"10%\" of a ratio, \"800ms\" or \"3s\" of a time, 1000 of a count.",
        "type": ["string", "number"]
    };
    /// A moment, RFC 3339.
    MomentText => {
        "description": "A moment with its zone, such as 2026-11-22T01:30:00Z.",
        "type": "string",
        "format": "date-time"
    };
}

/// Why a text is not what it should be: the message and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) advice: String,
}

impl Unreadable {
    pub(crate) fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            advice: advice.into(),
        }
    }
}

/// A length of time such as `1h 30m`. Years and months have no fixed length and are not read.
pub(crate) fn duration(text: &str) -> Result<Duration, Unreadable> {
    let no_duration = || {
        let guess = match text.trim().parse::<u64>() {
            Ok(number) => format!("Write the unit: `{number}s`, `{number}m` or `{number}h`"),
            Err(_) => "Write a number and a unit, such as 30s, 5m, 72h or 1w".to_owned(),
        };
        Unreadable::new(format!("`{text}` is no length of time"), guess)
    };
    let units = text.split(|c: char| !c.is_alphabetic()).filter(|unit| !unit.is_empty());
    let known = ["ms", "s", "sec", "m", "min", "h", "d", "w"];
    if units.clone().count() == 0 || units.clone().any(|unit| !known.contains(&unit)) {
        return Err(no_duration());
    }
    // What a century does not hold is a typing mistake, and would overflow when it is added to a time.
    let century = Duration::from_secs(100 * 366 * 24 * 3600);
    humantime::parse_duration(text.trim())
        .ok()
        .filter(|d| *d <= century)
        .ok_or_else(no_duration)
}

/// Such as `5m` or `1h 30m`.
pub(crate) fn spoken(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// A limit in the unit of its metric.
pub(crate) fn limit(text: &str, unit: MetricUnit) -> Result<Quantity, Unreadable> {
    let text = text.trim();
    let number = |text: &str| text.trim().parse::<f64>().ok().and_then(Quantity::from_f64);
    let wrong = |advice: String| {
        Unreadable::new(
            format!("`{text}` is no limit for a metric in {}", unit_name(unit)),
            advice,
        )
    };
    match unit {
        MetricUnit::Ratio => match text.strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse::<f64>()
                .ok()
                .and_then(|p| Quantity::from_f64(p / 100.0))
                .ok_or_else(|| wrong("Write a percentage, such as 10%".to_owned())),
            None => match number(text) {
                Some(ratio) if (0..=1_000_000).contains(&ratio.micros()) => Ok(ratio),
                Some(_) => Err(wrong(format!("Write the percent sign: {text}%"))),
                None => Err(wrong("Write a percentage, such as 10%".to_owned())),
            },
        },
        MetricUnit::Seconds => match seconds(text) {
            Some(value) => Ok(value),
            None if number(text).is_some() => Err(wrong(format!("Write the unit: {text}s or {text}ms"))),
            None => Err(wrong("Write a time, such as 800ms or 3s".to_owned())),
        },
        MetricUnit::Count => number(text).ok_or_else(|| {
            let bare: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
            wrong(format!(
                "Write a plain number, such as {}",
                if bare.is_empty() { "1000" } else { &bare }
            ))
        }),
    }
}

/// `1.5s` as well, which people write for limits and humantime does not read.
fn seconds(text: &str) -> Option<Quantity> {
    for (unit, scale) in [("ms", 0.001), ("s", 1.0)] {
        if let Some(value) = text.strip_suffix(unit).and_then(|n| n.trim().parse::<f64>().ok()) {
            return Quantity::from_f64(value * scale);
        }
    }
    duration(text).ok().and_then(|d| Quantity::from_f64(d.as_secs_f64()))
}

pub(crate) fn unit_name(unit: MetricUnit) -> &'static str {
    match unit {
        MetricUnit::Ratio => "percent",
        MetricUnit::Seconds => "seconds",
        MetricUnit::Count => "counts",
    }
}

impl DurationText {
    pub(crate) fn parse(&self) -> Result<Duration, Unreadable> {
        duration(&self.to_string())
    }
}

impl LimitText {
    pub(crate) fn parse(&self, unit: MetricUnit) -> Result<Quantity, Unreadable> {
        limit(&self.to_string(), unit)
    }
}

impl MomentText {
    pub(crate) fn parse(&self) -> Result<Timestamp, Unreadable> {
        let text = self.to_string();
        text.parse().map_err(|_| {
            Unreadable::new(
                format!("`{text}` is no moment with its zone"),
                "Write it like 2026-11-22T01:30:00Z or 2026-11-22T01:30:00-03:00",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, secs) in [
            ("30s", 30),
            ("5m", 300),
            ("72h", 259_200),
            ("1w", 604_800),
            ("1h 30m", 5400),
            ("10min", 600),
        ] {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(secs), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "5 minutos",
            "1M",
            "1y",
            "-5m",
            "99999999999w",
            "5m junk",
            "NaN s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration("5").unwrap_err().advice, "Write the unit: `5s`, `5m` or `5h`");
    }

    #[test]
    fn limits_are_in_the_metrics_unit() {
        let check =
            |text: &str, unit, micros| assert_eq!(limit(text, unit).map(Quantity::micros), Ok(micros), "{text}");
        check("10%", MetricUnit::Ratio, 100_000);
        check("0.5 %", MetricUnit::Ratio, 5_000);
        check("0.05", MetricUnit::Ratio, 50_000);
        check("800ms", MetricUnit::Seconds, 800_000);
        check("1.5s", MetricUnit::Seconds, 1_500_000);
        check("2m", MetricUnit::Seconds, 120_000_000);
        check("1000", MetricUnit::Count, 1_000_000_000);
        let advice = |text: &str, unit| limit(text, unit).unwrap_err().advice;
        assert_eq!(advice("10", MetricUnit::Ratio), "Write the percent sign: 10%");
        assert_eq!(advice("3", MetricUnit::Seconds), "Write the unit: 3s or 3ms");
        assert_eq!(
            advice("1000 msgs", MetricUnit::Count),
            "Write a plain number, such as 1000"
        );
        assert!(limit("NaN", MetricUnit::Count).is_err());
        assert!(limit("inf%", MetricUnit::Ratio).is_err());
    }
}
