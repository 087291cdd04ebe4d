-- The read receipts of patients' mailboxes: a row once a message that asks for one is opened. It stays when it is done, so
-- that none is sent twice, and is forgotten with `received`.
CREATE TABLE receipts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox_id  INTEGER NOT NULL REFERENCES mailboxes (id),
    -- received.digest: a message that comes twice is one.
    digest      BLOB    NOT NULL,
    opened_at   INTEGER NOT NULL,
    -- NULL, both of them, when it is done. Until then the message is kept, whoever expunges it.
    message_id  BLOB,
    receipt_to  TEXT,
    UNIQUE (mailbox_id, digest)
) STRICT;

CREATE INDEX receipts_due ON receipts (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX receipts_by_time ON receipts (opened_at);

-- What is looked up when a message is opened.
CREATE INDEX received_receipts ON received (mailbox_id, message_id) WHERE receipt_to IS NOT NULL;
