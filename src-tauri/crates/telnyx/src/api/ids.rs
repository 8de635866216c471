//! Ids as the provider gives them. Opaque: some are 19 digits, which no JSON number holds, some are UUIDs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// An id as a plan or the provider writes it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A connection of any kind. A TeXML application is one: its id is what a number's `connection_id` names.
    ConnectionId
}
id! {
    /// A phone number of the account; not the number itself.
    NumberId
}
id! {
    /// A background job on numbers.
    JobId
}
