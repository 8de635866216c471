use super::*;
use timonel_ports::clock::{sleep, within};
use timonel_ports::task::spawn;

#[test]
fn hours_pass_at_once_and_in_order() {
    let order = drive(Timestamp::from_secs(0), Speed::Max, |clock| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [3600u64, 60, 7200]
            .into_iter()
            .map(|secs| {
                let (seen, clock) = (seen.clone(), clock.shared());
                spawn(&clock.clone(), async move {
                    sleep(&*clock, Duration::from_secs(secs)).await;
                    seen.lock().unwrap().push(clock.mono().micros() / 1_000_000);
                })
            })
            .collect();
        for task in tasks {
            task.join().await.unwrap();
        }
        seen.lock().unwrap().clone()
    });
    assert_eq!(order, [60, 3600, 7200]);
}

#[test]
fn time_stands_while_somebody_works() {
    drive(Timestamp::from_secs(0), Speed::Max, |clock| async move {
        let shared = clock.shared();
        let busy = clock.busy();
        let sleeper = spawn(&shared, sleep(&*shared, Duration::from_secs(1)));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.mono(), Mono::default());
        drop(busy);
        sleeper.join().await.unwrap();
        assert_eq!(clock.mono(), Mono::from_micros(1_000_000));
    });
}

#[test]
fn a_request_that_nobody_answers_is_asleep_only_where_the_server_says_so() {
    drive(Timestamp::from_secs(0), Speed::Max, |clock| async move {
        let request = clock.request();
        assert!(clock.holdup().is_some());
        let doze = clock.doze_open(Some(request.id()));
        assert!(
            clock.holdup().is_some_and(|h| h.awake.is_empty()),
            "only this test's own poll is at work"
        );
        let late = within(&clock, Duration::from_secs(5), std::future::pending::<()>()).await;
        assert!(late.is_err());
        assert_eq!(clock.mono(), Mono::from_micros(5_000_000));
        drop((doze, request));
    });
}

#[test]
fn a_handler_learns_that_its_client_has_gone() {
    drive(Timestamp::from_secs(0), Speed::Max, |clock| async move {
        let request = clock.request();
        let id = request.id();
        let server = clock.clone();
        let handler = spawn(&clock.shared(), async move {
            server.doze(Some(id), Mono::from_micros(2_000_000)).await
        });
        sleep(&clock, Duration::from_secs(1)).await;
        drop(request);
        assert!(!handler.join().await.unwrap());
    });
}

#[test]
fn a_stream_is_quiet_when_all_that_was_sent_has_been_read() {
    let clock = VirtualClock::new(Timestamp::from_secs(0));
    let request = clock.request();
    request.note(InFlightNote::Waiting);
    let doze = clock.doze_open(Some(request.id()));
    assert_eq!(clock.holdup(), None);
    clock.sent(Some(request.id()), 10);
    assert!(clock.holdup().is_some());
    request.note(InFlightNote::Working);
    request.note(InFlightNote::Read(10));
    assert!(clock.holdup().is_some());
    request.note(InFlightNote::Waiting);
    assert_eq!(clock.holdup(), None);
    drop(doze);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "real time is what is tested")]
fn a_finite_speed_waits_in_real_time() {
    let real = tokio::time::Instant::now();
    drive(Timestamp::from_secs(0), Speed::Times(100.0), |clock| async move {
        sleep(&clock, Duration::from_secs(10)).await
    });
    assert!(real.elapsed() >= Duration::from_millis(95));
}

#[test]
fn speeds() {
    assert_eq!("max".parse(), Ok(Speed::Max));
    assert_eq!("60".parse(), Ok(Speed::Times(60.0)));
    for bad in ["0", "-1", "inf", "fast"] {
        assert!(bad.parse::<Speed>().is_err(), "{bad}");
    }
}
