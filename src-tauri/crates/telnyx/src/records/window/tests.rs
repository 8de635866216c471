//! Windows over lists that a test writes down.

use super::*;

const PACE: Pace = Pace {
    settle: Duration::from_secs(30),
    overlap: Duration::from_secs(20),
    grain: Duration::ZERO,
    gap: Duration::from_secs(120),
};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn record(id: &str, secs: i64) -> Listed<()> {
    Listed {
        id: id.to_owned(),
        at: at(secs),
        what: (),
    }
}

fn window(windows: &mut Windows, now: i64) -> Window {
    match windows.due(at(now)) {
        Due::Window(window) => window,
        other => panic!("{other:?}"),
    }
}

fn ids(closed: &Closed<()>) -> Vec<&str> {
    closed.records.iter().map(|record| record.id.as_str()).collect()
}

#[test]
fn windows_continue_where_the_last_one_ended() {
    let mut windows = Windows::new(PACE);
    assert_eq!(windows.due(at(100)), Due::First);
    assert_eq!(windows.due(at(100)), Due::Nothing, "no time has passed");
    let first = window(&mut windows, 115);
    let expected = Window {
        from: at(70),
        since: at(70),
        until: at(85),
    };
    assert_eq!(first, expected);
    assert_eq!(
        window(&mut windows, 115),
        first,
        "a window that was not closed is due again"
    );
    windows.close(first, vec![record("a", 75)], Complete::Whole).unwrap();
    let second = window(&mut windows, 130);
    assert_eq!((second.since, second.until), (at(85), at(100)));
    assert_eq!(second.from, at(70), "never further back than where counting began");
}

#[test]
fn the_end_of_a_window_belongs_to_the_next() {
    let mut windows = Windows::new(PACE);
    windows.due(at(100));
    let first = window(&mut windows, 115);
    let listed = || vec![record("before", 69), record("start", 70), record("end", 85)];
    assert_eq!(
        ids(&windows.close(first, listed(), Complete::Whole).unwrap()),
        ["start"]
    );
    let second = window(&mut windows, 130);
    let closed = windows.close(second, listed(), Complete::Whole).unwrap();
    assert_eq!(
        ids(&closed),
        ["end"],
        "not twice, not lost, and nothing from before counting began"
    );
    assert_eq!((closed.since, closed.until), (at(85), at(100)));
}

#[test]
fn a_record_that_comes_late_counts_once_in_the_next_window() {
    let mut windows = Windows::new(PACE);
    windows.due(at(100));
    let first = window(&mut windows, 115);
    windows.close(first, vec![record("a", 84)], Complete::Whole).unwrap();
    let second = window(&mut windows, 130);
    let listed = vec![record("late", 80), record("a", 84), record("b", 90), record("b", 90)];
    assert_eq!(
        ids(&windows.close(second, listed, Complete::Whole).unwrap()),
        ["late", "b"]
    );
    let third = window(&mut windows, 145);
    let listed = vec![record("late", 80), record("a", 84), record("b", 90), record("c", 110)];
    assert_eq!(ids(&windows.close(third, listed, Complete::Whole).unwrap()), ["c"]);
}

#[test]
fn what_was_read_in_part_counts_up_to_where_it_is_complete() {
    let mut windows = Windows::new(PACE);
    windows.due(at(100));
    let first = window(&mut windows, 160);
    let listed = vec![record("a", 71), record("b", 90), record("c", 90)];
    let complete = Complete::of(&listed, false);
    assert_eq!(complete, Complete::Before(at(90)));
    let closed = windows.close(first, listed, complete).unwrap();
    assert_eq!(
        (ids(&closed), closed.until),
        (vec!["a"], at(90)),
        "a fourth may be of that moment too"
    );
    let second = window(&mut windows, 161);
    let listed = vec![record("a", 71), record("b", 90), record("c", 90), record("d", 90)];
    assert_eq!(
        ids(&windows.close(second, listed, Complete::Whole).unwrap()),
        ["b", "c", "d"]
    );
}

#[test]
fn a_cut_list_from_new_to_old_counts_nothing_and_less_is_asked_for_next() {
    let mut windows = Windows::new(PACE);
    windows.due(at(100));
    let first = window(&mut windows, 190);
    assert_eq!((first.since, first.until), (at(70), at(160)));
    let listed = || vec![record("b", 110), record("a", 90)];
    let complete = Complete::of(&listed(), false);
    assert_eq!(windows.close(first, listed(), complete), Err(TooMany { read: 2 }));
    let again = window(&mut windows, 190);
    assert_eq!(again.since, at(70), "nothing was counted");
    assert!(again.until < at(100), "{again:?}");
    let closed = windows.close(again, vec![record("a", 90)], Complete::Whole).unwrap();
    assert_eq!(ids(&closed), ["a"]);
    assert!(window(&mut windows, 190).until.since(closed.until) > again.until.since(again.since));
}

#[test]
fn after_a_gap_counting_begins_anew_and_forgets_what_was_before() {
    let mut windows = Windows::new(PACE);
    windows.due(at(100));
    let first = window(&mut windows, 115);
    windows.close(first, vec![record("a", 84)], Complete::Whole).unwrap();
    assert_eq!(windows.due(at(236)), Due::First, "121 s after the last end");
    let next = window(&mut windows, 240);
    assert_eq!((next.from, next.since, next.until), (at(206), at(206), at(210)));
    assert_eq!(windows.due(at(150)), Due::Nothing, "a clock set back a little");
    assert_eq!(windows.due(at(10)), Due::First, "a clock set back by more than the gap");
}

#[test]
fn aligned_windows_end_on_their_grain_and_outlast_a_small_gap() {
    let mut windows = Windows::new(Pace {
        settle: Duration::from_secs(600),
        overlap: Duration::ZERO,
        grain: Duration::from_secs(3600),
        ..PACE
    });
    let hour = |n: i64| Timestamp::from_secs(3600 * n);
    assert_eq!(windows.due(hour(10) + Duration::from_secs(700)), Due::First);
    assert_eq!(windows.began(), Some(hour(10)));
    assert_eq!(windows.due(hour(11) + Duration::from_secs(599)), Due::Nothing);
    let due = windows.due(hour(11) + Duration::from_secs(600));
    let expected = Window {
        from: hour(10),
        since: hour(10),
        until: hour(11),
    };
    assert_eq!(due, Due::Window(expected));
    assert_eq!(
        windows.due(hour(12) + Duration::from_secs(600)),
        Due::First,
        "two hours were missed"
    );
}

#[test]
fn two_lists_are_complete_as_far_as_both_are() {
    use Complete::{Before, Nowhere, Whole};
    let (early, late) = (Before(at(1)), Before(at(2)));
    let table = [
        (Whole, Whole, Whole),
        (Whole, late, late),
        (early, late, early),
        (late, early, early),
        (Whole, Nowhere, Nowhere),
        (Nowhere, early, Nowhere),
    ];
    for (a, b, both) in table {
        assert_eq!(a.and(b), both, "{a:?} and {b:?}");
    }
    assert_eq!(
        Complete::of::<()>(&[], false),
        Nowhere,
        "a page with nothing on it says nothing"
    );
}
