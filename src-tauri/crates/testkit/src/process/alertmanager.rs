//! A real Alertmanager on a free loopback port.

use std::ffi::OsString;
use std::net::SocketAddr;

use super::{Process, ProcessError, free_port};

/// As Debian names it.
const PROGRAM: &str = "prometheus-alertmanager";

/// Tells nobody.
const SILENT: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

/// A real Alertmanager.
#[derive(Debug)]
pub struct AlertmanagerServer {
    _process: Process,
    address: SocketAddr,
}

impl AlertmanagerServer {
    /// Starts one that tells nobody and waits until it is ready.
    pub async fn start() -> Result<Self, ProcessError> {
        Self::telling(SILENT).await
    }

    /// Starts one with this configuration, in YAML, and waits until it is ready.
    pub async fn telling(config: &str) -> Result<Self, ProcessError> {
        // Between choosing a free port and using it somebody else may take it.
        let mut tries = 3;
        loop {
            tries -= 1;
            match Self::once(config).await {
                Err(ProcessError::NotReady { said, .. }) if tries > 0 && said.contains("address already in use") => {}
                // Debian's looks for its templates at one place of the system alone, so unpacked elsewhere it does not start.
                Err(ProcessError::NotReady { said, .. }) if said.contains(".tmpl: no such file") => {
                    let program = format!("{PROGRAM} with /usr/share/prometheus/alertmanager");
                    return Err(ProcessError::Missing { program });
                }
                other => return other,
            }
        }
    }

    async fn once(config: &str) -> Result<Self, ProcessError> {
        let start = |source| ProcessError::Start {
            program: PROGRAM.to_owned(),
            source,
        };
        let address = free_port().map_err(start)?;
        let mut process = Process::start(PROGRAM, |dir| {
            let file = dir.join("alertmanager.yml");
            std::fs::write(&file, config)?;
            Ok([
                format!("--config.file={}", file.display()),
                format!("--storage.path={}", dir.join("data").display()),
                format!("--web.listen-address={address}"),
                "--cluster.listen-address=".to_owned(),
            ]
            .map(OsString::from)
            .to_vec())
        })?;
        process.answers(address, "/-/ready").await?;
        Ok(Self {
            _process: process,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
