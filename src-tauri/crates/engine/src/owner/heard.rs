//! Which commands were heard: each is obeyed once, however often it arrives and whichever engine it arrives at.
//!
//! A command is answered once what became of it is in the store; until then it may be given to the next engine, which goes by
//! the journal. Deliberately not here: obeying (`hear`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use timonel_domain::time::Timestamp;
use timonel_ports::commands::CommandId;
use timonel_ports::mailbox::Sender;

/// So many of the last commands are remembered besides those of the journal, to recognise one that arrives twice.
const REMEMBERED: usize = 1000;

/// The commands that were heard, and what is still open of them.
#[derive(Debug, Default)]
pub(super) struct Heard {
    known: BTreeSet<CommandId>,
    order: VecDeque<CommandId>,
    /// Those whose answer is not in the store yet.
    open: BTreeSet<CommandId>,
    /// By the entry that holds their answer.
    unwritten: BTreeMap<u64, CommandId>,
    /// When a person last said that rollbacks are over.
    reset: Option<Timestamp>,
    /// Whoever feeds commands. `None` before the owner is at work.
    tell: Option<Sender<CommandId>>,
}

impl Heard {
    /// After a start: what the journal has answers to.
    pub(super) fn new(
        answered: impl Iterator<Item = CommandId>,
        reset: Option<Timestamp>,
        tell: Sender<CommandId>,
    ) -> Self {
        Self {
            known: answered.collect(),
            reset,
            tell: Some(tell),
            ..Self::default()
        }
    }

    /// Whether it is heard for the first time. One that is answered already is said to be, again.
    pub(super) fn is_new(&mut self, id: &CommandId) -> bool {
        if !self.remember(id.clone()) {
            if !self.open.contains(id) {
                self.answer(id.clone());
            }
            return false;
        }
        self.open.insert(id.clone());
        true
    }

    /// What became of it will be in the store with this entry.
    pub(super) fn answered_in(&mut self, seq: u64, id: CommandId) {
        self.unwritten.insert(seq, id);
    }

    /// Entries up to this one are in the store.
    pub(super) fn written(&mut self, through: u64) {
        let later = self.unwritten.split_off(&(through + 1));
        for id in std::mem::replace(&mut self.unwritten, later).into_values() {
            self.open.remove(&id);
            self.answer(id);
        }
    }

    /// A person says that rollbacks are over.
    pub(super) fn reset(&mut self, at: Timestamp) {
        self.reset = Some(at);
    }

    /// Whether a rollback that was wanted at `given` was answered by a person since.
    pub(super) fn is_overtaken(&self, given: Timestamp) -> bool {
        self.reset.is_some_and(|reset| given < reset)
    }

    fn remember(&mut self, id: CommandId) -> bool {
        let new = self.known.insert(id.clone());
        if new {
            self.order.push_back(id);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        new
    }

    fn answer(&self, id: CommandId) {
        if let Some(tell) = &self.tell {
            tell.tell(id);
        }
    }
}
