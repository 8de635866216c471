//! Tables of what records count for.

use timonel_domain::value::Arm::{Canary, Stable};

use super::super::arms::InForce;
use super::*;

const OLD: &str = "https://old.example.com/voice";
const NEW: &str = "https://new.example.com/voice";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// The lever pulled from 100 until 200, as far as the readings at 0, 100 and 200 say.
fn arms() -> Arms {
    let mut arms = Arms::default();
    for (now, url) in [(0, NEW), (100, OLD), (200, NEW)] {
        let app = |url: &str| InForce {
            voice_url: url.to_owned(),
            updated_at: Some(at(now)),
        };
        arms.observe(&app(OLD), &app(url), at(now));
    }
    arms
}

fn of(arm: Arm, arms: &Arms) -> Counts<'_> {
    Counts::Of {
        arm,
        arms,
        stable: "s",
        canary: "c",
    }
}

fn closed<T>(records: Vec<(i64, T)>) -> Closed<T> {
    let listed = records.into_iter().enumerate().map(|(index, (secs, what))| Listed {
        id: index.to_string(),
        at: at(secs),
        what,
    });
    Closed {
        since: at(50),
        until: at(250),
        records: listed.collect(),
    }
}

fn ratio_of(bad: u64, total: u64) -> Value {
    Value::Ratio {
        since: at(50),
        bad,
        total,
    }
}

fn n(n: u64) -> Value {
    Value::Count { since: at(50), n }
}

#[test]
fn a_delivery_is_of_the_arm_that_was_asked_first() {
    let delivery = |url: &str, failed| {
        let url = Some(url.to_owned());
        (60, Delivery { url, failed })
    };
    let closed = closed(vec![
        delivery("https://old.example.com/voice", false),
        delivery("https://old.example.com/voice/menu", true),
        delivery("https://new.example.com/voice?CallSid=1", true),
        delivery("https://crm.example.com/hook", true),
        (
            60,
            Delivery {
                url: None,
                failed: true,
            },
        ),
    ]);
    let arms = arms();
    assert_eq!(deliveries(&closed, of(Stable, &arms)), Ok(ratio_of(1, 2)));
    assert_eq!(deliveries(&closed, of(Canary, &arms)), Ok(ratio_of(1, 1)));
    assert_eq!(deliveries(&closed, Counts::All), Ok(ratio_of(4, 5)));
}

#[test]
fn where_the_canary_is_answered_is_not_known_while_only_a_pulled_lever_was_seen() {
    let mut arms = Arms::default();
    let same = InForce {
        voice_url: OLD.to_owned(),
        updated_at: None,
    };
    arms.observe(&same, &same, at(10));
    let url = Some(OLD.to_owned());
    let closed = closed(vec![(60, Delivery { url, failed: false })]);
    assert_eq!(deliveries(&closed, of(Canary, &arms)), Err(Missing::NoData));
    assert_eq!(deliveries(&closed, of(Stable, &arms)), Ok(ratio_of(0, 1)));
}

fn event(on: Option<Arm>, session: &str, initiated: bool, failed: bool) -> Event {
    Event {
        session: session.to_owned(),
        initiated,
        failed,
        on,
    }
}

#[test]
fn calls_begin_once_and_on_the_arm_in_force_then() {
    let events = closed(vec![
        (60, event(Some(Canary), "before", true, false)),
        (61, event(Some(Canary), "before", true, false)),
        (99, event(Some(Stable), "stable", true, false)),
        (150, event(Some(Canary), "pulled", true, false)),
        (151, event(Some(Canary), "old", false, false)),
        (210, event(Some(Canary), "after", true, false)),
    ]);
    let told = Sessions::default().tell(events, at(40));
    let arms = arms();
    assert_eq!(
        initiated(&told, of(Canary, &arms)),
        n(2),
        "a second leg is no second call"
    );
    assert_eq!(initiated(&told, of(Stable, &arms)), n(2));
    assert_eq!(initiated(&told, Counts::All), n(4));
}

#[test]
fn an_event_is_of_the_arm_that_its_call_began_on() {
    let mut sessions = Sessions::default();
    let began = closed(vec![(90, event(Some(Canary), "call", true, false))]);
    sessions.tell(began, at(40));
    // Newest first, and while the lever is pulled.
    let later = closed(vec![
        (190, event(Some(Canary), "new", false, true)),
        (180, event(Some(Canary), "new", true, false)),
        (150, event(Some(Canary), "call", false, true)),
        (150, event(Some(Canary), "unseen", false, false)),
    ]);
    let arms = arms();
    let told = sessions.tell(later.clone(), at(40));
    assert_eq!(
        events(&told, of(Canary, &arms)),
        ratio_of(1, 2),
        "the call of before, and one from before we looked"
    );
    assert_eq!(events(&told, of(Stable, &arms)), ratio_of(1, 2));
    assert_eq!(initiated(&told, of(Stable, &arms)), n(1));
    let told = Sessions::default().tell(later, at(120));
    assert_eq!(
        events(&told, of(Canary, &arms)),
        ratio_of(0, 0),
        "we have looked since after the pull"
    );
}

fn finished(connection: Option<&str>, began: i64, failed: Option<bool>) -> (i64, Finished) {
    let call = Finished {
        id: "id".to_owned(),
        connection: connection.map(str::to_owned),
        began: at(began),
        ended: at(240),
        failed,
    };
    (240, call)
}

#[test]
fn finished_calls_are_of_the_arm_in_force_when_they_began() {
    let closed = closed(vec![
        finished(Some("s"), 60, Some(false)),
        finished(Some("c"), 60, Some(true)),
        finished(Some("c"), 150, Some(true)),
        finished(Some("c"), 210, Some(false)),
        finished(Some("other"), 60, None),
    ]);
    let arms = arms();
    assert_eq!(details(&closed, of(Stable, &arms)), Ok(ratio_of(1, 2)));
    assert_eq!(details(&closed, of(Canary, &arms)), Ok(ratio_of(1, 2)));
    assert_eq!(details(&closed, Counts::On("c")), Ok(ratio_of(2, 3)));
    assert!(matches!(details(&closed, Counts::All), Err(Missing::Garbled(why)) if why.contains("way it ended")));
}

#[test]
fn a_record_that_does_not_say_enough_garbles_those_it_may_belong_to() {
    let arms = arms();
    let unsaid = closed(vec![
        finished(Some("c"), 60, None),
        finished(Some("s"), 60, Some(false)),
    ]);
    assert!(matches!(details(&unsaid, of(Canary, &arms)), Err(Missing::Garbled(_))));
    assert_eq!(details(&unsaid, of(Stable, &arms)), Ok(ratio_of(0, 1)));
    let homeless = closed(vec![finished(None, 60, Some(true))]);
    for counts in [of(Canary, &arms), of(Stable, &arms), Counts::On("c")] {
        assert!(matches!(details(&homeless, counts), Err(Missing::Garbled(why)) if why.contains("connection")));
    }
    assert_eq!(details(&homeless, Counts::All), Ok(ratio_of(1, 1)));
}

#[test]
fn hours_of_one_arm_and_hours_that_cannot_be_told_apart() {
    let hour = |connection: &str, attempted, completed| {
        let connection = connection.to_owned();
        (
            50,
            Hour {
                connection,
                attempted,
                completed,
            },
        )
    };
    let mut hours = closed(vec![hour("s", 100, 98), hour("c", 10, 7), hour("x", 5, 0)]);
    let arms = arms();
    let mixed = usage(&hours, of(Canary, &arms));
    assert!(
        matches!(mixed, Err(Missing::Garbled(why)) if why.contains("lever")),
        "50 to 250"
    );
    assert_eq!(usage(&hours, Counts::All), Ok(ratio_of(10, 115)));
    assert_eq!(usage(&hours, Counts::On("s")), Ok(ratio_of(2, 100)));
    hours.until = at(100);
    assert_eq!(usage(&hours, of(Canary, &arms)), Ok(ratio_of(3, 10)));
    assert_eq!(usage(&hours, of(Stable, &arms)), Ok(ratio_of(2, 100)));
    (hours.since, hours.until) = (at(100), at(200));
    let pulled = |bad, total| Value::Ratio {
        since: at(100),
        bad,
        total,
    };
    assert_eq!(usage(&hours, of(Canary, &arms)), Ok(pulled(0, 0)));
    assert_eq!(usage(&hours, of(Stable, &arms)), Ok(pulled(5, 110)));
    let wrong = closed(vec![hour("s", 1, 2)]);
    assert!(matches!(usage(&wrong, Counts::On("s")), Err(Missing::Garbled(_))));
}

#[test]
fn calls_that_are_going_on_are_of_the_arm_in_force_when_they_began() {
    let arms = arms();
    // At 220: began at 10, 120 and 205 on the canary's connection, and at 150 on the stable one's.
    let lasting: [(&str, &[u64]); 2] = [("s", &[70]), ("c", &[210, 100, 15])];
    let level = |counts| active(&lasting, counts, at(220)).unwrap().as_f64();
    assert_eq!(level(of(Canary, &arms)), 2.0);
    assert_eq!(level(of(Stable, &arms)), 2.0);
    assert_eq!(level(Counts::On("c")), 3.0);
}

#[test]
fn money_is_read_exactly_or_not_at_all() {
    let table = [
        ("400.00", Some(400_000_000)),
        ("0.00", Some(0)),
        ("0.1", Some(100_000)),
        ("12", Some(12_000_000)),
        ("7.123456789", Some(7_123_456)),
        ("-3.20", None),
        ("", None),
        ("12.", None),
        (".5", None),
        ("1,50", None),
        ("NaN", None),
        ("1e3", None),
        ("+5", None),
        ("9223372036855", None),
    ];
    for (text, micros) in table {
        assert_eq!(money(text).map(Quantity::micros), micros, "{text}");
    }
}
