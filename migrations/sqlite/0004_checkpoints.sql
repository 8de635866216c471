-- What the journal of a rollout comes to at one of its entries, by reader, so that a start need not read all that came before.
-- Made of the journal alone: a row may be thrown away at any time, and one that does not fit its entry, its program or its
-- plan is not used.
CREATE TABLE checkpoint (
    rollout  TEXT    NOT NULL REFERENCES rollout (id),
    reader   TEXT    NOT NULL,
    position INTEGER NOT NULL,
    entry    BLOB    NOT NULL CHECK (length(entry) = 32),
    seal     BLOB    NOT NULL CHECK (length(seal) = 32),
    body     BLOB    NOT NULL,
    PRIMARY KEY (rollout, reader)
) STRICT;
