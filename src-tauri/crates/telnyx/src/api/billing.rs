//! Who the key belongs to, and whether the account can pay.

use serde::{Deserialize, Serialize};

use super::{Data, lenient};
use crate::account::{Account, AccountError, Call, Urgency};

/// Who the key belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whoami {
    /// The organization, which is the `AccountSid` of TeXML.
    #[serde(default, deserialize_with = "lenient::text")]
    pub organization_id: Option<String>,
}

/// What the account can pay with. Decimals come as texts and stay so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// What is on the account.
    #[serde(default, deserialize_with = "lenient::text")]
    pub balance: Option<String>,
    /// What may be spent: balance and credit limit.
    #[serde(default, deserialize_with = "lenient::text")]
    pub available_credit: Option<String>,
    /// What is spent and not yet booked.
    #[serde(default, deserialize_with = "lenient::text")]
    pub pending: Option<String>,
    /// ISO 4217, such as `USD`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub currency: Option<String>,
}

impl Balance {
    /// What may be spent as a number, or the plain balance where that is not said; `None` where neither is a number.
    pub fn available(&self) -> Option<f64> {
        let said = self.available_credit.as_deref().or(self.balance.as_deref())?;
        said.trim().parse().ok().filter(|value: &f64| value.is_finite())
    }
}

/// Who the key belongs to (`GET /v2/whoami`). Not in the published contract: `Missing` says nothing about the key.
pub async fn whoami(account: &Account, urgency: Urgency) -> Result<Whoami, AccountError> {
    let call = Call::get("/v2/whoami");
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}

/// What the account can pay with (`GET /v2/balance`). `Forbidden` where the key lacks the right to billing.
pub async fn balance(account: &Account, urgency: Urgency) -> Result<Balance, AccountError> {
    let call = Call::get("/v2/balance");
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}
