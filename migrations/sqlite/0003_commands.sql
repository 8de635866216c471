-- What people want of a rollout, for the engine that holds its helm. `at` is by the clock of the console; `taken_at` says
-- that an engine has it, and by whose clock is nobody's business. A command is taken once.
CREATE TABLE command (
    position INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    rollout  TEXT    NOT NULL REFERENCES rollout (id),
    by       TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    what     BLOB    NOT NULL,
    taken_at INTEGER,
    taken_by TEXT,
    CHECK ((taken_at IS NULL) = (taken_by IS NULL))
) STRICT;

CREATE INDEX command_waiting ON command (rollout, position) WHERE taken_at IS NULL;
