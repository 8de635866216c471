-- Up to where old readings (by signal) and outcomes (signal '') were put together, by the span of a row in microseconds: for
-- readings the time, for outcomes the number of the last one.
CREATE TABLE timonel.rolled_up (
    rollout TEXT    NOT NULL REFERENCES timonel.rollout (id),
    signal  TEXT    NOT NULL,
    span    BIGINT  NOT NULL CHECK (span > 0),
    through BIGINT  NOT NULL,
    PRIMARY KEY (rollout, signal, span)
);

-- Calls of a minute that are no rows of `unit` any more, by arm and by the weight under which they were assigned.
CREATE TABLE timonel.outcome_minute (
    rollout   TEXT    NOT NULL REFERENCES timonel.rollout (id),
    minute    BIGINT  NOT NULL,
    side      TEXT    NOT NULL CHECK (side IN ('stable', 'canary')),
    weight    BIGINT  NOT NULL CHECK (weight BETWEEN 0 AND 10000),
    calls     BIGINT  NOT NULL,
    failed    BIGINT  NOT NULL,
    abandoned BIGINT  NOT NULL,
    turns_ok  BIGINT  NOT NULL,
    turns_ko  BIGINT  NOT NULL,
    PRIMARY KEY (rollout, minute, side, weight)
);
