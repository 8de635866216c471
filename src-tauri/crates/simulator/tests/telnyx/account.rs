//! Who may ask, and what the account is besides its numbers: whoami, balance, connections, applications, audit events, the book.

use std::sync::Arc;

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_simulator::telnyx::book::Book;
use timonel_simulator::telnyx::{ApplicationSetup, TelnyxError};

use super::stage::{
    APPLICATION, CANARY, CANARY_URL, KEY, STABLE, STABLE_URL, VOICE_API, e164, id, on_stage, on_stage_with, setup,
};

#[test]
fn only_the_key_opens() {
    on_stage(1, setup(1), |stage| async move {
        for headers in [
            "",
            "Authorization: Bearer KEY\r\n",
            &format!("Authorization: {KEY}\r\n"),
        ] {
            let answer = stage.call_as(headers, "GET", "/v2/whoami", &Value::Null).await.unwrap();
            let (status, code, detail, _) = answer.error();
            assert_eq!((status, code.as_str()), (401, "10009"), "{headers}");
            assert_eq!(detail, "Could not understand the provided credentials.");
        }
        let me = stage.get("/v2/whoami").await.data();
        assert_eq!(me["user_id"], stage.owner());
        assert_eq!(me["organization_id"].as_str().unwrap().len(), 36);
        assert_ne!(stage.owner(), stage.telnyx.user_id("ana"));
    });
}

#[test]
fn money_is_told_in_decimals_as_text() {
    on_stage(1, setup(0), |stage| async move {
        let balance = stage.get("/v2/balance").await.data();
        assert_eq!(balance["balance"], "300.00");
        assert_eq!(balance["available_credit"], "300.00");
        stage.telnyx.set_balance(-5);
        assert_eq!(stage.get("/v2/balance").await.data()["balance"], "-0.05");
    });
}

#[test]
fn connections_say_what_they_are() {
    on_stage(1, setup(0), |stage| async move {
        for (id, kind) in [(STABLE, "texml_application"), (VOICE_API, "call_control_application")] {
            let connection = stage.get(&format!("/v2/connections/{id}")).await.data();
            assert_eq!(
                (&connection["id"], &connection["record_type"]),
                (&json!(id), &json!(kind))
            );
        }
        assert_eq!(stage.get("/v2/connections/1").await.error().0, 404);
        let voice = |id: &str| format!("/v2/call_control_applications/{id}");
        let application = stage.get(&voice(VOICE_API)).await.data();
        assert_eq!(application["record_type"], "call_control_application");
        assert_eq!(stage.get(&voice(STABLE)).await.error().0, 404);
        assert_eq!(
            stage
                .get(&format!("/v2/texml_applications/{VOICE_API}"))
                .await
                .error()
                .0,
            404
        );
    });
}

#[test]
fn applications_show_what_is_set_and_nothing_else() {
    on_stage(1, setup(0), |stage| async move {
        let canary = stage.get(APPLICATION).await.data();
        assert_eq!(canary["friendly_name"], "ivr new");
        assert_eq!(canary["voice_url"], CANARY_URL);
        assert_eq!(canary["inbound"]["channel_limit"], 10);
        assert_eq!(canary["tags"], json!(["voice"]));
        assert!(
            !canary.as_object().unwrap().contains_key("voice_fallback_url"),
            "{canary}"
        );

        let all = stage.get("/v2/texml_applications").await.json();
        assert_eq!(
            all["meta"],
            json!({"page_number": 1, "page_size": 250, "total_pages": 1, "total_results": 2})
        );
        let found = stage
            .get("/v2/texml_applications?filter[friendly_name]=OLD")
            .await
            .data();
        assert_eq!(
            (found[0]["id"].as_str(), found.as_array().unwrap().len()),
            (Some(STABLE), 1)
        );
        let sorted = stage.get("/v2/texml_applications?sort=-friendly_name").await.data();
        assert_eq!(sorted[0]["id"], STABLE);
        assert_eq!(stage.get("/v2/texml_applications?sort=id").await.error().0, 400);
    });
}

#[test]
fn a_patch_sets_what_it_names_and_leaves_the_rest() {
    on_stage(1, setup(0), |stage| async move {
        let before = stage.get(APPLICATION).await.data();
        stage.sleep(1000).await;
        let body = json!({
            "friendly_name": "ivr new", "voice_url": STABLE_URL, "voice_method": "get",
            "voice_fallback_url": "https://fallback.example.com/", "inbound": {"sip_subdomain": "ivr"}, "tags": ["a", "b"],
        });
        let after = stage.patch(APPLICATION, body.clone()).await.data();
        assert_eq!(after, stage.get(APPLICATION).await.data());
        assert_eq!(after["voice_url"], STABLE_URL);
        assert_eq!(after["voice_method"], "get");
        assert_eq!(after["inbound"]["channel_limit"], 10, "what is not named stays");
        assert_eq!(after["inbound"]["sip_subdomain"], "ivr");
        assert_eq!(after["tags"], json!(["a", "b"]), "tags are replaced");
        assert_eq!(after["created_at"], before["created_at"]);
        assert_ne!(after["updated_at"], before["updated_at"]);

        let unset = json!({"friendly_name": "ivr new", "voice_url": STABLE_URL,
            "voice_fallback_url": null, "inbound": {"channel_limit": null}});
        let unset = stage.patch(APPLICATION, unset).await.data();
        assert_eq!(
            (&unset["voice_fallback_url"], &unset["inbound"]["channel_limit"]),
            (&Value::Null, &Value::Null)
        );
    });
}

#[test]
fn a_patch_that_is_refused_changes_nothing() {
    on_stage(1, setup(0), |stage| async move {
        let before = stage.get(APPLICATION).await.data();
        let good = json!({"friendly_name": "x", "voice_url": CANARY_URL});
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body
        };
        let cases = [
            (json!({"voice_url": CANARY_URL}), "10004", "/friendly_name"),
            (json!({"friendly_name": "ivr new", "tags": []}), "10004", "/voice_url"),
            (with("friendly_name", json!("")), "10004", "/friendly_name"),
            (with("voice_url", json!("new.example.com")), "10015", "/voice_url"),
            (with("status_callback", json!("")), "10015", "/status_callback"),
            (with("voice_method", json!("POST")), "10032", "/voice_method"),
            (with("tags", json!("a")), "10026", "/tags"),
            (
                with("inbound", json!({"channel_limit": "10"})),
                "10026",
                "/inbound/channel_limit",
            ),
            (with("inbound", json!([])), "10026", "/inbound"),
        ];
        for (body, code, pointer) in cases {
            let error = stage.patch(APPLICATION, body.clone()).await.error();
            assert_eq!(
                (error.0, error.1.as_str(), error.3.as_str()),
                (422, code, pointer),
                "{body}"
            );
        }
        assert_eq!(stage.patch(APPLICATION, json!("text")).await.error().0, 400);
        assert_eq!(stage.patch("/v2/texml_applications/1", good).await.error().0, 404);
        assert_eq!(stage.get(APPLICATION).await.data(), before);
        assert_eq!(
            stage.call("DELETE", APPLICATION, &Value::Null).await.unwrap().error().0,
            405
        );
        assert_eq!(stage.post("/v2/nothing", json!({})).await.error().0, 404);
    });
}

#[test]
fn audit_events_say_who_changed_what() {
    on_stage(1, setup(2), |stage| async move {
        stage.sleep(1000).await;
        let body = json!({"friendly_name": "ivr new", "voice_url": STABLE_URL, "inbound": {"channel_limit": 5}});
        stage.patch(APPLICATION, body.clone()).await.data();
        stage.patch(APPLICATION, body).await.data();
        stage.sleep(1000).await;
        stage.telnyx.move_as("ana", &[&e164(1)], CANARY).unwrap();
        stage.sleep(1000).await;
        stage.telnyx.delete_application(CANARY).unwrap();

        let events = stage.get("/v2/audit_events?sort=asc").await.json();
        assert_eq!(
            events["meta"]["total_results"], 3,
            "a patch that changes nothing leaves no event: {events}"
        );
        let events = &events["data"];
        assert_eq!(events[0]["user_id"], stage.owner());
        assert_eq!(events[0]["resource_id"], CANARY);
        assert_eq!(events[0]["alternate_resource_id"], Value::Null);
        assert_eq!(
            events[0]["changes"],
            json!([
                {"field": "voice_url", "from": CANARY_URL, "to": STABLE_URL},
                {"field": "inbound.channel_limit", "from": 10, "to": 5},
            ])
        );
        assert_eq!(events[1]["user_id"], stage.telnyx.user_id("ana"));
        assert_eq!(events[1]["change_made_by"], "organization_member");
        assert_eq!(
            (&events[1]["resource_id"], &events[1]["alternate_resource_id"]),
            (&json!(id(1)), &json!(e164(1)))
        );
        assert_eq!(
            events[1]["changes"],
            json!([{"field": "connection_id", "from": STABLE, "to": CANARY}])
        );
        assert_eq!(
            (&events[2]["change_type"], &events[2]["resource_id"]),
            (&json!("delete"), &json!(CANARY))
        );

        let newest = stage.get("/v2/audit_events?page[size]=1").await.json();
        assert_eq!(
            (&newest["data"][0], &newest["meta"]["total_pages"]),
            (&events[2], &json!(3))
        );
        let at = events[1]["created_at"].as_str().unwrap();
        let later = stage
            .get(&format!("/v2/audit_events?filter[created_after]={at}"))
            .await
            .data();
        assert_eq!(later, json!([events[2]]));
        let earlier = stage
            .get(&format!("/v2/audit_events?filter[created_before]={at}"))
            .await
            .data();
        assert_eq!(earlier, json!([events[0]]));
        assert_eq!(
            stage
                .get("/v2/audit_events?filter[created_after]=today")
                .await
                .error()
                .0,
            422
        );
        assert_eq!(stage.get("/v2/audit_events?sort=up").await.error().0, 422);
    });
}

#[test]
fn others_change_what_exists_or_are_told_why_not() {
    let mut nobody = setup(1);
    nobody.stable = ApplicationSetup::new(STABLE, "ivr old", STABLE_URL);
    on_stage(1, nobody, |stage| async move {
        let telnyx = &stage.telnyx;
        assert_eq!(
            telnyx.move_as("ana", &[&id(0), "+34"], CANARY),
            Err(TelnyxError::UnknownNumber("+34".to_owned()))
        );
        assert!(telnyx.on_canary().is_empty(), "all or none");
        let refused =
            |code| move |error: &TelnyxError| matches!(error, TelnyxError::Refused { code: c, .. } if *c == code);
        assert!(telnyx.move_as("ana", &[&id(0)], "1").is_err_and(|e| refused(422)(&e)));
        assert!(telnyx.delete_application("1").is_err_and(|e| refused(404)(&e)));
        assert_eq!(
            telnyx.patch_application_as("ana", CANARY, json!([])),
            Err(TelnyxError::NoObject)
        );
        telnyx
            .patch_application_as("ana", CANARY, json!({"tags": ["hers"]}))
            .unwrap();
        assert_eq!(telnyx.application(CANARY).unwrap()["tags"], json!(["hers"]));
        telnyx.delete_application(CANARY).unwrap();
        assert_eq!(stage.get(APPLICATION).await.error().0, 404);
    });
}

/// Knows one list, and refuses another.
#[derive(Debug)]
struct OneList;

impl Book for OneList {
    fn answer(&self, path: &str, query: &[(String, String)], now: Timestamp) -> Option<Result<Value, (u16, Value)>> {
        match path {
            "/v2/detail_records" => Some(Ok(json!({"data": query, "meta": {"now": now.to_string()}}))),
            "/v2/call_events" => Some(Err((
                422,
                json!({"errors": [{"code": "10015", "title": "Bad Request"}]}),
            ))),
            _ => None,
        }
    }
}

#[test]
fn what_the_account_does_not_know_is_asked_of_the_book() {
    on_stage_with(1, setup(0), Arc::new(OneList), |stage| async move {
        let answer = stage
            .get("/v2/detail_records?filter[record_type]=call-control")
            .await
            .json();
        assert_eq!(answer["data"], json!([["filter[record_type]", "call-control"]]));
        assert_eq!(
            answer["meta"]["now"],
            "2026-11-22T02:00:00.060Z".replace("060", &format!("{:03}", stage.millis()))
        );
        assert_eq!(stage.get("/v2/call_events").await.error().0, 422);
        assert_eq!(stage.get("/v2/unknown").await.error().0, 404);
        assert_eq!(stage.get("/detail_records").await.error().0, 404);
        assert_eq!(
            stage
                .call_as("", "GET", "/v2/detail_records", &Value::Null)
                .await
                .unwrap()
                .code,
            401
        );
    });
}
