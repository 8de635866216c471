//! Starting tasks so that a virtual clock knows whether anybody is at work.
//!
//! The one place that calls `tokio::spawn`. A task started here counts as work from the moment it is started
//! until its first poll, and during every poll; between polls it counts only by what it waits for
//! (a message in a [`crate::mailbox`], a request in flight, a sleep on the clock).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::AbortHandle;

use crate::clock::{Busy, Clock, SharedClock};
use crate::mailbox::{Answer, Closed, answer};

/// A task that was started with [`spawn`].
#[derive(Debug)]
pub struct Task<T> {
    answer: Answer<T>,
    handle: AbortHandle,
}

impl<T> Task<T> {
    /// Waits for the task's result; `Err` where it panicked or was aborted.
    pub async fn join(self) -> Result<T, Closed> {
        self.answer.recv().await
    }

    /// Stops the task at its next await.
    pub fn abort(&self) {
        self.handle.abort();
    }
}

/// Starts `work` on the runtime. Dropping the handle leaves it running.
#[expect(clippy::disallowed_methods, reason = "this is the one module that starts tasks")]
pub fn spawn<F>(clock: &SharedClock, work: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (reply, answer) = answer(clock);
    let handle = tokio::spawn(counted(clock.clone(), async move { reply.send(work.await) })).abort_handle();
    Task { answer, handle }
}

/// Counts the polls of `work` as work on `clock`. For futures that run elsewhere than in [`spawn`]: `block_on`, a test.
pub fn counted<F: Future>(clock: SharedClock, work: F) -> Counted<F> {
    let first = clock.busy();
    Counted {
        clock,
        first: Some(first),
        work: Box::pin(work),
    }
}

/// See [`counted`].
#[derive(Debug)]
pub struct Counted<F> {
    clock: SharedClock,
    first: Option<Busy>,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Held until this poll returns; the token of the start may go as soon as this one exists.
        let _polling = self.clock.busy();
        self.first = None;
        self.work.as_mut().poll(cx)
    }
}

/// Holds a [`Busy`] for the whole of `work`: for waiting on something that a virtual clock cannot see, such as a database.
pub async fn unseen<F: Future>(clock: &dyn Clock, work: F) -> F::Output {
    let _busy = clock.busy();
    work.await
}
