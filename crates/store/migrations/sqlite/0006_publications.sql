-- What the state's directory is to be told of our mailboxes, and what it was told last. A row an address: what a mailbox
-- should be there is looked up when it is told, so that the newest wish is told, and never two out of order.
CREATE TABLE publications (
    address_key TEXT    NOT NULL PRIMARY KEY,
    address     TEXT    NOT NULL,
    -- Counts the changes of the mailbox that may have to be told.
    changes     INTEGER NOT NULL,
    -- The one that was last told, or found to be nothing to tell; less than `changes` while one waits.
    settled     INTEGER NOT NULL DEFAULT 0,
    -- Since when it waits.
    waits_since INTEGER NOT NULL,
    -- Tries in a row that failed, when it is tried again, and the last one's code.
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL,
    fault       TEXT,
    -- What the directory was last told and has not been told to forget, in the words of whoever told it.
    told        TEXT,
    told_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX publications_waiting ON publications (next_at, waits_since) WHERE settled < changes;
