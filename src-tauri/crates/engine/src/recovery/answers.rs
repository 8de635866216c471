//! What became of commands, of the last of them: the journal has them all, and each that arrives again is one of the last.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use timonel_journal::record::AnswerRecord;
use timonel_ports::commands::CommandId;

/// So many are kept. A command is given again only until the store knows that it was answered.
const KEPT: usize = 1000;

/// What became of a command, by the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is a step.
    Obeyed,
    /// The step refuses it, for this.
    Refused(String),
    /// It is no step, for this.
    Answered(AnswerRecord),
}

/// The answers, by command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answers {
    known: BTreeMap<CommandId, Answer>,
    /// Oldest first.
    order: VecDeque<CommandId>,
}

impl Answers {
    /// What became of this one; what is known already stays.
    pub(super) fn note(&mut self, id: CommandId, answer: Answer) {
        if self.known.contains_key(&id) {
            return;
        }
        self.known.insert(id.clone(), answer);
        self.order.push_back(id);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// What became of a command; `None` where it has no answer, or one that is long ago.
    pub(crate) fn get(&self, id: &CommandId) -> Option<&Answer> {
        self.known.get(id)
    }

    /// The commands, oldest first.
    pub(crate) fn into_ids(self) -> impl Iterator<Item = CommandId> {
        self.order.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_kept_and_the_first_answer_counts() {
        let id = |n: usize| CommandId::new(&format!("orden-{n}")).expect("a good id");
        let mut answers = Answers::default();
        for n in 0..KEPT + 5 {
            answers.note(id(n), Answer::Obeyed);
            answers.note(id(n), Answer::Refused("later".to_owned()));
        }
        assert_eq!(answers.get(&id(4)), None);
        assert_eq!(answers.get(&id(5)), Some(&Answer::Obeyed));
        let ids: Vec<_> = answers.clone().into_ids().collect();
        assert_eq!((ids.len(), &ids[0], answers.known.len()), (KEPT, &id(5), KEPT));
    }
}
