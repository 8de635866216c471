//! What a page asks over a socket, and what any other program asks that found the port: one question or none, and a question
//! means the same when it is written again.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use timonel_hostile::fuzz;
use timonel_wire::Ask;

const QUESTIONS: [&str; 12] = [
    r#"{"id":1,"ask":{"ask":"about"}}"#,
    r#"{"id":2,"ask":{"ask":"hidden","hidden":true}}"#,
    r#"{"id":3,"ask":{"ask":"order","aim":{"rollout":"martes","environment":"prueba"},"order":{"order":"roll-back","confirmed":false}}}"#,
    r#"{"id":4,"ask":{"ask":"order","aim":{"rollout":"martes","environment":"prueba"},"order":{"order":"release","hold":{"hold":"drift","target":"malla"},"reason":"visto"}}}"#,
    r#"{"id":5,"ask":{"ask":"acknowledge","aim":{"rollout":"martes","environment":"prueba"},"alert":"errores-10","comment":""}}"#,
    r#"{"id":6,"ask":{"ask":"series","rule":"errores-10","width_px":640,"from":1790000000000,"to":1790000900000}}"#,
    r#"{"id":7,"ask":{"ask":"plan-file","path":"~/planes/ivr.toml"}}"#,
    r#"{"id":8,"ask":{"ask":"credential-put","name":"telnyx","keep":"session","secret":"KEY0123_s3cr3t"}}"#,
    r#"{"id":9,"ask":{"ask":"credential-delete","name":"telnyx","keep":"keychain"}}"#,
    r#"{"id":10,"ask":{"ask":"order","aim":{"rollout":"martes","environment":"prueba"},"order":{"order":"pin","tenant":"norte","reason":"ruido"}}}"#,
    r#"{"id":18446744073709551615,"ask":{"ask":"watch"}}"#,
    r#"{"id":12,"ask":{"ask":"popup-test"}}"#,
];

#[test]
fn a_question_of_a_page() {
    for question in QUESTIONS {
        serde_json::from_str::<Ask>(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    }
    fuzz!(QUESTIONS, |bytes: &[u8]| {
        let Ok(ask) = serde_json::from_slice::<Ask>(bytes) else {
            return;
        };
        // A secret is never written out again, so the two are compared as they are written.
        let again = serde_json::to_string(&ask).unwrap();
        let read: Ask = serde_json::from_str(&again).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), again);
        assert!(!format!("{ask:?}").contains("s3cr3t"), "a secret is not shown: {ask:?}");
    });
}
