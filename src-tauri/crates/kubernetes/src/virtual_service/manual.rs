//! What a person can paste into a shell when Timonel cannot write. Pure.
//!
//! The commands depend on no resourceVersion, so that they can be repeated, and test every name before they write.
//! The weights go first, the mark of the rollback after them: it is the weights that the calls hang on.

use serde_json::Value;
use timonel_domain::rollout::Generation;
use timonel_ports::target::ManualCommand;

use super::object::Snapshot;
use super::{Destination, ROLLBACK_ANNOTATION, Spec};

const RESOURCE: &str = "virtualservices.networking.istio.io";

/// The commands for weights that were found at known places.
pub(super) fn commands(spec: &Spec, snapshot: &Snapshot, weights: Vec<Value>, mark: Generation) -> Vec<ManualCommand> {
    let patch = quote(&Value::Array(weights).to_string());
    let (namespace, name) = (quote(&spec.namespace), quote(&spec.name));
    let mut kubectl = format!("kubectl -n {namespace} patch {RESOURCE} {name} --type=json -p {patch}");
    kubectl.push_str(&annotate(spec, mark));

    let url = quote(&format!(
        "{}/{}",
        super::collection(&spec.namespace, &snapshot.api_version),
        spec.name
    ));
    let call = |kind: &str, body: &str| {
        // The token goes through a pipe of bash: an argument would stand in the machine's list of processes.
        format!(
            "curl --fail-with-body -sS ${{TIMONEL_KUBE_CA:+--cacert \"$TIMONEL_KUBE_CA\"}} -o /dev/null -w '%{{http_code}}\\n' -X PATCH \
             -H @<(printf 'Authorization: Bearer %s\\n' \"$TIMONEL_KUBE_TOKEN\") -H 'Content-Type: {kind}' --data {body} \
             \"$TIMONEL_KUBE_API\"{url}"
        )
    };
    let annotation =
        quote(&serde_json::json!({"metadata": {"annotations": {ROLLBACK_ANNOTATION: mark.to_string()}}}).to_string());
    let curl = format!(
        ": \"${{TIMONEL_KUBE_API:?the address of the API server, such as https://10.0.0.1:6443}}\" \
         \"${{TIMONEL_KUBE_TOKEN:?a bearer token that may patch this object}}\" && {} && {}",
        call("application/json-patch+json", &patch),
        call("application/merge-patch+json", &annotation),
    );
    vec![
        ManualCommand {
            program: "kubectl".into(),
            line: kubectl,
        },
        ManualCommand {
            program: "curl".into(),
            line: curl,
        },
    ]
}

/// The command for an object that this process has never read: it looks for the places itself, and needs `jq` for it.
pub(super) fn searching(spec: &Spec, percent: u16, mark: Generation) -> Vec<ManualCommand> {
    let text = |text: &str| Value::from(text).to_string();
    let is = |to: &Destination| {
        let subset = to.subset.as_deref().map_or("null".to_owned(), text);
        format!(
            "(.host|IN({0},{1}))and .subset=={subset}",
            text(&to.host),
            text(&long(&to.host, &spec.namespace))
        )
    };
    let names: Vec<_> = spec.routes.iter().map(|name| text(name)).collect();
    let program = format!(
        "[.spec.http|to_entries[]|select(.value.name|IN({names}))|\"/spec/http/\\(.key)\" as $h|\
         {{op:\"test\",path:\"\\($h)/name\",value:.value.name}},\
         (.value.route|to_entries[]|\"\\($h)/route/\\(.key)\" as $r|.value.destination as $d|($d|{is_stable}) as $s|($d|{is_canary}) as $c|\
         select($s or $c)|{{op:\"test\",path:\"\\($r)/destination\",value:$d}},\
         {{op:\"add\",path:\"\\($r)/weight\",value:(if $c then {percent} else {rest} end)}})]",
        names = names.join(","),
        is_stable = is(&spec.stable),
        is_canary = is(&spec.canary),
        rest = 100 - percent,
    );
    let (namespace, name) = (quote(&spec.namespace), quote(&spec.name));
    let mut line = format!(
        "kubectl -n {namespace} get {RESOURCE} {name} -o json | jq -c {} | \
         kubectl -n {namespace} patch {RESOURCE} {name} --type=json --patch-file=/dev/stdin",
        quote(&program)
    );
    line.push_str(&annotate(spec, mark));
    vec![ManualCommand {
        program: "kubectl, jq".into(),
        line,
    }]
}

fn annotate(spec: &Spec, mark: Generation) -> String {
    let (namespace, name) = (quote(&spec.namespace), quote(&spec.name));
    format!(
        " && kubectl -n {namespace} annotate --overwrite {RESOURCE} {name} {}",
        quote(&format!("{ROLLBACK_ANNOTATION}={mark}"))
    )
}

fn long(host: &str, namespace: &str) -> String {
    if host.contains('.') {
        host.to_owned()
    } else {
        format!("{host}.{namespace}.svc.cluster.local")
    }
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
    use super::quote;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quote("casos-vs"), "casos-vs");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(quote(""), "''");
    }
}
