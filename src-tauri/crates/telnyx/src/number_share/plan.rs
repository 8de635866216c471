//! From what was read and a goal to the steps. Pure.
//!
//! A raise begins with the kit and the stamp, a lowering to 0 with the lever, any other lowering with the mark; the numbers
//! follow in jobs. What cannot be raised safely is refused here, with what has to happen first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TenantId, Weight};
use timonel_ports::target::{Goal, Reach, TargetError};

use super::mark::Marks;
use super::settings::Settings;
use super::step::{Deed, Listing, Move, Open, Pull, Way};
use super::subset::{Crowd, Number};

/// How many numbers one job takes (422 with 10015 above it).
pub(super) const JOB_SIZE: usize = 1000;

/// What was read, for planning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) form: u32,
    /// When the reading began.
    pub(super) at: Timestamp,
    /// The stable application's settings.
    pub(super) stable: Settings,
    /// The canary application's, in force now.
    pub(super) canary: Settings,
    /// The canary application's tags.
    pub(super) tags: Vec<String>,
    /// The canary's own settings, from before the lever was pulled; `None` where nobody has seen them.
    pub(super) own: Option<Settings>,
    /// All numbers in scope, also those on the canary that nobody knew.
    pub(super) numbers: Vec<Number>,
    /// Those in scope that are on the canary, by id.
    pub(super) on_canary: BTreeSet<String>,
    /// Those that were asked for last, in the order of joining.
    pub(super) aim: Option<Vec<String>>,
    /// All open update jobs of the account.
    pub(super) open: Vec<OpenJob>,
    /// Jobs with numbers of ours, open or over.
    pub(super) known: Vec<String>,
}

/// An update job that is pending or in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenJob {
    pub(super) id: String,
    /// When it was posted, as Telnyx says.
    pub(super) created_at: String,
    /// The numbers in scope that it holds, by id.
    pub(super) ours: BTreeSet<String>,
    /// Whether it is known to be a job of this process that brings its numbers to stable.
    pub(super) homeward: bool,
}

impl Snapshot {
    /// Whether the canary application fetches its instructions from the stable one's address.
    pub(super) fn is_levered(&self) -> bool {
        self.canary.voice_url == self.stable.voice_url
    }

    /// What is under way there and may still put a number on the canary, for people.
    pub(super) fn unsettled(&self) -> Option<String> {
        let open: Vec<_> = self
            .open
            .iter()
            .filter(|job| !job.homeward && !job.ours.is_empty())
            .collect();
        let first = open.first()?;
        let more = match open.len() {
            1 => String::new(),
            all => format!(", and {} more", all - 1),
        };
        Some(format!(
            "job {} of {} with {} of these numbers is still open{more}",
            first.id,
            first.created_at,
            first.ours.len()
        ))
    }

    /// Those that were asked for, or where nobody asked, those that are there.
    fn base(&self, crowd: &Crowd<'_>) -> Vec<String> {
        self.aim.clone().unwrap_or_else(|| crowd.in_order(&self.on_canary))
    }

    /// What is on the canary after a raise: who is there of those asked for, and whoever fits.
    fn rising(&self, crowd: &Crowd<'_>, to: Weight) -> Vec<String> {
        crowd.risen(&self.base(crowd), |id| self.on_canary.contains(id), to)
    }

    /// What stays on the canary in a lowering: of those asked for, who is there and fits.
    fn staying(&self, crowd: &Crowd<'_>, to: Weight) -> Vec<String> {
        let mut joined = self.base(crowd);
        joined.retain(|id| self.on_canary.contains(id));
        crowd.fallen(&joined, to)
    }
}

/// How a plan is made: whose numbers stay, in which order they join, and what the place is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) place: &'a str,
    pub(super) salt: &'a str,
    pub(super) tenants: &'a BTreeMap<TenantId, BTreeSet<String>>,
}

impl Planner<'_> {
    /// The numbers in scope with the pins of a goal.
    pub(super) fn crowd<'s>(&self, snapshot: &'s Snapshot, pins: &BTreeSet<TenantId>) -> Crowd<'s> {
        let pinned = pins.iter().filter_map(|tenant| self.tenants.get(tenant)).flatten();
        Crowd::new(&snapshot.numbers, self.salt, &pinned.cloned().collect())
    }

    /// What would be on the canary if the goal were reached.
    pub(super) fn reach(&self, goal: &Goal, snapshot: &Snapshot) -> Reach {
        let crowd = self.crowd(snapshot, goal.pins());
        let (set, to) = match goal {
            Goal::Raise { to, .. } if *to == Weight::ZERO => (Vec::new(), *to),
            Goal::Raise { to, .. } => (snapshot.rising(&crowd, *to), *to),
            Goal::Lower { to, .. } => (snapshot.staying(&crowd, *to), *to),
        };
        Reach {
            // Above it only where the plan's volumes changed under a set that was asked for before.
            weight: crowd.weight(set.iter().map(String::as_str)).min(to),
            set: Some(crowd.members(set.len())),
        }
    }

    /// Who has to leave the canary for a lowering.
    pub(super) fn leaving(&self, goal: &Goal, snapshot: &Snapshot) -> Vec<String> {
        let crowd = self.crowd(snapshot, goal.pins());
        let stays: BTreeSet<_> = snapshot.staying(&crowd, goal.weight()).into_iter().collect();
        snapshot.on_canary.difference(&stays).cloned().collect()
    }

    /// The deeds from a snapshot to a goal.
    pub(super) fn deeds(&self, goal: &Goal, snapshot: &Snapshot) -> Result<Vec<Deed>, TargetError> {
        let crowd = self.crowd(snapshot, goal.pins());
        match goal {
            Goal::Raise { to, generation, .. } => self.raise(&crowd, snapshot, *to, *generation),
            Goal::Lower { to, generation, .. } if *to == Weight::ZERO => Ok(to_nothing(snapshot, *generation)),
            Goal::Lower { to, generation, .. } => {
                let aim = snapshot.staying(&crowd, *to);
                let mut deeds = Vec::new();
                if !Marks::of(&snapshot.tags).bears(*generation) || snapshot.aim.as_ref() != Some(&aim) {
                    let generation = *generation;
                    deeds.push(Deed::Mark { generation, aim });
                }
                let leaving = self.leaving(goal, snapshot).into_iter().collect();
                deeds.extend(home(snapshot, leaving, *generation));
                Ok(deeds)
            }
        }
    }

    fn raise(
        &self,
        crowd: &Crowd<'_>,
        snapshot: &Snapshot,
        to: Weight,
        generation: Generation,
    ) -> Result<Vec<Deed>, TargetError> {
        Marks::of(&snapshot.tags).allow(self.place, generation)?;
        let base = snapshot.base(crowd);
        // Also where stable has moved on since: the canary does not have its own address back.
        let others = snapshot
            .own
            .as_ref()
            .is_some_and(|own| own.voice_url != snapshot.canary.voice_url);
        if snapshot.is_levered() || others {
            return self.release(crowd, snapshot, to, generation);
        }
        if to == Weight::ZERO {
            let open = Open {
                generation,
                aim: base,
                release: None,
            };
            return Ok(vec![Deed::Open(open)]);
        }
        if let Some(job) = snapshot.open.iter().find(|job| !job.ours.is_empty()) {
            return Err(self.refused(format!(
                "job {} of {} holds {} of these numbers and is still open: what it does would be laid over this raise. Wait until it \
                 is over",
                job.id,
                job.created_at,
                job.ours.len()
            )));
        }
        let asked: BTreeSet<_> = base.iter().cloned().collect();
        let surplus = snapshot.on_canary.difference(&asked).filter(|id| !crowd.is_pinned(id));
        match surplus.count() {
            0 => {}
            count => {
                return Err(self.refused(format!(
                    "{count} numbers are on the canary that nobody asked for. Bring them back (lower to the present weight), then \
                     raise again"
                )));
            }
        }
        Ok(opening(snapshot, crowd, snapshot.rising(crowd, to), generation, None))
    }

    /// A raise while the lever is pulled: what was saved is given back, and only where it meets nobody.
    fn release(
        &self,
        crowd: &Crowd<'_>,
        snapshot: &Snapshot,
        to: Weight,
        generation: Generation,
    ) -> Result<Vec<Deed>, TargetError> {
        if !snapshot.on_canary.is_empty() {
            return Err(self.refused(format!(
                "the lever is pulled and {} numbers are still on the canary: releasing it would send their calls there at once. Bring \
                 them back (lower to 0), then raise again",
                snapshot.on_canary.len()
            )));
        }
        if let Some(job) = snapshot.open.first() {
            return Err(self.refused(format!(
                "the lever is pulled and job {} of {} is still open in the account: it might put numbers on the canary. Wait until \
                 it is over",
                job.id, job.created_at
            )));
        }
        let Some(own) = snapshot.own.clone() else {
            return Err(self.refused(
                "the lever is pulled, and nothing here has seen what the canary application had before. Set its voice_url and what \
                 belongs to it in the Telnyx portal, then raise again"
                    .to_owned(),
            ));
        };
        Ok(opening(
            snapshot,
            crowd,
            crowd.risen(&[], |_| false, to),
            generation,
            Some(own),
        ))
    }

    fn refused(&self, detail: String) -> TargetError {
        TargetError::Refused {
            place: self.place.to_owned(),
            detail,
        }
    }
}

/// The deeds of a raise to `aim`: nobody leaves but the pinned, and they leave first.
fn opening(
    snapshot: &Snapshot,
    crowd: &Crowd<'_>,
    aim: Vec<String>,
    generation: Generation,
    release: Option<Settings>,
) -> Vec<Deed> {
    let joining: Vec<_> = aim
        .iter()
        .filter(|id| !snapshot.on_canary.contains(*id))
        .cloned()
        .collect();
    let leaving = snapshot
        .on_canary
        .iter()
        .filter(|id| crowd.is_pinned(id))
        .cloned()
        .collect();
    let open = Open {
        generation,
        aim,
        release,
    };
    let mut deeds = vec![Deed::Open(open)];
    deeds.extend(home(snapshot, leaving, generation));
    deeds.extend(moves(&joining, Way::Canary, generation, Some(listing(snapshot))));
    deeds
}

/// The deeds that take everybody off: the lever, unless all of it is pulled already, then the numbers.
fn to_nothing(snapshot: &Snapshot, generation: Generation) -> Vec<Deed> {
    let wanted = snapshot.canary.like(&snapshot.stable);
    let pulled = wanted.differences(&snapshot.canary).is_empty()
        && Marks::of(&snapshot.tags).bears(generation)
        && snapshot.aim.as_ref().is_some_and(Vec::is_empty);
    let mut deeds = Vec::new();
    if !pulled {
        deeds.push(Deed::Pull(Pull {
            generation,
            wanted,
            had: snapshot.canary.clone(),
            tags: snapshot.tags.clone(),
        }));
    }
    deeds.extend(home(snapshot, snapshot.on_canary.clone(), generation));
    deeds
}

/// Brings numbers to stable: those that a job of ours is bringing already are followed, the others get jobs.
fn home(snapshot: &Snapshot, mut leaving: BTreeSet<String>, generation: Generation) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for job in snapshot.open.iter().filter(|job| job.homeward) {
        if job.ours.intersection(&leaving).next().is_some() {
            leaving.retain(|id| !job.ours.contains(id));
            deeds.push(Deed::Follow {
                job: job.id.clone(),
                to: Way::Stable,
                count: job.ours.len(),
            });
        }
    }
    let leaving: Vec<_> = leaving.into_iter().collect();
    deeds.extend(moves(&leaving, Way::Stable, generation, Some(listing(snapshot))));
    deeds
}

/// Jobs for `numbers`, each within its limit.
pub(super) fn moves(numbers: &[String], to: Way, generation: Generation, listing: Option<Listing>) -> Vec<Deed> {
    let job = |numbers: &[String]| {
        Deed::Move(Move {
            to,
            numbers: numbers.to_vec(),
            generation,
            listing: listing.clone(),
        })
    };
    numbers.chunks(JOB_SIZE).map(job).collect()
}

fn listing(snapshot: &Snapshot) -> Listing {
    Listing {
        at: snapshot.at,
        known: snapshot.known.clone(),
    }
}
