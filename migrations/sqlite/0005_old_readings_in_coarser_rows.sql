-- Up to where old readings (by signal) and outcomes (signal '') were put together, by the span of a row in microseconds: for
-- readings the time, for outcomes the number of the last one.
CREATE TABLE rolled_up (
    rollout TEXT    NOT NULL REFERENCES rollout (id),
    signal  TEXT    NOT NULL,
    span    INTEGER NOT NULL CHECK (span > 0),
    through INTEGER NOT NULL,
    PRIMARY KEY (rollout, signal, span)
) STRICT, WITHOUT ROWID;

-- Calls of a minute that are no rows of `unit` any more, by arm and by the weight under which they were assigned.
CREATE TABLE outcome_minute (
    rollout   TEXT    NOT NULL REFERENCES rollout (id),
    minute    INTEGER NOT NULL,
    side      TEXT    NOT NULL CHECK (side IN ('stable', 'canary')),
    weight    INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 10000),
    calls     INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    turns_ok  INTEGER NOT NULL,
    turns_ko  INTEGER NOT NULL,
    PRIMARY KEY (rollout, minute, side, weight)
) STRICT, WITHOUT ROWID;
