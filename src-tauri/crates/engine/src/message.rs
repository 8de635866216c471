//! What the owner of a rollout is told. It waits for nothing else.

use timonel_domain::rollout::{Event, OpId};
use timonel_domain::time::Mono;
use timonel_domain::value::{Person, TargetId, Weight};
use timonel_journal::record::MergedRecord;
use timonel_ports::clock::SharedClock;
use timonel_ports::commands::{CommandId, Taken};
use timonel_ports::mailbox::{Reply, Sender};
use timonel_ports::signal;
use timonel_ports::target::{Operation, Reading, TargetError};

use crate::actuation::Order;
use crate::bulletin::{Bulletin, Snapshot};

/// One message to the owner.
#[derive(Debug)]
pub(crate) enum Message {
    /// Something happened that the step should know.
    Event(Event),
    /// A source was read.
    Readings(Vec<signal::Reading>),
    /// A target was looked at without an operation.
    Live {
        target: TargetId,
        begun: Mono,
        outcome: Result<Reading, TargetError>,
    },
    /// A target is at an operation and takes its time: another process can ask for its end.
    Operating {
        target: TargetId,
        op: OpId,
        operation: Operation,
    },
    /// A target asked for patience with a raise, and has had it.
    PutOff(Order),
    /// A person wants something.
    Command(Taken),
    /// The arming checks have ended.
    Checked {
        by: Person,
        live: Vec<(TargetId, Weight)>,
        failed: Vec<String>,
        command: CommandId,
    },
    /// Entries up to this number are in the store.
    Written { through: u64 },
    /// The store does not take entries; they wait.
    StoreFault(String),
    /// What was believed at the start does not hold: what is wrong with the journal.
    Broken(String),
    /// What was done from a rollback kit while the store was away has come into the journal.
    Merged(MergedRecord),
    /// A second went by.
    Tick,
    /// The board has something due.
    Due,
    /// Somebody wants the whole picture.
    Look(Reply<Snapshot>),
    /// Somebody wants to be told every step.
    Subscribe(Sender<Bulletin>),
    /// End, once everything is written.
    Stop(Reply<()>),
}

/// The mailbox of an owner.
pub(crate) fn mailbox(clock: &SharedClock) -> (Sender<Message>, timonel_ports::mailbox::Receiver<Message>) {
    timonel_ports::mailbox::mailbox(clock)
}
