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
    Apart, Description, Fence, Goal, ManualCommand, Operation, Preflight, Progress, Reach, Reading, Step, Target,
    TargetError,
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
}

#[derive(Debug, Default)]
struct Inner {
    weight: Weight,
    mark: Option<Generation>,
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
            Call::Read => None,
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

pub(super) fn conflict() -> TargetError {
    TargetError::Conflict { place: place() }
}

pub(super) fn throttled(secs: u64) -> TargetError {
    TargetError::Throttled {
        place: place(),
        retry_after: Some(Duration::from_secs(secs)),
    }
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
        let inner = self.inner();
        Ok(Reading {
            weight: inner.weight,
            apart: Apart::NONE,
            set: None,
            levered: false,
            unsettled: None,
            as_of: self.clock.now(),
            changed_by: None,
            mark: inner.mark,
            snapshot: Vec::new(),
        })
    }

    fn reach(&self, goal: &Goal, _: &Reading) -> Reach {
        Reach {
            weight: goal.weight(),
            set: None,
        }
    }

    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError> {
        if reading.weight == goal.weight() {
            return Ok(Vec::new());
        }
        Ok(vec![Step(serde_json::to_vec(goal).unwrap())])
    }

    async fn start(&self, step: &Step) -> Result<Operation, TargetError> {
        let goal: Goal = serde_json::from_slice(&step.0).unwrap();
        self.note(Call::Start(goal.clone()));
        self.starts.pass().await;
        let mut inner = self.inner();
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

    async fn poll(&self, _: &Operation) -> Result<Progress, TargetError> {
        Ok(Progress::Done)
    }

    fn instant_lever(&self, _: &Goal) -> Option<Step> {
        None
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
