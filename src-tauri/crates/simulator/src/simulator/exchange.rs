//! The Telnyx account of a world, and what its data plane means for the calls: which number gets how many, and where they go.
//!
//! The arm of a call follows the URL in force for its number, not its connection. Numbers that nobody calls in a rehearsal, the
//! plan's test lines and some of another system, are there so that one can see that they are left alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use timonel_domain::value::{Arm, Weight};
use timonel_plan::scenario::{Scenario, TelnyxWorld};

use super::Scene;
use super::places::NumberShare;
use crate::cluster::hash;
use crate::telnyx::records::{Ledger, Past, Records, Way, Ways};
use crate::telnyx::{ApplicationSetup, ConnectionKind, JobPace, Limits, NumberSetup, Reset, Setup, Telnyx};
use crate::time::VirtualClock;
use crate::world::{Line, World, zipf};

/// No secret: it opens an account that exists for a rehearsal, on loopback.
pub(super) const KEY: &str = "KEYrehearsal";
/// A system that is none of ours, with numbers of its own.
const OTHER: &str = "2999999999999999901";
const OTHERS_NUMBERS: usize = 3;
/// What is on the account, in cents of a US dollar.
const BALANCE: i64 = 50_000;

/// A moving of numbers, as somebody else does it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Moves {
    /// To the canary's application.
    pub(crate) on: Vec<String>,
    /// To the stable one's.
    pub(crate) off: Vec<String>,
}

/// What an account will be, before it is open.
#[derive(Debug)]
pub(super) struct Blueprint {
    setup: Setup,
    ledger: Arc<Ledger>,
    /// Share of all calls by number.
    shares: Vec<f64>,
}

impl Blueprint {
    /// The account that scenario and plan describe, for a world that begins now.
    pub(super) fn new(
        scenario: &Scenario,
        telnyx: &TelnyxWorld,
        place: &NumberShare,
        seed: u64,
        world: &World,
    ) -> Self {
        let tests = place.except.iter().cloned().collect::<BTreeSet<_>>();
        let in_scope = numbers((telnyx.numbers as usize).saturating_sub(tests.len()), place);
        let mut shares = zipf(seed, in_scope.len(), telnyx.skew);
        let foreign: Vec<String> = (0..OTHERS_NUMBERS).map(|at| format!("+3493000000{at}")).collect();
        let of = |numbers: Vec<String>, connection: &str| {
            numbers
                .into_iter()
                .map(|e164| (e164, connection.to_owned()))
                .collect::<Vec<_>>()
        };
        let all = [
            of(in_scope, &place.stable),
            of(tests.into_iter().collect(), &place.stable),
            of(foreign, OTHER),
        ]
        .concat();
        // Nobody dials a test line during a rehearsal, and what others are called for is not our world.
        shares.resize(all.len(), 0.0);
        let setup = setup(telnyx, place, seed, &all);
        let ledger = Arc::new(Ledger {
            seed,
            numbers: all.into_iter().map(|(e164, _)| e164).collect(),
            stable: place.stable.clone(),
            connections: vec![place.stable.clone(), place.canary.clone(), OTHER.to_owned()],
            ways: Ways::default(),
            past: Past::new(
                seed,
                world.now(),
                &(&scenario.traffic).into(),
                world.conduct(Arm::Stable),
                &shares,
            ),
        });
        Self { setup, ledger, shares }
    }

    /// The lines as they are when the world begins: all that are dialled go to the stable system.
    pub(super) fn lines(&self) -> Vec<Line> {
        let stable = &self.setup.stable;
        let way = self.ledger.ways.number(&Way {
            connection: Some(stable.id.clone()),
            url: Some(stable.voice_url.clone()),
            fallback: stable.voice_fallback_url.clone(),
        });
        let arm = Arm::Stable;
        self.shares
            .iter()
            .map(|share| Line {
                share: *share,
                arm,
                is_answered: true,
                way,
            })
            .collect()
    }

    /// Opens the account; its records are those of the scene.
    pub(super) fn open(self, clock: &VirtualClock, seed: u64, scene: &Scene) -> Exchange {
        let Self { setup, ledger, shares } = self;
        let fallbacks =
            [&setup.stable, &setup.canary].map(|app| (app.voice_url.clone(), app.voice_fallback_url.clone()));
        let lines = ledger.numbers.iter().cloned().zip(0..).collect();
        let book = Arc::new(Records::new(scene.clone(), ledger.clone()));
        let (stable, canary) = (setup.stable.id.clone(), setup.canary.id.clone());
        let canary_url = setup.canary.voice_url.clone();
        Exchange(Arc::new(Shared {
            telnyx: Telnyx::new(clock.clone(), seed, KEY, setup, book),
            seed,
            ledger,
            shares,
            lines,
            stable,
            canary,
            canary_url,
            fallbacks,
            lies: AtomicBool::new(false),
        }))
    }
}

/// The account, open; a handle.
#[derive(Debug, Clone)]
pub(crate) struct Exchange(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    telnyx: Telnyx,
    seed: u64,
    ledger: Arc<Ledger>,
    shares: Vec<f64>,
    /// By E.164.
    lines: HashMap<String, usize>,
    stable: String,
    canary: String,
    canary_url: String,
    /// By URL in force: an application that is given the other's URL is given its fallback as well.
    fallbacks: [(String, Option<String>); 2],
    lies: AtomicBool,
}

impl Exchange {
    pub(crate) fn telnyx(&self) -> &Telnyx {
        &self.0.telnyx
    }

    /// While it lies, calls stay where they went, whatever the API shows.
    pub(crate) fn set_lies(&self, lies: bool) {
        self.0.lies.store(lies, Ordering::SeqCst);
    }

    /// Where calls go from now on; nothing while that does not follow.
    pub(super) fn lines(&self) -> Option<Vec<Line>> {
        if self.0.lies.load(Ordering::SeqCst) {
            return None;
        }
        let no_way = Way {
            connection: None,
            url: None,
            fallback: None,
        };
        let dead = Line {
            share: 0.0,
            arm: Arm::Stable,
            is_answered: false,
            way: self.0.ledger.ways.number(&no_way),
        };
        let mut lines: Vec<Line> = self
            .0
            .shares
            .iter()
            .map(|share| Line { share: *share, ..dead })
            .collect();
        // Most numbers go the way of the one before.
        let mut last = (no_way, dead);
        for routed in self.0.telnyx.routing() {
            let Some(line) = self.0.lines.get(&*routed.e164).and_then(|at| lines.get_mut(*at)) else {
                continue;
            };
            let url = routed.voice_url.as_deref();
            let (way, known) = &last;
            if way.connection.as_deref() == Some(&*routed.connection_id) && way.url.as_deref() == url {
                let share = line.share;
                *line = Line { share, ..*known };
                continue;
            }
            let fallback = self.0.fallbacks.iter().find(|(known, _)| Some(known.as_str()) == url);
            let way = Way {
                connection: Some(routed.connection_id.to_string()),
                url: url.map(str::to_owned),
                fallback: fallback.and_then(|(_, fallback)| fallback.clone()),
            };
            let is_canary = url == Some(self.0.canary_url.as_str());
            line.arm = if is_canary { Arm::Canary } else { Arm::Stable };
            line.is_answered = url.is_some();
            line.way = self.0.ledger.ways.number(&way);
            last = (way, *line);
        }
        Some(lines)
    }

    /// How another writer brings the canary's share of calls as close to `to` as whole numbers allow, without exceeding it.
    pub(crate) fn moves_to(&self, to: Weight) -> Moves {
        let now: BTreeSet<String> = self.0.telnyx.on_canary().into_iter().collect();
        let wanted: BTreeSet<String> = self.chosen(to, &now).into_iter().collect();
        Moves {
            on: wanted.difference(&now).cloned().collect(),
            off: now.difference(&wanted).cloned().collect(),
        }
    }

    /// Numbers with that share of all calls, wherever they are now.
    pub(crate) fn with_share(&self, share: Weight) -> Vec<String> {
        self.chosen(share, &BTreeSet::new())
    }

    /// Dialled numbers whose shares fit into `share`, those in `first` before all others.
    fn chosen(&self, share: Weight, first: &BTreeSet<String>) -> Vec<String> {
        let room = f64::from(share.hundredths()) / f64::from(Weight::FULL.hundredths());
        let dialled = self.0.ledger.numbers.iter().zip(&self.0.shares);
        let mut order: Vec<(bool, u64, &String, f64)> = dialled
            .filter(|(_, share)| **share > 0.0)
            .map(|(e164, share)| {
                let draw = hash(&[&self.0.seed.to_be_bytes(), b"somebody else", e164.as_bytes()]);
                (!first.contains(e164), draw, e164, *share)
            })
            .collect();
        order.sort_by_key(|(later, draw, _, _)| (*later, *draw));
        let mut taken = 0.0;
        let fits = |(_, _, e164, share): (bool, u64, &String, f64)| {
            // A rounding error must not leave the last of all out.
            let fits = taken + share <= room + 1e-9;
            taken += if fits { share } else { 0.0 };
            fits.then(|| e164.clone())
        };
        order.into_iter().filter_map(fits).collect()
    }

    /// Id of the stable application.
    pub(crate) fn stable(&self) -> &str {
        &self.0.stable
    }

    /// Id of the canary's application.
    pub(crate) fn canary(&self) -> &str {
        &self.0.canary
    }
}

/// The numbers in scope: those that the plan names, and as many more as make up the count.
fn numbers(count: usize, place: &NumberShare) -> Vec<String> {
    let mut seen: BTreeSet<String> = place.except.iter().cloned().collect();
    let named = place.named.iter().filter(|number| seen.insert((*number).clone()));
    let mut numbers: Vec<String> = named.cloned().collect();
    let mut next = 2_000_000_u64;
    while numbers.len() < count {
        let number = format!("+3491{next:07}");
        next += 13;
        if seen.insert(number.clone()) {
            numbers.push(number);
        }
    }
    numbers
}

fn setup(telnyx: &TelnyxWorld, place: &NumberShare, seed: u64, numbers: &[(String, String)]) -> Setup {
    let application = |id: &str, name: &str, host: &str, fallback: String, limit: u32| ApplicationSetup {
        voice_fallback_url: Some(fallback),
        status_callback: Some(format!("https://{host}/estado")),
        channel_limit: Some(limit),
        tags: vec!["ivr".to_owned()],
        ..ApplicationSetup::new(id, name, format!("https://{host}/voz"))
    };
    let (old, new) = ("ivr.example.com", "ivr-nuevo.example.com");
    let excuse = "https://reserva.example.com/voz".to_owned();
    // 19 digits, as real ones have, and none twice: the draw fills the room between two.
    let id = |at: usize, e164: &str| {
        let draw = hash(&[&seed.to_be_bytes(), b"number", e164.as_bytes()]) % 1_000_000_000;
        format!("{}", 2_600_000_000_000_000_000 + at as u64 * 1_000_000_000 + draw)
    };
    Setup {
        stable: application(&place.stable, "IVR estable", old, excuse, 600),
        canary: application(&place.canary, "IVR nuevo", new, format!("https://{old}/voz"), 60),
        others: vec![(OTHER.to_owned(), ConnectionKind::CallControl)],
        numbers: numbers
            .iter()
            .enumerate()
            .map(|(at, (e164, connection))| NumberSetup {
                id: id(at, e164),
                e164: e164.clone(),
                connection_id: connection.clone(),
                tags: Vec::new(),
            })
            .collect(),
        limits: Limits {
            requests_per_second: (telnyx.requests_per_second > 0).then_some(telnyx.requests_per_second),
            reset: Reset::Seconds,
            retry_after: true,
        },
        latency: telnyx.latency,
        jobs: JobPace {
            delay: telnyx.job_delay,
            per_second: telnyx.job_pace,
        },
        propagation: telnyx.propagation,
        balance: BALANCE,
    }
}
