//! One connection of either database, and what goes over it: a statement with arguments, rows with columns.
//!
//! Two concrete pools and no `sqlx::Any`: each keeps its own types, prepared statements and errors.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Type};
use timonel_ports::clock::{SharedClock, within};

/// How long a server may take to answer one statement. A file answers or fails by itself.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// The connections of a store that is open.
#[derive(Debug)]
pub(crate) enum Pools {
    /// Everything is written through one connection, in the order of asking: writers that wait for each other inside
    /// SQLite sleep up to 100 ms at a time, and a journal entry must not.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    /// The journal has a connection of its own, so that no reading of a screen keeps an entry waiting.
    Postgres { journal: PgPool, others: PgPool },
}

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// To append to the journal.
    Append,
    /// To write anything else.
    Write,
    /// To read.
    Read,
}

impl Pools {
    pub(crate) async fn link(&self, errand: Errand, clock: &SharedClock) -> Result<Link, sqlx::Error> {
        match self {
            Self::Sqlite { writer, readers } => {
                let pool = match errand {
                    Errand::Append | Errand::Write => writer,
                    Errand::Read => readers,
                };
                Ok(Link::new(Line::Sqlite(pool.acquire().await?), clock))
            }
            Self::Postgres { journal, others } => {
                let pool = match errand {
                    Errand::Append => journal,
                    Errand::Write | Errand::Read => others,
                };
                let line = answered(clock, pool.acquire()).await?;
                Ok(Link::new(Line::Postgres(line), clock))
            }
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                writer.close().await;
                readers.close().await;
            }
            Self::Postgres { journal, others } => {
                journal.close().await;
                others.close().await;
            }
        }
    }
}

/// One argument of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(&'a [u8]),
}

impl From<i64> for Arg<'_> {
    fn from(n: i64) -> Self {
        Self::Integer(Some(n))
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(n: Option<i64>) -> Self {
        Self::Integer(n)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// A row of either database.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// A column: `i64`, `&str`, `&[u8]`, or an `Option` of one.
    pub(crate) fn get<'r, T>(&'r self, column: &str) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    clock: SharedClock,
    line: Line,
    /// A transaction is open. Where the link is dropped meanwhile, its connection is closed, which takes it back.
    open: bool,
    /// A server was asked and has not answered. A caller that waits no longer must not leave its pool waiting.
    asking: bool,
}

#[derive(Debug)]
enum Line {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// The statement with its arguments, for whichever database it then runs on.
macro_rules! bound {
    ($sql:expr, $args:expr) => {
        $args.iter().fold(sqlx::query($sql), |query, arg| match *arg {
            Arg::Integer(n) => query.bind(n),
            Arg::Text(text) => query.bind(text),
            Arg::Bytes(bytes) => query.bind(bytes),
        })
    };
}

impl Link {
    fn new(line: Line, clock: &SharedClock) -> Self {
        Self {
            clock: clock.clone(),
            line,
            open: false,
            asking: false,
        }
    }

    /// Runs a statement and gives the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, sqlx::Error> {
        match &mut self.line {
            Line::Sqlite(line) => Ok(bound!(sql, args).execute(&mut **line).await?.rows_affected()),
            Line::Postgres(line) => {
                self.asking = true;
                let done = answered(&self.clock, bound!(sql, args).execute(&mut **line)).await;
                self.asking = false;
                Ok(heard(line, done)?.rows_affected())
            }
        }
    }

    /// Runs a statement and gives all its rows.
    pub(crate) async fn rows(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        match &mut self.line {
            Line::Sqlite(line) => {
                let rows = bound!(sql, args).fetch_all(&mut **line).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Line::Postgres(line) => {
                self.asking = true;
                let rows = answered(&self.clock, bound!(sql, args).fetch_all(&mut **line)).await;
                self.asking = false;
                Ok(heard(line, rows)?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, where there is one.
    pub(crate) async fn row(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// What follows is one transaction, until [`Link::end`].
    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        let sql = match self.line {
            Line::Sqlite(_) => "BEGIN IMMEDIATE",
            Line::Postgres(_) => "BEGIN",
        };
        self.open = true;
        self.execute(sql, &[]).await?;
        Ok(())
    }

    /// Commits where all went well, else takes everything back and gives what went wrong.
    pub(crate) async fn end<T, E>(mut self, done: Result<T, E>, failed: impl FnOnce(sqlx::Error) -> E) -> Result<T, E> {
        match done {
            Ok(value) => {
                self.execute("COMMIT", &[]).await.map_err(failed)?;
                self.open = false;
                Ok(value)
            }
            Err(error) => {
                // Where even that fails the connection is closed with the link, which takes it back as well.
                self.open = self.execute("ROLLBACK", &[]).await.is_err();
                Err(error)
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.open || self.asking {
            match &mut self.line {
                Line::Sqlite(line) => line.close_on_drop(),
                Line::Postgres(line) => line.close_on_drop(),
            }
        }
    }
}

/// Waits for a server no longer than [`ANSWER`].
pub(crate) async fn answered<T>(
    clock: &SharedClock,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    within(&**clock, ANSWER, work)
        .await
        .unwrap_or_else(|elapsed| Err(std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed).into()))
}

/// A connection on which something was lost is closed, not given back: its pool would wait for the rest of the answer.
fn heard<T>(line: &mut PoolConnection<Postgres>, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
    if matches!(outcome, Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_))) {
        line.close_on_drop();
    }
    outcome
}
