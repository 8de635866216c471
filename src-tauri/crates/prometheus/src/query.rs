//! Prometheus's query API: instant and range queries, and whether the server is ready.
//!
//! An empty result is an empty list, never a zero. Deliberately not here: writing PromQL.

use std::time::Duration;

use serde::Deserialize;
use timonel_domain::time::Timestamp;
use timonel_http::Client;

use crate::counters::Point;
use crate::endpoint::{Endpoint, ask, not_ahead, success};
use crate::error::Error;
use crate::labels::Labels;

/// The query API of one Prometheus.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    endpoint: Endpoint,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Queried {
    /// The result.
    pub data: Data,
    /// What Prometheus has to say about it; the result may be incomplete then.
    pub warnings: Vec<String>,
}

/// A result. Values may be NaN or infinite.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// One value for each series.
    Vector(Vec<Point>),
    /// Several values for each series, in the order of their times.
    Matrix(Vec<Track>),
    /// One value without labels.
    Scalar {
        /// When.
        at: Timestamp,
        /// The value.
        value: f64,
    },
}

/// One series of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Which series.
    pub labels: Labels,
    /// Times and values, oldest first.
    pub values: Vec<(Timestamp, f64)>,
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    data: Option<Body>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Body {
    Vector(Vec<OneValue>),
    Matrix(Vec<ManyValues>),
    Scalar((f64, String)),
    // No measure is a text.
    String(serde::de::IgnoredAny),
}

type Metric = std::collections::BTreeMap<String, String>;

#[derive(Deserialize)]
struct OneValue {
    metric: Metric,
    // Absent for native histograms.
    value: Option<(f64, String)>,
}

#[derive(Deserialize)]
struct ManyValues {
    metric: Metric,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Build {
    data: BuildData,
}

#[derive(Deserialize)]
struct BuildData {
    version: String,
}

impl Api {
    /// The API of the Prometheus at `endpoint` (without `/api/v1`).
    pub fn new(http: Client, endpoint: Endpoint) -> Self {
        Self { http, endpoint }
    }

    /// The value of `expr` now, by the server's clock.
    pub async fn instant(&self, expr: &str) -> Result<Queried, Error> {
        self.query("/api/v1/query", &[("query", expr)]).await
    }

    /// The value of `expr` at `at`.
    pub async fn instant_at(&self, expr: &str, at: Timestamp) -> Result<Queried, Error> {
        self.query("/api/v1/query", &[("query", expr), ("time", &at.to_string())])
            .await
    }

    /// The values of `expr` from `start` to `end`, both included, every `step`.
    pub async fn range(&self, expr: &str, start: Timestamp, end: Timestamp, step: Duration) -> Result<Queried, Error> {
        let (start, end, step) = (start.to_string(), end.to_string(), step.as_secs_f64().to_string());
        let pairs = [
            ("query", expr),
            ("start", start.as_str()),
            ("end", &end),
            ("step", &step),
        ];
        self.query("/api/v1/query_range", &pairs).await
    }

    /// The server's version, once it says that it is ready.
    pub async fn ready(&self) -> Result<String, Error> {
        success(&ask(&self.http, self.endpoint.get("/-/ready")?).await?)?;
        let answer = ask(&self.http, self.endpoint.get("/api/v1/status/buildinfo")?).await?;
        success(&answer)?;
        Ok(answer.json::<Build>()?.data.version)
    }

    async fn query(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Queried, Error> {
        let mut request = self.endpoint.get(path)?;
        for (key, value) in pairs {
            request = request.query(key, value);
        }
        let answer = ask(&self.http, request).await?;
        let read = answer.json::<Envelope>();
        if !answer.status.is_success() {
            // Its own explanation is better than a status; a proxy's page has none.
            return Err(match read {
                Ok(read) if !read.error.is_empty() && answer.status.as_u16() < 500 => Error::Query {
                    kind: read.error_type,
                    message: read.error,
                },
                Ok(_) | Err(_) => Error::Status {
                    status: answer.status.as_u16(),
                    excerpt: answer.excerpt(),
                },
            });
        }
        let read = read?;
        if read.status != "success" {
            return Err(Error::Query {
                kind: read.error_type,
                message: read.error,
            });
        }
        for warning in &read.warnings {
            tracing::warn!(place = answer.place(), %warning, "Prometheus warns about a query");
        }
        let form = |why: &str| Error::Form { why: why.to_owned() };
        let data = data(read.data.ok_or_else(|| form("it has no data"))?)?;
        let now = answer.answered_at;
        match &data {
            Data::Vector(points) => points.iter().try_for_each(|point| not_ahead(point.at, now))?,
            Data::Matrix(tracks) => {
                tracks
                    .iter()
                    .flat_map(|track| &track.values)
                    .try_for_each(|(at, _)| not_ahead(*at, now))?;
            }
            Data::Scalar { at, .. } => not_ahead(*at, now)?,
        }
        Ok(Queried {
            data,
            warnings: read.warnings,
        })
    }
}

fn data(body: Body) -> Result<Data, Error> {
    match body {
        Body::Vector(series) => {
            let points = series
                .into_iter()
                .filter_map(|one| one.value.map(|value| (one.metric, value)));
            points
                .map(|(metric, value)| {
                    let (at, value) = timed(value)?;
                    Ok(Point {
                        labels: labels(metric),
                        value,
                        at,
                        born: None,
                    })
                })
                .collect::<Result<_, _>>()
                .map(Data::Vector)
        }
        Body::Matrix(series) => series
            .into_iter()
            .map(|many| {
                let values = many.values.into_iter().map(timed).collect::<Result<_, _>>()?;
                Ok(Track {
                    labels: labels(many.metric),
                    values,
                })
            })
            .collect::<Result<_, _>>()
            .map(Data::Matrix),
        Body::Scalar(value) => timed(value).map(|(at, value)| Data::Scalar { at, value }),
        Body::String(_) => Err(Error::Form {
            why: "the result is neither a vector, a matrix nor a scalar".into(),
        }),
    }
}

fn labels(metric: Metric) -> Labels {
    Labels::new(metric.into_iter().filter(|(name, _)| name != "__name__"))
}

/// Times are seconds with milliseconds, values are text so that NaN and the infinities can be said.
fn timed((secs, value): (f64, String)) -> Result<(Timestamp, f64), Error> {
    let millis = (secs * 1e3).round();
    let value = value.parse::<f64>().ok().filter(|_| millis.abs() < 9e15);
    match value {
        Some(value) => Ok((Timestamp::from_micros(millis as i64 * 1000), value)),
        None => Err(Error::Form {
            why: "a value or its time is no number".into(),
        }),
    }
}
