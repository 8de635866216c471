//! What can be made to go wrong with the account's API, for all requests or for some.
//!
//! Who sets faults when is a scenario's business; how each looks on the wire is `answer`'s and `refusal`'s.

use std::time::Duration;

use super::Telnyx;

/// One way of going wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Nothing gets through while this is set: requests hang. They go on once it is cleared, if somebody still waits.
    BlackHole,
    /// Connections close without an answer, and nothing is done.
    Reset,
    /// Writes are done, their answers never come.
    AnswerLost,
    /// 401: the key is no good any more.
    Unauthorized,
    /// 403: the key's owner may not do this.
    Forbidden,
    /// 429. With `None` neither `retry-after` nor `x-ratelimit-reset` says when to come again.
    TooManyRequests {
        /// In whole seconds.
        retry_after: Option<Duration>,
    },
    /// 500 with `errors`.
    InternalError,
    /// 503 with `errors`.
    Unavailable,
    /// 200 with a web page instead of JSON, as a proxy's sign-in page comes.
    Html,
    /// 422 for every write, whatever its scope says of reads.
    RefusesWrites,
    /// 503 for every write, whatever its scope says of reads.
    WritesDown,
    /// Answers come this much later.
    Slow {
        /// Added to the usual latency.
        extra: Duration,
    },
    /// Of every job this share of its numbers fails, rounded up. Requests do not meet it; scope does not matter.
    JobFailures {
        /// Between 0 and 1.
        share: f64,
        /// Only of jobs towards this connection; of every job where absent.
        towards: Option<String>,
    },
    /// Jobs stand still, also half-way; those that are not done after 15 minutes expire. Requests do not meet it; scope does not matter.
    JobsStuck,
}

/// Which requests a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every request.
    All,
    /// Those that change nothing.
    Reads,
    /// Those that may change something.
    Writes,
    /// Those for bulk jobs, reading and writing.
    Jobs,
    /// Those whose path begins so, such as `/v2/detail_records`.
    Path(String),
}

impl Scope {
    fn covers(&self, subject: &Subject) -> bool {
        match self {
            Self::All => true,
            Self::Reads => !subject.writes,
            Self::Writes => subject.writes,
            Self::Jobs => subject.path.starts_with("/v2/phone_numbers/jobs"),
            Self::Path(head) => subject.path.starts_with(head.as_str()),
        }
    }
}

/// What a request is about, as faults see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) path: String,
    pub(super) writes: bool,
}

/// A fault that was set, for clearing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

/// The faults of an account; a handle.
#[derive(Debug, Clone)]
pub struct Faults(pub(super) Telnyx);

impl Faults {
    /// Sets a fault until it is cleared. Where several apply, the one set first answers; slowness adds up.
    pub fn set(&self, scope: Scope, fault: Fault) -> FaultId {
        self.add(scope, fault, None)
    }

    /// Sets a fault for the next `times` requests that meet it: a burst. [`Fault::Slow`], [`Fault::BlackHole`] and those of
    /// jobs are states rather than answers: they last until they are cleared all the same.
    pub fn set_times(&self, scope: Scope, fault: Fault, times: u32) -> FaultId {
        self.add(scope, fault, Some(times))
    }

    fn add(&self, scope: Scope, fault: Fault, left: Option<u32>) -> FaultId {
        self.change(|rules| {
            rules.next += 1;
            let id = FaultId(rules.next);
            rules.list.push(Rule { id, scope, fault, left });
            id
        })
    }

    /// Ends a fault; it is no error if it has ended.
    pub fn clear(&self, id: FaultId) {
        self.change(|rules| rules.list.retain(|rule| rule.id != id));
    }

    /// Ends all faults.
    pub fn clear_all(&self) {
        self.change(|rules| rules.list.clear());
    }

    fn change<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        self.0.with(|state, now| {
            let out = change(&mut state.rules);
            state.faults_changed(now);
            out
        })
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
    scope: Scope,
    fault: Fault,
    left: Option<u32>,
}

impl Rules {
    fn meeting(&self, subject: &Subject) -> impl Iterator<Item = &Fault> {
        self.list
            .iter()
            .filter(move |rule| rule.scope.covers(subject))
            .map(|rule| &rule.fault)
    }

    pub(super) fn swallows(&self, subject: &Subject) -> bool {
        self.meeting(subject).any(|fault| *fault == Fault::BlackHole)
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

    /// How many of a job's `numbers` fail now, where it connects them to `connection`.
    pub(super) fn failing(&self, numbers: usize, connection: Option<&str>) -> usize {
        let shares = self.list.iter().map(|rule| match &rule.fault {
            Fault::JobFailures { share, towards } if towards.is_none() || towards.as_deref() == connection => *share,
            _ => 0.0,
        });
        let share = shares.fold(0.0, f64::max).clamp(0.0, 1.0);
        (share * numbers as f64).ceil() as usize
    }

    pub(super) fn jobs_stuck(&self) -> bool {
        self.list.iter().any(|rule| rule.fault == Fault::JobsStuck)
    }

    /// The fault that decides this request's answer, if any; counts it.
    pub(super) fn take_answer(&mut self, subject: &Subject) -> Option<Fault> {
        let decides = |fault: &Fault| match fault {
            Fault::Reset
            | Fault::Unauthorized
            | Fault::Forbidden
            | Fault::TooManyRequests { .. }
            | Fault::InternalError
            | Fault::Unavailable
            | Fault::Html => true,
            Fault::AnswerLost | Fault::RefusesWrites | Fault::WritesDown => subject.writes,
            Fault::BlackHole | Fault::Slow { .. } | Fault::JobFailures { .. } | Fault::JobsStuck => false,
        };
        let at = self
            .list
            .iter()
            .position(|rule| rule.scope.covers(subject) && decides(&rule.fault))?;
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
