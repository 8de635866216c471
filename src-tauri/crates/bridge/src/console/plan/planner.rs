//! Who computes what the plan can show: one simulation at a time, on a thread of its own, so that the rollout's owner and the
//! answers to people never wait for it.
//!
//! What is computed is kept by what was asked, phase by phase; the plan of a console never changes. Other figures end what
//! is being computed at the next phase of a share, and nothing goes on for longer than [`LIMIT`]. Deliberately not here: the
//! simulation (`crate::power`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timonel_domain::plan::Plan;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::task::spawn;
use timonel_wire::{Arg, Power, PowerAsk, Sentence, WireError};
use tokio::sync::watch;

use super::super::lock;
use super::figures;
use crate::power::{Questions, SEED, Today};

/// A question is answered after so long at the latest, with what there is.
const ANSWERED: Duration = Duration::from_secs(5);
/// One question is computed for no longer; what is missing then stays missing, and is said.
const LIMIT: Duration = Duration::from_secs(300);
/// So many questions are kept with their answers.
const KEPT: usize = 16;
/// Nobody has more calls a day; beyond, a phase is simulated for its first part only anyhow.
const MOST_PER_DAY: f64 = 10_000_000.0;

/// The planner of one plan.
#[derive(Debug)]
pub(in crate::console) struct Planner {
    plan: Arc<Plan>,
    desk: SharedClock,
    /// One simulation at a time.
    alone: Arc<tokio::sync::Mutex<()>>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// The last asked at the end.
    known: Vec<Arc<Sum>>,
    /// What is being computed.
    at: Option<Work>,
}

/// A question with its answer.
#[derive(Debug)]
struct Sum {
    /// Whatever its asker had.
    ask: PowerAsk,
    found: watch::Sender<Power>,
}

/// What is being computed, and how it is told to end.
#[derive(Debug)]
struct Work {
    sum: Arc<Sum>,
    stop: Arc<AtomicBool>,
}

impl Work {
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        // At once: nobody waits for a thread that has still to hear of it.
        self.sum.found.send_modify(|found| found.computing = false);
    }
}

impl Drop for Planner {
    fn drop(&mut self) {
        if let Some(work) = lock(&self.book).at.take() {
            work.end();
        }
    }
}

impl Planner {
    pub(in crate::console) fn new(plan: Arc<Plan>, desk: SharedClock) -> Self {
        Self {
            plan,
            desk,
            alone: Arc::default(),
            book: Mutex::default(),
        }
    }

    /// What there is of the answer, once it is more than the asker has or the time of an answer is over.
    pub(super) async fn answer(&self, ask: PowerAsk) -> Result<Power, WireError> {
        let (have, ask) = (ask.have as usize, PowerAsk { have: 0, ..ask });
        check(&ask)?;
        let mut found = self.sum(ask).found.subscribe();
        let more = found.wait_for(|found| !found.computing || found.phases.len() > have);
        if within(&*self.desk, ANSWERED, more).await.is_err() {
            tracing::debug!("the planner is still at it");
        }
        Ok(found.borrow().clone())
    }

    /// The sum of a question: known, or begun; what else is being computed ends.
    fn sum(&self, ask: PowerAsk) -> Arc<Sum> {
        let mut book = lock(&self.book);
        if let Some(place) = book.known.iter().position(|sum| sum.ask == ask) {
            let sum = book.known.remove(place);
            book.known.push(sum.clone());
            if sum.is_being_computed_or_done() {
                return sum;
            }
            self.begin(&mut book, &sum);
            return sum;
        }
        let questions = Questions::of(&self.plan, today(&ask));
        let sum = Arc::new(Sum {
            found: watch::Sender::new(Power {
                of: u32::try_from(questions.phases.len()).unwrap_or(u32::MAX),
                phases: Vec::new(),
                computing: true,
                ended: None,
                observational: questions.observational,
                unseen: questions
                    .unseen
                    .iter()
                    .map(|(rule, why)| figures::unseen(rule, *why))
                    .collect(),
            }),
            ask,
        });
        book.known.push(sum.clone());
        if book.known.len() > KEPT {
            book.known.remove(0);
        }
        self.begin(&mut book, &sum);
        sum
    }

    fn begin(&self, book: &mut Book, sum: &Arc<Sum>) {
        if let Some(before) = book.at.take() {
            before.end();
        }
        let stop = Arc::new(AtomicBool::new(false));
        sum.found.send_modify(|found| found.computing = true);
        book.at = Some(Work {
            sum: sum.clone(),
            stop: stop.clone(),
        });
        let (plan, alone, desk, sum) = (self.plan.clone(), self.alone.clone(), self.desk.clone(), sum.clone());
        drop(spawn(&self.desk, async move {
            // A thread cannot be ended, only asked to: it keeps its place until it has heard.
            let alone = alone.lock_owned().await;
            let computed = tokio::task::spawn_blocking(move || {
                let _alone = alone;
                compute(&plan, &sum, &stop, &desk);
            });
            drop(computed.await);
        }));
    }
}

impl Sum {
    fn is_being_computed_or_done(&self) -> bool {
        let found = self.found.borrow();
        found.computing || found.ended.is_some() || found.phases.len() as u64 >= u64::from(found.of)
    }
}

/// Goes on where the sum stands, phase by phase.
fn compute(plan: &Plan, sum: &Sum, stop: &AtomicBool, desk: &SharedClock) {
    let questions = Questions::of(plan, today(&sum.ask));
    let until = desk.mono() + LIMIT;
    let done = sum.found.borrow().phases.len();
    for place in done..questions.phases.len() {
        let mut reports = Vec::new();
        for subject in 0..questions.subjects.len() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if desk.mono() >= until {
                return end(sum, Sentence::new("plan-power-too-long"));
            }
            match questions.simulate(subject, place, SEED) {
                Ok(report) => reports.push(report),
                Err(error) => return end(sum, Sentence::new("plan-power-refused").with("why", Arg::text(error))),
            }
        }
        let phase = figures::phase(&questions, place, &reports);
        sum.found.send_modify(|found| found.phases.push(phase));
    }
    sum.found.send_modify(|found| found.computing = false);
}

fn end(sum: &Sum, why: Sentence) {
    sum.found
        .send_modify(|found| (found.computing, found.ended) = (false, Some(why)));
}

fn today(ask: &PowerAsk) -> Today {
    Today {
        units_per_day: ask.units_per_day,
        base: ask.base,
        shares: ask.shares.clone(),
    }
}

/// Whether a day can have such numbers.
fn check(ask: &PowerAsk) -> Result<(), WireError> {
    let is_share = |share: &f64| (0.0..1.0).contains(share);
    if !(ask.units_per_day >= 1.0 && ask.units_per_day <= MOST_PER_DAY) {
        let most = Arg::Count(MOST_PER_DAY as u64);
        return Err(Sentence::new("error-power-units").with("most", most).into());
    }
    if !is_share(&ask.base) || !ask.shares.values().all(|share| (0.0..=1.0).contains(share)) {
        return Err(WireError::new("error-power-share"));
    }
    Ok(())
}
