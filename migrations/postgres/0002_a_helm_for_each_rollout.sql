-- Who may raise the weights of a rollout, and until when by this server's clock, unless it is renewed. Epochs go on from
-- where the one helm of the installation stood: targets bear marks of it.
ALTER TABLE timonel.helm RENAME TO helm_of_all;
ALTER INDEX timonel.helm_pkey RENAME TO helm_of_all_pkey;

CREATE TABLE timonel.helm (
    rollout TEXT   NOT NULL PRIMARY KEY REFERENCES timonel.rollout (id),
    epoch   BIGINT NOT NULL,
    holder  TEXT,
    since   BIGINT,
    until   BIGINT,
    CHECK ((holder IS NULL) = (since IS NULL)),
    CHECK ((holder IS NULL) = (until IS NULL))
);

INSERT INTO timonel.helm (rollout, epoch)
    SELECT rollout.id, helm_of_all.epoch FROM timonel.rollout, timonel.helm_of_all;

DROP TABLE timonel.helm_of_all;

CREATE TRIGGER helm_epoch_grows BEFORE UPDATE ON timonel.helm
    FOR EACH ROW WHEN (NEW.epoch < OLD.epoch) EXECUTE FUNCTION timonel.refuse('the epoch of the helm only grows');

CREATE TRIGGER helm_stays BEFORE DELETE OR TRUNCATE ON timonel.helm
    FOR EACH STATEMENT EXECUTE FUNCTION timonel.refuse('the helm is never removed');
