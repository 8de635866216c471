//! The contract of places that keep secrets: what the chain over them relies on, whichever place it is.
//!
//! Wants an empty place that can be written. Panics where the contract is broken, and names the rule.

use secrecy::{ExposeSecret, SecretString};
use timonel_ports::secrets::{LONGEST, Probe, SecretId, Secrets};

/// A part of every secret that the contract stores, so that a test can look for it where it must not be.
pub const TRACE: &str = "KEY-rastro-9f3c7a51";

fn id(name: &str) -> SecretId {
    SecretId::new(name).expect("a name")
}

fn secret(rest: &str) -> SecretString {
    format!("{TRACE}{rest}").into()
}

async fn read(place: &dyn Secrets, name: &str) -> Option<String> {
    let found = place.get(&id(name)).await.expect("the place can be read");
    found.map(|secret| secret.expose_secret().to_owned())
}

async fn names(place: &dyn Secrets) -> Vec<String> {
    let listed = place.list().await.expect("the place can be listed");
    assert!(
        listed.iter().all(|stored| stored.stored_at.is_some()),
        "what was put here has a time: {listed:?}"
    );
    listed.iter().map(|stored| stored.id.to_string()).collect()
}

/// The whole contract. Leaves the place empty.
pub async fn contract(place: &dyn Secrets) {
    assert_eq!(place.probe().await, Probe::Available, "the place is there");
    assert_eq!(names(place).await, [""; 0], "trying a place leaves nothing in it");
    assert_eq!(read(place, "uno").await, None, "what was never put is not there");
    assert!(
        !place.delete(&id("uno")).await.expect("an answer"),
        "and cannot be taken away"
    );

    for (name, rest) in [("uno", " 1"), ("dos", " ñ \"\\\n\u{1F512}"), ("Ñandú/3", "")] {
        place.put(&id(name), secret(rest)).await.expect("it is kept");
        let back = read(place, name).await;
        assert_eq!(
            back.as_deref(),
            Some(secret(rest).expose_secret()),
            "comes back byte by byte"
        );
    }
    assert_eq!(names(place).await, ["dos", "uno", "Ñandú/3"], "by name, each once");

    place.put(&id("uno"), secret(" otra")).await.expect("it is kept");
    assert_eq!(
        read(place, "uno").await,
        Some(format!("{TRACE} otra")),
        "the later replaces the earlier"
    );
    assert_eq!(names(place).await.len(), 3, "and is still one");

    let longest = "x".repeat(LONGEST);
    place.put(&id("largo"), longest.clone().into()).await.expect("it fits");
    assert_eq!(
        read(place, "largo").await,
        Some(longest),
        "the longest comes back whole"
    );
    for bytes in [0, LONGEST + 1] {
        let refused = place
            .put(&id("uno"), "x".repeat(bytes).into())
            .await
            .expect_err("it does not fit");
        assert_eq!(refused.code(), "secret.size", "{bytes} bytes are refused");
    }
    assert_eq!(
        read(place, "uno").await,
        Some(format!("{TRACE} otra")),
        "a refusal changes nothing"
    );

    let shown = format!("{place:?} {:?} {:?}", place.get(&id("uno")).await, place.list().await);
    assert!(!shown.contains(TRACE), "nothing shows a secret: {shown}");

    for name in ["uno", "dos", "Ñandú/3", "largo"] {
        assert!(place.delete(&id(name)).await.expect("an answer"), "{name} was there");
        assert_eq!(read(place, name).await, None, "{name} is gone");
    }
    assert_eq!(names(place).await, [""; 0], "nothing is left");
}
