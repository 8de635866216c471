-- As sqlite/0001; what differs is said where it does. Every integer is a BIGINT, so that one program reads both.
-- Times are microseconds since 1970 (UTC), ids are text, hashes and journal entries are the bytes as they were hashed.
-- Once released, a migration is never edited: a change is a new file.

-- The chains of all writers. `position` is the order in which this store got them. Everything but `hash` and `bytes`
-- repeats what `bytes` says, for searching.
CREATE TABLE timonel.journal (
    position    BIGINT PRIMARY KEY,
    writer      TEXT   NOT NULL,
    seq         BIGINT NOT NULL CHECK (seq > 0),
    previous    BYTEA  NOT NULL CHECK (octet_length(previous) = 32),
    hash        BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    occurred_at BIGINT NOT NULL,
    rollout     TEXT,
    kind        TEXT   NOT NULL,
    bytes       BYTEA  NOT NULL,
    UNIQUE (writer, seq)
);

CREATE INDEX journal_rollout ON timonel.journal (rollout, position);

CREATE SEQUENCE timonel.journal_position OWNED BY timonel.journal.position;

-- Positions are given one transaction after the other, in the order of their commits: whoever reads on from the last
-- position that it saw would for ever miss an entry with a smaller one that is committed later. The lock ends only once
-- the commit can be seen, and each query of a function like this sees what was committed before it began.
CREATE FUNCTION timonel.journal_in_order() RETURNS trigger LANGUAGE plpgsql SET search_path = timonel AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('timonel.journal'::regclass::oid::bigint);
    IF EXISTS (SELECT 1 FROM journal WHERE writer = NEW.writer AND seq = NEW.seq) THEN
        RETURN NULL;
    END IF;
    IF NEW.seq = 1 AND NEW.previous <> decode(repeat('00', 32), 'hex')
        OR NEW.seq > 1 AND NOT EXISTS (
            SELECT 1 FROM journal WHERE writer = NEW.writer AND seq = NEW.seq - 1 AND hash = NEW.previous
        )
    THEN
        RAISE EXCEPTION USING ERRCODE = 'TM001', MESSAGE = 'the entry before it is not in the journal';
    END IF;
    NEW.position := nextval('journal_position');
    RETURN NEW;
END;
$$;

CREATE TRIGGER journal_in_order BEFORE INSERT ON timonel.journal
    FOR EACH ROW EXECUTE FUNCTION timonel.journal_in_order();

CREATE FUNCTION timonel.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'TM002', MESSAGE = TG_ARGV[0];
END;
$$;

CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON timonel.journal
    FOR EACH STATEMENT EXECUTE FUNCTION timonel.refuse('the journal is append-only');

-- Wakes whoever listens, once the commit can be seen.
CREATE FUNCTION timonel.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('timonel', TG_TABLE_NAME);
    RETURN NULL;
END;
$$;

CREATE TRIGGER journal_tells AFTER INSERT ON timonel.journal
    FOR EACH STATEMENT EXECUTE FUNCTION timonel.tell();

-- Plan files as they were. A change makes a new revision.
CREATE TABLE timonel.plan_revision (
    plan     TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    hash     BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    text     TEXT   NOT NULL,
    PRIMARY KEY (plan, revision)
);

CREATE TABLE timonel.rollout (
    id          TEXT   NOT NULL PRIMARY KEY,
    plan        TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    opened_at   BIGINT NOT NULL,
    closed_at   BIGINT,
    FOREIGN KEY (plan, revision) REFERENCES timonel.plan_revision (plan, revision)
);

-- Readings. `total` is the number of units, observations or occurrences since `since`; `level` and `sum` are
-- millionths of the metric's unit; `buckets` is [[inclusive upper bound in millionths or null, observations], …].
CREATE TABLE timonel.sample (
    rollout TEXT   NOT NULL REFERENCES timonel.rollout (id),
    signal  TEXT   NOT NULL,
    as_of   BIGINT NOT NULL,
    side    TEXT   NOT NULL CHECK (side IN ('stable', 'canary', 'whole')),
    kind    TEXT   NOT NULL CHECK (kind IN ('ratio', 'distribution', 'count', 'level')),
    since   BIGINT,
    bad     BIGINT,
    total   BIGINT,
    level   BIGINT,
    sum     BIGINT,
    buckets TEXT,
    PRIMARY KEY (rollout, signal, as_of, side)
);

-- Units in the order in which the judge was given them, with the canary's weight in force in hundredths of a percent.
-- A batch (order_observed = 0) is what a signal counted between two readings. A single call (order_observed = 1) has
-- `total` 1, `bad` 1 where it failed, and its start and end in `since` and `as_of`; latencies are in microseconds.
CREATE TABLE timonel.unit (
    rollout           TEXT   NOT NULL REFERENCES timonel.rollout (id),
    seq               BIGINT NOT NULL CHECK (seq > 0),
    order_observed    BIGINT NOT NULL CHECK (order_observed IN (0, 1)),
    weight            BIGINT NOT NULL CHECK (weight BETWEEN 0 AND 10000),
    side              TEXT   NOT NULL CHECK (side IN ('stable', 'canary', 'whole')),
    since             BIGINT NOT NULL,
    as_of             BIGINT NOT NULL,
    bad               BIGINT NOT NULL,
    total             BIGINT NOT NULL,
    signal            TEXT,
    call              TEXT,
    tenant            TEXT,
    abandoned         BIGINT,
    turns_ok          BIGINT,
    turns_ko          BIGINT,
    turn_latency_max  BIGINT,
    turn_latency_mean BIGINT,
    PRIMARY KEY (rollout, seq),
    CHECK ((order_observed = 0) = (signal IS NOT NULL)),
    CHECK ((order_observed = 1) = (call IS NOT NULL))
);

-- A call counts once.
CREATE UNIQUE INDEX unit_call ON timonel.unit (rollout, call) WHERE call IS NOT NULL;

-- One row: who may raise a weight.
CREATE TABLE timonel.helm (
    id     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch  BIGINT NOT NULL,
    holder TEXT,
    since  BIGINT,
    CHECK ((holder IS NULL) = (since IS NULL))
);

INSERT INTO timonel.helm (id, epoch) VALUES (1, 0);

CREATE TRIGGER helm_epoch_grows BEFORE UPDATE ON timonel.helm
    FOR EACH ROW WHEN (NEW.epoch < OLD.epoch) EXECUTE FUNCTION timonel.refuse('the epoch of the helm only grows');

CREATE TRIGGER helm_stays BEFORE DELETE OR TRUNCATE ON timonel.helm
    FOR EACH STATEMENT EXECUTE FUNCTION timonel.refuse('the helm is never removed');
