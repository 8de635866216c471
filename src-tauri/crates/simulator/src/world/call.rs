//! One call: a few turns, each a request, spread over its length; perhaps a caller who hangs up.
//!
//! A call draws the same numbers in the same order whatever happens to it; faults only change what they mean.

use timonel_domain::value::{Arm, Weight};

use super::Traffic;
use super::arm::{Books, Conduct, Outcome};
use super::draw::Draws;
use super::log::Pen;

/// Spread of the length of calls around their median.
const LENGTH_SPREAD: f64 = 0.5;

/// A call in progress.
#[derive(Debug, Clone)]
pub(super) struct Call {
    draws: Draws,
    arm: Arm,
    is_answered: bool,
    start: i64,
    /// What waiting for answers has added so far.
    waited: i64,
    /// Length without waiting.
    length: i64,
    turns: u32,
    turn: u32,
    /// Where in the length the current turn stands.
    turn_at: i64,
    /// Where in the length the caller thinks of hanging up, and the draw that decides; `None` once it has decided.
    impatience: Option<(i64, f64)>,
    last_failed: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Next the caller speaks, and the request leaves.
    Speaking,
    /// Next the caller stays or hangs up.
    Doubting,
    /// Next the answer comes; the request takes so many seconds.
    Waiting(f64),
    /// Next the call ends.
    Ending,
}

/// What comes next of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// More, at this moment.
    At(i64),
    /// Nothing.
    Over,
}

impl Call {
    /// A call that arrives at `at`, and when it goes on.
    pub(super) fn begin(mut draws: Draws, arm: Arm, is_answered: bool, at: i64, traffic: &Traffic) -> (Self, i64) {
        // The median of a lognormal whose mean is the traffic's.
        let median = traffic.mean_call.as_secs_f64() * libm::exp(-LENGTH_SPREAD * LENGTH_SPREAD / 2.0);
        let seconds = draws.lognormal(median, LENGTH_SPREAD);
        let length = (seconds * 1e6) as i64;
        let turns = (traffic.requests_per_call * (0.5 + draws.uniform())).round().max(1.0) as u32;
        let doubts_at = ((0.1 + 0.85 * draws.uniform()) * length as f64) as i64;
        let impatience = Some((doubts_at, draws.uniform()));
        let mut call = Self {
            draws,
            arm,
            is_answered,
            start: at,
            waited: 0,
            length,
            turns,
            turn: 0,
            turn_at: 0,
            impatience,
            last_failed: false,
            stage: Stage::Ending,
        };
        call.draw_turn();
        let due = call.look_ahead();
        (call, due)
    }

    pub(super) fn arm(&self) -> Arm {
        self.arm
    }

    /// Whether anything answers its requests.
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// One turn somewhere in each of as many equal parts of the length.
    fn draw_turn(&mut self) {
        let part = (f64::from(self.turn) + self.draws.uniform()) / f64::from(self.turns);
        self.turn_at = (part * self.length as f64) as i64;
    }

    /// Decides what comes next out of speaking, doubting and ending, and when.
    fn look_ahead(&mut self) -> i64 {
        let (speaks_at, stage) = if self.turn < self.turns {
            (self.turn_at, Stage::Speaking)
        } else {
            (self.length, Stage::Ending)
        };
        let (at, stage) = match self.impatience {
            Some((doubts_at, _)) if doubts_at < speaks_at => (doubts_at, Stage::Doubting),
            Some(_) | None => (speaks_at, stage),
        };
        self.stage = stage;
        self.start + self.waited + at
    }

    /// Does what is due at `at`. `let_through` is the share of this call's requests that get through.
    pub(super) fn go_on(
        &mut self,
        at: i64,
        conduct: &Conduct,
        let_through: Weight,
        books: &mut Books,
        mut pen: Pen<'_>,
    ) -> Next {
        match self.stage {
            Stage::Speaking => {
                books.turn(self.draws.uniform() < conduct.recognition);
                let seconds = self.draws.lognormal(conduct.latency_median, conduct.latency_spread);
                let micros = (seconds * 1e6) as i64;
                self.waited += micros;
                self.stage = Stage::Waiting(seconds);
                Next::At(at + micros)
            }
            Stage::Waiting(seconds) => {
                let error = self.draws.uniform() < conduct.error_rate;
                let shut =
                    self.draws.uniform() * f64::from(Weight::FULL.hundredths()) >= f64::from(let_through.hundredths());
                self.last_failed = error || shut;
                books.request(at, seconds, self.last_failed);
                pen.request(self.turn, at, (seconds * 1e6) as i64, self.last_failed);
                self.turn += 1;
                if self.turn < self.turns {
                    self.draw_turn();
                }
                Next::At(self.look_ahead())
            }
            Stage::Doubting => {
                let leaves = self
                    .impatience
                    .take()
                    .is_some_and(|(_, chance)| chance < conduct.abandonment);
                if leaves {
                    return self.end(at, Outcome::Abandoned, books, pen);
                }
                Next::At(self.look_ahead())
            }
            Stage::Ending => {
                let outcome = if self.last_failed { Outcome::Failed } else { Outcome::Ok };
                self.end(at, outcome, books, pen)
            }
        }
    }

    fn end(&self, at: i64, outcome: Outcome, books: &mut Books, mut pen: Pen<'_>) -> Next {
        pen.ends(at, outcome);
        books.finish(outcome, (at - self.start) as f64 / 1e6);
        Next::Over
    }
}
