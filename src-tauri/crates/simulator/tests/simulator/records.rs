//! What the account records of the world's calls, asked over its socket: complete, late, and in the shapes of the contract.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Weight};
use timonel_plan::scenario::Fault;
use timonel_ports::clock::Clock;

use crate::numbers::{CANARY, PATH, STABLE, visit};
use crate::visit::{Visit, fault};
use crate::wire;

const OLD: &str = "https://ivr.example.com/voz";
const NEW: &str = "https://ivr-nuevo.example.com/voz";

impl Visit {
    /// A list with these query pairs, and its status.
    pub(crate) async fn list(&self, path: &str, pairs: &[(&str, &str)]) -> (u16, Value) {
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{}={}", wire::encoded(key), wire::encoded(value)))
            .collect();
        let answer = self
            .ask("GET", &format!("{path}?{}", pairs.join("&")), "")
            .await
            .unwrap();
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    /// The whole list, page by page, newest or oldest first as it comes; all pages must agree about its length.
    pub(crate) async fn all(&self, path: &str, pairs: &[(&str, &str)], size: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for page in 1.. {
            let number = page.to_string();
            let paged = [pairs, &[("page[number]", number.as_str()), ("page[size]", size)]].concat();
            let (status, body) = self.list(path, &paged).await;
            assert_eq!(status, 200, "{body}");
            assert_eq!(body["meta"]["page_number"], page);
            all.extend(body["data"].as_array().unwrap().iter().cloned());
            if page >= body["meta"]["total_pages"].as_u64().unwrap() {
                assert_eq!(body["meta"]["total_results"], all.len());
                return all;
            }
        }
        unreachable!("a list has an end")
    }

    pub(crate) async fn total(&self, path: &str, pairs: &[(&str, &str)]) -> u64 {
        let (status, body) = self.list(path, pairs).await;
        assert_eq!(status, 200, "{body}");
        body["meta"]["total_results"].as_u64().unwrap()
    }

    /// Numbers with about half of the calls go to the canary, whose follower is open; returns the moment from which calls follow.
    pub(crate) async fn half(&self) -> Timestamp {
        self.set(PATH, 100);
        self.move_to(&self.numbers()[..20], CANARY);
        self.pause(3).await;
        assert!(self.world.splitter() > Weight::percent(15) && self.world.splitter() < Weight::percent(85));
        self.clock.now()
    }
}

pub(crate) fn at(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

pub(crate) fn texts<'a>(list: &'a [Value], field: &str) -> BTreeSet<&'a str> {
    list.iter().map(|one| one[field].as_str().unwrap()).collect()
}

fn is_uuid(value: &Value) -> bool {
    let groups: Vec<usize> = value.as_str().unwrap().split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && value
            .as_str()
            .unwrap()
            .bytes()
            .all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[test]
fn calls_in_progress_are_those_of_the_connection() {
    visit(Vec::new(), async |visit| {
        visit.half().await;
        visit.until(10).await;
        for (connection, arm) in [(STABLE, Arm::Stable), (CANARY, Arm::Canary)] {
            let path = format!("/v2/connections/{connection}/active_calls");
            let mut seen = BTreeSet::new();
            let mut after = None;
            loop {
                let mut pairs = vec![("page[limit]", "7")];
                pairs.extend(after.as_deref().map(|after| ("page[after]", after)));
                let (status, body) = visit.list(&path, &pairs).await;
                assert_eq!(status, 200, "{body}");
                for call in body["data"].as_array().unwrap() {
                    assert_eq!(call["record_type"], "call");
                    assert!(call["client_state"].is_string() && is_uuid(&call["call_leg_id"]));
                    assert!(is_uuid(&call["call_session_id"]));
                    assert!(call["call_duration"].as_u64().unwrap() < 1200, "{call}");
                    assert!(
                        seen.insert(call["call_control_id"].as_str().unwrap().to_owned()),
                        "twice"
                    );
                }
                match body["meta"]["cursors"]["after"].as_str() {
                    Some(cursor) => {
                        let next = body["meta"]["next"].as_str().unwrap();
                        assert_eq!(next, format!("{path}?page[after]={cursor}"));
                        after = Some(cursor.to_owned());
                    }
                    None => {
                        assert!(body["meta"].get("next").is_none());
                        break;
                    }
                }
            }
            let truth = visit.world.in_progress(arm) as f64;
            // Calls come and go while the pages are read.
            assert!(
                truth > 8.0 && (seen.len() as f64 - truth).abs() <= 4.0,
                "{} of {truth}",
                seen.len()
            );
        }
        let (status, body) = visit.list("/v2/connections/77/active_calls", &[]).await;
        assert_eq!((status, &body["errors"][0]["code"]), (422, &Value::from("10015")));
        let stable = format!("/v2/connections/{STABLE}/active_calls");
        assert_eq!(visit.list(&stable, &[("page[limit]", "251")]).await.0, 422);
    });
}

#[test]
fn every_call_has_its_events_within_half_a_minute() {
    visit(Vec::new(), async |visit| {
        let since = visit.half().await;
        visit.until(15).await;
        let path = "/v2/call_events";
        let from = since.to_string();
        for (connection, arm) in [(STABLE, Arm::Stable), (CANARY, Arm::Canary)] {
            let begun = [
                ("filter[connection_id]", connection),
                ("filter[name]", "call.initiated"),
                ("filter[product]", "texml"),
                ("filter[occurred_at][gte]", from.as_str()),
            ];
            let until = visit.clock.now() - Duration::from_secs(30);
            let truth = visit.world.assigned_since(arm, since) - visit.world.assigned_since(arm, until);
            let all = visit.all(path, &begun, "250").await;
            let settled: Vec<&Value> = all.iter().filter(|e| at(&e["event_timestamp"]) <= until).collect();
            assert_eq!(settled.len() as u64, truth, "{arm:?}");
            assert!(truth > 40);
            assert!(
                all.iter().rev().map(|e| at(&e["event_timestamp"])).is_sorted(),
                "newest first"
            );
            assert_eq!(texts(&all, "call_leg_id").len(), all.len());
            for event in all {
                assert_eq!(
                    (&event["record_type"], &event["type"]),
                    (&"call_event".into(), &"webhook".into())
                );
                assert!(
                    event["metadata"].is_object()
                        && is_uuid(&event["call_leg_id"])
                        && is_uuid(&event["call_session_id"])
                );
            }
        }
        let newest = visit.list(path, &[("filter[name]", "call.initiated")]).await.1;
        let late = visit.clock.now().since(at(&newest["data"][0]["event_timestamp"]));
        assert!(
            late >= Duration::from_secs(3) && late < Duration::from_secs(30),
            "{late:?}"
        );
        let two = [
            ("filter[occurred_at][gte]", from.as_str()),
            ("filter[occurred_at][lte]", from.as_str()),
        ];
        assert_eq!(visit.list(path, &two).await.0, 422, "one time filter only");
        for bad in [
            ("filter[type]", "letter"),
            ("page[size]", "251"),
            ("filter[colour]", "red"),
        ] {
            assert_eq!(visit.list(path, &[bad]).await.0, 422, "{bad:?}");
        }
        for none in [("filter[type]", "command"), ("filter[product]", "fax")] {
            assert_eq!(visit.total(path, &[none]).await, 0);
        }
    });
}

#[test]
fn failed_events_are_the_canarys_failed_requests() {
    visit(vec![fault(0, None, Fault::CanaryErrors { rate: 0.5 })], async |visit| {
        let since = visit.half().await.to_string();
        visit.until(20).await;
        let count = async |connection, more: &[(&str, &str)]| {
            let base = [
                ("filter[connection_id]", connection),
                ("filter[occurred_at][gte]", since.as_str()),
            ];
            visit.total("/v2/call_events", &[&base, more].concat()).await as f64
        };
        let asked = count(CANARY, &[("filter[name]", "call.gather.ended")]).await;
        let failed = count(CANARY, &[("filter[failed]", "true")]).await;
        assert!(
            asked > 300.0 && (failed / asked - 0.5).abs() < 0.1,
            "{failed} of {asked}"
        );
        let all = count(CANARY, &[]).await;
        assert_eq!(count(CANARY, &[("filter[failed]", "false")]).await, all - failed);
        assert!(count(STABLE, &[("filter[failed]", "true")]).await < 0.05 * asked);
    });
}

#[test]
fn deliveries_tell_which_url_failed_and_what_the_fallback_did() {
    visit(vec![fault(0, None, Fault::CanaryErrors { rate: 0.5 })], async |visit| {
        let since = visit.half().await.to_string();
        visit.until(15).await;
        let from = ("filter[started_at][gte]", since.as_str());
        let path = "/v2/webhook_deliveries";
        let new = visit
            .all(path, &[from, ("filter[attempts][contains]", NEW)], "250")
            .await;
        let mut failed = 0.0;
        for delivery in &new {
            assert!(is_uuid(&delivery["id"]) && is_uuid(&delivery["user_id"]) && is_uuid(&delivery["webhook"]["id"]));
            assert_eq!(delivery["record_type"], "webhook_delivery");
            assert_eq!(delivery["webhook"]["record_type"], "event");
            let attempts = delivery["attempts"].as_array().unwrap();
            let first = attempts.last().unwrap();
            assert_eq!(first["http"]["request"]["url"], NEW);
            assert!(first["http"]["response"]["status"].is_u64());
            assert_eq!(first["started_at"], delivery["started_at"]);
            assert_eq!(attempts[0]["finished_at"], delivery["finished_at"]);
            assert_eq!(delivery["status"], "delivered", "by the fallback at the latest");
            if first["status"] == "failed" {
                failed += 1.0;
                assert_eq!((attempts.len(), &first["http"]["response"]["status"]), (2, &500.into()));
                assert_eq!(attempts[0]["http"]["request"]["url"], OLD);
                assert!(at(&attempts[0]["started_at"]) >= at(&first["finished_at"]));
            } else {
                assert_eq!(attempts.len(), 1);
            }
        }
        let share = failed / new.len() as f64;
        assert!(
            new.len() > 200 && (share - 0.5).abs() < 0.1,
            "{failed} of {}",
            new.len()
        );
        assert!(
            new.iter().rev().map(|d| at(&d["started_at"])).is_sorted(),
            "newest first"
        );
        assert_eq!(texts(&new, "id").len(), new.len());

        let all = visit.total(path, &[from]).await;
        let split = [("filter[status][eq]", "failed"), ("filter[status][eq]", "delivered")];
        let mut sum = 0;
        for status in split {
            sum += visit.total(path, &[from, status]).await;
        }
        assert!(sum >= all && sum <= all + 5, "{sum} of {all}");
        let one = &new[0];
        let (status, body) = visit
            .list(&format!("{path}/{}", one["id"].as_str().unwrap()), &[])
            .await;
        assert_eq!((status, &body["data"]), (200, one));
        let strange = "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0";
        assert_eq!(visit.list(&format!("{path}/{strange}"), &[]).await.0, 404);
    });
}

#[test]
fn requests_go_to_the_url_that_was_in_force_when_their_call_began() {
    visit(Vec::new(), async |visit| {
        visit.half().await;
        visit.until(10).await;
        let own = visit.telnyx().application(STABLE).unwrap()["voice_url"].clone();
        assert_eq!(own, OLD);
        let lever = serde_json::json!({"voice_url": own});
        visit.telnyx().patch_application_as("ana", CANARY, lever).unwrap();
        visit.until(40).await;
        let since = (visit.clock.now() - Duration::from_secs(600)).to_string();
        let from = ("filter[started_at][gte]", since.as_str());
        let to_new = visit
            .total("/v2/webhook_deliveries", &[from, ("filter[attempts][contains]", NEW)])
            .await;
        assert_eq!(to_new, 0);
        let canary = [
            ("filter[connection_id]", CANARY),
            ("filter[occurred_at][gte]", since.as_str()),
        ];
        assert!(
            visit.total("/v2/call_events", &canary).await > 100,
            "its connection bears them still"
        );
        let calls = visit
            .list(&format!("/v2/connections/{CANARY}/active_calls"), &[])
            .await
            .1;
        assert!(calls["meta"]["total_items"].as_u64().unwrap() > 0);
        assert_eq!(visit.world.in_progress(Arm::Canary), 0);
    });
}
