//! The store's size beside a console, looked at once a minute, and the alert while little room is left. Such an alert is no step of the
//! rollout: it stands for as long as it is so, and no journal has to be written for it on a disk that is full.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_engine::Snapshot;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::task::spawn;
use timonel_store::{Left, Room, Sqlite};
use timonel_wire::{Acknowledged, Alert, Picture, millis};
use tokio::sync::watch;

use crate::room;

const EVERY: Duration = Duration::from_secs(60);

/// What was seen last.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    room: Room,
    /// The file, or the server.
    place: String,
    /// Since when it has been as little as now.
    since: Timestamp,
}

impl Seen {
    /// As it goes on `before`: what is as little as then has been so since then.
    fn after(before: Option<&Seen>, room: Room, place: &str, now: Timestamp) -> Self {
        let before = before.filter(|before| before.room.left() == room.left());
        Self {
            since: before.map_or(now, |before| before.since),
            place: place.to_owned(),
            room,
        }
    }

    /// Puts it into a picture.
    pub(super) fn show(&self, picture: &mut Picture, now: &Snapshot) {
        picture.environment.store = Some(room::told(&self.room, &self.place));
        let Some((severity, sentence)) = room::warning(&self.room, &self.place) else {
            return;
        };
        let level = match self.room.left() {
            Left::Enough | Left::Low => "low",
            Left::Critical => "critical",
        };
        let id = format!("store-{level}.{}", self.since.micros());
        let acknowledged = now.acknowledged.get(&id).map(|seen| Acknowledged {
            by: seen.by.to_string(),
            at: millis(seen.at),
            comment: seen.comment.clone(),
        });
        let alert = Alert {
            id,
            severity,
            sentence,
            since: millis(self.since),
            resolved_at: None,
            acknowledged,
        };
        picture.alerts.insert(0, alert);
    }
}

/// Looks for as long as anybody wants to know.
pub(super) fn follow(clock: &SharedClock, store: Arc<Sqlite>) -> watch::Receiver<Option<Seen>> {
    let (to, seen) = watch::channel(None);
    let on = clock.clone();
    drop(spawn(clock, async move {
        loop {
            match store.room().await {
                Ok(room) => to.send_modify(|seen: &mut Option<Seen>| {
                    *seen = Some(Seen::after(seen.as_ref(), room, store.place(), on.now()));
                }),
                // Whatever needs the store says so as well, and louder.
                Err(error) => tracing::debug!(%error, "the size of the store cannot be read"),
            }
            tokio::select! {
                () = to.closed() => return,
                () = sleep(&*on, EVERY) => {}
            }
        }
    }));
    seen
}

#[cfg(test)]
mod tests {
    use timonel_store::{Disk, Parts};

    use super::*;

    #[test]
    fn it_has_been_so_since_it_was_first_as_little() {
        let room = |free| Room {
            whole: 1 << 20,
            unused: 0,
            parts: Parts::default(),
            disk: Some(Disk { free, all: 1 << 40 }),
        };
        let at = Timestamp::from_secs;
        let mut seen = None;
        let mut since = |free: u64, secs| {
            let next = Seen::after(seen.as_ref(), room(free), "/timonel.db", at(secs));
            let since = next.since;
            seen = Some(next);
            since
        };
        assert_eq!(since(1 << 39, 10), at(10));
        assert_eq!(since(1 << 30, 20), at(20), "low");
        assert_eq!(since(1 << 29, 30), at(20));
        assert_eq!(since(1 << 20, 40), at(40), "critical");
        assert_eq!(since(1 << 30, 50), at(50), "low again");
    }
}
