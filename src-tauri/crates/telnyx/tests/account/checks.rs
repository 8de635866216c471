//! What the check of a credential makes of each combination of answers.

use crate::fake::{Reply, World, balance};

fn whoami() -> Reply {
    Reply::new(
        200,
        r#"{"data":{"organization_id":"0ccc7b54-4df3-4bca-a65a-3da1ecc777f0","email":"ana@example.com"}}"#,
    )
}

fn applications() -> Reply {
    Reply::new(
        200,
        r#"{"data":[{"id":"1","friendly_name":"ivr","voice_url":"https://a.example.com"}],"meta":{"total_pages":3,"total_results":3}}"#,
    )
}

fn refusal(status: u16) -> Reply {
    Reply::new(
        status,
        r#"{"errors":[{"code":"10010","title":"Authorization failed"}]}"#,
    )
}

fn funds(available: &str) -> Reply {
    let body = r#"{"data":{"record_type":"balance","balance":"1.00","available_credit":"AVAILABLE","currency":"EUR"}}"#;
    Reply::new(200, body.replace("AVAILABLE", available))
}

#[tokio::test]
async fn each_combination_has_its_meaning() {
    // whoami, balance, applications; then what key, balance and rights are said to be; then a part of each proof.
    let cases = [
        (
            whoami(),
            balance(),
            applications(),
            [true, true, true],
            ["0ccc7b54", "400.00 USD", "can be read"],
        ),
        // whoami is not in the contract: its absence says nothing.
        (
            refusal(404),
            balance(),
            applications(),
            [true, true, true],
            ["accepts the key", "400.00 USD", "can be read"],
        ),
        (
            refusal(404),
            refusal(403),
            applications(),
            [true, true, true],
            ["accepts the key", "lacks the right to see billing", ""],
        ),
        // Only its own word against two answers: the key opens the account.
        (
            refusal(401),
            balance(),
            applications(),
            [true, true, true],
            ["accepts the key", "", ""],
        ),
        (
            refusal(403),
            refusal(403),
            refusal(403),
            [false, true, false],
            ["not allowed", "not known", "not allowed"],
        ),
        (
            refusal(401),
            refusal(401),
            refusal(401),
            [false, false, false],
            ["not accepted", "not accepted", "not accepted"],
        ),
        (
            whoami(),
            funds("0.00"),
            applications(),
            [true, false, true],
            ["", "0.00 EUR available: the account is empty", ""],
        ),
        (
            whoami(),
            funds("-3.10"),
            applications(),
            [true, false, true],
            ["", "-3.10 EUR", ""],
        ),
        (
            whoami(),
            funds("12.30"),
            applications(),
            [true, true, true],
            ["", "12.30 EUR available, which is low", ""],
        ),
        (
            whoami(),
            funds("much"),
            applications(),
            [true, false, true],
            ["", "no available credit", ""],
        ),
        (
            whoami(),
            balance(),
            refusal(403),
            [true, true, false],
            ["", "", "docs/telnyx.md"],
        ),
        (
            whoami(),
            balance(),
            Reply::new(200, r#"{"data":[]}"#),
            [true, true, false],
            ["", "", "no TeXML application"],
        ),
        (
            refusal(503),
            refusal(503),
            refusal(503),
            [false, false, false],
            ["503", "503", "503"],
        ),
    ];
    for (who, money, list, expect, proofs) in cases {
        let (first, second, third) = (who.clone(), money.clone(), list.clone());
        let world = World::start(move |heard, _| match heard.path.as_str() {
            "/v2/whoami" => first.clone(),
            "/v2/balance" => second.clone(),
            "/v2/texml_applications" => {
                assert_eq!(heard.asked("page[size]"), Some("1"));
                third.clone()
            }
            other => panic!("{other}"),
        })
        .await;
        let checks = world.account.check().await;
        let codes: Vec<&str> = checks.iter().map(|check| check.code.as_str()).collect();
        assert_eq!(codes, ["account.key", "account.balance", "account.rights"]);
        for ((check, ok), part) in checks.iter().zip(expect).zip(proofs) {
            assert_eq!(check.ok, ok, "{check:?} of {who:?} {money:?} {list:?}");
            assert!(check.proof.contains(part), "`{}` should contain `{part}`", check.proof);
            assert!(!check.proof.contains("ana@example.com"), "{check:?}");
        }
        assert_eq!(world.count(), 3);
    }
}
