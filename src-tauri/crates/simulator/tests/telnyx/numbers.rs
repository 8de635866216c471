//! The lists of numbers, their filters and pages, and changing one number.

use serde_json::{Value, json};

use super::stage::{APPLICATION, CANARY, STABLE, Stage, VOICE_API, e164, id, on_stage, setup};

const SLIM: &str = "/v2/phone_numbers/slim";

async fn found(stage: &Stage, query: &str) -> Vec<String> {
    let data = stage.get(query).await.data();
    let numbers = data.as_array().unwrap().iter();
    numbers
        .map(|n| n["phone_number"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pages_hold_every_number_once() {
    on_stage(1, setup(23), |stage| async move {
        let first = stage.get(SLIM).await.json();
        assert_eq!(
            first["meta"],
            json!({"page_number": 1, "page_size": 20, "total_pages": 2, "total_results": 23})
        );
        assert_eq!(first["data"][0]["phone_number"], e164(22), "newest first");
        let mut all = found(&stage, &format!("{SLIM}?page[size]=20&page[number]=2")).await;
        assert_eq!(all, [e164(2), e164(1), e164(0)]);
        all.extend(found(&stage, SLIM).await);
        all.sort();
        assert_eq!(all, (0..23).map(e164).collect::<Vec<_>>());
        assert!(found(&stage, &format!("{SLIM}?page[number]=3")).await.is_empty());
        assert_eq!(
            found(&stage, &format!("{SLIM}?page[size]=250&sort=phone_number")).await[0],
            e164(0)
        );
        for bad in ["page[size]=251", "page[size]=0", "page[number]=0", "page[size]=many"] {
            let (status, code, _, pointer) = stage.get(&format!("{SLIM}?{bad}")).await.error();
            assert_eq!((status, code.as_str()), (422, "10015"), "{bad}");
            assert!(pointer.starts_with("page/"), "{pointer}");
        }
        assert_eq!(stage.get(&format!("{SLIM}?sort=id")).await.error().3, "/sort");
    });
}

#[test]
fn the_light_list_filters_by_tags_only_where_it_shows_them() {
    on_stage(1, setup(6), |stage| async move {
        let (status, _, detail, pointer) = stage.get(&format!("{SLIM}?filter[tag]=tenant-1")).await.error();
        assert_eq!((status, pointer.as_str()), (422, "/include_tags"), "{detail}");
        let tagged = stage
            .get(&format!("{SLIM}?filter[tag]=tenant-1&include_tags=true"))
            .await
            .data();
        assert_eq!(
            (&tagged[0]["tags"], &tagged[1]["tags"]),
            (&json!(["tenant-1"]), &json!(["tenant-1"]))
        );
        assert_eq!(tagged.as_array().unwrap().len(), 2);
        let bare = stage.get(SLIM).await.data();
        assert!(!bare[0].as_object().unwrap().contains_key("tags"));
        assert_eq!(
            found(&stage, "/v2/phone_numbers?filter[tag]=tenant-1").await,
            [e164(4), e164(1)]
        );
    });
}

#[test]
fn filters_narrow_the_lists() {
    on_stage(1, setup(6), |stage| async move {
        stage.telnyx.move_as("ana", &[&id(2), &id(5)], CANARY).unwrap();
        for (query, expected) in [
            (format!("filter[connection_id]={CANARY}"), vec![5, 2]),
            ("filter[connection_id]=1".to_owned(), vec![]),
            ("filter[phone_number]=10000003".to_owned(), vec![3]),
            // A plus sign is no digit, and whatever is none finds nothing.
            ("filter[phone_number]=%2B34910000003".to_owned(), vec![]),
            (
                "filter[status]=active&filter[country_iso_alpha2][]=PT&filter[country_iso_alpha2][]=ES".to_owned(),
                vec![5, 4, 3, 2, 1, 0],
            ),
            ("filter[country_iso_alpha2]=US".to_owned(), vec![]),
            ("filter[status]=deleted".to_owned(), vec![]),
            (
                "filter[voice.connection_name][contains]=new&include_connection=true".to_owned(),
                vec![5, 2],
            ),
            ("filter[billing_group_id]=null".to_owned(), vec![5, 4, 3, 2, 1, 0]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(e164).collect();
            for list in [SLIM, "/v2/phone_numbers"] {
                assert_eq!(
                    found(&stage, &format!("{list}?{query}")).await,
                    expected,
                    "{list}?{query}"
                );
            }
        }
        for bad in ["filter[phone_number]=34", "filter[colour]=red"] {
            assert_eq!(stage.get(&format!("{SLIM}?{bad}")).await.error().0, 422, "{bad}");
        }
    });
}

#[test]
fn a_number_in_full_has_all_that_the_contract_requires() {
    on_stage(1, setup(1), |stage| async move {
        let number = stage.get(&format!("/v2/phone_numbers/{}", id(0))).await.data();
        // `required` of the contract's PhoneNumberDetailed.
        for field in [
            "id",
            "record_type",
            "phone_number",
            "country_iso_alpha2",
            "status",
            "tags",
            "external_pin",
            "created_at",
            "phone_number_type",
            "purchased_at",
            "deletion_lock_enabled",
        ] {
            assert!(number.as_object().unwrap().contains_key(field), "{field}");
        }
        assert_eq!(
            (&number["connection_id"], &number["connection_name"]),
            (&json!(STABLE), &json!("ivr old"))
        );
        assert_eq!(stage.get("/v2/phone_numbers/1").await.error().0, 404);
        assert_eq!(
            stage
                .get(&format!("/v2/phone_numbers/%2B{}", &e164(0)[1..]))
                .await
                .error()
                .0,
            404
        );
    });
}

#[test]
fn one_number_is_changed_at_once() {
    on_stage(1, setup(2), |stage| async move {
        let path = format!("/v2/phone_numbers/{}", id(1));
        stage.sleep(1000).await;
        let body = json!({"connection_id": CANARY, "tags": ["x"], "customer_reference": "REF"});
        let number = stage.patch(&path, body).await.data();
        assert_eq!(number, stage.get(&path).await.data());
        assert_eq!(
            (&number["connection_id"], &number["tags"]),
            (&json!(CANARY), &json!(["x"]))
        );
        assert_eq!(
            (&number["connection_name"], &number["customer_reference"]),
            (&json!("ivr new"), &json!("REF"))
        );
        assert_ne!(number["updated_at"], number["created_at"]);
        let number = stage.patch(&path, json!({"tags": []})).await.data();
        assert_eq!(
            (&number["connection_id"], &number["tags"]),
            (&json!(CANARY), &json!([]))
        );
        assert_eq!(stage.on_canary(), [1]);

        // Nothing keeps a number from an application that speaks another language.
        assert_eq!(stage.patch(&path, json!({"connection_id": VOICE_API})).await.code, 200);
        for (body, pointer) in [
            (json!({"connection_id": "1"}), "/connection_id"),
            (json!({"connection_id": 1}), "/connection_id"),
            (json!({"tags": [1]}), "/tags"),
            (json!({"hd_voice_enabled": "yes"}), "/hd_voice_enabled"),
        ] {
            let error = stage.patch(&path, body).await.error();
            assert_eq!((error.0, error.3.as_str()), (422, pointer));
        }
        assert_eq!(stage.patch("/v2/phone_numbers/1", json!({})).await.error().0, 404);
    });
}

#[test]
fn requests_are_counted_by_what_they_ask() {
    on_stage(1, setup(2), |stage| async move {
        stage.get(&format!("/v2/phone_numbers/{}", id(0))).await;
        stage.get(&format!("/v2/phone_numbers/{}", id(1))).await;
        stage.get(SLIM).await;
        stage.patch(APPLICATION, Value::Null).await;
        let requests: Vec<_> = stage.telnyx.requests().into_iter().collect();
        let expected = [
            ("GET /v2/phone_numbers/slim", 1),
            ("GET /v2/phone_numbers/{id}", 2),
            ("PATCH /v2/texml_applications/{id}", 1),
        ];
        assert_eq!(requests, expected.map(|(what, times)| (what.to_owned(), times)));
    });
}
