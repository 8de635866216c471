//! Lists from servers that page honestly, and from such that do not.

use std::time::Duration;

use futures::future::join;
use serde_json::{Value, json};
use timonel_telnyx::account::{AccountError, List, Urgency};
use timonel_telnyx::api::{self, ConnectionId, Number};

use crate::fake::{Heard, Reply, START, World, too_many};

fn number(n: usize) -> Value {
    json!({"id": format!("26378163871268{n:05}"), "record_type": "phone_number_slim", "phone_number": format!("+3491{n:07}"),
        "connection_id": "1293384261075731499", "tags": ["ivr"]})
}

fn page(numbers: impl IntoIterator<Item = usize>, pages: usize, all: usize) -> Reply {
    let data: Vec<Value> = numbers.into_iter().map(number).collect();
    Reply::new(
        200,
        json!({"data": data, "meta": {"page_number": 1, "page_size": data.len(), "total_pages": pages, "total_results": all}}),
    )
}

/// A server that has `all` numbers and gives at most `size` a page, whatever was asked for.
fn paged(heard: &Heard, all: usize, size: usize) -> Reply {
    let from = (heard.page() - 1) * size;
    page(from.min(all)..(from + size).min(all), all.div_ceil(size), all)
}

async fn numbers(world: &World, urgency: Urgency) -> Result<List<Number>, AccountError> {
    api::numbers_on(&world.account, urgency, &ConnectionId::new("1293384261075731499")).await
}

#[tokio::test]
async fn all_pages_whatever_size_is_honoured() {
    // 250 is what was asked for, 20 the server's default, 1 as little as can be.
    for (size, requests) in [(250, 2), (20, 17), (1, 340)] {
        let world = World::start(move |heard, _| paged(heard, 340, size)).await;
        let list = numbers(&world, Urgency::Target).await.unwrap();
        assert!(list.steady);
        assert_eq!(list.items.len(), 340, "pages of {size}");
        assert_eq!(world.count(), requests);
        let heard = &world.heard()[1];
        assert_eq!(heard.path, "/v2/phone_numbers/slim");
        assert_eq!(heard.asked("page[size]"), Some("250"));
        assert_eq!(heard.asked("page[number]"), Some("2"));
        assert_eq!(heard.asked("filter[connection_id]"), Some("1293384261075731499"));
        assert_eq!(list.items[339].e164, "+34910000339");
        assert_eq!(list.items[0].tags, ["ivr"]);
    }
}

#[tokio::test]
async fn an_empty_list_is_one_request() {
    let world = World::start(|_, _| page([], 0, 0)).await;
    assert!(numbers(&world, Urgency::Target).await.unwrap().items.is_empty());
    assert_eq!(world.count(), 1);
}

#[tokio::test]
async fn without_a_word_about_the_end_a_page_with_nothing_new_is_the_end() {
    let bare = |numbers: Vec<usize>| {
        let data: Vec<Value> = numbers.into_iter().map(number).collect();
        Reply::new(200, json!({"data": data}))
    };
    let world = World::start(move |heard, _| bare(if heard.page() <= 2 { vec![heard.page()] } else { vec![] })).await;
    assert_eq!(numbers(&world, Urgency::Target).await.unwrap().items.len(), 2);
    assert_eq!(world.count(), 3);
    // The same page for every number, as a server does that does not know the parameter.
    let world = World::start(move |_, _| bare(vec![1, 2, 3])).await;
    assert_eq!(numbers(&world, Urgency::Target).await.unwrap().items.len(), 3);
    assert_eq!(world.count(), 2);
}

#[tokio::test]
async fn a_list_that_grows_for_ever_is_given_up() {
    let world = World::start(|heard, _| page([heard.page()], heard.page() + 1, 7)).await;
    let error = numbers(&world, Urgency::Target).await.unwrap_err();
    assert!(matches!(error, AccountError::Endless { pages: 400, .. }), "{error:?}");
    assert_eq!(world.count(), 400);
}

#[tokio::test]
async fn a_list_that_changed_while_it_was_read_is_read_again() {
    // Number 0 leaves between the first page and the second: 250 moves to the first page and would be missed.
    let world = World::start(|heard, before| match (before, heard.page()) {
        (0, _) => page(0..250, 2, 300),
        (_, 1) => page(1..251, 2, 299),
        (_, _) => page(251..300, 2, 299),
    })
    .await;
    let list = numbers(&world, Urgency::Target).await.unwrap();
    assert!(list.steady);
    assert_eq!(list.items.len(), 299);
    assert!(list.items.iter().any(|number| number.e164 == "+34910000250"));
    assert_eq!(world.count(), 4);

    // One that never holds still is given as far as it was seen, and says so.
    let world = World::start(|heard, before| page([heard.page()], 2, 100 + before)).await;
    let list = numbers(&world, Urgency::Target).await.unwrap();
    assert!(!list.steady);
    assert_eq!(world.count(), 6, "read three times and no more");
}

#[tokio::test]
async fn a_page_is_asked_for_again_after_a_short_wait_and_only_then() {
    let world = World::start(|heard, before| match before {
        1 => too_many().with("retry-after", 2),
        _ => paged(heard, 340, 250),
    })
    .await;
    let two = Duration::from_secs(2);
    let (list, ()) = join(numbers(&world, Urgency::Target), async {
        world.clock.somebody_sleeps_until(two).await;
        world.clock.advance(two);
    })
    .await;
    assert_eq!(list.unwrap().items.len(), 340);
    let pages: Vec<usize> = world.heard().iter().map(Heard::page).collect();
    assert_eq!(pages, [1, 2, 2]);

    for refusal in [too_many().with("retry-after", 3), too_many()] {
        let world = World::start(move |_, _| refusal.clone()).await;
        let error = numbers(&world, Urgency::Target).await.unwrap_err();
        assert!(matches!(error, AccountError::Throttled { .. }), "{error:?}");
        assert_eq!(world.count(), 1);
    }
    let world = World::start(|_, _| Reply::new(503, "").with("retry-after", 1)).await;
    numbers(&world, Urgency::Target).await.unwrap_err();
    assert_eq!(world.count(), 1, "a failure of the server is the engine's to repeat");
}

#[tokio::test]
async fn jobs_are_read_on_while_one_may_be_open_behind_them() {
    let job = |id: usize, status: &str, created_at: &str| json!({"id": id.to_string(), "type": "update_phone_numbers", "status": status, "created_at": created_at});
    let of = |jobs: Vec<Value>| {
        Reply::new(
            200,
            json!({"data": jobs, "meta": {"total_pages": 9, "total_results": 180}}),
        )
    };
    let old = "2026-11-20T01:00:00Z";
    // Settled: the page has nothing that is open or young.
    let world = World::start(move |_, _| of(vec![job(1, "completed", old), job(2, "expired", old)])).await;
    assert_eq!(api::jobs(&world.account, Urgency::Target).await.unwrap().len(), 2);
    assert_eq!(world.count(), 1);
    assert_eq!(world.heard()[0].asked("filter[type]"), Some("update_phone_numbers"));
    // An open one behind a page of young ones.
    let world = World::start(move |heard, _| match heard.page() {
        1 => of(vec![job(1, "completed", START)]),
        2 => of(vec![job(1, "completed", START), job(2, "in_progress", old)]),
        _ => of(vec![job(3, "failed", old)]),
    })
    .await;
    let jobs = api::jobs(&world.account, Urgency::Target).await.unwrap();
    let open: Vec<&str> = jobs
        .iter()
        .filter(|job| job.is_open())
        .map(|job| job.id.as_str())
        .collect();
    assert_eq!(open, ["2"]);
    assert_eq!(jobs.len(), 3, "a job that moved to the next page is there once");
    assert_eq!(world.count(), 3);
    // A state that nobody knows may be open.
    let world = World::start(move |_, _| of(vec![job(1, "paused", old)])).await;
    assert!(api::jobs(&world.account, Urgency::Target).await.unwrap()[0].is_open());
    assert_eq!(world.count(), 5, "and there is an end to it");
}

fn calls(ids: &[&str], meta: Value) -> Reply {
    let data: Vec<Value> = ids
        .iter()
        .map(|id| json!({"record_type": "call", "call_control_id": id, "call_leg_id": "l", "call_session_id": "s", "call_duration": 50}))
        .collect();
    Reply::new(200, json!({"data": data, "meta": meta}))
}

async fn active(world: &World) -> Result<Vec<String>, AccountError> {
    let list = api::active_calls(&world.account, Urgency::Target, &ConnectionId::new("1234567890")).await?;
    Ok(list.items.into_iter().map(|call| call.call_control_id).collect())
}

#[tokio::test]
async fn cursors_are_followed_to_the_end_in_every_form() {
    let next = "/v2/connections/1234567890/active_calls?page[after]=v1%3Ag3%2BQA%3D&page[limit]=250";
    let firsts = [
        json!({"total_items": 3, "cursors": {"after": "v1:g3+QA="}, "next": next}),
        json!({"total_items": 3, "cursors": {"after": "v1:g3+QA="}}),
        json!({"total_items": 3, "next": next}),
    ];
    // The last page may still have a cursor beside a `next` that says no, or say nothing at all.
    let lasts = [
        json!({"total_items": 3, "cursors": {"after": "v1:more"}, "next": null}),
        json!({"total_items": 3, "cursors": {"after": null}}),
        json!({"total_items": 3, "cursors": {"after": ""}, "next": ""}),
        json!({}),
    ];
    for first in &firsts {
        for last in &lasts {
            let (first, last) = (first.clone(), last.clone());
            let world = World::start(move |heard, _| match heard.asked("page[after]") {
                None => calls(&["a", "b"], first.clone()),
                Some(after) => {
                    assert_eq!(after, "v1:g3+QA=");
                    calls(&["b", "c"], last.clone())
                }
            })
            .await;
            assert_eq!(active(&world).await.unwrap(), ["a", "b", "c"]);
            assert_eq!(world.count(), 2);
            assert_eq!(world.heard()[0].path, "/v2/connections/1234567890/active_calls");
            assert_eq!(world.heard()[0].asked("page[limit]"), Some("250"));
        }
    }
}

#[tokio::test]
async fn a_cursor_that_comes_back_ends_the_reading() {
    let world = World::start(|_, before| {
        let cursor = if before % 2 == 0 { "v1:x" } else { "v1:y" };
        calls(&[["a", "b"][before % 2]], json!({"cursors": {"after": cursor}}))
    })
    .await;
    let error = active(&world).await.unwrap_err();
    assert!(matches!(error, AccountError::Endless { pages: 3, .. }), "{error:?}");
    // A cursor after an empty page leads nowhere.
    let world = World::start(|_, _| calls(&[], json!({"cursors": {"after": "v1:x"}}))).await;
    assert!(active(&world).await.unwrap().is_empty());
}

#[tokio::test]
async fn detail_records_are_asked_for_in_pages_of_50() {
    let body = r#"{"data":[{"record_type":"call-control","cld":"+34910000101","connection_id":1293384261075731499,"started_at":"2026-11-21T10:00:00Z"}],
        "meta":{"page_number":3,"page_size":50,"total_pages":680,"total_results":33981}}"#;
    let world = World::start(move |_, _| Reply::new(200, body)).await;
    let query = api::DetailQuery {
        record_type: "call-control".into(),
        filters: vec![
            ("date_range".into(), "last_14_days".into()),
            ("created_at][gte".into(), START.into()),
        ],
        sort: Some("-created_at".into()),
        page: 3,
    };
    let page = api::detail_records(&world.account, Urgency::Background, &query)
        .await
        .unwrap();
    assert_eq!((page.pages, page.all), (Some(680), Some(33_981)));
    assert_eq!(page.items[0].called().as_deref(), Some("+34910000101"));
    assert_eq!(
        page.items[0].connection().as_deref(),
        Some("1293384261075731499"),
        "also where it is a number"
    );
    assert_eq!(
        page.items[0].started_at(),
        Some("2026-11-21T10:00:00Z".parse().unwrap())
    );
    let heard = &world.heard()[0];
    for (key, value) in [
        ("filter[record_type]", "call-control"),
        ("filter[date_range]", "last_14_days"),
        ("filter[created_at][gte]", START),
        ("sort", "-created_at"),
        ("page[number]", "3"),
        ("page[size]", "50"),
    ] {
        assert_eq!(heard.asked(key), Some(value), "{key}");
    }
}

/// An entry takes far more memory than its text: `{}` is two bytes of sixteen million.
#[tokio::test]
async fn a_page_of_more_entries_than_any_list_has_is_not_read() {
    let world = World::start(|_, _| {
        let entries = vec!["{}"; 5_001].join(",");
        Reply::new(200, format!(r#"{{"data":[{entries}],"meta":{{"total_pages":1}}}}"#))
    })
    .await;
    let calls = api::active_calls(
        &world.account,
        Urgency::Target,
        &ConnectionId::new("1293384261075731499"),
    )
    .await;
    let error = calls.unwrap_err();
    assert!(matches!(error, AccountError::Garbled { .. }), "{error:?}");
    assert!(error.to_string().contains("at most 5000 entries"), "{error}");
}

#[tokio::test]
async fn pages_of_any_size_without_end_are_given_up() {
    let world = World::start(|heard, _| {
        let from = (heard.page() - 1) * 5_000;
        page(from..from + 5_000, 400, 2_000_000)
    })
    .await;
    let error = numbers(&world, Urgency::Target).await.unwrap_err();
    assert!(matches!(error, AccountError::Endless { .. }), "{error:?}");
    assert_eq!(
        world.count(),
        21,
        "a hundred thousand, and the page that was one too many"
    );
}
