-- `put_at` says when a command came here, by this store's clock: how old it is decides whether it is still obeyed. `answered_at`
-- says that what became of it is in the journal; until then it is given again to whoever has the helm.
ALTER TABLE command ADD COLUMN put_at INTEGER;
ALTER TABLE command ADD COLUMN answered_at INTEGER;

-- What was taken before was taken once and for all.
UPDATE command SET answered_at = taken_at WHERE taken_at IS NOT NULL;

DROP INDEX command_waiting;
CREATE INDEX command_waiting ON command (rollout, position) WHERE answered_at IS NULL;
