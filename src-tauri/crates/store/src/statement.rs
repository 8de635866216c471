//! The SQL, each statement once: `$N`, ON CONFLICT and nothing that only one of the databases knows.
//!
//! Writes return no rows on purpose. SQLite gives the first row of a RETURNING before it commits, and an error of
//! the commit after that is lost where nobody asks for a second row; the number of changed rows comes after it.

use std::sync::LazyLock;

pub(crate) const APPEND: &str = "
    INSERT INTO journal (writer, seq, previous, hash, occurred_at, rollout, kind, bytes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (writer, seq) DO NOTHING";

/// As [`APPEND`] for so many entries at once, the largest first: each statement of its own costs more than what it writes.
pub(crate) static APPEND_MANY: LazyLock<[(usize, String); 2]> =
    LazyLock::new(|| [64, 8].map(|rows| (rows, append_many(rows))));

fn append_many(rows: usize) -> String {
    let row = |n: usize| {
        let params: Vec<_> = (1..=APPENDED)
            .map(|column| format!("${}", n * APPENDED + column))
            .collect();
        format!("({})", params.join(", "))
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO journal (writer, seq, previous, hash, occurred_at, rollout, kind, bytes)
         VALUES {} ON CONFLICT (writer, seq) DO NOTHING",
        rows.join(", ")
    )
}

/// Columns of an entry.
const APPENDED: usize = 8;

pub(crate) const ENTRY_HASH: &str = "SELECT hash FROM journal WHERE writer = $1 AND seq = $2";

pub(crate) const HEAD: &str = "SELECT seq, hash FROM journal WHERE writer = $1 ORDER BY seq DESC LIMIT 1";

pub(crate) const ENTRIES: &str =
    "SELECT position, hash, bytes FROM journal WHERE position > $1 ORDER BY position LIMIT $2";

pub(crate) const ENTRIES_OF_ROLLOUT: &str = "
    SELECT position, hash, bytes FROM journal WHERE rollout = $3 AND position > $1 ORDER BY position LIMIT $2";

// A chain is in the order of its numbers in every store, so the index of the numbers gives the positions in order. Whoever
// pages has the position of an entry of this chain, and need not pass over all that it has read.
pub(crate) const ENTRIES_OF_WRITER: &str = "
    SELECT position, hash, bytes FROM journal
    WHERE writer = $3 AND position > $1
      AND seq > COALESCE((SELECT seq FROM journal WHERE position = $1 AND writer = $3), 0)
    ORDER BY seq LIMIT $2";

pub(crate) const PUT_PLAN: &str = "
    INSERT INTO plan_revision (plan, revision, hash, text) VALUES ($1, $2, $3, $4)
    ON CONFLICT (plan, revision) DO NOTHING";

pub(crate) const PLAN: &str = "SELECT hash, text FROM plan_revision WHERE plan = $1 AND revision = $2";

pub(crate) const PUT_ROLLOUT: &str = "
    INSERT INTO rollout (id, plan, revision, environment, opened_at, closed_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, closed_at = excluded.closed_at
    WHERE rollout.plan = excluded.plan
      AND rollout.environment = excluded.environment
      AND rollout.opened_at = excluded.opened_at";

pub(crate) const ROLLOUTS: &str = "
    SELECT id, plan, revision, environment, opened_at, closed_at FROM rollout ORDER BY opened_at DESC, id";

// A write that changes nothing, whatever becomes of the row meanwhile.
pub(crate) const TOUCH_ROLLOUT: &str = "UPDATE rollout SET revision = revision WHERE id = $1";

pub(crate) const PUT_SAMPLE: &str = "
    INSERT INTO sample (rollout, signal, as_of, side, kind, since, bad, total, level, sum, buckets)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (rollout, signal, as_of, side) DO NOTHING";

pub(crate) const SAMPLES: &str = "
    SELECT side, as_of, kind, since, bad, total, level, sum, buckets FROM sample
    WHERE rollout = $1 AND signal = $2 AND as_of >= $3 AND as_of < $4
    ORDER BY as_of, side";

pub(crate) const PUT_UNIT: &str = "
    INSERT INTO unit (rollout, seq, order_observed, weight, side, since, as_of, bad, total, signal, call, tenant,
                      abandoned, turns_ok, turns_ko, turn_latency_max, turn_latency_mean)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (rollout, seq) DO NOTHING";

pub(crate) const UNITS: &str = "
    SELECT seq, weight, side, since, as_of, bad, total, signal, call, tenant, abandoned, turns_ok, turns_ko,
           turn_latency_max, turn_latency_mean
    FROM unit WHERE rollout = $1 AND seq > $2 ORDER BY seq LIMIT $3";

pub(crate) const LAST_UNIT: &str = "SELECT seq FROM unit WHERE rollout = $1 ORDER BY seq DESC LIMIT 1";

pub(crate) const PUT_CHECKPOINT: &str = "
    INSERT INTO checkpoint (rollout, reader, position, entry, seal, body) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (rollout, reader) DO UPDATE
    SET position = excluded.position, entry = excluded.entry, seal = excluded.seal, body = excluded.body";

pub(crate) const CHECKPOINT: &str =
    "SELECT position, entry, seal, body FROM checkpoint WHERE rollout = $1 AND reader = $2";

pub(crate) const COUNT_ENTRIES: &str = "SELECT COUNT(*) FROM journal";

pub(crate) const HELM: &str = "SELECT epoch, holder, since, until FROM helm WHERE rollout = $1";

pub(crate) const NEW_HELM: &str = "
    INSERT INTO helm (rollout, epoch) VALUES ($1, 0)
    ON CONFLICT (rollout) DO NOTHING";

pub(crate) const SET_EPOCH: &str = "
    INSERT INTO helm (rollout, epoch) VALUES ($1, $2)
    ON CONFLICT (rollout) DO UPDATE SET epoch = excluded.epoch";

// Only where nobody has taken or renewed it since it was looked at.
pub(crate) const TAKE_HELM: &str = "
    UPDATE helm SET epoch = $7, holder = $2, since = $3, until = $4
    WHERE rollout = $1 AND epoch = $5 AND COALESCE(until, 0) = $6";

// Targets bear marks of epochs and know no rollouts: the epochs of the next one go on where those of the last one ended.
pub(crate) const LAST_EPOCH: &str = "SELECT MAX(epoch) AS epoch FROM helm";

pub(crate) const RENEW_HELM: &str = "
    UPDATE helm SET until = $4 WHERE rollout = $1 AND holder = $2 AND epoch = $3";

pub(crate) const RELEASE_HELM: &str = "
    UPDATE helm SET holder = NULL, since = NULL, until = NULL WHERE rollout = $1 AND holder = $2 AND epoch = $3";

/// PostgreSQL alone: the time by the server's own clock, which is the same for all who ask it.
pub(crate) const SERVERS_NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now";

pub(crate) const PUT_COMMAND: &str = "
    INSERT INTO command (id, rollout, by, at, what, put_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO NOTHING";

pub(crate) const WAITING_COMMANDS: &str = "
    SELECT id, by, at, what, put_at FROM command WHERE rollout = $1 AND answered_at IS NULL ORDER BY position LIMIT $2";

// By whoever has the helm, even where its lease has run out and nobody else has taken it.
pub(crate) const TAKE_COMMAND: &str = "
    UPDATE command SET taken_at = $4, taken_by = $3
    WHERE id = $1 AND answered_at IS NULL
      AND EXISTS (SELECT 1 FROM helm WHERE helm.rollout = $2 AND helm.holder = $3)";

// Not by one that lost the helm meanwhile: what that wrote down may count for nothing.
pub(crate) const ANSWER_COMMAND: &str = "
    UPDATE command SET answered_at = $4
    WHERE id = $1 AND answered_at IS NULL
      AND EXISTS (SELECT 1 FROM helm WHERE helm.rollout = $2 AND helm.holder = $3)";

// What nobody has taken nobody takes any more: both look at the same row, and one of them is first.
pub(crate) const WITHDRAW_COMMAND: &str = "
    UPDATE command SET answered_at = $3
    WHERE id = $1 AND rollout = $2 AND taken_at IS NULL AND answered_at IS NULL";

pub(crate) const ROLLED_THROUGH: &str =
    "SELECT through FROM rolled_up WHERE rollout = $1 AND signal = $2 AND span = $3";

pub(crate) const PUT_ROLLED_THROUGH: &str = "
    INSERT INTO rolled_up (rollout, signal, span, through) VALUES ($1, $2, $3, $4)
    ON CONFLICT (rollout, signal, span) DO UPDATE SET through = excluded.through";

pub(crate) const FIRST_SAMPLE: &str = "
    SELECT as_of FROM sample WHERE rollout = $1 AND signal = $2 AND as_of >= $3 ORDER BY as_of LIMIT 1";

pub(crate) const REMOVE_SAMPLES: &str = "
    DELETE FROM sample WHERE rollout = $1 AND signal = $2 AND as_of >= $3 AND as_of < $4";

pub(crate) const REMOVE_UNITS: &str = "DELETE FROM unit WHERE rollout = $1 AND seq > $2 AND seq <= $3";

pub(crate) const ADD_MINUTE: &str = "
    INSERT INTO outcome_minute (rollout, minute, side, weight, calls, failed, abandoned, turns_ok, turns_ko)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (rollout, minute, side, weight) DO UPDATE
    SET calls = outcome_minute.calls + excluded.calls, failed = outcome_minute.failed + excluded.failed,
        abandoned = outcome_minute.abandoned + excluded.abandoned, turns_ok = outcome_minute.turns_ok + excluded.turns_ok,
        turns_ko = outcome_minute.turns_ko + excluded.turns_ko";

pub(crate) const PAGES: &str = "
    SELECT page_count * page_size AS whole, freelist_count * page_size AS unused
    FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";

pub(crate) const TABLES_OF_FILE: &str = "
    SELECT coalesce(m.tbl_name, s.name) AS name, sum(s.pgsize) AS bytes
    FROM dbstat AS s LEFT JOIN sqlite_master AS m ON m.name = s.name
    WHERE s.aggregate = TRUE GROUP BY 1";

pub(crate) const TABLES_OF_SERVER: &str = "
    SELECT c.relname::text AS name, pg_total_relation_size(c.oid) AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'timonel' AND c.relkind = 'r'";
