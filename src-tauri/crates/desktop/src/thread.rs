//! The one thread that talks to the keychain: calls block, may wait for a person, and are in order only from one thread.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use timonel_domain::time::Mono;
use timonel_ports::clock::{SharedClock, within};
use tokio::sync::oneshot;

/// A call that takes longer than this is left behind with its thread. A person who is asked for a password takes less.
const LEFT_BEHIND: Duration = Duration::from_secs(90);

/// So many threads are left behind at most; then calls wait their turn behind the last.
const MOST: usize = 3;

type Job = Box<dyn FnOnce() + Send>;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The time is over. The call may yet be carried out if it had begun; one that had not is dropped.
    Late,
    /// The thread could not be started, or ended in the middle of the call.
    Ended,
}

/// Runs calls one after the other on a thread of their own, which is started with the first.
#[derive(Debug)]
pub(crate) struct Thread {
    clock: SharedClock,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    hand: Option<Hand>,
    left: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Hand {
    jobs: Sender<Job>,
    /// Since when the call under way has been under way.
    since: Arc<Mutex<Option<Mono>>>,
    handle: JoinHandle<()>,
}

impl Thread {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            now: Mutex::default(),
        }
    }

    /// Carries out `work` and waits for its answer, for at most `limit`.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.give(Box::new(move || {
            // Nobody waits any more: what was asked for then is not what is wanted now.
            if !reply.is_closed() {
                drop(reply.send(work()));
            }
        }))?;
        match within(&*self.clock, limit, answer).await {
            Ok(Ok(out)) => Ok(out),
            Ok(Err(_)) => Err(Unanswered::Ended),
            Err(_) => Err(Unanswered::Late),
        }
    }

    fn give(&self, job: Job) -> Result<(), Unanswered> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let now = &mut *now;
        now.left.retain(|handle| !handle.is_finished());
        let stuck = |hand: &Hand| {
            let since = *hand.since.lock().unwrap_or_else(PoisonError::into_inner);
            since.is_some_and(|since| self.clock.mono().saturating_since(since) >= LEFT_BEHIND)
        };
        let over = now
            .hand
            .take_if(|hand| hand.handle.is_finished() || (now.left.len() < MOST && stuck(hand)));
        if let Some(over) = over {
            now.left.push(over.handle);
        }
        let hand = match &mut now.hand {
            Some(hand) => hand,
            none => none.insert(self.start()?),
        };
        hand.jobs.send(job).map_err(|_| Unanswered::Ended)
    }

    fn start(&self) -> Result<Hand, Unanswered> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let since = Arc::new(Mutex::new(None));
        let (clock, mark) = (self.clock.clone(), since.clone());
        let run = move || {
            for job in queue {
                *mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.mono());
                job();
                *mark.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        };
        let started = std::thread::Builder::new().name("keychain".to_owned()).spawn(run);
        let handle = started.map_err(|error| {
            tracing::error!(%error, "no thread for the keychain");
            Unanswered::Ended
        })?;
        Ok(Hand { jobs, since, handle })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use timonel_domain::time::Timestamp;
    use timonel_ports::clock::{Busy, Clock, InFlight, Sleep, SystemClock};

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    /// The machine's clock, set forward by hand.
    #[derive(Debug)]
    struct Ahead(SharedClock, AtomicU64);

    impl Clock for Ahead {
        fn now(&self) -> Timestamp {
            self.0.now()
        }
        fn mono(&self) -> Mono {
            self.0.mono() + Duration::from_secs(self.1.load(Ordering::SeqCst))
        }
        fn sleep_until(&self, at: Mono) -> Sleep {
            let ahead = Duration::from_secs(self.1.load(Ordering::SeqCst));
            self.0
                .sleep_until(self.0.mono() + at.saturating_since(self.0.mono() + ahead))
        }
        fn busy(&self) -> Busy {
            self.0.busy()
        }
        fn request(&self) -> InFlight {
            self.0.request()
        }
    }

    #[tokio::test]
    async fn a_call_that_hangs_ends_at_its_limit_and_those_behind_it_go_on_with_it() {
        let thread = Thread::new(SystemClock::shared());
        let (release, hangs) = mpsc::channel::<()>();
        let first = thread.ask(SOON, move || hangs.recv().is_ok()).await;
        assert_eq!(first, Err(Unanswered::Late));
        // Behind it nobody is served, and what nobody waits for any more is never begun.
        let begun = Arc::new(AtomicU64::new(0));
        let count = begun.clone();
        let second = thread.ask(SOON, move || count.fetch_add(1, Ordering::SeqCst)).await;
        assert_eq!(second, Err(Unanswered::Late));
        release.send(()).unwrap();
        assert_eq!(thread.ask(LONG, || 7).await, Ok(7));
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_call_that_never_ends_is_left_behind() {
        let clock = Arc::new(Ahead(SystemClock::shared(), AtomicU64::new(0)));
        let thread = Thread::new(clock.clone());
        let mut held = Vec::new();
        for _ in 0..MOST {
            let (release, hangs) = mpsc::channel::<()>();
            held.push(release);
            assert_eq!(
                thread.ask(SOON, move || hangs.recv().is_ok()).await,
                Err(Unanswered::Late)
            );
            clock.1.fetch_add(LEFT_BEHIND.as_secs(), Ordering::SeqCst);
        }
        assert_eq!(thread.ask(LONG, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_call_that_panics_takes_only_itself_along() {
        let thread = Thread::new(SystemClock::shared());
        let failed = thread.ask(LONG, || panic!("as a keychain's library may")).await;
        assert_eq!(failed, Err::<(), _>(Unanswered::Ended));
        // The thread unwinds a moment after its answer is gone.
        let mut again = Err(Unanswered::Ended);
        while again == Err(Unanswered::Ended) {
            tokio::task::yield_now().await;
            again = thread.ask(LONG, || 7).await;
        }
        assert_eq!(again, Ok(7));
    }
}
