//! What is written to the canary application: the lever, the mark and the stamp; and reading it back.
//!
//! Telnyx takes no condition with a write. A raise and a mark read the application first, so that tags of others stay and a
//! raise stops at a mark; the lever is one PATCH with what is known, since every request before it would cost calls.

use std::collections::BTreeSet;

use futures::{join, try_join};
use serde_json::{Map, Value, json};
use timonel_domain::rollout::Generation;
use timonel_ports::target::{Progress, TargetError};

use super::NumberShare;
use super::mark::{self, Marks};
use super::settings::{Settings, without_clearing};
use super::step::{Accepted, FORM, Open, Pull};
use crate::account::{AccountError, Urgency};
use crate::api::{Application, application, numbers_on, write_application};

impl NumberShare {
    /// Pulls the lever. `aim` is empty from here on, also where this fails: nobody is asked for any more.
    pub(super) async fn pull(&self, pull: &Pull) -> Result<Accepted, TargetError> {
        let (had, tags) = {
            let mut memory = self.keeper.memory();
            memory.lowered = memory.lowered.max(Some(pull.generation));
            memory.kit.pulled = Some(pull.wanted.voice_url.clone());
            let asked = memory.kit.aim.replace(Vec::new()).unwrap_or_default();
            if !asked.is_empty() {
                memory.former = asked;
            }
            memory.changed_by = None;
            match memory.live.clone() {
                Some(live) => (live, memory.kit.tags.clone()),
                None => (pull.had.clone(), pull.tags.clone()),
            }
        };
        let body = pull.wanted.patch(&had, &mark::lowered(&tags, pull.generation));
        let mut wanted = pull.wanted.clone();
        let written = match self.write(&body).await {
            Err(refused @ AccountError::Refused { .. }) => match without_clearing(&body) {
                // Calls hang on the address; what cannot be cleared there is for people, and for the next plan.
                Some(rest) => {
                    tracing::warn!(place = %self.place, %refused, "the lever is pulled without clearing what stable does not have");
                    wanted = wanted.keeping_uncleared(&had);
                    self.write(&rest).await
                }
                None => Err(refused),
            },
            other => other,
        };
        self.keeper.keep_soon();
        let written = written.map_err(|error| self.target_error(&error))?;
        let left = wanted.clone().keeping_uncleared(&Settings::of(&written));
        if left != wanted {
            tracing::warn!(place = %self.place, "the lever is pulled, and what stable does not have was not cleared");
        }
        Ok(Accepted::Pulled {
            form: FORM,
            wanted: left,
        })
    }

    /// Pulls the lever where neither a kit nor a reading says how: the applications are enough, and no list is waited for.
    pub(super) async fn seek(&self, generation: Generation) -> Result<Accepted, TargetError> {
        let (stable, canary) = try_join!(self.stable(), self.canary())?;
        self.remember(&canary);
        match self.lever(generation) {
            Some(pull) => self.pull(&pull).await,
            None => Err(TargetError::Garbled {
                place: self.place.clone(),
                detail: format!("application {} does not say how it treats calls", stable.id),
            }),
        }
    }

    /// Leaves the mark of a lowering that takes only a part off.
    pub(super) async fn leave_mark(&self, generation: Generation, aim: &[String]) -> Result<Accepted, TargetError> {
        {
            let mut memory = self.keeper.memory();
            memory.lowered = memory.lowered.max(Some(generation));
            memory.kit.aim = Some(aim.to_vec());
            memory.changed_by = None;
        }
        let now = self.canary().await?;
        let body = tagged(&now, mark::lowered(&now.tags, generation));
        let written = self.write(&body).await.map_err(|error| self.target_error(&error))?;
        self.keeper.keep_soon();
        if Marks::of(&written.tags).bears(generation) {
            Ok(Accepted::Written)
        } else {
            let detail = "it answered the PATCH without the mark that was written".to_owned();
            Err(TargetError::Garbled {
                place: self.place.clone(),
                detail,
            })
        }
    }

    /// Begins a raise: looks for marks, keeps the kit, then stamps and releases.
    pub(super) async fn open(&self, open: &Open) -> Result<Accepted, TargetError> {
        self.keeper.recall().await;
        let now = self.canary().await?;
        Marks::of(&now.tags).allow(&self.place, open.generation)?;
        let settings = Settings::of(&now);
        let stable = self.keeper.memory().kit.stable.clone();
        if open.release.is_none() && stable.is_some_and(|stable| stable.voice_url == settings.voice_url) {
            // Somebody pulled the lever since the reading.
            return Err(TargetError::Conflict {
                place: self.place.clone(),
            });
        }
        self.are_there(&open.aim).await?;
        let tags = mark::raised(&now.tags, open.generation);
        let before = {
            let mut memory = self.keeper.memory();
            memory.changed_by = None;
            // As they are about to be: a lever that is pulled from this kit must not lose the stamp.
            memory.kit.tags = tags.clone();
            memory.kit.aim.replace(open.aim.clone())
        };
        let kept = self.keeper.keep().await.map_err(|detail| TargetError::Refused {
            place: self.place.clone(),
            detail,
        });
        // Who has just been told to stop must not write any more: what it writes names the address that it has read.
        let outcome = match kept.and_then(|()| self.goes_on(open.generation)) {
            Err(error) => Err(error),
            Ok(()) => {
                let body = match &open.release {
                    Some(own) => own.patch(&settings, &tags),
                    None => tagged(&now, tags),
                };
                self.write(&body).await.map_err(|error| self.target_error(&error))
            }
        };
        match (outcome, &open.release) {
            (Ok(_), Some(wanted)) => Ok(Accepted::Set {
                form: FORM,
                wanted: wanted.clone(),
            }),
            (Ok(_), None) => Ok(Accepted::Written),
            (Err(error), _) => {
                if !error.is_unknown() {
                    // Nothing was written, so nobody is asked for who was not before.
                    let mut memory = self.keeper.memory();
                    memory.kit.aim = before;
                    memory.kit.tags = now.tags.clone();
                    drop(memory);
                    self.keeper.keep_soon();
                }
                Err(error)
            }
        }
    }

    /// A raise that a lowering has overtaken here goes no further, whatever the tags say yet.
    pub(super) fn goes_on(&self, generation: Generation) -> Result<(), TargetError> {
        match self.keeper.memory().lowered {
            Some(mark) if mark >= generation => Err(TargetError::Marked {
                place: self.place.clone(),
                mark,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether every number that is about to join is on one of the two applications still: what somebody has moved to a third
    /// one since the kit was made is not ours to move.
    async fn are_there(&self, aim: &[String]) -> Result<(), TargetError> {
        let members = self.keeper.memory().members.clone().unwrap_or_default().0;
        if aim.iter().all(|id| members.contains(id)) {
            return Ok(());
        }
        let listed = numbers_on(&self.account, Urgency::Target, &self.spec.stable).await;
        let listed = listed.map_err(|error| self.target_error(&error))?;
        let on_stable: BTreeSet<_> = listed.items.iter().map(|number| number.id.as_str()).collect();
        let memory = self.keeper.memory();
        let gone = memory.kit.numbers.iter().map(|kept| &kept.number).filter(|number| {
            let wanted = aim.contains(&number.id) && !members.contains(&number.id);
            wanted && !on_stable.contains(number.id.as_str())
        });
        let gone: Vec<_> = gone.map(|number| number.e164.as_str()).collect();
        if gone.is_empty() || !listed.steady {
            return Ok(());
        }
        Err(TargetError::Refused {
            place: self.place.clone(),
            detail: format!(
                "{} numbers are on neither application any more, such as {}: somebody moved them. Move them back to the stable \
                 application, or take them out of the plan and arm again",
                gone.len(),
                gone[0]
            ),
        })
    }

    /// Whether a raise of `generation` is still the one that is going on: it stamped, and no rollback came after it.
    pub(super) async fn still_raising(&self, generation: Generation) -> Result<(), TargetError> {
        let marks = Marks::of(&self.canary().await?.tags);
        marks.allow(&self.place, generation)?;
        if marks.raised == Some(generation) {
            return Ok(());
        }
        let detail = format!("generation {generation} has not stamped it. Plan the raise anew");
        Err(TargetError::Refused {
            place: self.place.clone(),
            detail,
        })
    }

    /// Reads back what was set.
    pub(super) async fn is_set(&self, wanted: &Settings) -> Result<Progress, TargetError> {
        let now = Settings::of(&self.canary().await?);
        let other = wanted.differences(&now);
        if other.is_empty() {
            return Ok(Progress::Done);
        }
        Ok(Progress::Partial(format!(
            "the canary application does not read back as it was set: {} differ",
            other.join(", ")
        )))
    }

    /// Reads a lever back: the canary application as it was set, and stable still at the address that the calls were given. A
    /// kit may be older than a change of that.
    pub(super) async fn is_pulled(&self, wanted: &Settings) -> Result<Progress, TargetError> {
        let (stable, canary) = join!(self.stable(), self.canary());
        let now = Settings::of(&canary?);
        let mut other = wanted.differences(&now);
        match stable {
            Ok(stable) if stable.voice_url != now.voice_url && !other.contains(&"voice_url") => {
                other.push("the address of stable");
            }
            Ok(_) => {}
            // What is known of stable is in force; whether it is still true can be seen later.
            Err(error) => tracing::debug!(%error, "stable cannot be read behind a pulled lever"),
        }
        if other.is_empty() {
            return Ok(Progress::Done);
        }
        Ok(Progress::Partial(format!(
            "the canary application does not read back as stable is: {} differ",
            other.join(", ")
        )))
    }

    /// The stable application as it is now.
    async fn stable(&self) -> Result<Application, TargetError> {
        let stable = application(&self.account, Urgency::Target, &self.spec.stable)
            .await
            .map_err(|error| self.target_error(&error))?;
        self.keeper.memory().kit.stable = Some(Settings::of(&stable));
        Ok(stable)
    }

    /// The canary application as it is now.
    pub(super) async fn canary(&self) -> Result<Application, TargetError> {
        let canary = application(&self.account, Urgency::Target, &self.spec.canary)
            .await
            .map_err(|error| self.target_error(&error))?;
        self.remember(&canary);
        Ok(canary)
    }

    async fn write(&self, body: &Map<String, Value>) -> Result<Application, AccountError> {
        let written = write_application(&self.account, Urgency::Target, &self.spec.canary, body).await?;
        self.remember(&written);
        Ok(written)
    }

    /// What the canary application says of itself. Its own settings are those from when it was not levered.
    pub(super) fn remember(&self, canary: &Application) {
        let settings = Settings::of(canary);
        let mut memory = self.keeper.memory();
        let levered = memory
            .kit
            .stable
            .as_ref()
            .map(|stable| stable.voice_url == settings.voice_url);
        match levered {
            Some(true) => memory.kit.pulled = Some(settings.voice_url.clone()),
            // Stable has moved on since the lever was pulled: what the canary has is not its own all the same.
            Some(false) if memory.kit.pulled.as_ref() == Some(&settings.voice_url) => {}
            Some(false) => memory.kit.own = Some(settings.clone()),
            None => {}
        }
        memory.kit.tags = canary.tags.clone();
        memory.live = Some(settings);
    }
}

/// A PATCH that changes the tags alone, with what every PATCH must name.
fn tagged(now: &Application, tags: Vec<String>) -> Map<String, Value> {
    let body = [
        ("friendly_name", json!(now.friendly_name)),
        ("voice_url", json!(now.voice_url)),
        ("tags", json!(tags)),
    ];
    body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
