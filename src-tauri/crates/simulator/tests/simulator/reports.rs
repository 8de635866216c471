//! Detail records and usage reports: what has ended, counted late, with four weeks before the world began.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use timonel_plan::scenario::Fault;
use timonel_ports::clock::Clock;

use crate::numbers::{CANARY, STABLE, TENANT, visit};
use crate::records::{at, texts};
use crate::visit::{fault, start};

#[test]
fn detail_records_come_five_minutes_late_and_tell_how_calls_ended() {
    visit(vec![fault(0, None, Fault::CanaryErrors { rate: 0.4 })], async |visit| {
        let since = visit.half().await;
        visit.until(30).await;
        let path = "/v2/detail_records";
        let kind = ("filter[record_type]", "call-control");
        let from = since.to_string();
        let base = [kind, ("filter[created_at][gte]", from.as_str())];
        let all = visit.all(path, &base, "50").await;
        let newest = visit.clock.now().since(at(&all[0]["created_at"]));
        assert!(
            (Duration::from_secs(300)..Duration::from_secs(330)).contains(&newest),
            "{newest:?}"
        );
        assert!(
            all.iter().rev().map(|r| at(&r["created_at"])).is_sorted(),
            "newest first"
        );
        for record in &all {
            assert_eq!(record["record_type"], "call-control");
            assert!(at(&record["started_at"]) < at(&record["finished_at"]));
            assert!(record["call_sec"].is_u64() && record["cost"].is_string());
        }
        let of = |connection: &str| {
            all.iter()
                .filter(|r| r["connection_id"] == connection)
                .collect::<Vec<_>>()
        };
        let failed =
            |list: &[&Value]| list.iter().filter(|r| r["status"] == "failed").count() as f64 / list.len() as f64;
        let (stable, canary) = (of(STABLE), of(CANARY));
        assert!(canary.len() > 100 && stable.len() > 100);
        assert!(
            failed(&canary) > 0.3 && failed(&stable) < 0.06,
            "{} {}",
            failed(&canary),
            failed(&stable)
        );

        let on_canary = [&base[..], &[("filter[connection_id]", CANARY)]].concat();
        let counted = visit.total(path, &on_canary).await as usize;
        assert!(
            (canary.len()..canary.len() + 8).contains(&counted),
            "{counted} of {}",
            canary.len()
        );
        let outbound = [&base[..], &[("filter[direction]", "outbound")]].concat();
        assert_eq!(visit.total(path, &outbound).await, 0);
        assert_eq!(visit.total(path, &[("filter[record_type]", "messaging")]).await, 0);
        assert_eq!(visit.list(path, &[]).await.0, 400);
        for bad in [("filter[record_type]", "carrier-pigeon"), ("page[size]", "51")] {
            assert_eq!(
                visit.list(path, &[kind, bad][usize::from(bad.0 == kind.0)..]).await.0,
                400,
                "{bad:?}"
            );
        }
    });
}

#[test]
fn four_weeks_of_calls_can_be_measured_by_number() {
    visit(Vec::new(), async |visit| {
        let path = "/v2/detail_records";
        let kind = ("filter[record_type]", "call-control");
        let total = visit.total(path, &[kind]).await;
        assert!((total as f64 - 28.0 * 40_000.0).abs() < 28.0 * 2_600.0, "{total}");
        let fortnight = visit.total(path, &[kind, ("filter[date_range]", "last_14_days")]).await as f64;
        assert!(
            (fortnight / total as f64 - 14.42 / 28.0).abs() < 0.02,
            "{fortnight} of {total}"
        );

        // Sixty pages, spread evenly, measure the volumes of the busiest numbers.
        let mut measured: BTreeMap<String, f64> = BTreeMap::new();
        let pages = total.div_ceil(50);
        for nth in 0..60 {
            let number = (1 + nth * (pages - 1) / 59).to_string();
            // Oldest first: calls that end meanwhile do not move the pages.
            let order = ("sort", "created_at");
            let pairs = [kind, order, ("page[size]", "50"), ("page[number]", number.as_str())];
            let (_, body) = visit.list(path, &pairs).await;
            assert!(
                body["data"] == visit.list(path, &pairs).await.1["data"],
                "page {number}, again"
            );
            for record in body["data"].as_array().unwrap() {
                assert_eq!(record["connection_id"], STABLE);
                *measured.entry(record["cld"].as_str().unwrap().to_owned()).or_default() += 1.0;
            }
        }
        let seen: f64 = measured.values().sum();
        let (busiest, calls) = measured.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        // 39 numbers are dialled, with 1/k of the busiest's calls each.
        let expect = 1.0 / (1..=39).map(|k| 1.0 / f64::from(k)).sum::<f64>();
        assert!((calls / seen - expect).abs() < 0.03, "{} not {expect}", calls / seen);
        let exact = visit.total(path, &[kind, ("filter[cld]", busiest)]).await as f64;
        assert!((exact / total as f64 - expect).abs() < 0.005);
        assert!(measured.contains_key(TENANT));

        // The world's own calls follow the same volumes.
        visit.until(60).await;
        let since = start().to_string();
        let lived = [kind, ("filter[created_at][gte]", since.as_str())];
        let all = visit.total(path, &lived).await as f64;
        let own = visit
            .total(path, &[&lived[..], &[("filter[cld]", busiest)]].concat())
            .await as f64;
        assert!(all > 1_000.0 && (own / all - expect).abs() < 0.05, "{own} of {all}");
    });
}

#[test]
fn usage_is_added_up_by_hour_and_connection() {
    visit(vec![fault(0, None, Fault::CanaryErrors { rate: 0.4 })], async |visit| {
        visit.half().await;
        visit.until(140).await;
        let path = "/v2/usage_reports";
        let hour = [
            ("start_date", "2026-11-23T10:00:00Z"),
            ("end_date", "2026-11-23T11:00:00Z"),
        ];
        let ask = [
            ("product", "call-control"),
            ("dimensions", "connection_id,date_time"),
            ("metrics", "attempted,connected,completed"),
        ];
        let rows = visit.all(path, &[&ask[..], &hour[..]].concat(), "5000").await;
        assert_eq!(texts(&rows, "connection_id"), BTreeSet::from([STABLE, CANARY]));
        assert_eq!(texts(&rows, "date_time"), BTreeSet::from(["2026-11-23T10:00:00Z"]));
        let records = [
            ("filter[record_type]", "call-control"),
            ("filter[created_at][gte]", "2026-11-23T10:00:00Z"),
            ("filter[created_at][lt]", "2026-11-23T11:00:00Z"),
        ];
        let of = async |more: (&str, &str), status: Option<(&str, &str)>| {
            let pairs = [&records[..], &[more], status.as_slice()].concat();
            visit.total("/v2/detail_records", &pairs).await
        };
        for row in rows {
            let connection = ("filter[connection_id]", row["connection_id"].as_str().unwrap());
            assert_eq!(row["attempted"], of(connection, None).await);
            assert_eq!(
                row["completed"],
                of(connection, Some(("filter[status]", "completed"))).await
            );
            assert!(row["attempted"].as_u64() > Some(300) && row["connected"] == row["attempted"]);
        }
        // At 12:20 the calls of the hour from eleven on are there up to 11:20.
        let next = [
            ("start_date", "2026-11-23T11:00:00Z"),
            ("end_date", "2026-11-23T12:00:00Z"),
        ];
        let part = visit.all(path, &[&ask[..], &next[..]].concat(), "5000").await;
        let sum: u64 = part.iter().map(|row| row["attempted"].as_u64().unwrap()).sum();
        assert!((350..800).contains(&sum), "{sum}");

        for missing in 0..3 {
            let mut less = ask.to_vec();
            less.remove(missing);
            assert_eq!(visit.list(path, &less).await.0, 400, "{less:?}");
        }
        let long = [
            ("start_date", "2026-10-01T00:00:00Z"),
            ("end_date", "2026-11-23T00:00:00Z"),
        ];
        assert_eq!(visit.list(path, &[&ask[..], &long[..]].concat()).await.0, 400);
        let options = visit
            .list("/v2/usage_reports/options", &[("product", "call-control")])
            .await
            .1;
        let known = options["data"][0]["product_metrics"].to_string();
        assert!(known.contains("attempted") && known.contains("completed"), "{options}");
    });
}
