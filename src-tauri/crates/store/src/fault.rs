//! What a failed statement means, by the codes of either database.

use sqlx::postgres::PgDatabaseError;
use timonel_ports::store::StoreError;

/// SQLite's result code without its extension (<https://sqlite.org/rescode.html>).
fn primary_code(error: &sqlx::Error) -> Option<u8> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    u8::try_from(code & 0xff).ok()
}

/// PostgreSQL's SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn state(error: &sqlx::Error) -> Option<&str> {
    Some(error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// Whether the table itself says that a journal entry does not follow its writer's last one: by its trigger, or SQLite's CHECK.
pub(crate) fn does_not_follow(error: &sqlx::Error) -> bool {
    match state(error) {
        Some(state) => state == "TM001",
        None => matches!(
            error.as_database_error().and_then(|e| e.code()).as_deref(),
            Some("1811" | "275")
        ),
    }
}

/// What the databases have in common, else what `otherwise` says.
pub(crate) fn fault(place: &str, error: sqlx::Error, otherwise: impl FnOnce(sqlx::Error) -> StoreError) -> StoreError {
    let owned = place.to_owned();
    if let sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) = error
    {
        return StoreError::Unavailable {
            place: owned,
            source: error.into(),
        };
    }
    if let sqlx::Error::ColumnDecode { .. } = error {
        return StoreError::Corrupt {
            place: owned,
            detail: error.to_string(),
        };
    }
    match state(&error).map(str::to_owned) {
        Some(state) => of_server(place, &state, error, otherwise),
        None => of_file(place, error, otherwise),
    }
}

fn of_file(place: &str, error: sqlx::Error, otherwise: impl FnOnce(sqlx::Error) -> StoreError) -> StoreError {
    const BUSY: u8 = 5;
    const LOCKED: u8 = 6;
    const READONLY: u8 = 8;
    const CORRUPT: u8 = 11;
    const FULL: u8 = 13;
    const NOTADB: u8 = 26;
    let place = place.to_owned();
    match primary_code(&error) {
        Some(BUSY | LOCKED) => StoreError::Unavailable {
            place,
            source: error.into(),
        },
        Some(READONLY) => StoreError::ReadOnly {
            place,
            why: "make the file and its folder writable for this account".to_owned(),
        },
        Some(CORRUPT | NOTADB) => StoreError::Corrupt {
            place,
            detail: error.to_string(),
        },
        Some(FULL) => StoreError::Full { place },
        Some(_) | None => otherwise(error),
    }
}

fn of_server(
    place: &str,
    state: &str,
    error: sqlx::Error,
    otherwise: impl FnOnce(sqlx::Error) -> StoreError,
) -> StoreError {
    let place = place.to_owned();
    match state {
        // Connections, shutting down or starting up, too many clients, a lock or a statement that took too long.
        "53300" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "40001" | "40P01" | "25P03" => {
            StoreError::Unavailable {
                place,
                source: error.into(),
            }
        }
        connection if connection.starts_with("08") => StoreError::Unavailable {
            place,
            source: error.into(),
        },
        "25006" => StoreError::ReadOnly {
            place,
            why: "this server, or this session, takes no writes: use the address of the primary".to_owned(),
        },
        "42501" => StoreError::ReadOnly {
            place,
            why: "this account may not write here: grant it INSERT and UPDATE in the schema `timonel`".to_owned(),
        },
        "53100" => StoreError::Full { place },
        "XX001" | "XX002" => StoreError::Corrupt {
            place,
            detail: error.to_string(),
        },
        _ => otherwise(error),
    }
}
