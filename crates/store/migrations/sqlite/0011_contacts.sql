-- Whom a patient may write to. Patients are numbers (45 bits), which order millions of them in little space.
CREATE TABLE contacts (
    patient         INTEGER NOT NULL,
    address_key     TEXT    NOT NULL,
    address         TEXT    NOT NULL,
    relation        TEXT    NOT NULL,
    -- The last turn that changed the relation.
    since           INTEGER NOT NULL,
    -- Whose message opened it last, as he wrote himself.
    opened_by       TEXT,
    -- When the last message came that cannot be answered.
    unanswerable_at INTEGER,
    PRIMARY KEY (patient, address_key)
) STRICT, WITHOUT ROWID;

-- All that ever happened between them: replayed, it gives the row of `contacts`.
CREATE TABLE contact_events (
    seq         INTEGER PRIMARY KEY,
    patient     INTEGER NOT NULL,
    address_key TEXT    NOT NULL,
    turn        TEXT    NOT NULL,
    -- Who wrote, or closed it.
    by          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    -- May be gone: no reference to `messages`.
    message_id  BLOB
) STRICT;

CREATE INDEX contact_events_by_contact ON contact_events (patient, address_key);

-- What mailboxes received, so that answers and reports can be judged. Of several messages of one Message-ID the last.
CREATE TABLE received (
    mailbox_id  INTEGER NOT NULL REFERENCES mailboxes (id),
    -- The first 16 bytes of the SHA-256 of its Message-ID.
    digest      BLOB    NOT NULL,
    message_id  BLOB    NOT NULL,
    received_at INTEGER NOT NULL,
    author      TEXT    NOT NULL,
    -- A JSON array; NULL for none.
    reply_to    TEXT,
    answerable  INTEGER NOT NULL,
    receipt_to  TEXT,
    PRIMARY KEY (mailbox_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX received_by_time ON received (received_at);
