//! Whatever comes, and whenever: the board says what the plain one says, to the last number.

use proptest::prelude::*;

use super::plain::Plain;
use super::*;
use crate::plan::{Action, Comparison, EvidenceMode, GateKind, OnNoData, Phase, SignalPlan};
use crate::sample::Bucket;
use crate::value::{GateId, RuleId, SignalId, Weight};

/// A signal of each kind of reading, one that counts what is assigned, and one that the plan does not know.
const SIGNALS: [&str; 6] = ["cola", "errores", "sucesos", "tiempos", "asignadas", "nadie"];
const ASSIGNED: usize = 4;
const SIDES: [Side; 3] = [Side::Stable, Side::Canary, Side::Whole];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

fn signal_id() -> impl Strategy<Value = SignalId> {
    let weighted = prop_oneof![6 => Just("errores"), 3 => one_of(&SIGNALS)];
    weighted.prop_map(|id| SignalId::new(id).expect("a good id"))
}

fn quantity() -> impl Strategy<Value = Quantity> {
    one_of(&[0, 20_000, 50_000, 100_000, 300_000, 900_000, 3_000_000]).prop_map(Quantity::from_micros)
}

fn lasting() -> impl Strategy<Value = Duration> {
    one_of(&[0, 1, 15, 60, 300]).prop_map(secs)
}

fn question() -> impl Strategy<Value = Question> {
    use Statistic::*;
    let side = prop_oneof![4 => Just(Side::Canary), 1 => Just(Side::Stable), 1 => Just(Side::Whole)];
    let statistic = prop_oneof![6 => Just(Share), 4 => one_of(&[Mean, P50, P95, Total, Latest])];
    let window = one_of(&[1, 30, 60, 300, 3600]).prop_map(secs);
    (signal_id(), side, statistic, window, one_of(&[0, 1, 20, 200])).prop_map(
        |(signal, side, statistic, window, least_units)| Question {
            signal,
            side,
            statistic,
            window,
            least_units,
        },
    )
}

fn comparison() -> impl Strategy<Value = Comparison> {
    one_of(&[Comparison::Above, Comparison::Above, Comparison::Below])
}

fn mode() -> impl Strategy<Value = EvidenceMode> {
    one_of(&[EvidenceMode::Literal, EvidenceMode::Gated, EvidenceMode::Fast])
}

fn rule() -> impl Strategy<Value = Rule> {
    let limits = (comparison(), quantity(), prop::option::of(quantity()));
    let times = (lasting(), lasting(), lasting());
    let what = (
        one_of(&[OnNoData::Hold, OnNoData::Rollback]),
        one_of(&[Action::Notify, Action::Alert, Action::Rollback, Action::Rollback]),
        mode(),
    );
    (question(), limits, times, what).prop_map(|(question, limits, times, what)| Rule {
        question,
        comparison: limits.0,
        limit: limits.1,
        // It may lie on the wrong side of the limit: then a rule ends and begins at once.
        clear_limit: limits.2.unwrap_or(limits.1),
        lasting: times.0,
        clear_lasting: times.1,
        max_gap: times.2,
        on_no_data: what.0,
        action: what.1,
        evidence: what.2,
        ..fixture::rule()
    })
}

fn gate() -> impl Strategy<Value = GateKind> {
    let limit = (question(), comparison(), quantity(), quantity(), mode());
    let limit = limit.prop_map(|(question, comparison, go, no_go, evidence)| GateKind::Limit {
        question,
        comparison,
        go,
        no_go,
        evidence,
    });
    let relative =
        (question(), comparison(), quantity(), mode()).prop_map(|(question, comparison, margin, evidence)| {
            GateKind::Relative {
                question,
                comparison,
                margin,
                evidence,
            }
        });
    let without = Just(fixture::plan().phases[0].gates[1].kind.clone());
    prop_oneof![4 => limit, 3 => relative, 1 => without]
}

fn plan() -> impl Strategy<Value = Plan> {
    let sides = one_of(&[
        vec![Side::Stable, Side::Canary],
        vec![Side::Canary],
        vec![Side::Stable, Side::Canary, Side::Whole],
    ]);
    let signal = (sides, one_of(&[5, 15, 60]), one_of(&[0, 40]), any::<bool>());
    let gates = || prop::collection::vec(gate(), 0..4);
    (
        prop::collection::vec(signal, SIGNALS.len() - 1),
        prop::collection::vec(rule(), 1..8),
        (gates(), gates()),
    )
        .prop_map(|(signals, rules, gates)| {
            let base = fixture::plan();
            let signal = |(id, (sides, interval, lag, required)): (&&str, (Vec<Side>, u64, u64, bool))| SignalPlan {
                id: SignalId::new(id).expect("a good id"),
                sides,
                interval: secs(interval),
                lag: secs(lag),
                required,
                ..base.signals[0].clone()
            };
            let rule = |(n, rule): (usize, Rule)| Rule {
                // Names in another order than the rules.
                id: RuleId::new(&format!("r{}", 9 - n)).expect("a good id"),
                ..rule
            };
            let phase = |(n, kinds): (usize, Vec<GateKind>)| Phase {
                gates: kinds
                    .into_iter()
                    .enumerate()
                    .map(|(m, kind)| Gate {
                        id: GateId::new(&format!("g{n}-{m}")).expect("a good id"),
                        kind,
                    })
                    .collect(),
                ..base.phases[0].clone()
            };
            Plan {
                signals: SIGNALS.iter().zip(signals).map(signal).collect(),
                rules: rules.into_iter().enumerate().map(rule).collect(),
                phases: [gates.0, gates.1].into_iter().enumerate().map(phase).collect(),
                traffic: crate::plan::Traffic {
                    assigned: Some(SignalId::new(SIGNALS[ASSIGNED]).expect("a good id")),
                    active: None,
                },
                ..base.clone()
            }
        })
}

#[derive(Debug, Clone)]
enum Step {
    /// So many readings of every signal, 15 s apart: bad units in ten of stable and of the canary.
    Traffic {
        readings: u64,
        bad: [u64; 2],
        total: u64,
    },
    /// One reading that is so many seconds old, or of the future.
    Reading(usize, Side, i64, Reading),
    /// Microseconds pass.
    Later(u64),
    Back(u64),
    Phase(Option<usize>),
    Canary(bool),
    Watching,
    Epoch(Option<u64>, u8),
    Forget,
    Restore(usize),
}

#[derive(Debug, Clone)]
enum Reading {
    Usual(u64),
    /// Of another kind than its signal delivers.
    OfKind(usize, u64),
    /// Buckets of another layout, or none.
    Buckets(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let side = || one_of(&SIDES);
    let reading = prop_oneof![
        6 => (0..40u64).prop_map(Reading::Usual),
        1 => (0..4usize, 0..9u64).prop_map(|(kind, n)| Reading::OfKind(kind, n)),
        1 => (0..4u64).prop_map(Reading::Buckets),
    ];
    let passing = prop_oneof![
        (1..90u64).prop_map(|secs| secs * 1_000_000),
        one_of(&[
            0,
            1,
            999_999,
            1_000_001,
            29_999_999,
            120_000_001,
            299_999_999,
            3_600_000_000,
            90_000_000_000
        ]),
    ];
    prop_oneof![
        6 => (1..25u64, [0..11u64, 0..11u64], 0..60u64).prop_map(|(readings, bad, total)| Step::Traffic { readings, bad, total }),
        5 => (0..SIGNALS.len(), side(), -40..200i64, reading).prop_map(|(of, side, old, reading)| Step::Reading(of, side, old, reading)),
        8 => passing.prop_map(Step::Later),
        1 => (1..400u64).prop_map(Step::Back),
        1 => prop::option::of(0..3usize).prop_map(Step::Phase),
        1 => any::<bool>().prop_map(Step::Canary),
        1 => Just(Step::Watching),
        1 => (prop::option::weighted(0.8, 0..600u64), one_of(&[5, 50, 100])).prop_map(|(since, weight)| Step::Epoch(since, weight)),
        1 => Just(Step::Forget),
        1 => (0..60usize).prop_map(Step::Restore),
    ]
}

/// Both boards, and what they have been told.
struct Pair {
    board: Board,
    plain: Plain,
    outlook: Outlook,
    now: Timestamp,
    /// The latest that it was: nothing goes back further from it than what is kept for that.
    latest: Timestamp,
    told: Vec<Sample>,
}

impl Pair {
    fn observe(&mut self, sample: Sample) {
        self.board.observe(sample.clone());
        self.plain.observe(sample.clone());
        self.told.push(sample);
    }

    fn reading(&mut self, signal: usize, side: Side, as_of: Timestamp, kind: usize, bad: u64, total: u64) {
        let since = as_of - secs(15);
        let total = total.max(bad);
        let value = match kind {
            0 => Value::Level(Quantity::from_micros(bad as i64 * 100_000)),
            1 => Value::Ratio { since, bad, total },
            2 => Value::Count { since, n: bad },
            // The readings of a bad moment are slow, and now and then their buckets are others.
            kind => Value::Distribution {
                since,
                buckets: [
                    (100_000, total - bad),
                    (300_000, bad / 2),
                    (kind as i64 * 300_000, bad - bad / 2),
                ]
                .into_iter()
                .map(|(le, n)| (Some(Quantity::from_micros(le)), n))
                .chain([(None, 0)])
                .skip(if kind == 4 { 4 } else { 0 })
                .map(|(le, n)| Bucket { le, n })
                .collect(),
                sum: Quantity::from_micros(bad as i64 * 250_000),
            },
        };
        let signal = SignalId::new(SIGNALS[signal]).expect("a good id");
        self.observe(Sample {
            signal,
            side,
            as_of,
            value,
        });
    }

    fn happens(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Traffic { readings, bad, total } => {
                for n in 0..*readings {
                    for signal in 0..=ASSIGNED {
                        let kind = if signal == ASSIGNED { 2 } else { signal };
                        for (side, bad) in [Side::Stable, Side::Canary].into_iter().zip(bad) {
                            self.reading(signal, side, self.now, kind, total * bad / 10, *total);
                        }
                    }
                    for _ in 0..=n % 3 {
                        self.agree()?;
                        self.now = self.now + secs(5);
                    }
                    self.now = self.now + secs(10 - 5 * (n % 3));
                }
            }
            Step::Reading(signal, side, old, reading) => {
                let as_of = Timestamp::from_micros(self.now.micros() - old * 1_000_000);
                match reading {
                    Reading::Usual(n) => self.reading(*signal, *side, as_of, *signal % 4, *n, 40),
                    Reading::OfKind(kind, n) => self.reading(*signal, *side, as_of, *kind, *n, 9),
                    Reading::Buckets(layout) => self.reading(*signal, *side, as_of, 3 + *layout as usize, 3, 30),
                }
                // Now and then several come before anybody looks.
                if old % 2 == 0 {
                    return Ok(());
                }
            }
            Step::Later(micros) => self.now = self.now + Duration::from_micros(*micros),
            Step::Back(by) => self.now = (self.now - secs(*by)).max(self.earliest()),
            Step::Phase(phase) => self.outlook.phase = *phase,
            Step::Canary(there) => self.outlook.canary_since = there.then_some(self.now),
            Step::Watching => self.outlook.watching_since = self.now,
            Step::Epoch(since, weight) => {
                let since = since.map(|since| (self.now - secs(since)).max(self.earliest()));
                self.outlook.epoch = since.map(|since| Epoch::new(since, Weight::percent(*weight)));
            }
            Step::Forget => {
                self.board.forget_times();
                self.plain.forget_times();
            }
            Step::Restore(known) => {
                let known = &self.told[self.told.len().saturating_sub(*known)..];
                self.board.restore(self.outlook.epoch, known);
                self.plain.restore(self.outlook.epoch, known);
            }
        }
        self.agree()
    }

    /// A reading may be of the minute to come.
    fn earliest(&self) -> Timestamp {
        self.latest - (feed::BACK - secs(60))
    }

    fn agree(&mut self) -> Result<(), TestCaseError> {
        self.latest = self.latest.max(self.now);
        let said = self.board.assess(self.outlook, self.now);
        prop_assert_eq!(said, &self.plain.assess(self.outlook, self.now));
        for seen in self.board.rules_seen(self.now) {
            prop_assert_eq!(&seen.state, self.plain.rule(&seen.rule));
        }
        prop_assert_eq!(self.board.evidence(), self.plain.evidence());
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_board_says_what_the_plain_board_says(plan in plan(), steps in prop::collection::vec(step(), 1..40)) {
        let now = Timestamp::from_secs(1_000_000);
        let mut pair = Pair {
            board: Board::new(&plan),
            plain: Plain::new(&plan),
            outlook: Outlook {
                phase: Some(0),
                canary_since: Some(now),
                watching_since: now,
                epoch: Some(Epoch::new(now, Weight::percent(5))),
            },
            now,
            latest: now,
            told: Vec::new(),
        };
        for step in &steps {
            pair.happens(step)?;
        }
    }
}
