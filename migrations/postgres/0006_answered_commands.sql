-- `put_at` says when a command came here, by this server's clock: how old it is decides whether it is still obeyed.
-- `answered_at` says that what became of it is in the journal; until then it is given again to whoever has the helm.
ALTER TABLE timonel.command ADD COLUMN put_at BIGINT;
ALTER TABLE timonel.command ADD COLUMN answered_at BIGINT;

-- What was taken before was taken once and for all.
UPDATE timonel.command SET answered_at = taken_at WHERE taken_at IS NOT NULL;

DROP INDEX timonel.command_waiting;
CREATE INDEX command_waiting ON timonel.command (rollout, position) WHERE answered_at IS NULL;
