//! Waiting for the object to change: a watch from the version last read, opened again for as long as it takes.
//!
//! An open watch is no proof that the API server takes writes: one that shuts down keeps its watches for a minute. That is what
//! reading and preflight are for.

use std::time::Duration;

use kube::api::{ListParams, Request, WatchEvent, WatchParams};
use kube::core::{DynamicObject, ObjectList};
use timonel_ports::clock::{sleep, within};
use timonel_ports::target::TargetError;

use super::VirtualService;
use crate::answer::excerpt;

/// The API server ends a watch after so many seconds; kube takes no more than 294.
const LIFE_SECS: u32 = 290;
/// A watch that the API server should have ended by now hangs on a dead connection.
const DEAD: Duration = Duration::from_secs(LIFE_SECS as u64 + 15);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where a watch goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watched {
    /// The object's version that was last read or told.
    object: Option<String>,
    /// The version to watch from: the object's, or a later one of the collection.
    from: String,
}

impl Watched {
    /// Somebody has read the object: what came before is no news.
    pub(super) fn read(watched: &mut Option<Self>, version: &str) {
        if watched
            .as_ref()
            .is_none_or(|known| known.object.as_deref() != Some(version))
        {
            *watched = Some(Self {
                object: Some(version.to_owned()),
                from: version.to_owned(),
            });
        }
    }
}

/// How a watch ended.
enum Ended {
    /// The object changed.
    Moved,
    /// The connection ended; nothing was missed.
    Quietly,
    /// The version is too old to watch from: list again.
    Expired,
}

impl VirtualService {
    /// Completes when the object's version is another than the one last read or told. One waiter at a time: what one is
    /// told is no news to the next. Errors are those that
    /// waiting does not mend: rights, credentials, a missing API group, another kind of server.
    pub(super) async fn moved(&self) -> Result<(), TargetError> {
        let clock = self.connection.clock();
        let mut pause = FIRST_PAUSE;
        loop {
            let began = clock.mono();
            let mut wait = Duration::ZERO;
            match within(clock, DEAD, self.watch()).await {
                Ok(Ok(Ended::Moved)) => return Ok(()),
                Ok(Ok(Ended::Quietly)) | Err(_) => {}
                Ok(Ok(Ended::Expired)) => self
                    .memory()
                    .watched
                    .iter_mut()
                    .for_each(|watched| watched.from.clear()),
                Ok(Err(TargetError::Throttled { retry_after, .. })) => {
                    // Whatever it asks for: a watch that is never opened again would see nothing.
                    wait = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
                }
                Ok(Err(
                    error @ (TargetError::Unreachable { .. }
                    | TargetError::Deadline { .. }
                    | TargetError::Unavailable { .. }),
                )) => tracing::debug!(place = %self.place, %error, "the watch is opened again"),
                Ok(Err(error)) => return Err(error),
            }
            if clock.mono().saturating_since(began) > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            sleep(clock, pause.max(wait)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn watch(&self) -> Result<Ended, TargetError> {
        let version = self.api_version().await?;
        let request = Request::new(super::collection(&self.spec.namespace, &version));
        let only = format!("metadata.name={}", self.spec.name);
        let known = self.memory().watched.clone();
        let from = match known {
            Some(known) if !known.from.is_empty() => known.from,
            Some(_) | None => {
                if self.list(&request, &only).await? {
                    return Ok(Ended::Moved);
                }
                let listed = self.memory().watched.clone();
                listed.map(|listed| listed.from).unwrap_or_default()
            }
        };
        let params = WatchParams::default().fields(&only).timeout(LIFE_SECS);
        let request = request.watch(&params, &from).map_err(|e| self.unbuilt(e))?;
        let mut lines = self.connection.stream(&self.place, request).await?;
        while let Some(line) = lines.next().await? {
            let event: WatchEvent<DynamicObject> =
                serde_json::from_slice(&line).map_err(|error| TargetError::Garbled {
                    place: self.place.clone(),
                    detail: format!("{error} in {}", excerpt(&line)),
                })?;
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    if self.tell(object.metadata.resource_version) {
                        return Ok(Ended::Moved);
                    }
                }
                WatchEvent::Deleted(object) => {
                    self.tell(object.metadata.resource_version);
                    return Ok(Ended::Moved);
                }
                WatchEvent::Bookmark(bookmark) => {
                    self.memory()
                        .watched
                        .iter_mut()
                        .for_each(|known| known.from.clone_from(&bookmark.metadata.resource_version));
                }
                WatchEvent::Error(status) if status.code == 410 => return Ok(Ended::Expired),
                WatchEvent::Error(status) => {
                    return Err(TargetError::Unavailable {
                        place: self.place.clone(),
                        detail: status.message,
                    });
                }
            }
        }
        Ok(Ended::Quietly)
    }

    /// Whether this version is news; it is none the next time.
    fn tell(&self, version: Option<String>) -> bool {
        let Some(version) = version else { return false };
        let mut memory = self.memory();
        let news = memory
            .watched
            .as_ref()
            .is_none_or(|known| known.object.as_ref() != Some(&version));
        memory.watched = Some(Watched {
            object: Some(version.clone()),
            from: version,
        });
        news
    }

    /// Finds a version to watch from, and whether the object has another than the one last read.
    async fn list(&self, request: &Request, only: &str) -> Result<bool, TargetError> {
        let request = request
            .list(&ListParams::default().fields(only))
            .map_err(|e| self.unbuilt(e))?;
        let list: ObjectList<DynamicObject> = self.connection.call(&self.place, request).await?.json(&self.place)?;
        let object = list
            .items
            .into_iter()
            .next()
            .and_then(|object| object.metadata.resource_version);
        let from = list.metadata.resource_version.unwrap_or_default();
        let mut memory = self.memory();
        let news = memory.watched.as_ref().is_some_and(|known| known.object != object);
        memory.watched = Some(Watched { object, from });
        Ok(news)
    }
}
