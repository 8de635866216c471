//! Which popups should stand, of the alerts of a picture: pure, without a language.
//!
//! One popup a group: all open alerts of one rule, or of one kind about one target. It stands until a person has answered it or
//! the alerts are over. Only so many new ones come in a minute; the others wait behind one popup that counts them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use timonel_domain::time::Mono;
use timonel_ports::popup::{ActionId, PopupKey, Urgency};
use timonel_wire::{Alert, Arg, EnvironmentBand, Picture, Sentence, SeverityName};

/// A button: the person has seen the alerts of the popup.
pub const ACKNOWLEDGE: ActionId = ActionId("acknowledge");
/// A button: the person wants to see the window.
pub const OPEN: ActionId = ActionId("open");
/// The button of the test popup: the person sees it.
pub const SEEN: ActionId = ActionId("seen");

/// So many new popups at most come within [`SPAN`]; what changes or ends comes at once.
const MOST: usize = 6;
const SPAN: Duration = Duration::from_secs(60);

/// What an alert is about, by the names of its arguments.
const ABOUT: [&str; 4] = ["rule", "target", "tenant", "phase"];

/// What a popup says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Face {
    pub(super) urgency: Urgency,
    pub(super) title: Sentence,
    pub(super) body: Sentence,
    pub(super) actions: &'static [ActionId],
}

/// What is to be done at the desk.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    Show(PopupKey, Face),
    Close(PopupKey),
}

/// What was shown, and what became of it.
#[derive(Debug)]
struct Shown {
    face: Face,
    /// The alerts that it tells of.
    alerts: BTreeSet<String>,
    /// Whether it is before the person: not put away, expired or answered.
    up: bool,
}

/// What was shown of a rollout's alerts.
#[derive(Debug, Default)]
pub(super) struct Groups {
    shown: BTreeMap<PopupKey, Shown>,
    /// When the last new ones came.
    came: VecDeque<Mono>,
}

/// The open alerts of one group, newest first.
type Open<'a> = BTreeMap<PopupKey, Vec<&'a Alert>>;

impl Groups {
    /// What is to be done so that the right popups stand, in this order; it counts as done.
    pub(super) fn follow(&mut self, picture: &Picture, now: Mono) -> Vec<Deed> {
        let rollout = &picture.rollout.id;
        let rest = PopupKey::new(format!("{rollout}/more"));
        let mut open = Open::new();
        for alert in picture.alerts.iter().filter(|alert| asks(alert)) {
            open.entry(key_of(rollout, alert)).or_default().push(alert);
        }
        for alerts in open.values_mut() {
            alerts.sort_by_key(|alert| std::cmp::Reverse(alert.since));
        }
        let mut deeds = self.end(picture, &open, &rest);
        let mut new = Vec::new();
        for (key, alerts) in &open {
            let face = face(picture, alerts);
            match self.shown.get(key) {
                Some(shown) if shown.up && shown.face == face => {}
                // More urgent than before, it is as good as new.
                Some(shown) if shown.up && shown.face.urgency >= face.urgency => {
                    deeds.push(self.show(key, face, alerts))
                }
                Some(shown) if !shown.up && alerts.iter().all(|alert| shown.alerts.contains(&alert.id)) => {}
                Some(_) | None => new.push((key, face, alerts)),
            }
        }
        // The most urgent first, then who has waited longest.
        new.sort_by_key(|(_, face, alerts)| (std::cmp::Reverse(face.urgency), alerts.last().map(|alert| alert.since)));
        while self
            .came
            .front()
            .is_some_and(|came| now.saturating_since(*came) >= SPAN)
        {
            self.came.pop_front();
        }
        let waiting = new.split_off(new.len().min(MOST.saturating_sub(self.came.len())));
        for (key, face, alerts) in new {
            self.came.push_back(now);
            deeds.push(self.show(key, face, alerts));
        }
        deeds.extend(self.sum_up(picture, rest, waiting));
        deeds
    }

    /// The popups whose alerts are over or acknowledged.
    fn end(&mut self, picture: &Picture, open: &Open<'_>, rest: &PopupKey) -> Vec<Deed> {
        let over = |key: &PopupKey, _: &mut Shown| key != rest && !open.contains_key(key);
        let mut deeds = Vec::new();
        for (key, shown) in self.shown.extract_if(.., over).filter(|(_, shown)| shown.up) {
            let mut told = picture.alerts.iter().filter(|alert| shown.alerts.contains(&alert.id));
            let by_itself = told.clone().all(|alert| alert.acknowledged.is_none());
            deeds.push(match told.next().filter(|_| by_itself) {
                Some(alert) => Deed::Show(key, resolved(picture, alert)),
                None => Deed::Close(key),
            });
        }
        deeds
    }

    /// One popup for all that wait for their turn.
    fn sum_up(
        &mut self,
        picture: &Picture,
        rest: PopupKey,
        waiting: Vec<(&PopupKey, Face, &Vec<&Alert>)>,
    ) -> Option<Deed> {
        let Some(urgency) = waiting.iter().map(|(_, face, _)| face.urgency).max() else {
            return self
                .shown
                .remove(&rest)
                .filter(|shown| shown.up)
                .map(|_| Deed::Close(rest));
        };
        let alerts: Vec<&Alert> = waiting
            .into_iter()
            .flat_map(|(_, _, alerts)| alerts.iter().copied())
            .collect();
        let face = Face {
            urgency,
            title: title(picture, "popup-title-more"),
            body: counted(Sentence::new("popup-more"), alerts.len()),
            actions: &[OPEN],
        };
        match self.shown.get(&rest) {
            Some(shown) if shown.up && shown.face == face => None,
            Some(shown) if !shown.up && alerts.iter().all(|alert| shown.alerts.contains(&alert.id)) => None,
            Some(_) | None => Some(self.show(&rest, face, &alerts)),
        }
    }

    fn show(&mut self, key: &PopupKey, face: Face, alerts: &[&Alert]) -> Deed {
        let shown = Shown {
            face: face.clone(),
            alerts: alerts.iter().map(|alert| alert.id.clone()).collect(),
            up: true,
        };
        self.shown.insert(key.clone(), shown);
        Deed::Show(key.clone(), face)
    }

    /// A popup is no longer before the person, who may have seen it: it comes again with the next new alert of its group.
    pub(super) fn gone(&mut self, key: &PopupKey) {
        if let Some(shown) = self.shown.get_mut(key) {
            shown.up = false;
        }
    }

    /// A popup never was before the person, or was lost there: it comes again.
    pub(super) fn lost(&mut self, key: &PopupKey) {
        self.shown.remove(key);
    }

    /// The alerts that a popup told of when it was shown last.
    pub(super) fn alerts(&self, key: &PopupKey) -> Vec<String> {
        let shown = self.shown.get(key);
        shown
            .map(|shown| shown.alerts.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// The popups that stand.
    pub(super) fn standing(&self) -> Vec<PopupKey> {
        let up = self.shown.iter().filter(|(_, shown)| shown.up);
        up.map(|(key, _)| key.clone()).collect()
    }
}

/// Whether an alert wants a person, and not only to be on record.
fn asks(alert: &Alert) -> bool {
    alert.resolved_at.is_none() && alert.acknowledged.is_none() && urgency(alert.severity).is_some()
}

/// How much an alert may disturb; `None` where not at all.
fn urgency(severity: SeverityName) -> Option<Urgency> {
    match severity {
        SeverityName::Low => None,
        SeverityName::Medium => Some(Urgency::Low),
        SeverityName::High => Some(Urgency::Normal),
        SeverityName::Critical => Some(Urgency::Critical),
    }
}

/// The group of an alert: what it says of a rule is one group, whatever it says; else its kind and what it is about.
fn key_of(rollout: &str, alert: &Alert) -> PopupKey {
    let named = |name: &&'static str| Some((*name, alert.sentence.args.get(*name)?));
    let about: Vec<_> = ABOUT.iter().filter_map(named).collect();
    let kind = match about.first() {
        Some((name @ "rule", _)) => name,
        Some(_) | None => alert.sentence.code.as_str(),
    };
    let text = |(_, arg): &(&str, &Arg)| match arg {
        Arg::Text(text) => format!("/{text}"),
        // A rule is called by what it wants. What tells one from another is all that counts here.
        other => format!("/{other:?}"),
    };
    let about: String = about.iter().map(text).collect();
    PopupKey::new(format!("{rollout}/{kind}{about}"))
}

/// What the popup of a group says: its newest alert, as loud as its loudest.
fn face(picture: &Picture, alerts: &[&Alert]) -> Face {
    let loudest = alerts
        .iter()
        .map(|alert| alert.severity)
        .max()
        .unwrap_or(SeverityName::Low);
    let body = alerts.first().map(|alert| alert.sentence.clone());
    let body = body.unwrap_or_else(|| Sentence::new("popup-more"));
    Face {
        urgency: urgency(loudest).unwrap_or(Urgency::Low),
        title: title(picture, loud(loudest)),
        body: match alerts.len() {
            0 | 1 => body,
            several => counted(
                Sentence::new("popup-several").with("alert", Arg::sentence(body)),
                several,
            ),
        },
        actions: &[ACKNOWLEDGE, OPEN],
    }
}

/// What stands for a moment in the place of a popup whose alerts ended by themselves.
fn resolved(picture: &Picture, newest: &Alert) -> Face {
    Face {
        urgency: Urgency::Low,
        title: title(picture, "popup-title-resolved"),
        body: Sentence::new("popup-resolved").with("alert", Arg::sentence(newest.sentence.clone())),
        actions: &[],
    }
}

fn loud(severity: SeverityName) -> &'static str {
    match severity {
        SeverityName::Low | SeverityName::Medium => "popup-title-medium",
        SeverityName::High => "popup-title-high",
        SeverityName::Critical => "popup-title-critical",
    }
}

/// A title: how loud it is, where it happens, and to what.
fn title(picture: &Picture, code: &str) -> Sentence {
    Sentence::new(code)
        .with("environment", environment(&picture.environment))
        .with("rollout", Arg::text(&picture.rollout.plan))
}

/// Where something happens; what is not real says so.
pub(super) fn environment(environment: &EnvironmentBand) -> Arg {
    if environment.simulated {
        Arg::sentence(Sentence::new("popup-simulated"))
    } else {
        Arg::text(&environment.name)
    }
}

/// A sentence with a number of alerts: one to choose the plural by, one to read.
fn counted(sentence: Sentence, count: usize) -> Sentence {
    let number = u64::try_from(count).unwrap_or(u64::MAX);
    sentence
        .with("count", Arg::Count(number))
        .with("shown", Arg::text(count))
}

#[cfg(test)]
mod tests;
