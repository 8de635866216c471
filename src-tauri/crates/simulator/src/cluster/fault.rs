//! What can be made to go wrong with the API, by object or for the whole cluster.
//!
//! Who sets faults when is a scenario's business; how each looks on the wire is `answer`'s and `watch`'s.

use std::sync::Arc;
use std::time::Duration;

use super::kind::Place;
use super::{ClusterError, Shared};

/// One way of going wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 401: the token is no good any more.
    Unauthorized,
    /// 403: the token's owner may not do this.
    Forbidden,
    /// 429, with `Retry-After` in whole seconds where given.
    TooManyRequests {
        /// What the header says.
        retry_after: Option<Duration>,
    },
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 200 with a web page instead of JSON, as a proxy's sign-in page comes.
    Html,
    /// istiod's webhook refuses every VirtualService: 400.
    WebhookDenies {
        /// What it says, such as `configuration is invalid: host not found`.
        reason: String,
    },
    /// istiod's webhook does not answer, and its failure policy is Fail: 500 for every write of a VirtualService.
    WebhookDown,
    /// Answers come this much later.
    Slow {
        /// Added to the usual 4 to 26 ms.
        extra: Duration,
    },
    /// Nothing gets through while this is set: requests hang, watches fall silent. Both go on once it is cleared, if somebody still waits.
    BlackHole,
    /// Connections close without an answer, nothing is written, and open watches break off.
    Reset,
    /// Writes are stored and read back, but the data plane keeps what it had until this is cleared.
    ReadBackLies,
    /// The write is done; its answer never comes.
    AnswerLost,
    /// The write is answered with 200 and done only afterwards.
    LateWrite {
        /// How long after the answer.
        after: Duration,
    },
}

/// What a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every request, discovery and health included.
    Cluster,
    /// Requests for the one object at this path; lists and watches only where a field selector names it.
    Object(String),
}

/// Which requests a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// All.
    All,
    /// Those that change nothing.
    Reads,
    /// Those that may change something.
    Writes,
}

/// A fault that was set, for clearing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

/// The faults of a cluster; a handle.
#[derive(Debug, Clone)]
pub struct Faults(pub(super) Arc<Shared>);

impl Faults {
    /// Sets a fault until it is cleared. Where several apply, the one set first answers; slowness adds up.
    pub fn set(&self, scope: Scope, calls: Calls, fault: Fault) -> Result<FaultId, ClusterError> {
        self.add(scope, calls, fault, None)
    }

    /// Sets a fault for the next `times` requests that meet it. [`Fault::Slow`], [`Fault::BlackHole`] and
    /// [`Fault::ReadBackLies`] are states rather than answers: they last until they are cleared all the same.
    pub fn set_times(&self, scope: Scope, calls: Calls, fault: Fault, times: u32) -> Result<FaultId, ClusterError> {
        self.add(scope, calls, fault, Some(times))
    }

    fn add(&self, scope: Scope, calls: Calls, fault: Fault, left: Option<u32>) -> Result<FaultId, ClusterError> {
        let object = match scope {
            Scope::Cluster => None,
            Scope::Object(path) => match Place::parse(&path) {
                Some(Place::Object { key, .. }) => Some(key.to_string()),
                Some(Place::Collection { .. }) | None => return Err(ClusterError::NoObjectPath { path }),
            },
        };
        let mut state = self.0.state();
        state.rules.next += 1;
        let id = FaultId(state.rules.next);
        state.rules.list.push(Rule {
            id,
            object,
            calls,
            fault,
            left,
        });
        state.faults_changed();
        Ok(id)
    }

    /// Ends a fault; it is no error if it has ended.
    pub fn clear(&self, id: FaultId) {
        let mut state = self.0.state();
        state.rules.list.retain(|rule| rule.id != id);
        state.faults_changed();
    }

    /// Ends all faults.
    pub fn clear_all(&self) {
        let mut state = self.0.state();
        state.rules.list.clear();
        state.faults_changed();
    }
}

#[derive(Debug, Default)]
pub(super) struct Rules {
    list: Vec<Rule>,
    next: u64,
}

#[derive(Debug)]
struct Rule {
    id: FaultId,
    /// The object's path in the preferred version.
    object: Option<String>,
    calls: Calls,
    fault: Fault,
    left: Option<u32>,
}

/// What a request is about, as faults see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// The object's path in the preferred version, where the request names one.
    pub(super) object: Option<String>,
    pub(super) writes: bool,
}

impl Rule {
    fn meets(&self, subject: &Subject) -> bool {
        let calls = match self.calls {
            Calls::All => true,
            Calls::Reads => !subject.writes,
            Calls::Writes => subject.writes,
        };
        calls && (self.object.is_none() || self.object == subject.object)
    }
}

impl Rules {
    fn meeting(&self, subject: &Subject) -> impl Iterator<Item = &Fault> {
        self.list
            .iter()
            .filter(move |rule| rule.meets(subject))
            .map(|rule| &rule.fault)
    }

    pub(super) fn swallows(&self, subject: &Subject) -> bool {
        self.meeting(subject).any(|fault| *fault == Fault::BlackHole)
    }

    pub(super) fn tears(&self, subject: &Subject) -> bool {
        self.meeting(subject).any(|fault| *fault == Fault::Reset)
    }

    pub(super) fn forbids(&self, subject: &Subject) -> bool {
        self.meeting(subject).any(|fault| *fault == Fault::Forbidden)
    }

    pub(super) fn lies(&self, path: &str) -> bool {
        let subject = Subject {
            object: Some(path.to_owned()),
            writes: true,
        };
        self.meeting(&subject).any(|fault| *fault == Fault::ReadBackLies)
    }

    pub(super) fn slowness(&self, subject: &Subject) -> Duration {
        let extra = self.meeting(subject).map(|fault| {
            if let Fault::Slow { extra } = fault {
                *extra
            } else {
                Duration::ZERO
            }
        });
        extra.sum()
    }

    /// The fault that decides this request's answer, if any; counts it.
    pub(super) fn take_answer(&mut self, subject: &Subject) -> Option<Fault> {
        self.take(subject, |fault| match fault {
            Fault::Unauthorized
            | Fault::Forbidden
            | Fault::TooManyRequests { .. }
            | Fault::InternalError
            | Fault::Unavailable
            | Fault::Html
            | Fault::Reset => true,
            Fault::AnswerLost | Fault::LateWrite { .. } => subject.writes,
            Fault::WebhookDenies { .. }
            | Fault::WebhookDown
            | Fault::Slow { .. }
            | Fault::BlackHole
            | Fault::ReadBackLies => false,
        })
    }

    /// The fault that decides what the webhook says to a write, if any; counts it.
    pub(super) fn take_webhook(&mut self, path: &str) -> Option<Fault> {
        let subject = Subject {
            object: Some(path.to_owned()),
            writes: true,
        };
        self.take(&subject, |fault| {
            matches!(fault, Fault::WebhookDenies { .. } | Fault::WebhookDown)
        })
    }

    fn take(&mut self, subject: &Subject, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self
            .list
            .iter()
            .position(|rule| rule.meets(subject) && wanted(&rule.fault))?;
        let rule = &mut self.list[at];
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.list.remove(at);
            }
        }
        Some(fault)
    }
}
