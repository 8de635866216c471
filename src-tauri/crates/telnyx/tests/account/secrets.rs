//! The key is in no text that anybody may see, even where the provider repeats it.

use std::fmt::Write;

use timonel_telnyx::account::{Access, Account, AccountError, Health, Urgency};
use timonel_telnyx::api::{self, ConnectionId};

use crate::fake::{Hands, KEY, Reply, World, account, logged};

fn shown(error: &AccountError) -> String {
    let mut text = format!("{error} {error:?} {} {}", error.target("t"), error.signal("s"));
    let mut at = std::error::Error::source(error);
    while let Some(source) = at {
        write!(text, " {source} {source:?}").unwrap();
        at = source.source();
    }
    text
}

#[tokio::test]
async fn what_the_provider_repeats_is_taken_out() {
    let echoes = [
        Reply::new(
            401,
            format!(r#"{{"errors":[{{"code":"10009","title":"bad key {KEY}","detail":"you sent Bearer {KEY}"}}]}}"#),
        ),
        Reply::new(403, format!("plain {KEY}")),
        Reply::new(
            422,
            format!(r#"{{"detail":[{{"loc":["header","{KEY}"],"msg":"{KEY}"}}]}}"#),
        ),
        Reply::new(500, format!("<html>{KEY}</html>")).with("content-type", "text/html"),
        Reply::new(503, format!(r#"{{"title":"{KEY}"}}"#)),
        Reply::new(429, format!(r#"{{"errors":[{{"title":"{KEY}"}}]}}"#)),
        Reply::new(200, format!(r#"{{"data":"{KEY}"}}"#)),
        Reply::new(200, format!(r#"{{"data":{{"balance":"1"}}, {KEY}"#)),
    ];
    for reply in echoes {
        let said = reply.clone();
        let world = World::start(move |_, _| said.clone()).await;
        let error = world.balance(Urgency::Target).await.unwrap_err();
        let health = world.account.health();
        let text = format!(
            "{} {:?} {:?} {}",
            shown(&error),
            health,
            world.account,
            world.account.place()
        );
        assert!(!text.contains("s3cr3tPart"), "{text}");
        assert!(world.heard()[0].authorization.contains(KEY), "it was sent");
        let checks = format!("{:?}", world.account.check().await);
        assert!(!checks.contains("s3cr3tPart"), "{checks}");
    }
    // Of all tests of this program so far, at every level.
    let heard = logged();
    assert!(heard.contains("/v2/balance"), "requests are logged: {heard}");
    assert!(!heard.contains("s3cr3tPart"), "{heard}");
}

#[tokio::test]
async fn an_account_can_be_shown() {
    let access = Access {
        name: "principal".into(),
        base: "https://api.telnyx.com".into(),
        key: KEY.into(),
    };
    assert!(!format!("{access:?}").contains("s3cr3tPart"));
    let account = Account::new(Hands::at_start(), access).unwrap();
    assert!(!format!("{account:?}").contains("s3cr3tPart"));
    assert_eq!(account.health(), Health::Good);
    assert_eq!(account.place(), "Telnyx account `principal` (https://api.telnyx.com)");
}

#[tokio::test]
async fn a_wrong_address_is_found_at_once_and_shows_no_password() {
    for base in ["", "api.telnyx.com", "ftp://h", "https://ana:s3cr3tPart@api.telnyx.com"] {
        let access = Access {
            name: "principal".into(),
            base: base.into(),
            key: KEY.into(),
        };
        assert!(!format!("{access:?}").contains("s3cr3tPart"), "{access:?}");
        let error = Account::new(Hands::at_start(), access).unwrap_err();
        assert!(matches!(error, AccountError::Setup { .. }), "{base}: {error:?}");
        assert!(!shown(&error).contains("s3cr3tPart"), "{error:?}");
    }
}

#[tokio::test]
async fn a_key_or_an_id_that_cannot_be_sent_is_told_before_anything_is() {
    let account = account(Hands::at_start(), "http://127.0.0.1:1");
    let access = Access {
        name: "principal".into(),
        base: "http://127.0.0.1:1".into(),
        key: format!("{KEY}\n").into(),
    };
    let account_with_break = Account::new(Hands::at_start(), access).unwrap();
    let error = api::balance(&account_with_break, Urgency::Target).await.unwrap_err();
    assert!(matches!(error, AccountError::Setup { .. }), "{error:?}");
    assert!(error.to_string().contains("Store it again"), "{error}");
    assert!(!error.may_have_acted());
    assert!(!shown(&error).contains("s3cr3tPart"));

    let error = api::application(&account, Urgency::Target, &ConnectionId::new(""))
        .await
        .unwrap_err();
    assert!(
        matches!(error, AccountError::Setup { .. }),
        "it would have listed all of them: {error:?}"
    );
}
