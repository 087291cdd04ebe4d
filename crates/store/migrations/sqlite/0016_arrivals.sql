-- Who has which message already, so that one that comes again is merged for him. `key` is the peer, the envelope's sender,
-- the Message-ID and the whole content in one keyed digest; `target` is a digest of the recipient under it: no address.
CREATE TABLE arrivals (
    key        BLOB    NOT NULL,
    target     BLOB    NOT NULL,
    -- The message that he has. It may be gone by now.
    message_id BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    -- Until then the same again is merged.
    until      INTEGER NOT NULL,
    PRIMARY KEY (key, target)
) STRICT, WITHOUT ROWID;

CREATE INDEX arrivals_by_until ON arrivals (until);

-- Of a message that waits in the queue: a recipient whom it does not reach is taken off `arrivals` again.
ALTER TABLE messages ADD COLUMN arrival BLOB;
