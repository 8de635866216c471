//! A target that does as the test says, and keeps account of what it was asked.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::rollout::Generation;
use timonel_domain::time::Mono;
use timonel_domain::value::{TargetId, Weight};
use timonel_ports::clock::Clock;
use timonel_ports::target::{
    Apart, Description, Fence, Goal, ManualCommand, Members, Operation, Preflight, Progress, Reach, Reading, Step,
    Target, TargetError,
};

use super::stage::{Hang, ManualClock};

/// What a start comes to.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// Nothing is written.
    Fails(TargetError),
    /// It is written, and the answer is lost.
    AnswerLost,
    /// Somebody else is faster.
    Beaten(Weight),
    /// It is accepted, and nothing is written.
    Ignored,
}

/// A call that was made, also where it hangs or fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    Start(Goal),
    Pull,
    Poll,
}

/// A set whose changes are jobs that take their time, with a lever before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slow {
    /// How long a job takes.
    pub(super) job: Duration,
    /// The most that it can hold.
    pub(super) most: Weight,
    /// A lowering leaves so many behind the first time.
    pub(super) stragglers: u32,
}

const LEVER: &[u8] = b"lever";

#[derive(Debug, Default)]
struct Inner {
    weight: Weight,
    mark: Option<Generation>,
    slow: Option<Slow>,
    levered: bool,
    /// Members on the canary that should not be there.
    surplus: u32,
    /// The job under way: what it sets, and when.
    job: Option<(Goal, Mono)>,
    calls: Vec<(Mono, Call)>,
    fates: VecDeque<Fate>,
}

pub(super) struct ScriptedTarget {
    id: TargetId,
    clock: Arc<ManualClock>,
    inner: Mutex<Inner>,
    pub(super) reads: Hang,
    pub(super) starts: Hang,
    /// Says all the time that something changed.
    pub(super) restless: AtomicBool,
}

impl ScriptedTarget {
    pub(super) fn new(id: &str, clock: &Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            id: TargetId::new(id).unwrap(),
            clock: clock.clone(),
            inner: Mutex::default(),
            reads: Hang::new(),
            starts: Hang::new(),
            restless: AtomicBool::new(false),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(super) fn id(&self) -> TargetId {
        self.id.clone()
    }

    pub(super) fn weight(&self) -> Weight {
        self.inner().weight
    }

    /// Somebody else changes it.
    pub(super) fn set(&self, weight: Weight) {
        self.inner().weight = weight;
    }

    pub(super) fn hang(&self, on: bool) {
        self.reads.set(on);
        self.starts.set(on);
    }

    /// What the next starts come to.
    pub(super) fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.inner().fates.extend(fates);
    }

    /// From now on it holds a set.
    pub(super) fn slow(&self, slow: Slow) {
        self.inner().slow = Some(slow);
    }

    pub(super) fn levered(&self) -> bool {
        self.inner().levered
    }

    /// Somebody, or a write that was on its way, gives the lever back.
    pub(super) fn give_back(&self) {
        self.inner().levered = false;
    }

    pub(super) fn surplus(&self) -> u32 {
        self.inner().surplus
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.inner().calls.iter().map(|(_, call)| call.clone()).collect()
    }

    pub(super) fn forget_calls(&self) {
        self.inner().calls.clear();
    }

    /// When which goal was asked for.
    pub(super) fn started(&self) -> Vec<(Mono, Goal)> {
        let started = |(at, call): &(Mono, Call)| match call {
            Call::Start(goal) => Some((*at, goal.clone())),
            Call::Read | Call::Pull | Call::Poll => None,
        };
        self.inner().calls.iter().filter_map(started).collect()
    }

    /// The weights asked for, raises with a plus.
    pub(super) fn moves(&self) -> Vec<String> {
        let text = |(_, goal)| match goal {
            Goal::Raise { to, .. } => format!("+{}", to.as_percent()),
            Goal::Lower { to, .. } => format!("{}", to.as_percent()),
        };
        self.started().into_iter().map(text).collect()
    }

    /// A job whose time has come is done.
    fn work(&self) {
        let now = self.clock.mono();
        let mut inner = self.inner();
        let Some((goal, _)) = inner.job.take_if(|(_, due)| *due <= now) else {
            return;
        };
        let slow = inner.slow.expect("jobs are of slow targets");
        inner.weight = goal.weight().min(slow.most);
        if let Goal::Lower { .. } = goal {
            // Those who are left behind are there until the next job.
            inner.surplus = std::mem::take(&mut inner.slow.as_mut().expect("as before").stragglers);
        }
    }

    fn note(&self, call: Call) {
        let at = self.clock.mono();
        self.inner().calls.push((at, call));
    }
}

pub(super) fn place() -> String {
    "here".to_owned()
}

pub(super) fn unavailable() -> TargetError {
    TargetError::Unavailable {
        place: place(),
        detail: "busy".to_owned(),
    }
}

/// It did nothing and wants to be asked again after that.
pub(super) fn throttled(secs: u64) -> TargetError {
    TargetError::Throttled {
        place: place(),
        retry_after: Some(Duration::from_secs(secs)),
    }
}

pub(super) fn conflict() -> TargetError {
    TargetError::Conflict { place: place() }
}

#[async_trait]
impl Target for ScriptedTarget {
    fn describe(&self) -> Description {
        Description {
            id: self.id.clone(),
            kind: "scripted",
            place: place(),
            fence: Fence::Enforced,
        }
    }

    async fn preflight(&self) -> Result<Preflight, TargetError> {
        Ok(Preflight { checks: Vec::new() })
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        self.note(Call::Read);
        self.reads.pass().await;
        self.work();
        let inner = self.inner();
        let set = inner.slow.map(|_| Members { canary: 1, all: 3 });
        Ok(Reading {
            weight: if inner.levered { Weight::ZERO } else { inner.weight },
            apart: Apart {
                surplus: inner.surplus,
                missing: 0,
            },
            set,
            levered: inner.levered,
            unsettled: inner.job.as_ref().map(|_| "a job".to_owned()),
            as_of: self.clock.now(),
            changed_by: None,
            mark: inner.mark,
            snapshot: Vec::new(),
        })
    }

    fn reach(&self, goal: &Goal, _: &Reading) -> Reach {
        let slow = self.inner().slow;
        Reach {
            weight: slow.map_or(goal.weight(), |slow| goal.weight().min(slow.most)),
            set: slow.map(|_| Members { canary: 1, all: 3 }),
        }
    }

    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError> {
        if reading.weight == goal.weight() && reading.apart == Apart::NONE && !reading.levered {
            return Ok(Vec::new());
        }
        Ok(vec![Step(serde_json::to_vec(goal).unwrap())])
    }

    async fn start(&self, step: &Step) -> Result<Operation, TargetError> {
        if step.0 == LEVER {
            self.note(Call::Pull);
            self.starts.pass().await;
            let mut inner = self.inner();
            return match inner.fates.pop_front() {
                Some(Fate::Fails(error)) => Err(error),
                Some(_) | None => {
                    inner.levered = true;
                    Ok(Operation(LEVER.to_vec()))
                }
            };
        }
        let goal: Goal = serde_json::from_slice(&step.0).unwrap();
        self.note(Call::Start(goal.clone()));
        self.starts.pass().await;
        let mut inner = self.inner();
        if let Some(slow) = inner.slow {
            if let Goal::Raise { .. } = goal {
                inner.levered = false;
            }
            inner.job = Some((goal, self.clock.mono() + slow.job));
            return Ok(Operation(b"job".to_vec()));
        }
        match (&goal, inner.mark) {
            (Goal::Raise { generation, .. }, Some(mark)) if *generation <= mark => {
                return Err(TargetError::Marked { place: place(), mark });
            }
            _ => {}
        }
        let fate = inner.fates.pop_front();
        match fate {
            Some(Fate::Fails(error)) => return Err(error),
            Some(Fate::Beaten(weight)) => {
                inner.weight = weight;
                return Err(conflict());
            }
            Some(Fate::Ignored) => return Ok(Operation(Vec::new())),
            Some(Fate::AnswerLost) | None => inner.weight = goal.weight(),
        }
        if let Goal::Lower { generation, .. } = goal {
            inner.mark = Some(generation);
        }
        match fate {
            Some(_) => Err(TargetError::Unreachable {
                place: place(),
                detail: "reset".to_owned(),
            }),
            None => Ok(Operation(Vec::new())),
        }
    }

    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError> {
        if operation.0.is_empty() {
            return Ok(Progress::Done);
        }
        self.note(Call::Poll);
        self.work();
        if operation.0 == LEVER && !self.levered() {
            return Ok(Progress::Partial("it is not as it was set".to_owned()));
        }
        Ok(match self.inner().job {
            Some(_) if operation.0 != LEVER => Progress::Pending(Duration::from_secs(2)),
            Some(_) | None => Progress::Done,
        })
    }

    fn instant_lever(&self, goal: &Goal) -> Option<Step> {
        let to_zero = matches!(goal, Goal::Lower { to: Weight::ZERO, .. });
        (to_zero && self.inner().slow.is_some()).then(|| Step(LEVER.to_vec()))
    }

    fn clean_up(&self, goal: &Goal) -> Vec<Step> {
        vec![Step(serde_json::to_vec(goal).unwrap())]
    }

    fn manual_commands(&self, _: &Goal) -> Vec<ManualCommand> {
        Vec::new()
    }

    async fn changed(&self) -> Result<(), TargetError> {
        if self.restless.load(Ordering::Relaxed) {
            return Ok(());
        }
        std::future::pending().await
    }
}
