//! What of an application decides where its calls go and what becomes of them there, saved and set together. Pure.
//!
//! Pulling the lever gives the canary application the settings of the stable one; releasing it gives them back. All of it
//! travels in one PATCH, which must name `friendly_name` and `voice_url` whatever it changes.
//!
//! Assumed, since only a live account can tell (docs/telnyx.md): `tags` and `inbound` are replaced as a whole, so both are
//! sent as they were read but for what changes; a `null` clears a field. The published file allows no `null` there, so one is sent only
//! where there is something to clear, and `number_share` goes on without if it is refused.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::Application;

/// Where Telnyx names none.
const DEFAULT_METHOD: &str = "post";
const CHANNEL_LIMIT: &str = "channel_limit";

/// The settings of one application that a lever touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// Required by every PATCH; never changed.
    pub(super) friendly_name: String,
    /// Where the instructions for a call are fetched.
    pub(super) voice_url: String,
    /// `get` or `post`.
    pub(super) voice_method: Option<String>,
    /// Where they are fetched when that fails.
    pub(super) voice_fallback_url: Option<String>,
    /// Where the events of a call are told.
    pub(super) status_callback: Option<String>,
    /// `get` or `post`.
    pub(super) status_callback_method: Option<String>,
    /// All of `inbound`, of which only `channel_limit` is ever changed.
    #[serde(default)]
    pub(super) inbound: Map<String, Value>,
}

impl Settings {
    /// These, made to treat calls as `stable` does: everything but the name and what else is in `inbound`. Where stable has no
    /// fallback and this has one, the fallback becomes stable's own address: trying it again harms nobody, and needs no `null`.
    pub(super) fn like(&self, stable: &Settings) -> Settings {
        let mut inbound = self.inbound.clone();
        match stable.limit() {
            Some(limit) => inbound.insert(CHANNEL_LIMIT.to_owned(), limit.clone()),
            None => inbound.remove(CHANNEL_LIMIT),
        };
        let again = self.voice_fallback_url.as_ref().map(|_| stable.voice_url.clone());
        Settings {
            friendly_name: self.friendly_name.clone(),
            voice_url: stable.voice_url.clone(),
            voice_method: stable.voice_method.clone(),
            voice_fallback_url: stable.voice_fallback_url.clone().or(again),
            status_callback: stable.status_callback.clone(),
            status_callback_method: stable.status_callback_method.clone(),
            inbound,
        }
    }

    /// These settings of an application.
    pub(super) fn of(application: &Application) -> Self {
        let inbound = match serde_json::to_value(&application.inbound) {
            Ok(Value::Object(inbound)) => inbound,
            Ok(_) | Err(_) => Map::new(),
        };
        Self {
            friendly_name: application.friendly_name.clone(),
            voice_url: application.voice_url.clone(),
            voice_method: application.voice_method.clone(),
            voice_fallback_url: application.voice_fallback_url.clone(),
            status_callback: application.status_callback.clone(),
            status_callback_method: application.status_callback_method.clone(),
            inbound,
        }
    }

    /// These, but with what `now` has where these have nothing: what is left when nothing can be cleared.
    pub(super) fn keeping_uncleared(mut self, now: &Settings) -> Settings {
        self.voice_fallback_url = self.voice_fallback_url.or_else(|| now.voice_fallback_url.clone());
        self.status_callback = self.status_callback.or_else(|| now.status_callback.clone());
        if let (None, Some(limit)) = (self.limit(), now.limit()) {
            self.inbound.insert(CHANNEL_LIMIT.to_owned(), limit.clone());
        }
        self
    }

    /// The body of the PATCH that sets all of this and `tags` on an application that has `now`.
    pub(super) fn patch(&self, now: &Settings, tags: &[String]) -> Map<String, Value> {
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("friendly_name", json!(self.friendly_name));
        set("voice_url", json!(self.voice_url));
        set("voice_method", json!(method(self.voice_method.as_deref())));
        set(
            "status_callback_method",
            json!(method(self.status_callback_method.as_deref())),
        );
        for (name, wanted, there) in [
            ("voice_fallback_url", &self.voice_fallback_url, &now.voice_fallback_url),
            ("status_callback", &self.status_callback, &now.status_callback),
        ] {
            if wanted.is_some() || there.is_some() {
                set(name, json!(wanted));
            }
        }
        if self.limit().is_some() || now.limit().is_some() {
            let mut inbound: Map<_, _> = self.inbound.clone().into_iter().filter(|(_, v)| !v.is_null()).collect();
            inbound.insert(CHANNEL_LIMIT.to_owned(), self.limit().cloned().unwrap_or(Value::Null));
            set("inbound", Value::Object(inbound));
        }
        set("tags", json!(tags));
        body
    }

    /// Which fields of `now` are not as here, by name; empty where calls are treated alike.
    pub(super) fn differences(&self, now: &Settings) -> Vec<&'static str> {
        let same =
            |a: &Option<String>, b: &Option<String>| method(a.as_deref()).eq_ignore_ascii_case(method(b.as_deref()));
        let fields = [
            ("voice_url", self.voice_url == now.voice_url),
            ("voice_method", same(&self.voice_method, &now.voice_method)),
            ("voice_fallback_url", self.voice_fallback_url == now.voice_fallback_url),
            ("status_callback", self.status_callback == now.status_callback),
            (
                "status_callback_method",
                same(&self.status_callback_method, &now.status_callback_method),
            ),
            ("inbound.channel_limit", self.limit() == now.limit()),
        ];
        let other = fields.into_iter().filter(|(_, same)| !same);
        other.map(|(name, _)| name).collect()
    }

    /// How many calls it takes at once; `None` where nothing limits them.
    fn limit(&self) -> Option<&Value> {
        self.inbound.get(CHANNEL_LIMIT).filter(|limit| !limit.is_null())
    }
}

/// A body without what clears a field, for a control plane that refuses that; `None` where it clears nothing. `inbound` goes
/// as a whole: without its limit, nobody knows whether it would clear it.
pub(super) fn without_clearing(body: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut kept = body.clone();
    kept.retain(|name, value| !value.is_null() && (name != "inbound" || !value[CHANNEL_LIMIT].is_null()));
    (kept != *body).then_some(kept)
}

fn method(named: Option<&str>) -> &str {
    named.unwrap_or(DEFAULT_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stable() -> Settings {
        Settings {
            friendly_name: "ivr".into(),
            voice_url: "https://old.example/voice".into(),
            voice_method: Some("get".into()),
            voice_fallback_url: None,
            status_callback: Some("https://old.example/status".into()),
            status_callback_method: None,
            inbound: Map::new(),
        }
    }

    fn canary() -> Settings {
        let inbound =
            json!({"channel_limit": 10, "sip_subdomain": "nuevo", "shaken_stir_enabled": true, "other": null});
        Settings {
            friendly_name: "ivr nuevo".into(),
            voice_url: "https://new.example/voice".into(),
            voice_method: Some("post".into()),
            voice_fallback_url: Some("https://old.example/voice".into()),
            status_callback: None,
            status_callback_method: Some("get".into()),
            inbound: inbound.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn the_lever_sets_everything_together_and_keeps_the_name_and_the_rest_of_inbound() {
        let (stable, canary) = (stable(), canary());
        let levered = canary.like(&stable);
        assert_eq!(
            Value::Object(levered.patch(&canary, &["t".to_owned()])),
            json!({
                "friendly_name": "ivr nuevo",
                "voice_url": "https://old.example/voice",
                "voice_method": "get",
                // Stable has none: its own address again.
                "voice_fallback_url": "https://old.example/voice",
                "status_callback": "https://old.example/status",
                "status_callback_method": "post",
                "inbound": {"channel_limit": null, "sip_subdomain": "nuevo", "shaken_stir_enabled": true},
                "tags": ["t"],
            })
        );
        assert_eq!(
            levered.differences(&canary),
            [
                "voice_url",
                "voice_method",
                "status_callback",
                "status_callback_method",
                "inbound.channel_limit"
            ]
        );
    }

    #[test]
    fn releasing_gives_back_what_was_there() {
        let (stable, canary) = (stable(), canary());
        let levered = canary.like(&stable);
        let back = canary.patch(&levered, &[]);
        assert_eq!(back["voice_url"], "https://new.example/voice");
        assert_eq!(back["status_callback"], Value::Null, "what stable had is cleared");
        assert_eq!(back["inbound"]["channel_limit"], 10);
        assert!(canary.differences(&canary.clone()).is_empty());
    }

    #[test]
    fn nothing_is_cleared_where_there_is_nothing() {
        let (mut bare, stable) = (canary(), stable());
        bare.inbound.clear();
        bare.voice_fallback_url = None;
        bare.status_callback = None;
        let body = bare.like(&stable).patch(&bare, &[]);
        assert!(body.values().all(|value| !value.is_null()), "{body:?}");
        assert!(!body.contains_key("inbound") && !body.contains_key("voice_fallback_url"));
        assert_eq!(without_clearing(&body), None);
    }

    #[test]
    fn a_control_plane_that_clears_nothing_is_given_the_rest() {
        let stable = Settings {
            status_callback: None,
            ..stable()
        };
        let canary = Settings {
            status_callback: Some("https://new.example/status".into()),
            ..canary()
        };
        let body = canary.like(&stable).patch(&canary, &[]);
        let kept = without_clearing(&body).unwrap();
        assert_eq!(kept["voice_url"], "https://old.example/voice");
        assert!(!kept.contains_key("status_callback") && !kept.contains_key("inbound"));
        let left = canary.like(&stable).keeping_uncleared(&canary);
        assert_eq!(
            (left.status_callback, left.inbound),
            (canary.status_callback, canary.inbound)
        );
    }

    #[test]
    fn a_method_that_is_not_named_is_post() {
        let (mut a, b) = (stable(), stable());
        a.status_callback_method = Some("POST".into());
        assert!(a.differences(&b).is_empty());
    }
}
