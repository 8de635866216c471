//! The official contract as a file: where it is, what it documents, and Prism over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use timonel_ports::clock::Clock;
use timonel_ports::task::unseen;
use timonel_simulator::time::VirtualClock;
use timonel_testkit::process::{Prism, ProcessError};

/// Beside the checkout.
const FILE: &str = "../shared/data/telnyx/telnyx-openapi-trimmed-overlay.json";

/// The file, read.
pub(super) struct Official {
    file: PathBuf,
    document: Value,
}

/// A documented answer that is no success.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The status code.
    pub(super) status: u16,
    /// The name of one example; `None` where the answer has none, and Prism makes a body up.
    pub(super) example: Option<String>,
    /// That example.
    pub(super) body: Value,
}

impl Official {
    /// `None`, and says so, where the file is not there.
    pub(super) fn open() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let file = root.join(FILE);
        let Ok(text) = std::fs::read(&file) else {
            println!("skipped: the official contract is not at {FILE}");
            return None;
        };
        let document = serde_json::from_slice(&text).unwrap();
        Some(Self { file, document })
    }

    /// A mock of the whole contract; `None`, and says so, where Prism is not installed.
    pub(super) async fn mock(&self, clock: &VirtualClock) -> Option<Prism> {
        here(unseen(clock as &dyn Clock, Prism::mock(&self.file)).await)
    }

    /// A proxy before `upstream`; `None`, and says so, where Prism is not installed.
    pub(super) async fn proxy(&self, clock: &VirtualClock, upstream: &str) -> Option<Prism> {
        here(unseen(clock as &dyn Clock, Prism::proxy(&self.file, upstream)).await)
    }

    /// Whether it has this call.
    pub(super) fn has(&self, method: &str, path: &str) -> bool {
        self.call(method, path).is_object()
    }

    /// Every documented answer to this call that is no success, once for each example.
    pub(super) fn refusals(&self, method: &str, path: &str) -> Vec<Refusal> {
        let answers = self.call(method, path)["responses"].as_object().unwrap();
        let mut refusals = Vec::new();
        for (status, answer) in answers {
            // `default` and `4XX` name no status that could be asked for.
            let Ok(status) = status.parse::<u16>() else { continue };
            if (200..300).contains(&status) {
                continue;
            }
            let json = &self.resolved(answer)["content"]["application/json"];
            let examples: BTreeMap<&str, &Value> = json["examples"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, example)| (name.as_str(), self.resolved(example)))
                .collect();
            if examples.is_empty() {
                let body = json["example"].clone();
                refusals.push(Refusal {
                    status,
                    example: None,
                    body,
                });
            }
            refusals.extend(examples.into_iter().map(|(name, example)| Refusal {
                status,
                example: Some(name.to_owned()),
                body: example["value"].clone(),
            }));
        }
        refusals
    }

    fn call(&self, method: &str, path: &str) -> &Value {
        &self.document["paths"][path][method.to_lowercase()]
    }

    /// What a `$ref` stands for.
    fn resolved<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        while let Some(pointer) = value["$ref"].as_str() {
            value = self.document.pointer(pointer.trim_start_matches('#')).unwrap();
        }
        value
    }
}

fn here(started: Result<Prism, ProcessError>) -> Option<Prism> {
    match started {
        Ok(prism) => Some(prism),
        Err(ProcessError::Missing { program }) => {
            println!("skipped: {program} is not on the PATH");
            None
        }
        Err(other) => panic!("{other}"),
    }
}
