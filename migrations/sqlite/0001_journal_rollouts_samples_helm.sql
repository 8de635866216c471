-- Times are microseconds since 1970 (UTC), ids are text, hashes and journal entries are the bytes as they were hashed.
-- Once released, a migration is never edited: a change is a new file.

-- The chains of all writers. `position` is the order in which this store got them; rows are never deleted, so it only
-- grows without AUTOINCREMENT. Everything but `hash` and `bytes` repeats what `bytes` says, for searching.
CREATE TABLE journal (
    position    INTEGER PRIMARY KEY,
    writer      TEXT    NOT NULL,
    seq         INTEGER NOT NULL CHECK (seq > 0),
    previous    BLOB    NOT NULL CHECK (length(previous) = 32),
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    occurred_at INTEGER NOT NULL,
    rollout     TEXT,
    kind        TEXT    NOT NULL,
    bytes       BLOB    NOT NULL,
    UNIQUE (writer, seq),
    CHECK (seq > 1 OR previous = zeroblob(32))
) STRICT;

CREATE INDEX journal_rollout ON journal (rollout, position);

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

-- The first case keeps INSERT OR REPLACE from writing over an entry: that deletes without asking the trigger above.
CREATE TRIGGER journal_in_order BEFORE INSERT ON journal
BEGIN
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM journal WHERE writer = NEW.writer AND seq = NEW.seq)
          OR EXISTS (SELECT 1 FROM journal WHERE position = NEW.position)
        THEN RAISE(IGNORE)
        WHEN NEW.seq > 1 AND NOT EXISTS (
            SELECT 1 FROM journal WHERE writer = NEW.writer AND seq = NEW.seq - 1 AND hash = NEW.previous
        )
        THEN RAISE(ABORT, 'the entry before it is not in the journal')
    END;
END;

-- Plan files as they were. A change makes a new revision.
CREATE TABLE plan_revision (
    plan     TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    text     TEXT    NOT NULL,
    PRIMARY KEY (plan, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollout (
    id          TEXT    NOT NULL PRIMARY KEY,
    plan        TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    environment TEXT    NOT NULL,
    opened_at   INTEGER NOT NULL,
    closed_at   INTEGER,
    FOREIGN KEY (plan, revision) REFERENCES plan_revision (plan, revision)
) STRICT, WITHOUT ROWID;

-- Readings. `total` is the number of units, observations or occurrences since `since`; `level` and `sum` are
-- millionths of the metric's unit; `buckets` is [[inclusive upper bound in millionths or null, observations], …].
CREATE TABLE sample (
    rollout TEXT    NOT NULL REFERENCES rollout (id),
    signal  TEXT    NOT NULL,
    as_of   INTEGER NOT NULL,
    side    TEXT    NOT NULL CHECK (side IN ('stable', 'canary', 'whole')),
    kind    TEXT    NOT NULL CHECK (kind IN ('ratio', 'distribution', 'count', 'level')),
    since   INTEGER,
    bad     INTEGER,
    total   INTEGER,
    level   INTEGER,
    sum     INTEGER,
    buckets TEXT,
    PRIMARY KEY (rollout, signal, as_of, side)
) STRICT, WITHOUT ROWID;

-- Units in the order in which the judge was given them, with the canary's weight in force in hundredths of a percent.
-- A batch (order_observed = 0) is what a signal counted between two readings. A single call (order_observed = 1) has
-- `total` 1, `bad` 1 where it failed, and its start and end in `since` and `as_of`; latencies are in microseconds.
CREATE TABLE unit (
    rollout           TEXT    NOT NULL REFERENCES rollout (id),
    seq               INTEGER NOT NULL CHECK (seq > 0),
    order_observed    INTEGER NOT NULL CHECK (order_observed IN (0, 1)),
    weight            INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 10000),
    side              TEXT    NOT NULL CHECK (side IN ('stable', 'canary', 'whole')),
    since             INTEGER NOT NULL,
    as_of             INTEGER NOT NULL,
    bad               INTEGER NOT NULL,
    total             INTEGER NOT NULL,
    signal            TEXT,
    call              TEXT,
    tenant            TEXT,
    abandoned         INTEGER,
    turns_ok          INTEGER,
    turns_ko          INTEGER,
    turn_latency_max  INTEGER,
    turn_latency_mean INTEGER,
    PRIMARY KEY (rollout, seq),
    CHECK ((order_observed = 0) = (signal IS NOT NULL)),
    CHECK ((order_observed = 1) = (call IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- A call counts once.
CREATE UNIQUE INDEX unit_call ON unit (rollout, call) WHERE call IS NOT NULL;

-- One row: who may raise a weight.
CREATE TABLE helm (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch  INTEGER NOT NULL,
    holder TEXT,
    since  INTEGER,
    CHECK ((holder IS NULL) = (since IS NULL))
) STRICT;

INSERT INTO helm (id, epoch) VALUES (1, 0);

CREATE TRIGGER helm_epoch_grows BEFORE UPDATE ON helm WHEN NEW.epoch < OLD.epoch
BEGIN
    SELECT RAISE(ABORT, 'the epoch of the helm only grows');
END;

CREATE TRIGGER helm_stays BEFORE DELETE ON helm
BEGIN
    SELECT RAISE(ABORT, 'the helm is never removed');
END;
