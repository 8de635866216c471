//! Where each target of a plan is in the world, and whether the world can play the faults that name it.

use std::collections::BTreeMap;

use timonel_domain::value::TargetId;
use timonel_plan::scenario::{Fault, Scenario};

use super::StartError;
use super::objects::{FOLLOWER, NUMBERS_FOLLOWER, ROUTES, Route, SPLITTER};

/// Where a target of a plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The VirtualService of this name in the namespace [`super::NAMESPACE`]: [`SPLITTER`], [`FOLLOWER`] or
    /// [`NUMBERS_FOLLOWER`].
    VirtualService(String),
    /// Two TeXML applications of a Telnyx account, with the numbers whose calls they divide.
    NumberShare {
        /// Id of the stable application.
        stable: String,
        /// Id of the canary's.
        canary: String,
        /// Numbers that the plan names, tenants' above all: the account has them, E.164.
        named: Vec<String>,
        /// Numbers that the plan never moves: test lines, which nobody calls in a rehearsal.
        except: Vec<String>,
    },
}

/// [`Place::NumberShare`] as a value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberShare {
    pub(super) stable: String,
    pub(super) canary: String,
    pub(super) named: Vec<String>,
    pub(super) except: Vec<String>,
}

/// What a fault of a target is set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    /// A route of the cluster.
    Route(Route),
    /// The Telnyx account.
    Numbers,
}

/// All targets, checked.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) seats: BTreeMap<TargetId, Seat>,
    pub(super) numbers: Option<NumberShare>,
}

impl Places {
    /// Where each target is, all that faults name included.
    pub(super) fn read(
        scenario: &Scenario,
        targets: impl IntoIterator<Item = (TargetId, Place)>,
    ) -> Result<Self, StartError> {
        let mut places = Self::default();
        for (target, place) in targets {
            let seat = match place {
                Place::VirtualService(name) => Seat::Route(route(&target, &name)?),
                Place::NumberShare {
                    stable,
                    canary,
                    named,
                    except,
                } => {
                    if places.numbers.is_some() {
                        return Err(StartError::SecondSplitter { target });
                    }
                    if scenario.telnyx.is_none() {
                        return Err(StartError::NoTelnyx {
                            scenario: scenario.id.clone(),
                            target,
                        });
                    }
                    places.numbers = Some(NumberShare {
                        stable,
                        canary,
                        named,
                        except,
                    });
                    Seat::Numbers
                }
            };
            places.seats.insert(target, seat);
        }
        places.check_one_splitter()?;
        for timed in &scenario.faults {
            places.check_fault(scenario, &timed.fault)?;
        }
        Ok(places)
    }

    fn check_one_splitter(&self) -> Result<(), StartError> {
        if self.numbers.is_none() {
            return Ok(());
        }
        let splits = |seat: &Seat| matches!(seat, Seat::Route(route) if route.virtual_service == SPLITTER);
        match self.seats.iter().find(|(_, seat)| splits(seat)) {
            Some((target, _)) => Err(StartError::SecondSplitter { target: target.clone() }),
            None => Ok(()),
        }
    }

    fn check_fault(&self, scenario: &Scenario, fault: &Fault) -> Result<(), StartError> {
        let (target, needs_numbers) = match fault {
            Fault::TargetDown { target, .. } | Fault::Drift { target, .. } | Fault::ReadbackLies { target } => {
                (target, false)
            }
            Fault::StrayJob { target, .. } | Fault::JobFailures { target, .. } | Fault::JobsStuck { target } => {
                (target, true)
            }
            Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::SourceGone { .. }
            | Fault::OwnNetworkLost
            | Fault::CriticalError => return Ok(()),
        };
        match self.seats.get(target) {
            Some(Seat::Route(_)) if needs_numbers => Err(StartError::NoJobs {
                scenario: scenario.id.clone(),
                target: target.clone(),
            }),
            Some(Seat::Route(_) | Seat::Numbers) => Ok(()),
            None => Err(StartError::UnknownTarget {
                scenario: scenario.id.clone(),
                target: target.clone(),
            }),
        }
    }

    /// The routes of the cluster that targets write.
    pub(super) fn routes(&self) -> impl Iterator<Item = Route> {
        self.seats.values().filter_map(|seat| match seat {
            Seat::Route(route) => Some(*route),
            Seat::Numbers => None,
        })
    }

    /// The route that lets the canary's calls through. Where numbers divide the calls and no target follows, nothing stands
    /// in their way.
    pub(super) fn follower(&self) -> Option<Route> {
        let written = |name: &str| self.routes().find(|route| route.virtual_service == name);
        let written = written(NUMBERS_FOLLOWER).or_else(|| written(FOLLOWER));
        let usual = || ROUTES.into_iter().find(|route| route.virtual_service == FOLLOWER);
        written.or_else(|| if self.numbers.is_none() { usual() } else { None })
    }
}

fn route(target: &TargetId, name: &str) -> Result<Route, StartError> {
    let route = ROUTES.into_iter().find(|route| route.virtual_service == name);
    route.ok_or_else(|| StartError::UnknownRoute {
        target: target.clone(),
        virtual_service: name.to_owned(),
    })
}
