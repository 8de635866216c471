//! Where a store is, as people write it: the path of a file, or the address of a PostgreSQL server.
//!
//! An address may hold a password, so it is a secret as a whole; what is shown of it is its [`Address::place`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use timonel_ports::store::StoreError;

/// Where a store is.
#[derive(Clone)]
pub enum Address {
    /// An SQLite file.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Server(Server),
}

/// How a PostgreSQL server is reached.
#[derive(Clone)]
pub struct Server {
    pub(crate) options: PgConnectOptions,
    place: String,
}

/// What an address of a server may say. sqlx logs what it does not know together with its value, which may be a secret
/// under a mistyped name.
const PARAMETERS: [&str; 10] = [
    "application_name",
    "dbname",
    "host",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…` (or `postgresql://…`), `sqlite:PATH`, or a path.
    ///
    /// A server elsewhere than on this machine has to prove who it is (`sslmode=verify-full`, with the system's
    /// certificates or `sslrootcert`), unless the address says `sslmode=disable`, `require` or `verify-ca`. `prefer` and
    /// `allow` protect from nobody, so they mean the same as nothing.
    pub fn read(text: &SecretString) -> Result<Self, StoreError> {
        let text = text.expose_secret();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Server(server(text)?));
        }
        let path = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite:"))
            .unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(unreadable(
                "it is neither a path nor begins with postgres:// or sqlite:",
            ));
        }
        Ok(Self::File(PathBuf::from(path)))
    }

    /// The address without its secrets, for people and logs.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Server(server) => server.place.clone(),
        }
    }
}

/// Without secrets.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.place()).finish()
    }
}

impl Server {
    pub(crate) fn place(&self) -> &str {
        &self.place
    }
}

fn server(text: &str) -> Result<Server, StoreError> {
    let parameters = text.split_once('?').map_or("", |(_, parameters)| parameters);
    let names = parameters.split('&').filter(|pair| !pair.is_empty());
    for name in names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name)) {
        if !PARAMETERS.contains(&name) {
            let known = PARAMETERS.join(", ");
            return Err(unreadable(&format!("after `?` it may only say {known}")));
        }
    }
    // The cause is left out: nobody promises that it does not quote the address.
    let options = PgConnectOptions::from_str(text).map_err(|_| {
        unreadable("write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with what is special in them percent-encoded")
    })?;
    let here =
        options.get_socket().is_some() || ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&options.get_host());
    let options = match options.get_ssl_mode() {
        PgSslMode::Prefer | PgSslMode::Allow if !here => options.ssl_mode(PgSslMode::VerifyFull),
        PgSslMode::Prefer
        | PgSslMode::Allow
        | PgSslMode::Disable
        | PgSslMode::Require
        | PgSslMode::VerifyCa
        | PgSslMode::VerifyFull => options,
    };
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let (user, port) = (options.get_username(), options.get_port());
    let place = format!(
        "postgres://{user}@{host}:{port}/{}",
        options.get_database().unwrap_or(user)
    );
    Ok(Server { options, place })
}

fn unreadable(why: &str) -> StoreError {
    StoreError::Open {
        place: "whose address was given".to_owned(),
        source: format!("the address cannot be read: {why}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Address, StoreError> {
        Address::read(&SecretString::from(text))
    }

    fn mode(text: &str) -> PgSslMode {
        match read(text).unwrap() {
            Address::Server(server) => server.options.get_ssl_mode(),
            Address::File(path) => panic!("{path:?}"),
        }
    }

    #[test]
    fn a_path_is_a_file_with_or_without_its_scheme() {
        for text in ["/var/lib/t.db", "sqlite:/var/lib/t.db", "sqlite:///var/lib/t.db"] {
            assert_eq!(read(text).unwrap().place(), "/var/lib/t.db");
        }
        for bad in ["", "sqlite:", "mysql://localhost/x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_password() {
        let address = read("postgresql://ana:s3cr%40t@db.example.com:5433/timonel?application_name=x").unwrap();
        assert_eq!(address.place(), "postgres://ana@db.example.com:5433/timonel");
        assert!(!format!("{address:?}").contains("s3cr"));
        for bad in [
            "postgres://ana:s3cret@db:port/x",
            "postgres://ana@db/x?pasword=s3cret",
            "postgres://ana:s3cret@db/x?sslmode=s3cret",
        ] {
            let refused = read(bad).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("s3cret"), "{refused:?}");
        }
    }

    #[test]
    fn a_server_elsewhere_proves_who_it_is_unless_somebody_says_otherwise() {
        assert!(matches!(mode("postgres://a@db.example.com/x"), PgSslMode::VerifyFull));
        assert!(matches!(
            mode("postgres://a@db/x?sslmode=prefer"),
            PgSslMode::VerifyFull
        ));
        assert!(matches!(mode("postgres://a@db/x?sslmode=disable"), PgSslMode::Disable));
        assert!(matches!(
            mode("postgres://a@db/x?sslmode=verify-ca"),
            PgSslMode::VerifyCa
        ));
        assert!(matches!(mode("postgres://a@127.0.0.1/x"), PgSslMode::Prefer));
        assert!(matches!(mode("postgres://a@%2Frun%2Fpg/x"), PgSslMode::Prefer));
    }
}
