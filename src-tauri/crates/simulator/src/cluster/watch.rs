//! A watch: one JSON object a line until `timeoutSeconds` have passed.
//!
//! An idle watch counts as asleep on the virtual clock; an event counts as work until the client has read it. Both are kept here.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use timonel_ports::clock::Clock;
use timonel_ports::mailbox::{Receiver, mailbox};

use super::Cluster;
use super::fault::Subject;
use super::selection::Selection;
use super::status::failure;
use super::store::{Change, Signal, State, served};
use crate::time::Doze;

/// Where the client says nothing; a real server draws 30 to 60 minutes.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// What the client asked of the watch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// Where to resume; `None` and 0 begin with what is there.
    pub(super) from: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) bookmarks: bool,
    /// `sendInitialEvents`: a bookmark says where what was there ends.
    pub(super) initial_events: bool,
}

/// An open watch.
pub(super) struct Watch {
    cluster: Cluster,
    request: Option<u64>,
    subject: Subject,
    selection: Selection,
    version: &'static str,
    terms: Terms,
    /// What is to be sent next, all at once: a line held back while others are read would be unseen work.
    lines: String,
    inbox: Receiver<Signal>,
    /// Changes up to here have been looked at.
    seen: u64,
    /// Sleeps until the timeout, and has the request asleep for as long.
    end: Pin<Box<dyn Future<Output = bool> + Send>>,
    ended: bool,
    /// A black hole swallows what is sent.
    muted: bool,
    /// Keeps a muted watch asleep after its timeout.
    asleep: Option<Doze>,
}

impl Watch {
    /// Opens a watch; nothing can happen between what it begins with and what it will see, since `state` is locked.
    pub(super) fn open(
        cluster: &Cluster,
        state: &mut State,
        request: Option<u64>,
        subject: Subject,
        selection: Selection,
        version: &'static str,
        terms: Terms,
    ) -> Watch {
        let clock = cluster.0.clock.clone();
        let (sender, inbox) = mailbox(&clock.shared());
        let until = clock.mono() + terms.timeout.unwrap_or(TIMEOUT);
        // Makes the request a stream: it counts as awake until the client says that it waits for more.
        clock.sent(request, 0);
        let mut watch = Watch {
            cluster: cluster.clone(),
            request,
            subject,
            selection,
            version,
            terms,
            lines: String::new(),
            inbox,
            seen: state.version(),
            end: Box::pin(async move { clock.doze(request, until).await }),
            ended: false,
            muted: false,
            asleep: None,
        };
        match terms.from.filter(|from| *from > 0 && !terms.initial_events) {
            Some(from) => match state.since(from) {
                Some(missed) => {
                    missed.for_each(|change| watch.look_at(change));
                    // A version from the future: silence until the cluster gets there.
                    watch.seen = watch.seen.max(from);
                }
                None => watch.expire(from, state.version()),
            },
            None => watch.begin_with(state),
        }
        state.listen(sender);
        watch
    }

    /// As the body of the answer.
    pub(super) fn into_body(self) -> Body {
        Body::from_stream(futures::stream::unfold(self, |mut watch| async move {
            let line = watch.next().await?;
            Some((line, watch))
        }))
    }

    fn begin_with(&mut self, state: &State) {
        for object in state.list(&self.selection, self.version) {
            self.line("ADDED", object);
        }
        if self.terms.initial_events && self.terms.bookmarks {
            self.bookmark(json!({"annotations": {"k8s.io/initial-events-end": "true"}}));
        }
    }

    fn expire(&mut self, from: u64, now: u64) {
        let message = format!("too old resource version: {from} ({now})");
        self.line("ERROR", failure(410, &message, Some("Expired"), None));
        self.ended = true;
    }

    fn bookmark(&mut self, mut metadata: Value) {
        metadata["resourceVersion"] = self.seen.to_string().into();
        let kind = self.selection.kind;
        let object = json!({"kind": kind.kind, "apiVersion": kind.api_version(self.version), "metadata": metadata});
        self.line("BOOKMARK", object);
    }

    fn line(&mut self, event: &str, object: Value) {
        self.lines += &json!({"type": event, "object": object}).to_string();
        self.lines.push('\n');
    }

    fn look_at(&mut self, change: &Change) {
        let kind = self.selection.kind;
        let held = |object: &Option<Value>| {
            object
                .as_ref()
                .filter(|o| self.selection.holds(&change.key, o))
                .cloned()
        };
        let (event, mut object) = match (held(&change.before), held(&change.after)) {
            (None, None) => return,
            (None, Some(now)) => ("ADDED", now),
            (Some(_), Some(now)) => ("MODIFIED", now),
            (Some(last), None) => ("DELETED", last),
        };
        object["metadata"]["resourceVersion"] = change.version.to_string().into();
        self.line(event, served(&object, kind, self.version));
    }

    /// The next lines; `None` is the end, an error breaks the connection off.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if !self.muted {
                if let Some(line) = self.send() {
                    return Some(Ok(line));
                }
                if self.ended {
                    return None;
                }
            }
            tokio::select! {
                biased;
                signal = self.inbox.recv_busy() => {
                    let (signal, token) = signal?;
                    let torn = self.take(&signal);
                    let line = if self.muted { None } else { self.send() };
                    if !self.muted {
                        self.asleep = None;
                    }
                    // Only now: what was sent keeps time from stepping until the client has read it.
                    drop(token);
                    if torn {
                        return Some(Err(io::ErrorKind::ConnectionReset.into()));
                    }
                    if let Some(line) = line {
                        return Some(Ok(line));
                    }
                }
                _ = &mut self.end, if !self.ended => {
                    self.ended = true;
                    if self.terms.bookmarks {
                        self.bookmark(json!({}));
                    }
                    if self.muted {
                        self.asleep = Some(self.cluster.0.clock.doze_open(self.request));
                    }
                }
            }
        }
    }

    fn send(&mut self) -> Option<Bytes> {
        if self.lines.is_empty() {
            return None;
        }
        let lines = std::mem::take(&mut self.lines);
        self.cluster.0.clock.sent(self.request, lines.len() as u64);
        Some(lines.into())
    }

    /// Takes note of a signal; says whether the connection is torn.
    fn take(&mut self, signal: &Signal) -> bool {
        match signal {
            Signal::Changed(change) => {
                if change.version > self.seen {
                    self.seen = change.version;
                    self.look_at(change);
                }
                false
            }
            Signal::Faults => {
                let state = self.cluster.0.state();
                self.muted = state.rules.swallows(&self.subject);
                state.rules.tears(&self.subject)
            }
        }
    }
}
