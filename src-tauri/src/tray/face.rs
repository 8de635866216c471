//! What the icon and its menu say of a picture: pure, in a language.

use fluent::FluentValue;
use timonel_wire::{ActionName, Aim, Freshness, LookingOn, Picture, RuleStage, SeverityName, StageKind};

pub(super) use super::shape::Shape;
use crate::words::{Language, Words};

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Face {
    /// The icon.
    pub(super) shape: Shape,
    /// Environment, rollout, weight and state in one line.
    pub(super) state: String,
    /// How many alerts wait for somebody; absent where none does.
    pub(super) alerts: Option<String>,
    /// The entry that shows the window.
    pub(super) open: String,
    /// One emergency control a rollout.
    pub(super) emergencies: Vec<Emergency>,
    /// The entry that ends the program.
    pub(super) quit: String,
}

/// An emergency control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Emergency {
    /// What it puts back.
    pub(super) aim: Aim,
    /// Its effect, with the environment.
    pub(super) label: String,
}

impl Face {
    /// Of a picture, or of not having one.
    pub(crate) fn of(picture: Option<&Picture>, language: Language) -> Self {
        let words = Words::new(language);
        let plain = |key: &str| words.say(key, &[]);
        let lost = Self {
            shape: Shape::Lost,
            state: plain("tray-state-lost"),
            alerts: None,
            open: plain("tray-open"),
            emergencies: Vec::new(),
            quit: plain("tray-quit"),
        };
        match picture {
            Some(picture) => lost.seeing(picture, shape(picture), language),
            None => lost,
        }
    }

    /// Of a picture that nothing came after: what it tells was so, and only its emergency control counts.
    pub(crate) fn silent(picture: &Picture, language: Language) -> Self {
        Self::of(None, language).seeing(picture, Shape::Lost, language)
    }

    /// With what a picture tells.
    fn seeing(self, picture: &Picture, shape: Shape, language: Language) -> Self {
        let words = Words::new(language);
        let plain = |key: &str| words.say(key, &[]);
        let environment = if picture.environment.simulated {
            plain("tray-simulated")
        } else {
            picture.environment.name.clone()
        };
        let state = plain(match shape {
            Shape::Calm => "tray-calm",
            Shape::Held => "tray-held",
            Shape::Alarm => "tray-alarm",
            Shape::Back => "tray-back",
            Shape::Lost => "tray-late",
        });
        let text = |text: &str| FluentValue::from(text.to_owned());
        let state = words.say(
            "tray-state",
            &[
                ("environment", text(&environment)),
                ("rollout", text(&picture.rollout.plan)),
                ("weight", text(&weight(picture.emergency.from, language))),
                ("state", text(&state)),
            ],
        );
        let waiting = waiting(picture).count();
        let alerts = (waiting > 0).then(|| {
            let shown = text(&waiting.to_string());
            words.say("tray-alerts", &[("count", waiting.into()), ("shown", shown)])
        });
        let label = words.say(
            "tray-roll-back",
            &[
                ("rollout", text(&picture.emergency.plan)),
                ("environment", text(&environment)),
            ],
        );
        let aim = picture.aim();
        Self {
            shape,
            state,
            alerts,
            emergencies: vec![Emergency { aim, label }],
            ..self
        }
    }
}

/// Alerts that nobody has acknowledged and that are not over.
fn waiting(picture: &Picture) -> impl Iterator<Item = &timonel_wire::Alert> {
    let waits = |alert: &&timonel_wire::Alert| alert.acknowledged.is_none() && alert.resolved_at.is_none();
    picture.alerts.iter().filter(waits)
}

/// The loudest of what is. In order only where everything that would say otherwise is known.
fn shape(picture: &Picture) -> Shape {
    let rules = picture.board.iter().any(|row| match row.state {
        RuleStage::Firing => true,
        RuleStage::Pending => row.action == ActionName::Rollback,
        RuleStage::Idle | RuleStage::Resolved | RuleStage::NoEvidence => false,
    });
    let loud = waiting(picture).any(|alert| alert.severity >= SeverityName::High);
    let rolling_back = picture.rollout.stage == StageKind::RollingBack;
    let unwatched = |seen: &LookingOn| seen.lost || seen.unled && picture.rollout.stage != StageKind::Closed;
    let late = picture.sources.iter().any(|source| source.freshness != Freshness::Live)
        || picture.environment.looking_on.as_ref().is_some_and(unwatched)
        || picture.targets.iter().any(|target| target.silent.is_some());
    if rules || loud || rolling_back {
        Shape::Alarm
    } else if late {
        Shape::Lost
    } else if picture.rollout.latched.is_some() {
        Shape::Back
    } else if picture.rollout.frozen || !picture.rollout.holds.is_empty() {
        Shape::Held
    } else {
        Shape::Calm
    }
}

/// A weight in hundredths of a percent for people: `12,5 %`.
fn weight(hundredths: u16, language: Language) -> String {
    let mark = match language {
        Language::Es => ',',
        Language::En => '.',
    };
    let (whole, part) = (hundredths / 100, hundredths % 100);
    let part = format!("{mark}{part:02}");
    let part = part.trim_end_matches('0').trim_end_matches(mark);
    format!("{whole}{part} %")
}

#[cfg(test)]
mod tests;
