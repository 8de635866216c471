use super::*;

fn entry(body: &str) -> Entry {
    Entry {
        writer: Writer::new("desk-1").unwrap(),
        seq: 1,
        previous: Hash::ZERO,
        occurred_at: Timestamp::from_secs(1_700_000_000),
        rollout: Some(RolloutId::new("r1").unwrap()),
        kind: Kind::new("rollback.asked").unwrap(),
        body: Body::parse(body.into()).unwrap(),
    }
}

/// Written out by hand and hashed with `sha256sum`: a change of the format must change [`VERSION`], not this test.
#[test]
fn version_1_has_these_bytes_and_this_hash() {
    let sealed = entry(r#"{"by":"ana","why":"ruido \" \n"}"#).seal();
    assert_eq!(
        String::from_utf8_lossy(sealed.bytes()),
        concat!(
            r#"{"version":1,"writer":"desk-1","seq":1,"#,
            r#""previous":"0000000000000000000000000000000000000000000000000000000000000000","#,
            r#""occurred_at_us":1700000000000000,"rollout":"r1","kind":"rollback.asked","#,
            r#""body":{"by":"ana","why":"ruido \" \n"}}"#
        )
    );
    assert_eq!(
        sealed.hash().to_string(),
        "c2f5b1ad744caffeda7f7acb3a993cfa6acfb0063e2e8fca9d0396476de56ae1"
    );
}

#[test]
fn the_bytes_of_a_body_are_kept_and_not_rebuilt() {
    // A parsed form would lose the order of the keys, the second `a` and the digits of the number.
    let body = r#"{"z":1.10,"a":1e2,"a":12345678901234567890123}"#;
    let sealed = entry(body).seal();
    assert_eq!(sealed.entry().unwrap().body.bytes(), body.as_bytes());
    assert_eq!(sealed.entry().unwrap().seal(), sealed);
}

#[test]
fn an_entry_has_one_form() {
    let good = String::from_utf8(entry("{}").seal().bytes().to_vec()).unwrap();
    for other in [
        good.replace(r#""seq":1,"#, r#""seq": 1,"#),
        good.replace(
            r#""kind":"rollback.asked","body":{}"#,
            r#""body":{},"kind":"rollback.asked""#,
        ),
        good.replace(r#""body":{}"#, r#""body":{} "#),
        good.replace(r#""body":{}"#, r#""body":{},"more":1"#),
        good.replace(r#""body":{}"#, r#""body":{ }"#),
        good.replace("rollback.asked", "Rollback"),
        format!("{good}\n"),
    ] {
        assert_ne!(other, good);
        assert!(
            matches!(Entry::parse(other.as_bytes()), Err(Unreadable::Garbled(_))),
            "{other}"
        );
    }
    assert_eq!(
        Entry::parse(good.replace(r#""version":1"#, r#""version":2"#).as_bytes()),
        Err(Unreadable::Version(2))
    );
}

#[test]
fn a_body_is_compact_json_of_limited_size() {
    assert!(matches!(Body::parse(b"{".to_vec()), Err(BadBody::Json(_))));
    assert!(matches!(Body::parse(b"[1,\n2]".to_vec()), Err(BadBody::Loose(3))));
    assert!(Body::parse(br#"{"a b":"c \" d\\"}"#.to_vec()).is_ok());
    assert!(matches!(Body::parse(br#"{"a\\" :1}"#.to_vec()), Err(BadBody::Loose(6))));
    assert!(matches!(Body::of(&"x".repeat(Body::LIMIT)), Err(BadBody::Large(_))));
    assert_eq!(Body::of(&[1, 2]).unwrap().read::<Vec<u8>>().unwrap(), [1, 2]);
}

#[test]
fn a_hash_has_one_text() {
    let hash = Hash::of(b"abc");
    assert_eq!(
        hash.to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().to_uppercase().parse::<Hash>(), Err(BadHash));
    assert_eq!("ab".parse::<Hash>(), Err(BadHash));
    assert_eq!(Hash::try_from(hash.bytes().as_slice()), Ok(hash));
}
