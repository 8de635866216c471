//! Heartbeats out, so that somebody else notices that nobody watches: a dead man's switch, and an alert that always fires.
//!
//! Both are sent only while the program is healthy and every open rollout is watched, from here or by another. Neither says goodbye: a program that was ended on purpose watches nobody
//! either. Deliberately not here: what happens when they stay away, which is for those to say who receive them.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use timonel_domain::time::Timestamp;
use timonel_http::{Client, Limits, Method, Request};
use timonel_ports::secrets::SecretId;
use timonel_ports::task::spawn;
use timonel_prometheus::{Alert, Alertmanager, Endpoint};

use super::{Headless, lock};
use crate::BridgeError;
use crate::connect::failed;

/// A receiver that answers later has not heard it.
const DEADLINE: Duration = Duration::from_secs(5);
/// What a receiver says to a heartbeat is a word or two.
const LONGEST_ANSWER: usize = 64 * 1024;
/// So many heartbeats may be lost before the alert that always fires ends by itself.
const MAY_BE_LOST: u32 = 3;

/// A dead man's switch: an address that pages when it is not called for a while.
#[derive(Debug, Clone)]
pub struct DeadMansSwitch {
    /// The credential that is its address, since whoever knows that can keep it quiet.
    pub credential: SecretId,
    /// How it wants to be called.
    pub method: Call,
    /// How often.
    pub every: Duration,
}

/// How a dead man's switch wants to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// With a GET.
    Get,
    /// With an empty POST.
    Post,
}

/// An alert of the name `Watchdog` that fires for as long as we watch.
#[derive(Debug, Clone)]
pub struct Watchdog {
    /// The Alertmanager's base address.
    pub alertmanager: String,
    /// How often it is renewed.
    pub every: Duration,
}

/// How many were sent to one receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Those that it took.
    pub taken: u64,
    /// Those that it did not.
    pub lost: u64,
    /// Those that were not sent because not everything was watched.
    pub withheld: u64,
}

impl Headless {
    /// Calls a dead man's switch for as long as the program runs. Errors where this machine can call nobody.
    pub fn call(&self, switch: DeadMansSwitch) -> Result<(), BridgeError> {
        let (http, headless) = (self.client()?, self.clone());
        drop(spawn(&self.0.clock, async move {
            loop {
                let call = async || headless.knock(&http, &switch).await;
                headless.send("dead-mans-switch", call).await;
                if headless.pause(switch.every).await {
                    return;
                }
            }
        }));
        Ok(())
    }

    /// Keeps an alert firing for as long as the program runs. Errors where its address is none.
    pub fn keep_firing(&self, watchdog: Watchdog) -> Result<(), BridgeError> {
        let endpoint = Endpoint::new(&watchdog.alertmanager).map_err(|e| failed("the Alertmanager", e))?;
        let alertmanager = Alertmanager::new(self.client()?, endpoint);
        let (headless, begun) = (self.clone(), self.0.clock.now());
        drop(spawn(&self.0.clock, async move {
            loop {
                let raise = async || {
                    let alert = headless.watchdog(begun, watchdog.every);
                    alertmanager.raise(&[alert]).await.map_err(|e| e.to_string())
                };
                headless.send("watchdog", raise).await;
                if headless.pause(watchdog.every).await {
                    return;
                }
            }
        }));
        Ok(())
    }

    async fn send(&self, to: &'static str, work: impl AsyncFnOnce() -> Result<(), String>) {
        let unwatched = self.unwatched().await;
        let outcome = if unwatched.is_none() { Some(work().await) } else { None };
        let mut hearts = lock(&self.0.hearts);
        let sent = hearts.entry(to).or_default();
        match outcome {
            Some(Ok(())) => sent.taken += 1,
            Some(Err(why)) => {
                sent.lost += 1;
                tracing::warn!(to, why, "a heartbeat was not taken");
            }
            None => {
                sent.withheld += 1;
                tracing::error!(to, why = unwatched, "no heartbeat: not everything is watched");
            }
        }
    }

    async fn knock(&self, http: &Client, switch: &DeadMansSwitch) -> Result<(), String> {
        let loaded = self.0.duty.credentials.load(&switch.credential).await;
        let url: SecretString = match loaded {
            Ok(Some(loaded)) => loaded.secret,
            Ok(None) => return Err(crate::credentials::how_to_store(&switch.credential)),
            Err(error) => return Err(error.to_string()),
        };
        let method = match switch.method {
            Call::Get => Method::GET,
            Call::Post => Method::POST,
        };
        let request = Request::to_secret(method, &url).map_err(|e| e.to_string())?;
        let answer = http.send(request).await.map_err(|e| e.to_string())?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(format!("{} answered {}", answer.place(), answer.status.as_u16()))
        }
    }

    fn watchdog(&self, begun: Timestamp, every: Duration) -> Alert {
        let labels = [
            ("alertname", "Watchdog"),
            ("severity", "none"),
            ("program", "timonel"),
            ("engine", self.0.duty.name.as_str()),
        ];
        let says = "Timonel is watching. This alert always fires; page somebody when it stops.";
        Alert {
            labels: owned(&labels),
            annotations: owned(&[("summary", says)]),
            starts_at: begun,
            ends_at: self.0.clock.now() + every * MAY_BE_LOST,
        }
    }

    fn client(&self) -> Result<Client, BridgeError> {
        let limits = Limits {
            deadline: DEADLINE,
            body: LONGEST_ANSWER,
        };
        Client::new(self.0.clock.clone(), limits).map_err(|e| failed("HTTP", e))
    }
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
