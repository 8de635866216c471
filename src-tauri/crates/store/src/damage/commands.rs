//! Commands that nobody has answered, taken over from a damaged file: a rollback that was wanted stays wanted. Nothing proves such a
//! row, so only what can be read as a command is one; whatever may raise a weight has lapsed by its age.

use std::collections::BTreeMap;

use timonel_domain::value::{Person, RolloutId};
use timonel_journal::entry::Body;
use timonel_ports::commands::CommandId;
use timonel_ports::store::StoreError;

use super::pages::Value;
use crate::database::Database;
use crate::statement;

/// A row of a command, in one of the versions that a file still has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    id: CommandId,
    rollout: RolloutId,
    by: Person,
    at: i64,
    what: Vec<u8>,
    put_at: Option<i64>,
    answered: bool,
}

impl Row {
    /// A record of the table of commands, as its first migration or a later one has it; `None` for any other record.
    pub(super) fn of(values: &[Value]) -> Option<Self> {
        use Value::{Bytes, Integer, Null, Text};
        let (first, later) = values.split_at_checked(8)?;
        let [
            Null,
            Text(id),
            Text(rollout),
            Text(by),
            Integer(at),
            Bytes(what),
            taken_at @ (Integer(_) | Null),
            Text(_) | Null,
        ] = first
        else {
            return None;
        };
        let (put_at, answered) = match later {
            // Before a command could be given twice, one that was taken was answered.
            [] => (None, *taken_at != Null),
            [Null, answered @ (Integer(_) | Null)] => (None, *answered != Null),
            [Integer(put_at), answered @ (Integer(_) | Null)] => (Some(*put_at), *answered != Null),
            _ => return None,
        };
        Body::parse(what.clone()).ok()?;
        Some(Self {
            id: CommandId::new(id).ok()?,
            rollout: RolloutId::new(rollout).ok()?,
            by: Person::new(by).ok()?,
            at: *at,
            what: what.clone(),
            put_at,
            answered,
        })
    }
}

/// The commands of a file, each in its last version.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<CommandId, (i64, Row)>);

impl Waiting {
    /// Takes in a version of a row, which stands at `position`. Once answered it stays so, in whatever order versions are found.
    pub(super) fn take(&mut self, position: i64, row: Row) {
        let known = self.0.entry(row.id.clone()).or_insert_with(|| (position, row.clone()));
        known.1.answered |= row.answered;
    }

    /// Puts those that are not answered into another store, of rollouts that it has. How many.
    pub(super) async fn carry_over(
        &self,
        to: &Database,
        is_known: impl Fn(&RolloutId) -> bool,
    ) -> Result<u64, StoreError> {
        let open = self
            .0
            .values()
            .filter(|(_, row)| !row.answered && is_known(&row.rollout));
        let mut rows: Vec<_> = open.collect();
        rows.sort_by_key(|(position, _)| *position);
        for (_, row) in &rows {
            let args = [
                row.id.as_str().into(),
                row.rollout.as_str().into(),
                row.by.as_str().into(),
                row.at.into(),
                row.what.as_slice().into(),
                row.put_at.into(),
            ];
            let put = to.execute(statement::PUT_COMMAND, &args).await;
            put.map_err(to.unwritten("a command"))?;
        }
        Ok(rows.len() as u64)
    }
}
