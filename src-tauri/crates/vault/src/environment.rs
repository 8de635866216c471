//! Secrets in variables of the process, as containers and shells hand them over.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, SecretsError, Stored};

/// The variable that holds a Telnyx key for every account that has none of its own.
pub const ANY_TELNYX_KEY: &str = "TELNYX_API_KEY";

const PREFIX: &str = "TIMONEL_KEY_";

/// The variable that holds the secret of this name: `telnyx-produccion` is `TIMONEL_KEY_TELNYX_PRODUCCION`.
pub fn variable(name: &str) -> String {
    let upper = |c: char| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9') => c,
        _ => '_',
    };
    format!("{PREFIX}{}", name.chars().map(upper).collect::<String>())
}

/// The variables of the process that hold secrets, as they were when it started. Blank ones count as not set.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, SecretString>);

impl Environment {
    /// Of this process.
    pub fn of_process() -> Self {
        // A variable that is no text is none of ours.
        Self::new(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))))
    }

    /// Of the given variables; those that hold no secret are left out.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| name.starts_with(PREFIX) || name == ANY_TELNYX_KEY;
        let ours = variables
            .into_iter()
            .filter(|(name, value)| ours(name) && !value.trim().is_empty());
        Self(ours.map(|(name, value)| (name, value.into())).collect())
    }

    /// The key for every Telnyx account that has none of its own, from [`ANY_TELNYX_KEY`].
    pub fn any_telnyx_key(&self) -> Option<SecretString> {
        self.0.get(ANY_TELNYX_KEY).cloned()
    }

    fn read_only(what_to_do: String) -> SecretsError {
        SecretsError::ReadOnly {
            place: Place::Environment,
            what_to_do,
        }
    }
}

#[async_trait]
impl Secrets for Environment {
    fn place(&self) -> Place {
        Place::Environment
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretString>, SecretsError> {
        Ok(self.0.get(&variable(id.as_str())).cloned())
    }

    async fn put(&self, id: &SecretId, _: SecretString) -> Result<(), SecretsError> {
        let variable = variable(id.as_str());
        Err(Self::read_only(format!("set {variable} where the program is started")))
    }

    async fn delete(&self, id: &SecretId) -> Result<bool, SecretsError> {
        // The general key is shown by the name of its variable, so it is asked for by that.
        let variable = match id.as_str() {
            ANY_TELNYX_KEY => ANY_TELNYX_KEY.to_owned(),
            name => variable(name),
        };
        match self.0.contains_key(&variable) {
            true => Err(Self::read_only(format!(
                "take {variable} away where the program is started"
            ))),
            false => Ok(false),
        }
    }

    /// Names as a variable shows them, in lower case with `-`: several names have the same variable.
    async fn list(&self) -> Result<Vec<Stored>, SecretsError> {
        let name = |variable: &String| {
            let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase().replace('_', "-");
            SecretId::new(&name).ok()
        };
        let stored = |id| Stored { id, stored_at: None };
        Ok(self.0.keys().filter_map(name).map(stored).collect())
    }

    async fn probe(&self) -> Probe {
        Probe::Available
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    fn id(name: &str) -> SecretId {
        SecretId::new(name).unwrap()
    }

    #[test]
    fn a_secret_has_a_variable_of_its_own() {
        assert_eq!(variable("telnyx-produccion"), "TIMONEL_KEY_TELNYX_PRODUCCION");
        assert_eq!(variable("cuenta.2"), "TIMONEL_KEY_CUENTA_2");
    }

    #[tokio::test]
    async fn a_secret_is_read_from_its_variable_and_no_other() {
        let variables = [
            ("TIMONEL_KEY_TELNYX_PRODUCCION", "uno"),
            ("TIMONEL_KEY_VACIA", " "),
            ("TELNYX_API_KEY", "todas"),
            ("PATH", "/bin"),
        ];
        let environment = environment(&variables);
        let found = environment.get(&id("telnyx-produccion")).await.unwrap().unwrap();
        assert_eq!(found.expose_secret(), "uno");
        assert!(environment.get(&id("vacia")).await.unwrap().is_none());
        assert!(environment.get(&id("otra")).await.unwrap().is_none());
        assert_eq!(environment.any_telnyx_key().unwrap().expose_secret(), "todas");
        let listed = environment.list().await.unwrap();
        assert_eq!(
            listed,
            [Stored {
                id: id("telnyx-produccion"),
                stored_at: None
            }]
        );
        let shown = format!("{environment:?}");
        assert!(
            !shown.contains("uno") && !shown.contains("todas") && !shown.contains("/bin"),
            "{shown}"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_changed_says_where_it_can() {
        let environment = environment(&[("TIMONEL_KEY_TELNYX", "uno")]);
        let put = environment.put(&id("telnyx"), "dos".into()).await.unwrap_err();
        let deleted = environment.delete(&id("telnyx")).await.unwrap_err();
        for error in [put, deleted] {
            assert_eq!(error.code(), "secret.read-only");
            assert!(error.to_string().contains("TIMONEL_KEY_TELNYX"), "{error}");
        }
        assert!(!environment.delete(&id("otra")).await.unwrap());
    }
}
