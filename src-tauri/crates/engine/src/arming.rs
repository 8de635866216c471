//! The arming checks: every target is there, may be changed, and stands where the plan starts.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::value::{Person, TargetId};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::commands::CommandId;
use timonel_ports::mailbox::Sender;
use timonel_ports::target::{Target, TargetError};

use crate::actuation::{READ_DEADLINE, bounded};
use crate::message::Message;

/// Many calls in a row: a target may have to measure first what it is going to divide.
const CHECK_DEADLINE: Duration = Duration::from_secs(120);

/// Checks all targets and tells the owner, together with what it found lost itself.
pub(crate) async fn check(
    clock: SharedClock,
    targets: Vec<(TargetId, Arc<dyn Target>)>,
    by: Person,
    mut failed: Vec<String>,
    command: CommandId,
    to: Sender<Message>,
) {
    let mut live = Vec::new();
    for (id, target) in targets {
        let limited = |e: timonel_ports::clock::Elapsed| TargetError::Deadline {
            place: target.describe().place,
            limit: e.0,
        };
        match within(&*clock, CHECK_DEADLINE, target.preflight())
            .await
            .map_err(limited)
            .and_then(|done| done)
        {
            Ok(preflight) => {
                let bad = preflight.checks.into_iter().filter(|c| !c.ok);
                failed.extend(bad.map(|c| bounded(format!("{} {id}: {}", c.code, c.proof))));
            }
            Err(error) => failed.push(bounded(format!("{} {id}: {error}", error.code()))),
        }
        match within(&*clock, READ_DEADLINE, target.read())
            .await
            .map_err(limited)
            .and_then(|done| done)
        {
            Ok(reading) => live.push((id, reading.weight)),
            Err(error) => failed.push(bounded(format!("{} {id}: {error}", error.code()))),
        }
    }
    to.tell(Message::Checked {
        by,
        live,
        failed,
        command,
    });
}
