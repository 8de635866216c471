//! Whose call it is: the arm follows the URL that was in force when the call began.
//!
//! A call belongs to the application whose connection it came in on, except while the lever is pulled: then the canary's
//! application has the stable one's `voice_url`, and what begins on it is stable's. When the lever was pulled is known from
//! the application's `updated_at`, the first one seen with the lever pulled, since later changes move it on.
//!
//! A lever that is pulled and released between two readings is not seen. Deliberately not here: how applications are read.

use timonel_domain::time::Timestamp;
use timonel_domain::value::Arm;
use timonel_http::Url;

/// How many addresses of an arm are remembered.
const REMEMBERED: usize = 8;
/// How many times that the lever was pulled are remembered.
const PULLS: usize = 32;

/// What matters of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InForce {
    /// Where its calls are answered.
    pub(crate) voice_url: String,
    /// When it was last changed, by Telnyx's clock, where it says so.
    pub(crate) updated_at: Option<Timestamp>,
}

/// The two applications of a splitter, as they were over time.
#[derive(Debug, Default)]
pub(crate) struct Arms {
    stable: Vec<Place>,
    canary: Vec<Place>,
    /// In the order of their times; only the last may be open.
    pulls: Vec<Pull>,
    last_read: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pull {
    from: Timestamp,
    until: Option<Timestamp>,
}

/// To whom the canary connection's calls of a span belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// All to one arm.
    One(Arm),
    /// The lever was pulled or released within it.
    Both,
}

/// What a `voice_url` covers: its origin, and its path with all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    origin: String,
    path: String,
}

impl Arms {
    /// Takes in how both applications stand at `now`.
    pub(crate) fn observe(&mut self, stable: &InForce, canary: &InForce, now: Timestamp) {
        let pulled = stable.voice_url == canary.voice_url;
        let before = self.last_read.replace(now);
        // Never before the last reading, which showed it otherwise, and never in the future.
        let changed = |at_least: Option<Timestamp>| {
            let said = canary.updated_at.filter(|at| at_least.is_none_or(|least| *at >= least));
            said.unwrap_or(now).min(now)
        };
        match (self.pulls.last_mut().filter(|pull| pull.until.is_none()), pulled) {
            (None, true) => {
                let from = changed(before.map(|before| before - super::TOLERANCE));
                self.pulls.push(Pull { from, until: None });
            }
            (Some(open), false) => open.until = Some(changed(Some(open.from))),
            (Some(_), true) | (None, false) => {}
        }
        if self.pulls.len() > PULLS {
            self.pulls.remove(0);
        }
        remember(&mut self.stable, &stable.voice_url);
        if !pulled {
            remember(&mut self.canary, &canary.voice_url);
        }
    }

    /// Whose a call is that began at `began` on the connection of `connection`.
    pub(crate) fn of_call(&self, connection: Arm, began: Timestamp) -> Arm {
        match connection {
            Arm::Stable => Arm::Stable,
            Arm::Canary if self.pulls.iter().any(|pull| pull.holds(began)) => Arm::Stable,
            Arm::Canary => Arm::Canary,
        }
    }

    /// Whose the calls are that began on the canary's connection from `since` on and before `until`.
    pub(crate) fn over(&self, since: Timestamp, until: Timestamp) -> Whose {
        let changes = |pull: &Pull| {
            let within = |at: Timestamp| at > since && at < until;
            within(pull.from) || pull.until.is_some_and(within)
        };
        if self.pulls.iter().any(changes) {
            return Whose::Both;
        }
        Whose::One(self.of_call(Arm::Canary, since))
    }

    /// Whose a request to `url` was; `None` where neither arm ever had that place. The longer place counts where both have
    /// one, and the stable arm where they are the same: while the lever is pulled, or for good.
    pub(crate) fn of_url(&self, url: &str) -> Option<Arm> {
        let asked = Place::of(url)?;
        let longest = |places: &[Place]| {
            let covering = places.iter().filter(|place| place.covers(&asked));
            covering.map(|place| place.path.len()).max()
        };
        match (longest(&self.stable), longest(&self.canary)) {
            (None, None) => None,
            (stable, canary) if stable >= canary => Some(Arm::Stable),
            (_, _) => Some(Arm::Canary),
        }
    }

    /// Whether it is known where the canary's calls are answered. It is not where the lever has been pulled ever since the
    /// first reading.
    pub(crate) fn knows_canary(&self) -> bool {
        !self.canary.is_empty()
    }
}

impl Pull {
    fn holds(self, at: Timestamp) -> bool {
        at >= self.from && self.until.is_none_or(|until| at < until)
    }
}

impl Place {
    /// `None` where it is no address with a host.
    fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(Url::has_host)?;
        Some(Self {
            origin: url.origin().ascii_serialization(),
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }

    fn covers(&self, other: &Self) -> bool {
        let below = other.path.strip_prefix(&self.path);
        self.origin == other.origin && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Newest last; the oldest is forgotten.
fn remember(places: &mut Vec<Place>, url: &str) {
    let Some(place) = Place::of(url) else { return };
    places.retain(|known| *known != place);
    places.push(place);
    if places.len() > REMEMBERED {
        places.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "https://old.example.com/voice";
    const NEW: &str = "https://new.example.com/voice?v=2";

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn app(voice_url: &str, updated_at: Option<i64>) -> InForce {
        InForce {
            voice_url: voice_url.to_owned(),
            updated_at: updated_at.map(at),
        }
    }

    /// Read at these times, with this URL on the canary's application since these times.
    fn read(readings: &[(i64, &str, Option<i64>)]) -> Arms {
        let mut arms = Arms::default();
        for (now, canary, updated_at) in readings {
            arms.observe(&app(OLD, Some(0)), &app(canary, *updated_at), at(*now));
        }
        arms
    }

    fn of_calls(arms: &Arms, began: &[i64]) -> Vec<Arm> {
        began.iter().map(|secs| arms.of_call(Arm::Canary, at(*secs))).collect()
    }

    #[test]
    fn calls_are_stables_from_when_the_lever_is_pulled_until_it_is_released() {
        use Arm::{Canary, Stable};
        let arms = read(&[(100, NEW, Some(1)), (115, OLD, Some(110))]);
        assert_eq!(of_calls(&arms, &[50, 109, 110, 500]), [Canary, Canary, Stable, Stable]);
        assert_eq!(arms.of_call(Stable, at(50)), Stable);
        let arms = read(&[(100, NEW, Some(1)), (115, OLD, Some(110)), (145, NEW, Some(140))]);
        assert_eq!(of_calls(&arms, &[109, 110, 139, 140]), [Canary, Stable, Stable, Canary]);
    }

    #[test]
    fn a_later_change_of_the_application_does_not_move_the_pull() {
        let arms = read(&[(100, NEW, Some(1)), (115, OLD, Some(110)), (130, OLD, Some(125))]);
        assert_eq!(of_calls(&arms, &[112]), [Arm::Stable]);
    }

    #[test]
    fn what_updated_at_cannot_be_is_not_believed() {
        // (canary's readings, first moment that is stable's)
        type Reading = (i64, &'static str, Option<i64>);
        let table: &[(&[Reading], i64)] = &[
            (&[(100, NEW, Some(1)), (115, OLD, None)], 115),
            // Older than a reading that showed it otherwise.
            (&[(100, NEW, Some(1)), (115, OLD, Some(50))], 115),
            // As far back as two clocks may differ.
            (&[(100, NEW, Some(1)), (115, OLD, Some(96))], 96),
            // In the future.
            (&[(100, NEW, Some(1)), (115, OLD, Some(500))], 115),
            // Found pulled: there is no reading before.
            (&[(100, OLD, Some(40))], 40),
            (&[(100, OLD, None)], 100),
        ];
        for (readings, from) in table {
            let arms = read(readings);
            assert_eq!(
                of_calls(&arms, &[from - 1, *from]),
                [Arm::Canary, Arm::Stable],
                "{readings:?}"
            );
        }
    }

    #[test]
    fn a_span_belongs_to_one_arm_or_to_both() {
        let arms = read(&[(100, NEW, Some(1)), (115, OLD, Some(110)), (145, NEW, Some(140))]);
        let table = [
            (0, 110, Whose::One(Arm::Canary)),
            (0, 111, Whose::Both),
            (110, 140, Whose::One(Arm::Stable)),
            (120, 130, Whose::One(Arm::Stable)),
            (120, 141, Whose::Both),
            (0, 500, Whose::Both),
            (140, 500, Whose::One(Arm::Canary)),
        ];
        for (since, until, whose) in table {
            assert_eq!(arms.over(at(since), at(until)), whose, "{since}..{until}");
        }
    }

    #[test]
    fn a_request_is_its_places_arm() {
        let arms = read(&[(100, NEW, Some(1))]);
        let table = [
            ("https://old.example.com/voice", Some(Arm::Stable)),
            ("https://old.example.com/voice/menu?CallSid=1", Some(Arm::Stable)),
            ("https://new.example.com/voice", Some(Arm::Canary)),
            ("https://NEW.example.com:443/voice/", Some(Arm::Canary)),
            ("https://new.example.com/voicemail", None),
            ("https://new.example.com:8443/voice", None),
            ("http://new.example.com/voice", None),
            ("https://elsewhere.example.com/voice", None),
            ("no address", None),
        ];
        for (url, arm) in table {
            assert_eq!(arms.of_url(url), arm, "{url}");
        }
    }

    #[test]
    fn the_longer_place_counts_on_a_host_that_both_arms_share() {
        let mut arms = Arms::default();
        let (old, new) = (
            app("https://ivr.example.com/", None),
            app("https://ivr.example.com/v2", None),
        );
        arms.observe(&old, &new, at(1));
        assert_eq!(arms.of_url("https://ivr.example.com/voice"), Some(Arm::Stable));
        assert_eq!(arms.of_url("https://ivr.example.com/v2/voice"), Some(Arm::Canary));
    }

    #[test]
    fn the_canarys_place_is_remembered_while_the_lever_is_pulled() {
        let arms = read(&[(100, NEW, Some(1)), (115, OLD, Some(110))]);
        assert_eq!(arms.of_url("https://new.example.com/voice"), Some(Arm::Canary));
        assert_eq!(arms.of_url("https://old.example.com/voice"), Some(Arm::Stable));
        assert!(arms.knows_canary());
        assert!(!read(&[(100, OLD, Some(40))]).knows_canary(), "found pulled");
    }
}
