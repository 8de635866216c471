//! `credential`: keys of accounts are stored, listed, tried at their provider and taken away. A key is read from the terminal
//! without echo or from a pipe, never from an argument, where every process of the machine could read it; none is ever printed.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use timonel_bridge::credentials::{CredentialError, CredentialInfo, Credentials, Keep};
use timonel_bridge::words::Words;
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::{Place, SecretId};

use crate::args::Folder;
use crate::{Failure, files};

/// More than any key has; a file that somebody pipes by mistake ends here.
const MOST: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Store a key under a name. It is read from the terminal without echo, or from a pipe.
    Set {
        /// The name that plans write, such as telnyx-produccion. Never the key.
        name: String,
        /// Where; by default in the keychain, or in the file where this program was built without one.
        #[arg(long = "in")]
        place: Option<In>,
        #[command(flatten)]
        folder: Folder,
    },
    /// Which credentials there are, where, and since when. Never a value.
    List {
        #[command(flatten)]
        folder: Folder,
    },
    /// Try a credential at the account of a plan: whose it is, its rights, what is left. Writes nothing.
    Test {
        /// Its name.
        name: String,
        /// The plan whose account is asked.
        #[arg(long)]
        plan: PathBuf,
        /// The plan's environment.
        #[arg(long)]
        environment: Option<String>,
        #[command(flatten)]
        folder: Folder,
    },
    /// Take a credential away from wherever it is kept.
    Delete {
        /// Its name.
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
}

/// Where a credential can be kept beyond the end of this program.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum In {
    /// The keychain of the desk.
    Keychain,
    /// The file credentials.json of the installation, which only its owner may read.
    File,
}

pub(crate) async fn credential(command: CredentialCommand, words: &Words) -> Result<(), Failure> {
    match command {
        CredentialCommand::Set { name, place, folder } => set(&id(&name, words)?, place, &at(&folder), words).await,
        CredentialCommand::List { folder } => list(&at(&folder), words).await,
        CredentialCommand::Test {
            name,
            plan,
            environment,
            folder,
        } => {
            let name = id(&name, words)?;
            let plan = files::plan(&plan)?.value;
            let environment = environment.unwrap_or_else(|| plan.plan.environment.clone());
            let plan = plan.in_environment(&environment).map_err(|error| {
                complain!("timonelctl: {error}");
                Failure::BadInput
            })?;
            let checks = at(&folder).test_in(&name, &plan).await;
            let checks = checks.map_err(|error| failed(&error, words))?;
            for check in &checks {
                tell!("{} {:22} {}", if check.ok { "✓" } else { "✗" }, check.code, check.proof);
            }
            if checks.iter().all(|check| check.ok) {
                Ok(())
            } else {
                Err(Failure::NotAsItShould)
            }
        }
        CredentialCommand::Delete { name, folder } => {
            let name = id(&name, words)?;
            let was_in = at(&folder).delete(&name).await;
            for place in was_in.map_err(|error| failed(&error, words))? {
                let values = [("name", name.to_string()), ("place", in_words(&place, words))];
                tell!("{}", words.say("credential-deleted", &values));
            }
            Ok(())
        }
    }
}

fn at(folder: &Folder) -> Credentials {
    Credentials::of_installation(&folder.path())
}

/// Not parsed with the arguments: their parser repeats what it refuses, and that may be a key.
fn id(name: &str, words: &Words) -> Result<SecretId, Failure> {
    SecretId::new(name).map_err(|_| {
        complain!("timonelctl: {}", words.say("credential-bad-name", &[]));
        Failure::BadInput
    })
}

async fn set(name: &SecretId, place: Option<In>, credentials: &Credentials, words: &Words) -> Result<(), Failure> {
    let secret = read(name, words)?;
    let kept = match place {
        None => credentials.put(name, secret).await,
        Some(In::Keychain) => credentials.put_in(Keep::Keychain, name, secret).await,
        Some(In::File) => credentials.put_in(Keep::File, name, secret).await,
    };
    let place = kept.map_err(|error| failed(&error, words))?;
    let values = [("name", name.to_string()), ("place", in_words(&place, words))];
    tell!("{}", words.say("credential-kept", &values));
    let before = credentials.list().await;
    if let Some(other) = before
        .iter()
        .find(|c| c.name == *name && c.in_force && c.place != place)
    {
        let values = [("name", name.to_string()), ("place", in_words(&other.place, words))];
        complain!("timonelctl: {}", words.say("credential-shadowed", &values));
    }
    Ok(())
}

fn read(name: &SecretId, words: &Words) -> Result<SecretString, Failure> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(words.say("credential-prompt", &[("name", name.to_string())])).map(Zeroizing::new)
    } else {
        let mut text = Zeroizing::new(String::new());
        let read = std::io::stdin().lock().take(MOST).read_to_string(&mut text);
        read.map(|_| text)
    };
    // A key has no blanks at its ends; a line that somebody copied has.
    Ok(text?.trim().into())
}

async fn list(credentials: &Credentials, words: &Words) -> Result<(), Failure> {
    let listed = credentials.list().await;
    if listed.is_empty() {
        tell!("{}", words.say("credential-none", &[]));
    }
    for credential in &listed {
        tell!("{}", line(credential, words));
    }
    // A place that cannot even be listed would otherwise look empty.
    let mut good = true;
    for place in credentials.probe().await {
        let shown = listed.iter().any(|c| c.place == place.place);
        let matters = shown || matches!(place.place, Place::File(_));
        if matters && !place.state.advice().is_empty() {
            good = false;
            complain!("timonelctl: {}", place.state.advice());
        }
    }
    if good { Ok(()) } else { Err(Failure::NotAsItShould) }
}

fn line(credential: &CredentialInfo, words: &Words) -> String {
    let age = match credential.stored_at {
        None => words.say("credential-no-age", &[]),
        Some(at) => {
            let days = SystemClock::shared().now().since(at).as_secs() / 86_400;
            words.say("credential-age", &[("at", at.to_string()), ("days", days.to_string())])
        }
    };
    let place = in_words(&credential.place, words);
    let state = words.say(state_key(credential), &[]);
    let sign = if credential.in_force { "✓" } else { "·" };
    format!("{sign} {:24} {place} · {age} · {state}", credential.name.as_str())
}

fn state_key(credential: &CredentialInfo) -> &'static str {
    match credential.state.code() {
        "locked" => "credential-state-locked",
        "absent" => "credential-state-absent",
        "denied" => "credential-state-denied",
        "silent" => "credential-state-silent",
        _ if credential.missing => "credential-state-missing",
        _ if credential.in_force => "credential-state-in-force",
        _ => "credential-state-spare",
    }
}

fn in_words(place: &Place, words: &Words) -> String {
    match place {
        Place::Environment => words.say("place-environment", &[]),
        Place::Session => words.say("place-session", &[]),
        Place::Keychain => words.say("place-keychain", &[]),
        Place::File(path) => words.say("place-file", &[("path", path.display().to_string())]),
    }
}

/// Says what went wrong in the person's language, and then what was seen.
fn failed(error: &CredentialError, words: &Words) -> Failure {
    let key = match error.code() {
        "secret.locked" => "credential-locked",
        "secret.absent" => "credential-absent",
        "secret.denied" => "credential-denied",
        "secret.silent" => "credential-silent",
        "secret.read-only" => "credential-read-only",
        "secret.size" => "credential-size",
        "secret.damaged" => "credential-damaged",
        "secret.system" => "credential-system",
        "credential.unknown" => "credential-unknown",
        "credential.no-keychain" => "credential-no-keychain",
        "credential.unused" => "credential-unused",
        _ => "credential-account",
    };
    complain!("timonelctl: {}", words.say(key, &[("said", error.to_string())]));
    match error {
        CredentialError::Unknown { .. } | CredentialError::Unused { .. } | CredentialError::NoKeychain => {
            Failure::BadInput
        }
        CredentialError::Place(_) | CredentialError::Account(_) => Failure::NotAsItShould,
    }
}
