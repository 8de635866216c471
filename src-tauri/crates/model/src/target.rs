//! A target as the adapters have it: what is written is locked to what was read, a lowering leaves a mark, a raise is refused
//! by a mark or a raise of a later generation (`kubernetes::virtual_service::patch`, `testkit::target`).

use timonel_domain::rollout::{Generation, OpId};
use timonel_domain::value::Weight;

/// An order on its way through an engine's hands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub(crate) op: OpId,
    pub(crate) to: Weight,
    pub(crate) raises: bool,
    pub(crate) generation: Generation,
    /// What the target stood at by the engine's knowledge, where it is a raise.
    pub(crate) known: Option<Weight>,
}

/// A write on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    /// Who still waits for the answer: an engine that crashed, or gave it up, does not.
    pub(crate) awaited_by: Option<usize>,
    pub(crate) order: Order,
    /// What it writes: a lowering never writes above what was read.
    pub(crate) weight: Weight,
    /// The mark that it leaves: never one of an earlier generation than what was read.
    mark: Option<Generation>,
    /// Whether nobody has written since it was planned.
    fresh: bool,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Object {
    pub(crate) weight: Weight,
    pub(crate) mark: Option<Generation>,
    raised: Option<Generation>,
    /// What is on its way to it.
    pub(crate) flights: Vec<Flight>,
}

/// What an order comes to once the target was read.
pub(crate) enum Planned {
    /// A write goes out.
    Sent,
    /// It stands lower than it is to be lowered to.
    Lower,
    /// Not to be raised.
    Refused,
}

/// What keeps stale hands off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fence {
    /// Whether what was read is looked at for marks.
    pub(crate) marks: bool,
    /// Whether the write is locked to what was read.
    pub(crate) lock: bool,
}

impl Object {
    /// Reads, plans, and sends.
    pub(crate) fn send(&mut self, engine: usize, order: &Order, fence: Fence) -> Planned {
        let mut flight = Flight {
            awaited_by: Some(engine),
            order: order.clone(),
            weight: order.to,
            mark: None,
            fresh: true,
        };
        if order.raises {
            let stale = self.mark.is_some_and(|mark| mark >= order.generation)
                || self.raised.is_some_and(|raised| raised > order.generation);
            if order.known.is_some_and(|known| self.weight < known) || (fence.marks && stale) {
                return Planned::Refused;
            }
        } else {
            if self.weight < order.to {
                return Planned::Lower;
            }
            flight.weight = order.to.min(self.weight);
            flight.mark = self.mark.max(Some(order.generation));
        }
        self.flights.push(flight);
        Planned::Sent
    }

    /// A write arrives; whether it was taken.
    pub(crate) fn arrives(&mut self, flight: &Flight, fence: Fence) -> bool {
        if fence.lock && !flight.fresh {
            return false;
        }
        self.write(flight.weight);
        if flight.order.raises {
            self.mark = None;
            self.raised = Some(flight.order.generation);
        } else {
            self.mark = flight.mark;
        }
        true
    }

    /// Somebody writes a weight, with or without our ways.
    pub(crate) fn write(&mut self, weight: Weight) {
        self.weight = weight;
        for flight in &mut self.flights {
            flight.fresh = false;
        }
    }

    /// Nobody waits any more for what `engine` has sent.
    pub(crate) fn abandon(&mut self, engine: usize) {
        for flight in &mut self.flights {
            if flight.awaited_by == Some(engine) {
                flight.awaited_by = None;
            }
        }
    }

    pub(crate) fn every_generation(&mut self, each: &mut impl FnMut(&mut Generation)) {
        self.mark.iter_mut().for_each(&mut *each);
        self.raised.iter_mut().for_each(&mut *each);
        for flight in &mut self.flights {
            each(&mut flight.order.generation);
            flight.mark.iter_mut().for_each(&mut *each);
        }
    }
}
