//! Prism: an official contract as a peer. It answers from the contract's own examples, or stands before a server and
//! checks what passes in both directions.
//!
//! Deliberately not here: the contracts themselves, which are nobody's to pass on; a test names the file that it found.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use super::{Process, ProcessError, free_port};

const PROGRAM: &str = "prism";
/// What it writes once it answers.
const READY: &str = "Prism is listening on";
/// What a line of its log has that tells of a request or an answer against the contract.
const BREACHES: [&str; 2] = ["Violation: ", "Request terminated with error: "];

/// A real Prism on a free loopback port. Dropping it ends it.
#[derive(Debug)]
pub struct Prism {
    process: Process,
    address: SocketAddr,
}

impl Prism {
    /// One that answers with the examples of `contract` (an OpenAPI file), and refuses requests that break it: 401 without
    /// credentials, 422 for the rest. `Prefer: code=429` asks for another of the documented answers.
    pub async fn mock(contract: &Path) -> Result<Self, ProcessError> {
        Self::start("mock", contract, None).await
    }

    /// One that passes what keeps to `contract` on to `upstream` (`http://127.0.0.1:1234`), refuses requests that break it as
    /// [`Prism::mock`] does, and answers 500 where the upstream's answer breaks it. Answers with a status that the contract
    /// does not document pass, and are told by [`Prism::breaches`]. Where the upstream gives no answer it answers 500.
    pub async fn proxy(contract: &Path, upstream: &str) -> Result<Self, ProcessError> {
        Self::start("proxy", contract, Some(upstream)).await
    }

    async fn start(mode: &str, contract: &Path, upstream: Option<&str>) -> Result<Self, ProcessError> {
        // Between choosing a free port and using it somebody else may take it.
        let mut tries = 3;
        loop {
            tries -= 1;
            match Self::once(mode, contract, upstream).await {
                Err(ProcessError::NotReady { said, .. }) if tries > 0 && said.contains("EADDRINUSE") => {}
                other => return other,
            }
        }
    }

    async fn once(mode: &str, contract: &Path, upstream: Option<&str>) -> Result<Self, ProcessError> {
        let address = free_port().map_err(|source| ProcessError::Start {
            program: PROGRAM.to_owned(),
            source,
        })?;
        let mut process = Process::start(PROGRAM, |_| {
            let mut args: Vec<OsString> = [mode, "--errors", "--host"].map(OsString::from).to_vec();
            args.push(address.ip().to_string().into());
            args.push("--port".into());
            args.push(address.port().to_string().into());
            // A child of its own would outlive it.
            args.push("--multiprocess=false".into());
            args.push(contract.into());
            args.extend(upstream.map(OsString::from));
            Ok(args)
        })?;
        process.says(READY).await?;
        Ok(Self { process, address })
    }

    /// Its base address, such as `http://127.0.0.1:4010`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The child itself, with all that it said.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What it found against the contract so far, a line each: requests refused (with method and path), answers that are not
    /// as documented, and upstreams that gave none.
    pub fn breaches(&self) -> Vec<String> {
        breaches(&self.process.said())
    }
}

fn breaches(said: &str) -> Vec<String> {
    said.lines()
        .filter(|line| BREACHES.iter().any(|breach| line.contains(breach)))
        .map(|line| {
            // The time says nothing, and the columns are for a screen.
            let told = line.split_once('›').map_or(line, |(_, told)| told);
            told.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::breaches;

    #[test]
    fn what_it_says_of_breaches_is_found_in_its_log() {
        let said = "\
            [4:44:56 AM] › [HTTP SERVER] get /v2/balance ℹ  info      Request received\n\
            [4:44:56 AM] ›     [VALIDATOR] ⚠  warning   Violation: response Unable to match the returned status code\n\
            [4:44:56 AM] › [HTTP SERVER] get /v2/balance ✖  error     Request terminated with error: FetchError: request\n\
            [4:44:56 AM] ›     [PROXY] ℹ  info      < Received forward response\n";
        assert_eq!(
            breaches(said),
            [
                "[VALIDATOR] ⚠ warning Violation: response Unable to match the returned status code",
                "[HTTP SERVER] get /v2/balance ✖ error Request terminated with error: FetchError: request"
            ]
        );
    }
}
