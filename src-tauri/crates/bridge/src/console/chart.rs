//! Charts for the window: the lines that it draws itself, and pictures for somebody who is not there.
//!
//! Both look at what one rule of the board looks at, so that the line, its limits and the board speak of the same number.

use timonel_domain::board::FURTHEST;
use timonel_domain::metric::Statistic;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, RuleId};
use timonel_ports::store::{RolloutStore, SampleStore};
use timonel_report::{Format, Language, Look, Theme, Zone};
use timonel_wire::{Arg, BandPoint, PictureAsk, PictureOf, Point, Sentence, Series, WireError, millis};

use super::{Console, gone};
use crate::chart::band::{band, before};
use crate::chart::lines::{Asked, points, thin_out};
use crate::chart::{Album, ChartError, Era, Subject, Telling};

/// No screen has more pixel columns.
const WIDEST: u32 = 10_000;

/// A picture to be kept or sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// What it is to be called, with its ending: letters, digits and `-` only, so good in every folder.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Console {
    /// The lines of what a rule looks at, between two moments (milliseconds, UTC), with at most two points a pixel column:
    /// what it saw at each reading.
    pub async fn series(&self, rule: &str, width_px: u32, from: i64, to: i64) -> Result<Vec<Series>, WireError> {
        let asked = self.asked(rule)?;
        let signal = asked.signal;
        let moment = |ms: i64| Timestamp::from_micros(ms.saturating_mul(1000));
        let span = moment(from)..moment(to);
        let during = span.start - FURTHEST..moment(to.saturating_add(1));
        let samples = self.0.store.samples(&self.0.rollout, &signal.id, during).await;
        let samples = samples.map_err(unread)?;
        let Some(reading) = samples.first() else {
            return Ok(Vec::new());
        };
        let question = asked.question(&reading.value);
        let columns = width_px.min(WIDEST);
        // The band says where the share of the whole phase lies; of other statistics there is none.
        let eras = match question.statistic {
            Statistic::Share => self.eras().await?,
            Statistic::Mean
            | Statistic::P50
            | Statistic::P95
            | Statistic::P99
            | Statistic::Total
            | Statistic::Latest => Vec::new(),
        };
        let mut whole = match before(&eras, span.start - FURTHEST) {
            Some(before) => self
                .0
                .store
                .samples(&self.0.rollout, &signal.id, before)
                .await
                .map_err(unread)?,
            None => Vec::new(),
        };
        whole.extend(samples.iter().cloned());
        let line = |side| {
            let all = points(&samples, side, signal, &question, &span);
            let kept = thin_out(&all, columns, &span);
            let kept = kept.iter().map(|p| Point(millis(p.at), p.value.map(Quantity::as_f64)));
            Series {
                metric: signal.metric.name().to_owned(),
                signal: signal.id.to_string(),
                side: side.into(),
                unit: signal.metric.unit().into(),
                points: kept.collect(),
                band: band(&whole, side, &eras, columns, &span)
                    .iter()
                    .map(|p| BandPoint(millis(p.at), p.bounds.map(|(low, high)| (rounded(low), rounded(high)))))
                    .collect(),
            }
        };
        Ok(signal.sides.iter().map(|side| line(*side)).collect())
    }

    /// A picture of this rollout, from its beginning on: the same as `timonelctl chart` draws.
    pub async fn picture_file(&self, ask: &PictureAsk) -> Result<PictureFile, WireError> {
        let (subject, about) = match &ask.what {
            PictureOf::Timeline => (Subject::Timeline, "timeline".to_owned()),
            PictureOf::Rule { rule } => {
                let about = self.asked(rule)?.signal.metric.name().to_owned();
                let rule = RuleId::new(rule).map_err(|_| unknown())?;
                (Subject::Rule(rule), about)
            }
        };
        let (format, ending) = match ask.format {
            timonel_wire::PictureFormat::Png => (Format::Png, "png"),
            timonel_wire::PictureFormat::Svg => (Format::Svg, "svg"),
        };
        let look = Look {
            format,
            theme: if ask.dark { Theme::Dark } else { Theme::Light },
            language: match ask.language.split(['-', '_']).next() {
                Some("en") => Language::En,
                Some(_) | None => Language::Es,
            },
            zone: Zone::of_minutes(ask.zone_minutes).unwrap_or(Zone::UTC),
        };
        let rows = self.0.store.rollouts().await.map_err(unread)?;
        let row = rows.into_iter().find(|row| row.id == self.0.rollout).ok_or_else(gone)?;
        let album = Album {
            store: &self.0.store,
            plan: &self.0.plan.plan,
            row: &row,
        };
        let bytes = album.picture(&subject, (None, None), &look).await;
        let bytes = bytes.map_err(|error| match error {
            ChartError::NoSamples { .. } => WireError::new("error-nothing-to-draw"),
            error @ (ChartError::UnknownMetric { .. } | ChartError::Bridge(_) | ChartError::Report(_)) => {
                WireError(Sentence::new("error-picture").with("why", Arg::text(error)))
            }
        })?;
        let plan = &self.0.plan.plan.id;
        Ok(PictureFile {
            name: file_name(&format!("{plan} {about} {}", self.0.clock.now()), ending),
            bytes,
        })
    }

    /// When the evidence of this rollout began anew, so far.
    async fn eras(&self) -> Result<Vec<Era>, WireError> {
        let mut telling = self.0.telling.lock().await;
        let plan = &self.0.plan.plan;
        let telling = telling.get_or_insert_with(|| Telling::new(plan));
        let told = telling.go_on(&*self.0.store, &self.0.rollout, plan).await;
        told.map_err(|error| WireError(Sentence::new("error-store").with("why", Arg::text(error))))?;
        Ok(telling.story.eras.clone())
    }

    fn asked(&self, rule: &str) -> Result<Asked<'_>, WireError> {
        let rule = RuleId::new(rule).map_err(|_| unknown())?;
        Asked::of_rule(&self.0.plan.plan, &rule).ok_or_else(unknown)
    }
}

/// What is asked for in words as a name that every file system takes: `ivr-texml-error-rate-2026-11-23-13-08-58.png`.
fn file_name(words: &str, ending: &str) -> String {
    let seconds = words.split('.').next().unwrap_or(words);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = seconds.chars().map(|c| if c == 'T' { '-' } else { plain(c) }).collect();
    format!("{name}.{ending}")
}

/// Finer than any pixel.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

fn unknown() -> WireError {
    WireError::new("error-unknown-rule")
}

pub(super) fn unread(error: timonel_ports::store::StoreError) -> WireError {
    WireError(Sentence::new("error-store").with("why", Arg::text(error)))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_file_is_called_what_it_shows_and_when() {
        assert_eq!(
            file_name("ivr-texml error_rate 2026-11-23T13:08:58.123Z", "png"),
            "ivr-texml-error-rate-2026-11-23-13-08-58.png"
        );
        let hostile = file_name("../..\\x:y", "svg");
        assert!(
            hostile
                .strip_suffix(".svg")
                .unwrap()
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{hostile}"
        );
    }
}
