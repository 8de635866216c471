-- Who may raise the weights of a rollout, and until when unless it is renewed. Epochs go on from where the one helm of the
-- installation stood: targets bear marks of it.
ALTER TABLE helm RENAME TO helm_of_all;

CREATE TABLE helm (
    rollout TEXT    NOT NULL PRIMARY KEY REFERENCES rollout (id),
    epoch   INTEGER NOT NULL,
    holder  TEXT,
    since   INTEGER,
    until   INTEGER,
    CHECK ((holder IS NULL) = (since IS NULL)),
    CHECK ((holder IS NULL) = (until IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO helm (rollout, epoch) SELECT rollout.id, helm_of_all.epoch FROM rollout, helm_of_all;

DROP TRIGGER helm_stays;
DROP TRIGGER helm_epoch_grows;
DROP TABLE helm_of_all;

CREATE TRIGGER helm_epoch_grows BEFORE UPDATE ON helm WHEN NEW.epoch < OLD.epoch
BEGIN
    SELECT RAISE(ABORT, 'the epoch of the helm only grows');
END;

CREATE TRIGGER helm_stays BEFORE DELETE ON helm
BEGIN
    SELECT RAISE(ABORT, 'the helm is never removed');
END;
