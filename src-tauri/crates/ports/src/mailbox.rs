//! Channels whose messages count as work until they are taken, so that virtual time waits for them.
//!
//! Otherwise a plain unbounded tokio channel, and one answer to one question. Bounded channels are not here: the owner loop drops
//! nothing that a person or a target told it, and what signals deliver is bounded by their intervals.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::mpsc;

use crate::clock::{Busy, SharedClock};

/// The receiver is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody is there to receive this any more")]
pub struct Closed;

/// The sending half; clone it freely.
#[derive(Debug)]
pub struct Sender<T> {
    clock: SharedClock,
    inner: mpsc::UnboundedSender<(T, Busy)>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            clock: self.clock.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<T> Sender<T> {
    /// Puts a message into the mailbox. Never waits.
    pub fn send(&self, message: T) -> Result<(), Closed> {
        self.inner.send((message, self.clock.busy())).map_err(|_| Closed)
    }

    /// As [`Sender::send`], for news that nobody needs who is gone.
    pub fn tell(&self, message: T) {
        self.send(message).unwrap_or_default();
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver<T>(mpsc::UnboundedReceiver<(T, Busy)>);

impl<T> Receiver<T> {
    /// The next message, `None` when all senders are gone. Cancel safe.
    pub async fn recv(&mut self) -> Option<T> {
        // The token goes here, inside a poll that is itself counted.
        self.0.recv().await.map(|(message, _token)| message)
    }

    /// The next message with its token, for a receiver whose polls nobody counts (a server's handler). Cancel safe.
    pub async fn recv_busy(&mut self) -> Option<(T, Busy)> {
        self.0.recv().await
    }

    /// A message that is already there.
    pub fn try_recv(&mut self) -> Option<T> {
        self.0.try_recv().ok().map(|(message, _token)| message)
    }
}

/// A mailbox on the given clock.
pub fn mailbox<T>(clock: &SharedClock) -> (Sender<T>, Receiver<T>) {
    let (inner, receiver) = mpsc::unbounded_channel();
    (
        Sender {
            clock: clock.clone(),
            inner,
        },
        Receiver(receiver),
    )
}

/// The asking half's end of one answer.
#[derive(Debug)]
pub struct Answer<T>(Arc<Mutex<Slot<T>>>);

/// The answering half's end of one answer.
#[derive(Debug)]
pub struct Reply<T> {
    clock: SharedClock,
    slot: Arc<Mutex<Slot<T>>>,
}

/// An answer on its way. It counts as work only where somebody waits for it already: a result that nobody has
/// asked for yet must not hold up virtual time.
#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    over: bool,
    waiter: Option<Waker>,
    token: Option<Busy>,
}

/// One answer to one question.
pub fn answer<T>(clock: &SharedClock) -> (Reply<T>, Answer<T>) {
    let slot = Arc::new(Mutex::new(Slot {
        value: None,
        over: false,
        waiter: None,
        token: None,
    }));
    (
        Reply {
            clock: clock.clone(),
            slot: slot.clone(),
        },
        Answer(slot),
    )
}

impl<T> Reply<T> {
    /// Answers; it is no error if nobody waits any more.
    pub fn send(self, value: T) {
        lock(&self.slot).value = Some(value);
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        slot.over = true;
        if let Some(waiter) = slot.waiter.take() {
            slot.token = Some(self.clock.busy());
            drop(slot);
            waiter.wake();
        }
    }
}

impl<T> Answer<T> {
    /// Waits for the answer; `Err` where the other side went away without one.
    pub async fn recv(self) -> Result<T, Closed> {
        std::future::poll_fn(|cx| {
            let mut slot = lock(&self.0);
            slot.token = None;
            if let Some(value) = slot.value.take() {
                return Poll::Ready(Ok(value));
            }
            if slot.over {
                return Poll::Ready(Err(Closed));
            }
            slot.waiter = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.waiter = None;
        slot.token = None;
    }
}

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
