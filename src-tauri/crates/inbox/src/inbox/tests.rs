//! What is counted and what is not, and what the readings say of it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use timonel_domain::sample::Value;
use timonel_ports::clock::{Busy, Clock, InFlight, Sleep};

use super::*;

const BOTH: &[Arm] = &[Arm::Stable, Arm::Canary];

/// Stands where the test puts it, its wall clock so much apart from that; whoever sleeps is not woken.
#[derive(Debug, Default)]
struct Still(AtomicI64, AtomicI64);

impl Still {
    fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_micros() as i64, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed) + self.1.load(Ordering::Relaxed))
    }
    fn mono(&self) -> Mono {
        Mono::from_micros(self.0.load(Ordering::Relaxed) as u64)
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        if at <= self.mono() {
            Box::pin(std::future::ready(()))
        } else {
            Box::pin(std::future::pending())
        }
    }
    fn busy(&self) -> Busy {
        Busy::uncounted()
    }
    fn request(&self) -> InFlight {
        InFlight::uncounted(0)
    }
}

fn inbox(counts: &[Counts]) -> (Arc<Still>, Inbox) {
    let clock = Arc::new(Still::default());
    clock.pass(Duration::from_secs(1_000_000));
    let feeds = (0..).zip(counts).map(|(n, counts)| Feed {
        signal: SignalId::new(&format!("s{n}")).unwrap(),
        sides: vec![Side::Stable, Side::Canary],
        counts: counts.clone(),
    });
    let inbox = Inbox::new(clock.clone(), "here".to_owned(), feeds.collect());
    (clock, inbox)
}

/// A call that ends so long after now, in milliseconds.
fn told(clock: &Still, id: &str, arm: &str, failed: bool, after: i64) -> Told {
    let at = Timestamp::from_micros(clock.now().micros() + after * 1000);
    let line = serde_json::json!({"id": id, "arm": arm, "failed": failed, "at": at});
    Told::read(line.to_string().as_bytes()).unwrap()
}

/// Bad and all of each side; `None` where there is no reading.
fn read(inbox: &Inbox) -> Vec<Option<(u64, u64)>> {
    let mut reading = inbox.read();
    let Poll::Ready(readings) = reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits for nothing");
    };
    let one = |reading: Reading| match reading.outcome.ok()?.pop()?.value {
        Value::Ratio { bad, total, .. } => Some((bad, total)),
        other => panic!("{other:?}"),
    };
    readings.into_iter().map(one).collect()
}

#[test]
fn a_call_counts_once_whatever_is_sent_again() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    let calls = ["a", "b", "c"].map(|id| told(&clock, id, "canary", id == "a", 0));
    let counted = |counted, again, late| Ok(Taken { counted, again, late });
    assert_eq!(inbox.take(&calls, &[]), counted(3, 0, 0));
    assert_eq!(inbox.take(&calls, &[]), counted(0, 3, 0));
    assert_eq!(
        inbox.take(&[calls[0], told(&clock, "d", "stable", false, 0)], &[]),
        counted(1, 1, 0)
    );
    assert_eq!(read(&inbox), [Some((0, 1)), Some((1, 3))]);
    assert_eq!(inbox.take(&calls, &[]), counted(0, 3, 0), "also after it was read");
    // For as long as it would be counted at all.
    clock.pass(LATE);
    assert_eq!(inbox.take(&calls, &[]), counted(0, 3, 0));
    clock.pass(STEP);
    assert_eq!(inbox.take(&calls, &[]), counted(0, 0, 3));
    assert_eq!(inbox.tray().known.len(), 0, "what would not count needs no memory");
    assert_eq!(
        read(&inbox),
        [None, Some((0, 0))],
        "nothing new of the canary, nothing at all of stable"
    );
}

#[test]
fn who_speaks_for_one_arm_says_nothing_of_the_other() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    inbox
        .take(&[told(&clock, "a", "stable", false, 0)], &[Arm::Canary])
        .unwrap();
    assert_eq!(read(&inbox), [Some((0, 1)), Some((0, 0))]);
    for id in ["b", "c"] {
        inbox.take(&[told(&clock, id, "stable", false, 0)], &[]).unwrap();
        assert_eq!(read(&inbox), [Some((0, 1)), None], "the canary may have died");
    }
    inbox.take(&[], &[Arm::Canary]).unwrap();
    assert_eq!(read(&inbox), [None, Some((0, 0))]);
}

#[test]
fn calls_that_are_not_counted_are_no_news() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    clock.pass(LATE * 2);
    let old = -i64::try_from((LATE + STEP * 1000).as_millis()).unwrap();
    let said = inbox.take(&[told(&clock, "a", "canary", true, old)], &[]);
    assert_eq!(said.unwrap().late, 1);
    assert_eq!(read(&inbox), [None, None]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_call_too_old() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    // The wall clock alone.
    clock.pass(Duration::from_secs(1));
    clock.1.store(-3_600_000_000, Ordering::Relaxed);
    let now = told(&clock, "a", "canary", true, 0);
    assert_eq!(inbox.take(&[now], &[]).unwrap().counted, 1);
    assert_eq!(read(&inbox)[1], Some((1, 1)));
}

#[test]
fn a_request_counts_whole_or_not_at_all() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    let good = told(&clock, "a", "canary", false, 0);
    let otherwise = told(&clock, "a", "canary", true, 0);
    let ahead = told(&clock, "b", "canary", false, 5001);
    assert_eq!(inbox.take(&[good, otherwise], &[]), Err(Refused::Otherwise { line: 2 }));
    assert_eq!(inbox.take(&[good, ahead], &[]), Err(Refused::Ahead { line: 2 }));
    assert_eq!(read(&inbox), [None, None], "nobody said anything that counts");
    assert_eq!(
        inbox.take(&[good], &[]).unwrap().counted,
        1,
        "it was not counted before"
    );
    assert_eq!(inbox.take(&[otherwise], &[]), Err(Refused::Otherwise { line: 1 }));
}

#[test]
fn what_ended_before_it_was_opened_may_have_been_counted_by_another() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    let before = told(&clock, "a", "canary", true, -1);
    assert_eq!(inbox.take(&[before], &[]).unwrap().late, 1);
}

#[test]
fn nothing_said_is_no_reading_and_that_nothing_happened_is_one() {
    let (clock, inbox) = inbox(&[Counts::Failed, Counts::Abandoned]);
    assert_eq!(read(&inbox), [None; 4]);
    assert_eq!(inbox.take(&[], BOTH), Ok(Taken::default()));
    assert_eq!(
        read(&inbox),
        [Some((0, 0)), Some((0, 0)), None, None],
        "nobody ever told who left"
    );
    assert_eq!(read(&inbox), [None; 4]);
    inbox.take(&[told(&clock, "a", "canary", true, 0)], &[]).unwrap();
    assert_eq!(read(&inbox)[1], Some((1, 1)));
}

#[test]
fn readings_are_of_times_that_follow_each_other() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    let times = || {
        inbox.take(&[], BOTH).unwrap();
        let mut reading = inbox.read();
        let Poll::Ready(mut readings) = reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for nothing");
        };
        let sample = readings.remove(0).outcome.unwrap().remove(0);
        (sample.value.since().unwrap(), sample.as_of)
    };
    let first = times();
    let second = times();
    assert_eq!(second.0, first.1);
    assert!(second.1 > first.1, "also within one microsecond");
    clock.pass(Duration::from_secs(3));
    assert_eq!(times(), (second.1, clock.now()));
    // Set back by an hour: times of the hour ahead would hold up every sample until then.
    clock.1.store(-3_600_000_000, Ordering::Relaxed);
    let back = times();
    assert_eq!(back.1, clock.now());
    assert!(back.0 < back.1);
}

#[test]
fn more_than_can_be_read_or_remembered_is_refused_until_there_is_room() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    let some = told(&clock, "a", "stable", false, 0);
    let mut sent = 0;
    let mut send = |inbox: &Inbox, n: usize| {
        let named = |i: usize| Told {
            name: (sent + i) as u64,
            ..some
        };
        let calls: Vec<_> = (0..n).map(named).collect();
        let said = inbox.take(&calls, &[]);
        sent += said.map_or(0, |taken| taken.counted);
        said
    };
    assert!(send(&inbox, MOST_WAITING).is_ok());
    assert_eq!(send(&inbox, 1), Err(Refused::Full));
    for _ in 1..MOST_KNOWN / MOST_WAITING {
        read(&inbox);
        assert!(send(&inbox, MOST_WAITING).is_ok());
    }
    read(&inbox);
    assert_eq!(send(&inbox, 1), Err(Refused::Full), "as many names as are remembered");
}

#[test]
fn who_waits_hears_what_came_but_not_more_often_than_can_be_kept() {
    let (clock, inbox) = inbox(&[Counts::Failed]);
    let arrived = |inbox: &Inbox| {
        let mut waiting = inbox.arrived();
        waiting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    };
    clock.pass(LEAST_BETWEEN);
    assert!(!arrived(&inbox));
    inbox.take(&[], BOTH).unwrap();
    assert!(!arrived(&inbox), "that nothing happened can wait");
    inbox.take(&[told(&clock, "a", "canary", true, 0)], &[]).unwrap();
    assert!(arrived(&inbox));
    read(&inbox);
    inbox.take(&[told(&clock, "b", "canary", true, 0)], &[]).unwrap();
    assert!(!arrived(&inbox), "the last reading was just now");
}

#[test]
fn an_inbox_is_open_for_as_long_as_somebody_reads_it() {
    let inboxes = Inboxes::default();
    let rollout = RolloutId::new("martes").unwrap();
    assert!(inboxes.of(&rollout).is_none());
    let open = inboxes.open(&rollout, Arc::new(Still::default()), String::new(), Vec::new());
    assert!(inboxes.of(&rollout).is_some());
    drop(open);
    assert!(inboxes.of(&rollout).is_none());
}
