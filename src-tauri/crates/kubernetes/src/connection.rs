//! The way to one API server: credentials from a kubeconfig, one function for every call, our deadline on our clock.
//!
//! kube's own client does the TLS, the credentials and the requests' form. What it would do on real time behind our
//! back is switched off: its retry of 429, 503 and 504 (on by default, up to 15 times with waits of up to 1000 s) and
//! its time limits for connecting and writing (30 s and 295 s by default). Two things of its stay on real time, and neither
//! delays a call: a token file and the programs that `exec` credentials name are asked again when they grow old. Where the API
//! server refuses what they gave before that (401), all of it is asked for again here, once a call.
//!
//! kube runs its requests in a task of its own, so the [`InFlight`] that tells virtual time of a request is taken
//! here, before the request is handed over, and held until the answer's last byte has been read.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http_body::Body as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret, SecretString};
use timonel_domain::time::Timestamp;
use timonel_ports::clock::{Clock, InFlight, InFlightNote, REQUEST_ID_HEADER, SharedClock, within};
use timonel_ports::target::TargetError;
use timonel_ports::task::unseen;

use crate::answer::Answer;
use crate::stream::Lines;

/// How long one call may take, from the first byte sent to the last byte read.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes. An API server keeps no object above 1.5 MiB (etcd's limit).
pub(crate) const BODY_LIMIT: usize = 4 << 20;

/// Where the address and the credentials of an API server come from.
#[derive(Debug, Clone)]
pub enum Access {
    /// Where `kubectl` would look: `$KUBECONFIG`, else `~/.kube/config`.
    Default,
    /// A kubeconfig file; relative paths in it are relative to it.
    File(PathBuf),
    /// The text of a kubeconfig, from the vault. Secret, since it holds tokens and keys.
    Text(SecretString),
}

/// Why a connection could not be set up. None of these has sent anything to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// The kubeconfig cannot be read or understood.
    #[error(
        "cannot read the kubeconfig ({from}). Check the path in Conexiones, and that `kubectl config view` can read it"
    )]
    Read {
        /// Which kubeconfig.
        from: String,
        /// What kube said.
        #[source]
        source: KubeconfigError,
    },
    /// The context, or what it points to, is not in the kubeconfig.
    #[error(
        "the kubeconfig ({from}) has no usable context {context}. `kubectl config get-contexts` lists those it has"
    )]
    Context {
        /// Which kubeconfig.
        from: String,
        /// The context asked for.
        context: String,
        /// What kube said.
        #[source]
        source: KubeconfigError,
    },
    /// Certificates, keys, proxy or credential program cannot be used.
    #[error("cannot use the credentials of the kubeconfig ({from}). Try the same context with `kubectl version`")]
    Client {
        /// Which kubeconfig.
        from: String,
        /// What kube said.
        #[source]
        source: Box<kube::Error>,
    },
    /// A namespace or an object's name that cannot be one.
    #[error("`{name}` cannot be the name of {what} in Kubernetes: use a-z, 0-9, `-` and `.`")]
    Name {
        /// Such as `a namespace`.
        what: &'static str,
        /// What was given.
        name: String,
    },
}

/// A client of one API server. Cheap to clone; clones share their TCP connections and their credentials.
#[derive(Clone)]
pub struct Connection {
    client: Arc<Mutex<kube::Client>>,
    login: Arc<Login>,
    clock: SharedClock,
}

/// Where credentials come from, to ask for them again when the API server no longer takes those that it was given.
#[derive(Debug)]
struct Login {
    access: Access,
    context: Option<String>,
    /// Whether asking again can give others: a file may have changed, a program may answer otherwise.
    can_change: bool,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads a kubeconfig and prepares a client for `context` (without one, the file's current context). Sends
    /// nothing; runs the credential program where the kubeconfig names one. Must be called within a tokio runtime.
    pub async fn open(access: &Access, context: Option<&str>, clock: SharedClock) -> Result<Self, KubernetesError> {
        let mut login = Login {
            access: access.clone(),
            context: context.map(str::to_owned),
            can_change: false,
        };
        let (from, config) = login.config().await?;
        login.can_change = !matches!(access, Access::Text(_)) || config.auth_info.exec.is_some();
        let client = client(from, config)?;
        Ok(Self {
            client: Arc::new(Mutex::new(client)),
            login: Arc::new(login),
            clock,
        })
    }

    fn client(&self) -> kube::Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The kubeconfig read again and its credential program run again: what a program gave has expired, or a token was changed.
    async fn renew(&self) -> Result<kube::Client, KubernetesError> {
        let (from, config) = self.login.config().await?;
        // The program may take its time, and must not hold up others.
        let made = tokio::task::spawn_blocking(move || client(from, config));
        let renewed = unseen(&*self.clock, made)
            .await
            .expect("making a client does not panic")?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = renewed.clone();
        Ok(renewed)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One call: the whole answer within [`DEADLINE`], whatever its status. `place` names the target in errors.
    pub(crate) async fn call(&self, place: &str, request: http::Request<Vec<u8>>) -> Result<Answer, TargetError> {
        let flight = self.clock.request();
        let work = async {
            let response = self.send(place, &flight, request).await?;
            whole(place, response).await
        };
        within(self.clock(), DEADLINE, work)
            .await
            .map_err(|_| deadline(place))?
    }

    /// Opens a streamed answer of JSON lines. The deadline covers the answer's head; the lines come when they come.
    pub(crate) async fn stream(&self, place: &str, request: http::Request<Vec<u8>>) -> Result<Lines, TargetError> {
        let flight = self.clock.request();
        let work = async {
            let response = self.send(place, &flight, request).await?;
            if response.status().is_success() {
                Ok(response.into_body())
            } else {
                Err(whole(place, response).await?.refusal(place))
            }
        };
        let body = within(self.clock(), DEADLINE, work)
            .await
            .map_err(|_| deadline(place))??;
        // From here on the flight is a stream: at work until its reader says that it waits.
        flight.note(InFlightNote::Working);
        Ok(Lines::new(place.to_owned(), flight, body))
    }

    async fn send(
        &self,
        place: &str,
        flight: &InFlight,
        mut request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Body>, TargetError> {
        request
            .headers_mut()
            .insert(REQUEST_ID_HEADER, HeaderValue::from(flight.id()));
        let send = async |client: kube::Client| {
            let sent = client.send(request.clone().map(Body::from)).await;
            sent.map_err(|error| transport(place, error))
        };
        let response = send(self.client()).await?;
        if response.status() != http::StatusCode::UNAUTHORIZED || !self.login.can_change {
            return Ok(response);
        }
        // Who is not known has changed nothing: the same is sent once more, with what the kubeconfig gives now.
        match self.renew().await {
            Ok(client) => send(client).await,
            Err(error) => {
                tracing::warn!(%place, %error, "the credentials are refused, and there are no others");
                Ok(response)
            }
        }
    }
}

impl Login {
    /// What the kubeconfig says now, with its name for errors.
    async fn config(&self) -> Result<(String, kube::Config), KubernetesError> {
        use_ring();
        let (from, kubeconfig) = match &self.access {
            Access::Default => ("the default one".to_owned(), Kubeconfig::read()),
            Access::File(path) => (path.display().to_string(), Kubeconfig::read_from(path)),
            Access::Text(text) => ("from the vault".to_owned(), Kubeconfig::from_yaml(text.expose_secret())),
        };
        let kubeconfig = kubeconfig.map_err(|source| KubernetesError::Read {
            from: from.clone(),
            source,
        })?;
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|source| {
                let context = self.context.as_deref();
                let context = context.map_or_else(|| "(the current one)".to_owned(), |name| format!("`{name}`"));
                KubernetesError::Context {
                    from: from.clone(),
                    context,
                    source,
                }
            })?;
        // Real time has no say in a call: see the module's text.
        config.default_retry = false;
        config.connect_timeout = None;
        config.read_timeout = None;
        config.write_timeout = None;
        Ok((from, config))
    }
}

/// A client of `config`, which `from` names. Runs the credential program where the kubeconfig names one.
fn client(from: String, config: kube::Config) -> Result<kube::Client, KubernetesError> {
    kube::Client::try_from(config).map_err(|source| KubernetesError::Client {
        from,
        source: Box::new(source),
    })
}

/// TLS by ring, for the whole process. kube asks for the process's provider, and rustls panics where more than one is
/// compiled in (any dependency may do that) and nobody has chosen.
fn use_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that somebody else has installed one: then that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn deadline(place: &str) -> TargetError {
    TargetError::Deadline {
        place: place.to_owned(),
        limit: DEADLINE,
    }
}

/// An error before or instead of an answer, with all its causes: "connection refused" is the last of four.
pub(crate) fn transport(place: &str, error: kube::Error) -> TargetError {
    let place = place.to_owned();
    if let kube::Error::Auth(error) = &error {
        tracing::warn!(%place, %error, "the kubeconfig's credentials cannot be had");
        return TargetError::Unauthenticated { place };
    }
    let mut detail = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !detail.contains(&text) {
            detail = if detail.is_empty() {
                text
            } else {
                format!("{detail}: {text}")
            };
        }
        cause = error.source();
    }
    TargetError::Unreachable { place, detail }
}

async fn whole(place: &str, response: http::Response<Body>) -> Result<Answer, TargetError> {
    let (parts, mut body) = response.into_parts();
    let mut read = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| transport(place, error))?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > BODY_LIMIT {
            let detail = format!("more than {BODY_LIMIT} bytes");
            return Err(TargetError::Garbled {
                place: place.to_owned(),
                detail,
            });
        }
        read.extend_from_slice(data);
    }
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: parts.status,
        // API servers give seconds; the form with a date is somebody else's and would need that somebody's clock.
        retry_after: text(RETRY_AFTER)
            .and_then(|secs| secs.trim().parse().ok())
            .map(Duration::from_secs),
        html: text(CONTENT_TYPE).is_some_and(|kind| kind.contains("text/html")),
        body: read,
    })
}
