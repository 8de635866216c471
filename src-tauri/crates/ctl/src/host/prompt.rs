//! A connection whose other side has to take what it is sent: one that reads nothing would hold its place for ever.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use timonel_ports::clock::{SharedClock, Sleep, sleep};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that errs where nothing of what is to be sent was taken for `limit`.
pub(super) struct Prompt<S> {
    inner: S,
    clock: SharedClock,
    limit: Duration,
    /// Until when what waits may wait.
    until: Option<Sleep>,
}

impl<S> Prompt<S> {
    pub(super) fn new(inner: S, clock: SharedClock, limit: Duration) -> Self {
        Self {
            inner,
            clock,
            limit,
            until: None,
        }
    }

    /// What the stream says, or that the other side takes nothing.
    fn in_time<T>(&mut self, said: Poll<Result<T>>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if said.is_ready() {
            self.until = None;
            return said;
        }
        let until = self.until.get_or_insert_with(|| sleep(&*self.clock, self.limit));
        until
            .as_mut()
            .poll(context)
            .map(|()| Err(Error::new(ErrorKind::TimedOut, "the other side takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let said = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.in_time(said, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let said = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.in_time(said, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let said = Pin::new(&mut self.inner).poll_flush(context);
        self.in_time(said, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let said = Pin::new(&mut self.inner).poll_shutdown(context);
        self.in_time(said, context)
    }
}
