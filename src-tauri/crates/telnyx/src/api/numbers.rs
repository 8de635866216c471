//! Phone numbers: which are on a connection.
//!
//! Deliberately not here: changing one of them. Every move is a job (`jobs`), which another process can take up.

use serde::{Deserialize, Serialize};

use super::{ConnectionId, NumberId, lenient};
use crate::account::{Account, AccountError, Call, Item, List, PAGE, Page, Urgency, page, whole};

/// A phone number of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// The number itself in E.164, such as `+34910000101`.
    #[serde(rename = "phone_number", alias = "e164")]
    pub e164: String,
    /// The connection that its calls go to; `None` where it has none.
    #[serde(default, deserialize_with = "lenient::connection")]
    pub connection_id: Option<ConnectionId>,
    /// Free words.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tags: Vec<String>,
}

impl Item for Number {
    fn key(&self) -> &str {
        self.id.as_str()
    }
}

/// All numbers on a connection (`GET /v2/phone_numbers/slim`, every page), sorted by number so that pages do not shift
/// while numbers come and go; see [`List::steady`].
pub async fn numbers_on(
    account: &Account,
    urgency: Urgency,
    connection: &ConnectionId,
) -> Result<List<Number>, AccountError> {
    whole(account, urgency, &on(connection)).await
}

/// The first page of [`numbers_on`], which says how many there are.
pub async fn first_numbers_on(
    account: &Account,
    urgency: Urgency,
    connection: &ConnectionId,
) -> Result<Page<Number>, AccountError> {
    page(account, urgency, on(connection), 1, PAGE).await
}

fn on(connection: &ConnectionId) -> Call {
    Call::get("/v2/phone_numbers/slim")
        .query("filter[connection_id]", connection.as_str())
        .query("include_tags", "true")
        .query("sort", "phone_number")
}
