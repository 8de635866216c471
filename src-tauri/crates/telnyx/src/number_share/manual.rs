//! What a person can paste into a shell when Timonel cannot act. Pure.
//!
//! To 0 it is the lever: one PATCH, with everything that it sets and the mark. It needs no number to be moved; who is left on
//! the canary application reaches stable's address from then on. Every command may be repeated, and ends well only where
//! the API said that it is done.
//!
//! The key goes through a pipe of bash: an argument would stand in the machine's list of processes.

use serde_json::{Map, Value, json};
use timonel_domain::rollout::Generation;
use timonel_ports::target::ManualCommand;

use super::settings::without_clearing;

const KEY: &str = ": \"${TELNYX_API_KEY:?an API key (v2) that may change TeXML applications and numbers}\"";
const AT: &str = "\"${TELNYX_API_URL:-https://api.telnyx.com}\"";
const AUTHORIZED: &str =
    "-H @<(printf 'Authorization: Bearer %s\\n' \"$TELNYX_API_KEY\") -H 'Content-Type: application/json'";

/// The tags of the application that is the input, with a mark that is never earlier than theirs.
const TAGS: &str = "def tags($g): (.tags//[]) as $t|([$t[]|capture(\"^timonel-mark=(?<e>[0-9]+)\\\\.(?<r>[0-9]+)$\")|\
     [(.e|tonumber),(.r|tonumber)]]+[$g]|max) as $m|[$t[]|select(test(\"^timonel-mark=[0-9]+\\\\.[0-9]+$\")|not)]+\
     [\"timonel-mark=\\($m[0]).\\($m[1])\"];";

/// The lever with a body that is known: needs `curl` alone.
pub(super) fn known(canary: &str, body: &Map<String, Value>) -> ManualCommand {
    let patch = |body: &Map<String, Value>| {
        format!(
            "curl --fail-with-body -sS -o /dev/null -w '%{{http_code}}\\n' -X PATCH {AUTHORIZED} --data {} {AT}{}",
            quote(&Value::Object(body.clone()).to_string()),
            quote(&format!("/v2/texml_applications/{canary}"))
        )
    };
    let mut line = format!("{KEY} && {}", patch(body));
    if let Some(rest) = without_clearing(body) {
        // A refusal to clear a field must not keep the calls on the canary.
        line = format!("{KEY} && {{ {} || {}; }}", patch(body), patch(&rest));
    }
    ManualCommand {
        program: "curl".into(),
        line,
    }
}

/// The lever by what the API says at that moment: needs `jq` too, and nothing that Timonel has read.
pub(super) fn searching(stable: &str, canary: &str, mark: Generation) -> ManualCommand {
    let line = format!(
        "{KEY} && ( set -o pipefail; {call}; at={AT}/v2/texml_applications; \
         s=$(call \"$at\"/{stable}) && c=$(call \"$at\"/{canary}) && \
         body=$(jq -nc --argjson s \"$s\" --argjson c \"$c\" {program}) && \
         {{ call -X PATCH --data \"$body\" \"$at\"/{canary} || \
         call -X PATCH --data \"$(jq -c 'if .inbound|type==\"object\" and .channel_limit==null then del(.inbound) else . end|del(..|nulls)' <<<\"$body\")\" \"$at\"/{canary}; }} | \
         jq -re --argjson s \"$s\" 'if .data.voice_url==$s.data.voice_url then .data.voice_url else false end' )",
        call = call(),
        stable = quote(stable),
        canary = quote(canary),
        program = quote(&lever(mark)),
    );
    ManualCommand {
        program: "curl, jq".into(),
        line,
    }
}

/// The mark, then jobs that bring these numbers to stable, each waited for: needs `curl` and `jq`.
pub(super) fn reducing(stable: &str, canary: &str, leaving: &[Vec<String>], mark: Generation) -> ManualCommand {
    let jobs: String = leaving
        .iter()
        .map(|ids| {
            let body = json!({"phone_numbers": ids, "connection_id": stable});
            format!(" && move {}", quote(&body.to_string()))
        })
        .collect();
    let marked = format!(
        "{TAGS}.data|{{friendly_name,voice_url,tags:tags([{},{}])}}",
        mark.epoch, mark.revision
    );
    let line = format!(
        "{KEY} && ( set -o pipefail; {call}; at={AT}/v2; \
         move() {{ local job state; job=$(call --data \"$1\" \"$at\"/phone_numbers/jobs/update_phone_numbers | jq -re .data.id) || return; \
         while state=$(call \"$at/phone_numbers/jobs/$job\" | jq -re '.data|if (.failed_operations//[]|length)>0 then \"failed\" else .status end'); do \
         echo \"$job $state\"; case $state in completed) return 0;; failed|expired) return 1;; esac; sleep 2; done; return 1; }}; \
         body=$(call \"$at\"/texml_applications/{canary} | jq -ce {marked}) && \
         call -o /dev/null -X PATCH --data \"$body\" \"$at\"/texml_applications/{canary}{jobs} )",
        call = call(),
        canary = quote(canary),
        marked = quote(&marked),
    );
    ManualCommand {
        program: "curl, jq".into(),
        line,
    }
}

fn call() -> String {
    format!("call() {{ curl --fail-with-body -sS {AUTHORIZED} \"$@\"; }}")
}

/// The jq program that makes the lever's body from the answers `$s` and `$c`; the same as `settings` makes.
fn lever(mark: Generation) -> String {
    format!(
        "{TAGS}$s.data as $s|$c.data as $c|\
         {{friendly_name:$c.friendly_name,voice_url:$s.voice_url,voice_method:($s.voice_method//\"post\"),\
         status_callback_method:($s.status_callback_method//\"post\"),tags:($c|tags([{},{}]))}}\
         +(if $s.voice_fallback_url//$c.voice_fallback_url then {{voice_fallback_url:($s.voice_fallback_url//$s.voice_url)}} else {{}} end)\
         +(if $s.status_callback//$c.status_callback then {{status_callback:$s.status_callback}} else {{}} end)\
         +(if $s.inbound.channel_limit//$c.inbound.channel_limit then \
         {{inbound:(($c.inbound//{{}}|with_entries(select(.value!=null)))+{{channel_limit:$s.inbound.channel_limit}})}} else {{}} end)",
        mark.epoch, mark.revision
    )
}

/// For bash: one word, whatever is in it.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::mark::{MARK, lowered};
    use super::super::settings::Settings;
    use super::*;

    fn generation(epoch: u64, revision: u32) -> Generation {
        Generation { epoch, revision }
    }

    /// What `jq` makes of two answers; `None` where this machine has no jq.
    fn jq(program: &str, stable: &Value, canary: &Value) -> Option<Value> {
        let wrap = |data: &Value| json!({"data": data}).to_string();
        let out = Command::new("jq")
            .args([
                "-nc",
                "--argjson",
                "s",
                &wrap(stable),
                "--argjson",
                "c",
                &wrap(canary),
                program,
            ])
            .output()
            .ok()?;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Some(serde_json::from_slice(&out.stdout).unwrap())
    }

    fn settings(of: &Value) -> Settings {
        let mut of = of.clone();
        if of["inbound"].is_null() {
            of["inbound"] = json!({});
        }
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn jq_makes_the_same_body_as_the_lever() {
        let bare = json!({"friendly_name": "ivr", "voice_url": "https://old/voice", "voice_method": null,
            "voice_fallback_url": null, "status_callback": null, "status_callback_method": null, "tags": []});
        let full = json!({"friendly_name": "it's new", "voice_url": "https://new/voice", "voice_method": "get",
            "voice_fallback_url": "https://old/voice", "status_callback": "https://new/s", "status_callback_method": "get",
            "inbound": {"channel_limit": 10, "sip_subdomain": null, "shaken_stir_enabled": false},
            "tags": ["ivr", "timonel-mark=4.2", "timonel-mark=oops", "timonel-raise=4.1"]});
        for (stable, canary) in [(&bare, &full), (&full, &bare), (&full, &full), (&bare, &bare)] {
            for mark in [generation(3, 0), generation(4, 10), generation(12, 0)] {
                let Some(made) = jq(&lever(mark), stable, canary) else {
                    println!("skipped: this machine has no jq");
                    return;
                };
                let (s, c) = (settings(stable), settings(canary));
                let tags: Vec<String> = serde_json::from_value(canary["tags"].clone()).unwrap();
                assert_eq!(made, Value::Object(c.like(&s).patch(&c, &lowered(&tags, mark))));
            }
        }
    }

    #[test]
    fn bash_can_read_every_line() {
        let leaving = [vec!["1".to_owned(), "2".to_owned()], vec!["it's".to_owned()]];
        let body = json!({"friendly_name": "it's", "status_callback": null});
        for command in [
            known("215", body.as_object().unwrap()),
            searching("214", "215", generation(4, 1)),
            reducing("214", "215", &leaving, generation(4, 1)),
        ] {
            assert!(!command.line.contains('\n'), "{}", command.line);
            assert!(command.line.contains("TELNYX_API_KEY") && !command.line.contains("Bearer K"));
            let read = Command::new("bash").args(["-n", "-c", &command.line]).output().unwrap();
            assert!(read.status.success(), "{}\n{read:?}", command.line);
        }
        assert!(
            reducing("214", "215", &leaving, generation(4, 1))
                .line
                .matches(" && move ")
                .count()
                == 2
        );
    }

    #[test]
    fn without_a_key_nothing_is_sent() {
        for command in [
            searching("214", "215", generation(4, 1)),
            reducing("214", "215", &[], generation(4, 1)),
        ] {
            let mut bash = Command::new("bash");
            let run = bash.args(["-c", &command.line]).env_remove("TELNYX_API_KEY");
            let out = run.env("TELNYX_API_URL", "http://127.0.0.1:1").output().unwrap();
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(!out.status.success() && said.contains("an API key"), "{said}");
        }
    }

    #[test]
    fn the_mark_is_looked_for_as_it_is_written() {
        assert!(TAGS.contains(&format!("^{MARK}")) && TAGS.contains(&format!("\"{MARK}")));
    }
}
