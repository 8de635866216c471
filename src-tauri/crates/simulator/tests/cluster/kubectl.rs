//! A real kubectl against the simulated API.

use std::path::{Path, PathBuf};

use serde_json::Value;
use timonel_simulator::cluster::{Calls, Cluster, Fault, Scope};

use super::client::{Stage, TOKEN, VS, on_stage, shift, weights};

/// A home of its own: kubectl keeps what it discovered there.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        Self(home)
    }

    async fn kubectl(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = tokio::process::Command::new("kubectl");
        command
            .args(arguments)
            .env("HOME", &self.0)
            .env("KUBECONFIG", self.0.join("config"));
        let output = command.output().await.unwrap();
        let text = if output.status.success() {
            output.stdout
        } else {
            output.stderr
        };
        (output.status.success(), String::from_utf8(text).unwrap())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left behind lies in the build directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_installed() -> bool {
    let found = std::process::Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    if let Err(error) = &found {
        println!("skipped: kubectl does not run ({error})");
    }
    found.is_ok()
}

#[test]
fn patches_and_reads_with_flags_only() {
    if !is_installed() {
        return;
    }
    on_stage(1, |stage: Stage| async move {
        let home = Home::new("kubectl-flags");
        let server = format!("http://{}", stage.address);
        let flags = ["--server", &server, "--token", TOKEN, "-n", "ivr"];
        let run = async |arguments: &[&str]| home.kubectl(&[&flags[..], arguments].concat()).await;

        let rollback = shift(100, 0);
        let (ok, text) = run(&["patch", "virtualservice", "ivr-agent", "--type=json", "-p", &rollback]).await;
        assert!(ok, "{text}");
        assert_eq!(weights(&stage.cluster.get(VS).unwrap()), [100, 0]);
        let (ok, text) = run(&["get", "virtualservice", "-o", "json"]).await;
        assert!(ok, "{text}");
        let list: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(weights(&list["items"][0]), [100, 0]);
        let (ok, text) = run(&[
            "get",
            "vs",
            "ivr-agent",
            "-o",
            "jsonpath={.spec.http[0].route[*].weight}",
        ])
        .await;
        assert_eq!((ok, text.as_str()), (true, "100 0"));

        let (ok, text) = run(&["patch", "vs", "ivr-agent", "--type=json", "-p", &shift(0, 0)]).await;
        assert!(!ok && text.contains("total destination weight = 0"), "{text}");
        let (ok, text) = run(&["get", "vs", "nope"]).await;
        assert!(!ok && text.contains("(NotFound)"), "{text}");
    });
}

#[test]
fn reads_the_kubeconfig_and_sets_an_image() {
    if !is_installed() {
        return;
    }
    on_stage(2, |stage: Stage| async move {
        let home = Home::new("kubectl-config");
        std::fs::write(home.0.join("config"), Cluster::kubeconfig(stage.address, TOKEN)).unwrap();
        let (ok, text) = home
            .kubectl(&["set", "image", "deployment/ivr-agent-blue", "agent=x:2", "-n", "ivr"])
            .await;
        assert!(ok, "{text}");
        let deployment = stage
            .cluster
            .get("/apis/apps/v1/namespaces/ivr/deployments/ivr-agent-blue")
            .unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "x:2");
        assert_eq!(container["ports"][0]["containerPort"], 8080, "merged, not replaced");
        let (ok, text) = home.kubectl(&["get", "lease,svc,dr", "-A", "-o", "name"]).await;
        assert!(ok, "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        stage
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Fault::Unauthorized)
            .unwrap();
        let (ok, text) = home.kubectl(&["get", "svc", "-n", "ivr"]).await;
        assert!(!ok && text.contains("Unauthorized"), "{text}");
    });
}
