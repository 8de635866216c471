//! Requests that were sent to a real API server, sent again; the answers must be its answers.

use serde_json::{Value, json};
use timonel_simulator::cluster::{Calls, Fault, Scope};

use super::client::{Answer, LEASE, LEASES, Stage, TOKEN, VS, on_stage, transcript};

const API: &str = "01-patch-lock-errors-watch.txt";
const DISCOVERY: &str = "04-bluegreen-races-rbac-discovery.txt";
const WEBHOOK: &str = "05-validating-webhook.txt";

/// One exchange of a transcript.
#[derive(Debug)]
struct Exchange {
    method: String,
    path: String,
    media: String,
    body: String,
    code: u16,
    /// The line with the code, which has warnings too.
    head: String,
    /// May be cut off.
    answer: String,
}

fn exchange(text: &str, title: &str) -> Exchange {
    let (_, section) = text
        .split_once(&format!("### {title}\n"))
        .unwrap_or_else(|| panic!("no section {title}"));
    let mut lines = section.lines();
    let request = lines.next().unwrap();
    let (call, rest) = request.split_once("  [").unwrap();
    let (method, path) = call.split_once(' ').unwrap();
    let media = rest.split(']').next().unwrap();
    let mut head = lines.next().unwrap();
    let body = head.strip_prefix("  body: ").unwrap_or_default();
    if !body.is_empty() {
        head = lines.next().unwrap();
    }
    let code = head.trim().strip_prefix("-> HTTP ").unwrap()[..3].parse().unwrap();
    let answer = lines.next().unwrap_or_default().trim().to_owned();
    let text = |s: &str| s.to_owned();
    Exchange {
        method: text(method),
        path: text(path),
        media: text(media),
        body: text(body),
        code,
        head: text(head),
        answer,
    }
}

async fn repeat(stage: &Stage, exchange: &Exchange) -> Answer {
    stage
        .call(&exchange.method, &exchange.path, &exchange.media, &exchange.body)
        .await
        .unwrap()
}

/// Equal as JSON; where the transcript is cut off, the message must be the same as far as it goes.
fn assert_same(title: &str, answer: &Answer, exchange: &Exchange) {
    assert_eq!(answer.code, exchange.code, "{title}: {}", answer.body);
    match serde_json::from_str::<Value>(&exchange.answer) {
        Ok(expected) => assert_eq!(answer.json(), expected, "{title}"),
        Err(_) => {
            let message = answer.json()["message"].to_string();
            assert!(
                exchange.answer.contains(&message),
                "{title}\n got {message}\nwant {}",
                exchange.answer
            );
        }
    }
}

#[test]
fn refusals_are_the_real_ones() {
    let (Some(api), Some(webhook)) = (transcript(API), transcript(WEBHOOK)) else {
        return;
    };
    on_stage(1, |stage| async move {
        for (text, title) in [
            (&api, "VS json-patch test op on wrong value"),
            (&api, "VS json-patch test op on stale resourceVersion"),
            (&api, "VS json-patch REPLACE stale resourceVersion (optimistic lock)"),
            (&api, "VS json-patch missing index"),
            (&api, "VS json-patch wrong type (string weight)"),
            (&api, "VS merge-patch PARTIAL array with dryRun=All -> destination lost"),
            (&api, "VS merge-patch with STALE resourceVersion"),
            (&api, "VS strategic merge patch (CRD)"),
            (&api, "Service merge-patch stale resourceVersion"),
            (&api, "Deployment immutable selector"),
            (&api, "Lease create when it exists"),
            (&api, "404 object"),
            (&api, "415 wrong content type"),
            (&webhook, "webhook up: 0/0 refused"),
            (&webhook, "webhook up: negative refused also in dryRun"),
        ] {
            let exchange = exchange(text, title);
            assert_same(title, &repeat(&stage, &exchange).await, &exchange);
        }
        assert_eq!(
            stage.get(VS).await.weights(),
            [95, 5],
            "nothing that was refused has been done"
        );
    });
}

#[test]
fn writes_whose_transcript_has_no_whole_body() {
    let Some(api) = transcript(API) else { return };
    on_stage(2, |stage| async move {
        let mut object = stage.cluster.get(VS).unwrap();
        let put = async |path: &str, object: &Value| {
            stage
                .call("PUT", path, "application/json", &object.to_string())
                .await
                .unwrap()
        };
        object["metadata"]["resourceVersion"] = "1".into();
        let title = "VS PUT with stale resourceVersion";
        assert_same(title, &put(VS, &object).await, &exchange(&api, title));
        object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        let title = "VS PUT with NO resourceVersion";
        assert_same(title, &put(VS, &object).await, &exchange(&api, title));
        let mut lease = stage.cluster.get(LEASE).unwrap();
        lease["metadata"]["resourceVersion"] = "1".into();
        let title = "Lease PUT with stale rv (race lost)";
        assert_same(title, &put(LEASE, &lease).await, &exchange(&api, title));
    });
}

#[test]
fn strangers_are_told_apart() {
    let Some(api) = transcript(API) else { return };
    on_stage(3, |stage| async move {
        let wrong = exchange(&api, "401 bad token");
        let answer = stage
            .call_as("Authorization: Bearer wrong\r\n", "GET", VS, "", "")
            .await
            .unwrap();
        assert_same("401 bad token", &answer, &wrong);
        let nobody = exchange(&api, "no credentials (anonymous)");
        assert_same(
            "no credentials",
            &stage.call_as("", "GET", VS, "", "").await.unwrap(),
            &nobody,
        );
        let kubectl = stage
            .call_as("User-Agent: kubectl/v1.32.4\r\n", "GET", VS, "", "")
            .await
            .unwrap();
        assert_eq!(kubectl.code, 200, "kubectl sends no token over plain HTTP");
        assert_eq!(stage.call_as("", "GET", "/readyz", "", "").await.unwrap().body, "ok");

        let mut forbidden = exchange(&api, "403 no RBAC");
        forbidden.answer = forbidden
            .answer
            .replace("support@example.test", "timonel@simulator.test");
        let mut review = exchange(&api, "SelfSubjectAccessReview (permission preflight)");
        stage
            .cluster
            .faults()
            .set(Scope::Object(VS.to_owned()), Calls::Writes, Fault::Forbidden)
            .unwrap();
        assert_same("403", &repeat(&stage, &forbidden).await, &forbidden);
        assert_same("review", &repeat(&stage, &review).await, &review);
        stage.cluster.faults().clear_all();
        review.answer = review.answer.replace("\"allowed\": false", "\"allowed\": true");
        assert_same("review", &repeat(&stage, &review).await, &review);
    });
}

#[test]
fn webhook_down_and_unknown_fields() {
    let (Some(api), Some(webhook)) = (transcript(API), transcript(WEBHOOK)) else {
        return;
    };
    on_stage(4, |stage| async move {
        let down = stage
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Fault::WebhookDown)
            .unwrap();
        let title = "webhook DOWN, failurePolicy=Fail";
        let golden = exchange(&webhook, title);
        assert_same(title, &repeat(&stage, &golden).await, &golden);
        assert_eq!(stage.get(VS).await.weights(), [95, 5]);
        stage.cluster.faults().clear(down);
        assert_eq!(repeat(&stage, &golden).await.weights(), [100, 0]);

        let golden = exchange(&api, "VS unknown field, default fieldValidation");
        let before = stage.cluster.get(VS).unwrap();
        let answer = repeat(&stage, &golden).await;
        assert_eq!(answer.code, golden.code);
        let warning = golden.head.split_once("Warning: ").unwrap().1.to_lowercase();
        assert!(answer.head.contains(&format!("warning: {warning}")), "{}", answer.head);
        assert_eq!(
            stage.cluster.get(VS).unwrap(),
            before,
            "the unknown field was left out, so nothing changed"
        );
        let golden = exchange(&api, "VS unknown field, fieldValidation=Strict");
        assert_eq!(repeat(&stage, &golden).await.code, golden.code);
    });
}

#[test]
fn leases_want_six_digits() {
    let Some(api) = transcript(API) else { return };
    on_stage(5, |stage| async move {
        let golden = exchange(&api, "Lease renewTime without microseconds");
        let answer = repeat(&stage, &golden).await;
        assert_eq!(answer.code, golden.code);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with(" \"\" is invalid: patch: Invalid value: \"{"),
            "{message}"
        );
        assert!(message.ends_with("cannot parse \"Z\" as \".000000\""), "{message}");

        let good = json!({"spec": {"renewTime": "2026-11-21T23:00:01.000000Z"}}).to_string();
        let answer = stage.patch(LEASE, super::client::MERGE_PATCH, &good).await;
        assert_eq!(answer.code, 200);
        let mut mine = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "mine"},
            "spec": {"holderIdentity": "a", "renewTime": "2026-11-21T23:00:01Z"}});
        let create = async |lease: &Value| {
            stage
                .call("POST", LEASES, "application/json", &lease.to_string())
                .await
                .unwrap()
        };
        assert_eq!(create(&mine).await.code, 400);
        mine["spec"]["renewTime"] = "2026-11-21T23:00:01.000000Z".into();
        assert_eq!(create(&mine).await.code, 201);
        assert_eq!(create(&mine).await.json()["reason"], "AlreadyExists");
    });
}

#[test]
fn the_server_describes_itself_as_the_real_one() {
    let (Some(api), Some(discovery)) = (transcript(API), transcript(DISCOVERY)) else {
        return;
    };
    on_stage(6, |stage| async move {
        for (text, title) in [(&api, "/version"), (&discovery, "group probe")] {
            let exchange = exchange(text, title);
            assert_same(title, &repeat(&stage, &exchange).await, &exchange);
        }
        for (text, title) in [
            (&api, "404 unknown API group (CRD not installed)"),
            (&discovery, "unknown version of a known group"),
            (&api, "/readyz"),
        ] {
            let exchange = exchange(text, title);
            let answer = repeat(&stage, &exchange).await;
            assert_eq!(
                (answer.code, answer.body.trim()),
                (exchange.code, exchange.answer.as_str()),
                "{title}"
            );
            assert!(answer.head.contains("content-type: text/plain"), "{}", answer.head);
        }
        let who = stage
            .call(
                "POST",
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                "application/json",
                "{}",
            )
            .await
            .unwrap();
        assert_eq!(who.json()["status"]["userInfo"]["username"], "timonel@simulator.test");
        let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
        let text = stage
            .call_as(&bearer, "PATCH", VS, super::client::MERGE_PATCH, "{bad")
            .await
            .unwrap();
        assert_eq!(text.code, exchange(&api, "400 malformed body").code);
    });
}
