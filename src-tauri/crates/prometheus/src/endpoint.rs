//! Where a source is and how to ask it: address, credential, rhythm, and whether its clock can be trusted.

use std::time::Duration;

use secrecy::SecretString;
use timonel_domain::time::Timestamp;
use timonel_http::{Answer, Client, Method, Request};

use crate::error::Error;

/// How far a source's clock may be from ours, and a sample in the future.
const TOLERANCE: Duration = Duration::from_secs(5);

/// An address with what it takes to be let in.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: String,
    place: String,
    credential: Option<Credential>,
}

/// What it takes to be let in.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A bearer token.
    Bearer(SecretString),
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// The rhythm of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often it is read, or how often Prometheus scrapes, whichever is longer.
    pub interval: Duration,
    /// Two readings further apart than this are not compared: counting starts anew.
    pub gap: Duration,
}

impl Endpoint {
    /// An address without a credential; `Http(BadUrl)` where it is none, or carries a password.
    pub fn new(url: &str) -> Result<Self, Error> {
        let place = Request::get(url)?.place();
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            place,
            credential: None,
        })
    }

    /// The same address with a credential.
    pub fn with(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The address for people.
    pub(crate) fn place(&self) -> String {
        self.place.clone()
    }

    /// A GET of the address with `path` after it.
    pub(crate) fn get(&self, path: &str) -> Result<Request, Error> {
        self.ask(Method::GET, path)
    }

    /// A POST to the address with `path` after it.
    pub(crate) fn post(&self, path: &str) -> Result<Request, Error> {
        self.ask(Method::POST, path)
    }

    fn ask(&self, method: Method, path: &str) -> Result<Request, Error> {
        let request = Request::new(method, &format!("{}{path}", self.url))?;
        Ok(match self.credential.clone() {
            Some(Credential::Bearer(token)) => request.bearer(token),
            Some(Credential::Basic { user, password }) => request.basic(&user, password),
            None => request,
        })
    }
}

/// Asks and checks the answer's clock, whatever its status: a skewed clock explains a refusal as well.
pub(crate) async fn ask(http: &Client, request: Request) -> Result<Answer, Error> {
    let answer = http.send(request).await?;
    let skew = answer.skew_micros().unwrap_or(0);
    if skew.unsigned_abs() > TOLERANCE.as_micros() as u64 {
        return Err(Error::Skewed {
            skew_secs: skew / 1_000_000,
        });
    }
    Ok(answer)
}

/// `Status` where the answer is not a success.
pub(crate) fn success(answer: &Answer) -> Result<(), Error> {
    if answer.status.is_success() {
        return Ok(());
    }
    Err(Error::Status {
        status: answer.status.as_u16(),
        excerpt: answer.excerpt(),
    })
}

/// `Future` where a sample of `at` lies further ahead of `now` than clocks may differ.
pub(crate) fn not_ahead(at: Timestamp, now: Timestamp) -> Result<(), Error> {
    let ahead = at.since(now);
    if ahead > TOLERANCE {
        return Err(Error::Future {
            at,
            skew_secs: i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX),
        });
    }
    Ok(())
}
