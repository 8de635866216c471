//! What pictures say, and how numbers, spans and dates are written, in Spanish and English (`locales/*/report.ftl`).

use std::time::Duration;

use chrono::{DateTime, Datelike, FixedOffset, Timelike, Utc};
use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource, FluentValue};
use timonel_domain::metric::{Metric, MetricUnit, Statistic};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, Side, Weight};
use unic_langid::LanguageIdentifier;

use crate::{Language, Zone};

const ES: &str = include_str!("../../../../locales/es/report.ftl");
const EN: &str = include_str!("../../../../locales/en/report.ftl");

/// Keeps a number and its unit on one line.
const NBSP: char = '\u{a0}';

pub(crate) struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    pub(crate) fn new(language: Language) -> Self {
        let (text, tag) = match language {
            Language::Es => (ES, "es"),
            Language::En => (EN, "en"),
        };
        // Compiled in and tested below, so a fault here is ours and loses at most a sentence.
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(partial, _)| partial);
        let id: LanguageIdentifier = tag.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// The sentence of `key` with its values, which are formatted already.
    pub(crate) fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            debug_assert!(false, "no sentence `{key}`");
            return key.to_owned();
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(*value));
        }
        self.bundle
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
    }

    /// A metric's name; the plan's own word for one that the plan declares.
    pub(crate) fn metric(&self, metric: &Metric) -> String {
        match metric {
            Metric::Known(known) => self.say(&format!("metric-{}", known.name().replace('_', "-")), &[]),
            Metric::Declared { name, .. } => name.replace(['_', '-'], " "),
        }
    }

    /// A metric's name with what is asked of it, where that is not plain.
    pub(crate) fn question(&self, metric: &Metric, statistic: Statistic) -> String {
        let name = self.metric(metric);
        match statistic {
            Statistic::Share | Statistic::Latest => name,
            Statistic::Mean | Statistic::P50 | Statistic::P95 | Statistic::P99 | Statistic::Total => {
                format!("{name}, {}", self.say(&format!("statistic-{statistic}"), &[]))
            }
        }
    }

    pub(crate) fn side(&self, side: Side) -> String {
        self.say(
            match side {
                Side::Stable => "side-stable",
                Side::Canary => "side-canary",
                Side::Whole => "side-whole",
            },
            &[],
        )
    }

    /// A value with its unit, with as many decimals as a person compares by.
    pub(crate) fn quantity(&self, value: Quantity, unit: MetricUnit) -> String {
        let value = value.as_f64();
        match unit {
            MetricUnit::Ratio => self.with_unit(value * 100.0, 1, unit),
            MetricUnit::Seconds => self.with_unit(value, if value.abs() < 10.0 { 2 } else { 1 }, unit),
            MetricUnit::Count => self.with_unit(value, if value.abs() < 100.0 { 1 } else { 0 }, unit),
        }
    }

    /// A number that is in the unit's scale already (percent, seconds, things), with at most so many decimals.
    pub(crate) fn with_unit(&self, value: f64, decimals: usize, unit: MetricUnit) -> String {
        let number = self.number(value, decimals);
        match unit {
            MetricUnit::Ratio => format!("{number}{NBSP}%"),
            MetricUnit::Seconds => format!("{number}{NBSP}s"),
            MetricUnit::Count => number,
        }
    }

    pub(crate) fn weight(&self, weight: Weight) -> String {
        self.with_unit(weight.as_percent(), 2, MetricUnit::Ratio)
    }

    /// At most so many decimals, no trailing zeros, thousands apart.
    pub(crate) fn number(&self, value: f64, decimals: usize) -> String {
        let text = format!("{:.decimals$}", value.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let (comma, thousands) = match self.language {
            Language::Es => (',', NBSP),
            Language::En => ('.', ','),
        };
        let mut out = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                out.push(thousands);
            }
            out.push(digit);
        }
        let fraction = fraction.trim_end_matches('0');
        if !fraction.is_empty() {
            out.push(comma);
            out.push_str(fraction);
        }
        if value < 0.0 && out != "0" {
            out.insert(0, '−');
        }
        out
    }

    /// Such as `5 min`, `1 h 30 min`, `7 d`.
    pub(crate) fn span(&self, span: Duration) -> String {
        let secs = span.as_secs();
        let parts = [
            (secs / 86_400, "d"),
            (secs / 3_600 % 24, "h"),
            (secs / 60 % 60, "min"),
            (secs % 60, "s"),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .take(2)
            .map(|(n, unit)| format!("{n}{NBSP}{unit}"))
            .collect();
        if said.is_empty() {
            format!("0{NBSP}s")
        } else {
            said.join(&NBSP.to_string())
        }
    }

    /// Such as `23/11/2026` and `23 Nov 2026`.
    pub(crate) fn date(&self, at: Timestamp, zone: Zone) -> String {
        let local = local(at, zone);
        match self.language {
            Language::Es => format!("{}/{}/{}", local.day(), local.month(), local.year()),
            Language::En => local.format("%-d %b %Y").to_string(),
        }
    }

    /// Such as `23/11` and `23 Nov`.
    pub(crate) fn day(&self, at: Timestamp, zone: Zone) -> String {
        let local = local(at, zone);
        match self.language {
            Language::Es => format!("{}/{}", local.day(), local.month()),
            Language::En => local.format("%-d %b").to_string(),
        }
    }

    /// Such as `UTC−5` and `UTC+5:30`.
    pub(crate) fn zone(&self, zone: Zone) -> String {
        let minutes = zone.minutes();
        let sign = if minutes < 0 { '−' } else { '+' };
        match (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        }
    }
}

/// Such as `13:05`, with seconds where they are asked for.
pub(crate) fn clock(at: Timestamp, zone: Zone, seconds: bool) -> String {
    let local = local(at, zone);
    if seconds {
        local.format("%H:%M:%S").to_string()
    } else {
        local.format("%H:%M").to_string()
    }
}

/// Whether a day begins at this moment.
pub(crate) fn is_midnight(at: Timestamp, zone: Zone) -> bool {
    local(at, zone).num_seconds_from_midnight() == 0
}

fn local(at: Timestamp, zone: Zone) -> DateTime<FixedOffset> {
    let offset =
        FixedOffset::east_opt(i32::from(zone.minutes()) * 60).unwrap_or(FixedOffset::east_opt(0).expect("UTC"));
    // A time outside the calendar is shown as its beginning; no plan has one.
    DateTime::<Utc>::from_timestamp_micros(at.micros())
        .unwrap_or_default()
        .with_timezone(&offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use timonel_domain::metric::KnownMetric;

    #[test]
    fn numbers_are_written_as_each_language_does() {
        let (es, en) = (Words::new(Language::Es), Words::new(Language::En));
        let cases = [
            (0.0, 1, "0", "0"),
            (38.14, 1, "38,1", "38.1"),
            (10.0, 2, "10", "10"),
            (-0.04, 1, "0", "0"),
            (-1.5, 1, "−1,5", "-1.5"),
            (1_234_567.0, 0, "1\u{a0}234\u{a0}567", "1,234,567"),
        ];
        for (value, decimals, spanish, english) in cases {
            assert_eq!(es.number(value, decimals), spanish);
            assert_eq!(en.number(value, decimals), english.replace('-', "−"));
        }
        assert_eq!(
            es.quantity(Quantity::from_micros(52_600), MetricUnit::Ratio),
            "5,3\u{a0}%"
        );
        assert_eq!(
            en.quantity(Quantity::from_micros(412_000), MetricUnit::Seconds),
            "0.41\u{a0}s"
        );
        assert_eq!(es.span(Duration::from_secs(5400)), "1\u{a0}h\u{a0}30\u{a0}min");
    }

    #[test]
    fn dates_and_zones_are_local() {
        let at: Timestamp = "2026-11-23T03:05:00Z".parse().unwrap();
        let bogota: Zone = "-05:00".parse().unwrap();
        let (es, en) = (Words::new(Language::Es), Words::new(Language::En));
        assert_eq!(
            (es.date(at, bogota), en.date(at, Zone::UTC)),
            ("22/11/2026".to_owned(), "23 Nov 2026".to_owned())
        );
        assert_eq!(clock(at, bogota, false), "22:05");
        assert_eq!(
            (es.zone(bogota), es.zone(Zone::UTC)),
            ("UTC−5".to_owned(), "UTC".to_owned())
        );
        assert_eq!(es.zone("+05:30".parse().unwrap()), "UTC+5:30");
        for bad in ["", "5", "+", "+15:00", "+05:60", "-0a:00", "+005:00", "Bogotá"] {
            assert!(bad.parse::<Zone>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_metric_and_statistic_has_its_words() {
        for language in [Language::Es, Language::En] {
            let words = Words::new(language);
            for known in KnownMetric::ALL {
                let key = format!("metric-{}", known.name().replace('_', "-"));
                assert!(words.bundle.has_message(&key), "{language:?} {key}");
            }
            for statistic in [
                Statistic::Mean,
                Statistic::P50,
                Statistic::P95,
                Statistic::P99,
                Statistic::Total,
            ] {
                let key = format!("statistic-{statistic}");
                assert!(words.bundle.has_message(&key), "{language:?} {key}");
            }
        }
    }
}
