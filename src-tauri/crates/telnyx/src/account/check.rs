//! Whether a key opens the account, what it may do there, and whether the account can pay for calls.
//!
//! Three requests, each harmless: `whoami` (not part of the published contract, so its absence says nothing), `balance`
//! (403 says that the key lacks the right to billing, not that it is bad), and the list of TeXML applications, which a
//! rollout cannot do without.

use timonel_ports::target::Check;

use super::error::AccountError;
use super::{Account, Urgency};
use crate::api;

/// Below this available credit the proof says that it is low, in the account's own currency. It is a hint and holds
/// nothing up: what is enough depends on the traffic.
const LOW: f64 = 20.0;

/// All three checks, in this order: `account.key`, `account.balance`, `account.rights`.
pub(crate) async fn run(account: &Account) -> Vec<Check> {
    let whoami = api::whoami(account, Urgency::Target).await;
    let balance = api::balance(account, Urgency::Target).await;
    let applications = api::some_application(account, Urgency::Target).await;
    vec![
        key(account, &whoami, &balance, &applications),
        funds(&balance),
        rights(&applications),
    ]
}

fn check(code: &str, ok: bool, proof: String) -> Check {
    Check {
        code: code.to_owned(),
        ok,
        proof,
    }
}

/// Good where any of the three was answered; bad where the provider says so (401), or where all refuse it.
fn key(
    account: &Account,
    whoami: &Result<api::Whoami, AccountError>,
    balance: &Result<api::Balance, AccountError>,
    applications: &Result<Option<api::Application>, AccountError>,
) -> Check {
    let failures = [
        whoami.as_ref().err(),
        balance.as_ref().err(),
        applications.as_ref().err(),
    ];
    if let Some(bad) = failures
        .iter()
        .flatten()
        .find(|error| matches!(error, AccountError::Unauthenticated { .. }))
        // `whoami` is no part of the contract: its word counts only where nothing else was answered.
        .filter(|_| balance.is_err() && applications.is_err())
    {
        return check("account.key", false, bad.to_string());
    }
    match (whoami, balance, applications) {
        (Ok(who), _, _) => check("account.key", true, told(account, who.organization_id.as_deref())),
        (Err(_), Ok(_), _) | (Err(_), _, Ok(_)) => check("account.key", true, told(account, None)),
        (Err(_), Err(_), Err(error)) => check("account.key", false, error.to_string()),
    }
}

fn told(account: &Account, organization: Option<&str>) -> String {
    match organization {
        Some(id) => format!("{} accepts the key; organization {id}", account.place()),
        None => format!("{} accepts the key", account.place()),
    }
}

/// An empty account ends every call; a balance that the key may not see is said, and does not hold anything up.
fn funds(balance: &Result<api::Balance, AccountError>) -> Check {
    let balance = match balance {
        Ok(balance) => balance,
        Err(AccountError::Forbidden { .. }) => {
            let proof = "not known: the key lacks the right to see billing. Look at the balance in the Telnyx portal: an \
                         empty account ends every call";
            return check("account.balance", true, proof.to_owned());
        }
        Err(error) => return check("account.balance", false, error.to_string()),
    };
    let currency = balance.currency.as_deref().unwrap_or("(currency not said)");
    match balance.available() {
        None => check(
            "account.balance",
            false,
            "the answer names no available credit".to_owned(),
        ),
        Some(left) if left <= 0.0 => {
            let proof = format!("{left:.2} {currency} available: the account is empty, and calls fail. Top it up");
            check("account.balance", false, proof)
        }
        Some(left) if left < LOW => check(
            "account.balance",
            true,
            format!("{left:.2} {currency} available, which is low: an empty account ends every call"),
        ),
        Some(left) => check("account.balance", true, format!("{left:.2} {currency} available")),
    }
}

fn rights(applications: &Result<Option<api::Application>, AccountError>) -> Check {
    match applications {
        Ok(Some(_)) => check("account.rights", true, "TeXML applications can be read".to_owned()),
        Ok(None) => check(
            "account.rights",
            false,
            "the account has no TeXML application. Is this the right account's key?".to_owned(),
        ),
        Err(error) => check("account.rights", false, error.to_string()),
    }
}
