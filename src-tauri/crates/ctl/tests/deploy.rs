//! What `deploy/` promises to a cluster is what the program does, by Kustomize itself where `kubectl` is there.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy")
}

/// The resources of a folder as Kustomize renders them; `None`, saying so, where `kubectl` is missing.
fn rendered(folder: &str) -> Option<Vec<Value>> {
    let done = Command::new("kubectl")
        .arg("kustomize")
        .arg(deploy().join(folder))
        .output();
    let Ok(done) = done else {
        println!("skipped: `kubectl` is not installed");
        return None;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let read = |document| {
        let mut kubectl = Command::new("kubectl");
        // The one of its commands that turns YAML into JSON and asks no cluster.
        kubectl.args([
            "annotate",
            "--local",
            "--filename",
            "-",
            "--output",
            "json",
            "read=here",
        ]);
        let piped = kubectl
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), str::as_bytes(document)).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(
            done.status.success(),
            "{document}\n{}",
            String::from_utf8_lossy(&done.stderr)
        );
        serde_json::from_slice(&done.stdout).unwrap()
    };
    Some(text.split("\n---\n").map(read).collect())
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> &'a Value {
    all.iter().find(|object| object["kind"] == kind).unwrap()
}

#[test]
fn the_engine_runs_as_nobody_and_is_asked_where_it_answers() {
    let Some(all) = rendered("engine") else { return };
    let engine = of_kind(&all, "StatefulSet");
    assert_eq!(engine["spec"]["replicas"], 2);
    assert_eq!(of_kind(&all, "PodDisruptionBudget")["spec"]["minAvailable"], 1);
    let pod = &engine["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert!(container["resources"]["limits"]["memory"].is_string());

    let answered = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/probes.rs")).unwrap();
    let path_of = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
    for (probe, name) in [
        ("startupProbe", "ALIVE"),
        ("livenessProbe", "ALIVE"),
        ("readinessProbe", "READY"),
    ] {
        let constant = format!("const {name}: &str = \"{}\";", path_of(probe));
        assert!(answered.contains(&constant), "{probe} asks {}", path_of(probe));
    }

    // What is waited for in the end has its time.
    let arguments: Vec<&str> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let grace = arguments.iter().find_map(|arg| arg.strip_prefix("--grace=")).unwrap();
    let grace: u64 = grace.strip_suffix('s').unwrap().parse().unwrap();
    assert!(grace + 10 < pod["terminationGracePeriodSeconds"].as_u64().unwrap());

    // No secret stands in a manifest: every value that could hold one is a reference by name.
    for variable in container["env"].as_array().unwrap() {
        assert!(
            variable["valueFrom"].is_object() && variable["value"].is_null(),
            "{variable}"
        );
    }
}

#[test]
fn the_program_takes_the_arguments_that_it_is_given() {
    let Some(all) = rendered("engine") else { return };
    let pod = &of_kind(&all, "StatefulSet")["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    // Its last word is refused, so that whatever comes before it was understood and nothing is begun.
    let done = Command::new(env!("CARGO_BIN_EXE_timonelctl"))
        .arg("engine")
        .args(arguments.iter().filter_map(Value::as_str))
        .arg("--no-such-word")
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        said.contains("--no-such-word") && done.status.code() == Some(2),
        "{said}"
    );
}

/// A container has no desk: neither its libraries nor what draws a window. By what is linked, and by what a build of the program
/// alone would compile, since a build of everything here adds the desk's features.
#[test]
fn the_program_of_the_container_needs_no_window() {
    if let Ok(done) = Command::new("ldd").arg(env!("CARGO_BIN_EXE_timonelctl")).output() {
        let needed = String::from_utf8_lossy(&done.stdout).to_lowercase();
        assert!(needed.contains("libc.so"), "{needed}");
        for library in ["webkit", "gtk", "gdk", "libx11", "wayland"] {
            assert!(!needed.contains(library), "{library}: {needed}");
        }
    }
    let Some(cargo) = std::env::var_os("CARGO") else {
        println!("skipped: without cargo nobody says what is compiled");
        return;
    };
    let done = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--package",
            "timonel-ctl",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let tree = String::from_utf8(done.stdout).unwrap();
    let compiled = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(compiled("timonel-bridge") && compiled("axum"), "{tree}");
    for package in [
        "tauri",
        "wry",
        "gtk",
        "webkit2gtk",
        "timonel-desktop",
        "keyring",
        "zbus",
        "dbus",
    ] {
        assert!(!compiled(package), "{package} is compiled");
    }
}

/// Which verbs a Lease as helm takes is held against what is sent in `bridge/tests/kubernetes_helm.rs`.
#[test]
fn leases_are_kept_where_the_engine_may_write_them_and_nothing_else() {
    let (Some(lease), Some(all)) = (rendered("lease"), rendered("engine")) else {
        return;
    };
    let (role, binding) = (of_kind(&lease, "Role"), of_kind(&lease, "RoleBinding"));
    let rules = serde_json::json!([
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}
    ]);
    assert_eq!(role["rules"], rules);
    let engine = of_kind(&all, "StatefulSet");
    let namespace = engine["metadata"]["namespace"].as_str().unwrap();
    for object in [role, binding] {
        assert_eq!(object["metadata"]["namespace"], namespace, "{object}");
    }
    let account = &binding["subjects"][0];
    assert_eq!(
        account["name"],
        engine["spec"]["template"]["spec"]["serviceAccountName"]
    );
    assert_eq!(account["namespace"], namespace);

    let kubeconfig = of_kind(&all, "ConfigMap")["data"]["config"].as_str().unwrap();
    let context = kubeconfig
        .lines()
        .find_map(|line| line.strip_prefix("current-context: "))
        .unwrap();
    let manual = std::fs::read_to_string(deploy().join("../docs/engine.md")).unwrap();
    let said = format!("{{name: TIMONEL_HELM, value: \"lease:{namespace}@{context}\"}}");
    assert!(manual.contains(&said), "the manual's overlay does not set {said}");
}
