-- What people want of a rollout, for the engine that holds its helm. `at` is by the clock of the console; `taken_at` says
-- that an engine has it, by this server's clock. A command is taken once.
CREATE TABLE timonel.command (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT   NOT NULL UNIQUE,
    rollout  TEXT   NOT NULL REFERENCES timonel.rollout (id),
    by       TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    what     BYTEA  NOT NULL,
    taken_at BIGINT,
    taken_by TEXT,
    CHECK ((taken_at IS NULL) = (taken_by IS NULL))
);

CREATE INDEX command_waiting ON timonel.command (rollout, position) WHERE taken_at IS NULL;

CREATE TRIGGER command_tells AFTER INSERT ON timonel.command
    FOR EACH STATEMENT EXECUTE FUNCTION timonel.tell();
