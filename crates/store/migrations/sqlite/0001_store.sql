-- Instants are whole microseconds since 1970, UTC. Identifiers of messages and queue rows are their 16 bytes.
-- Numbers of rows that are shown outside (AUTOINCREMENT) are never given twice.

-- Which master keys wrapped the keys in `messages`. Opening with any other key is refused.
CREATE TABLE master_keys (
    id            BLOB    NOT NULL PRIMARY KEY,
    first_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that only grow: `uid-validity`, and `probes`, which counts writes that only tried whether one can write.
CREATE TABLE counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('uid-validity', 0);

CREATE TABLE mailboxes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    address     TEXT    NOT NULL,
    address_key TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    rpps        TEXT,
    finess      TEXT,
    quota_bytes INTEGER,
    used_bytes  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE folders (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox_id   INTEGER NOT NULL REFERENCES mailboxes (id),
    name         TEXT    NOT NULL,
    special_use  TEXT,
    selectable   INTEGER NOT NULL DEFAULT 1,
    uid_validity INTEGER NOT NULL,
    uid_next     INTEGER NOT NULL DEFAULT 1,
    modseq       INTEGER NOT NULL DEFAULT 1,
    -- Up to and with this UID, some session has been told `\Recent`.
    recent_taken INTEGER NOT NULL DEFAULT 0,
    UNIQUE (mailbox_id, name)
) STRICT;

CREATE TABLE subscriptions (
    mailbox_id INTEGER NOT NULL REFERENCES mailboxes (id),
    name       TEXT    NOT NULL,
    PRIMARY KEY (mailbox_id, name)
) STRICT, WITHOUT ROWID;

-- A message is kept once, however many folders and queue rows refer to it, and removed with the last of them.
CREATE TABLE messages (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    accepted_at INTEGER NOT NULL,
    -- Of the envelope: NULL for a message put into a folder by its holder, '' for the null path.
    sender      TEXT,
    parameters  TEXT,
    size        INTEGER NOT NULL,
    key_id      BLOB    NOT NULL REFERENCES master_keys (id),
    wrapped_key BLOB    NOT NULL,
    -- Sealed. NULL if it lies in a file of its own.
    body        BLOB
) STRICT;

CREATE TABLE entries (
    folder_id     INTEGER NOT NULL REFERENCES folders (id),
    uid           INTEGER NOT NULL,
    message_id    BLOB    NOT NULL REFERENCES messages (id),
    flags         INTEGER NOT NULL,
    -- A JSON array; NULL for none.
    keywords      TEXT,
    internal_date INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    modseq        INTEGER NOT NULL,
    PRIMARY KEY (folder_id, uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX entries_by_modseq ON entries (folder_id, modseq);
CREATE INDEX entries_by_message ON entries (message_id);

-- What was expunged since the store was opened.
CREATE TABLE vanished (
    folder_id INTEGER NOT NULL REFERENCES folders (id),
    modseq    INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    PRIMARY KEY (folder_id, modseq, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
    seq             INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE,
    message_id      BLOB    NOT NULL REFERENCES messages (id),
    recipient       TEXT    NOT NULL,
    notify          INTEGER NOT NULL,
    orcpt           TEXT,
    destination     TEXT    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    delay_reported  INTEGER NOT NULL DEFAULT 0,
    last_reason     TEXT,
    last_detail     TEXT,
    leased          INTEGER NOT NULL DEFAULT 0,
    lease_token     INTEGER NOT NULL DEFAULT 0,
    -- When the row may be claimed: `next_attempt_at`, or the end of the lease while it is leased.
    claimable_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX queue_by_claimable ON queue (claimable_at);
CREATE INDEX queue_by_message ON queue (message_id, destination);

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL,
    name_key      TEXT    NOT NULL UNIQUE,
    mailbox_id    INTEGER NOT NULL REFERENCES mailboxes (id),
    -- argon2id, in the PHC string format.
    password_hash TEXT,
    -- A distinguished name as in RFC 4514.
    certificate   TEXT
) STRICT;

CREATE INDEX accounts_by_certificate ON accounts (certificate) WHERE certificate IS NOT NULL;

-- Outlives what it tells about: no reference to `messages`.
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id BLOB,
    event      BLOB NOT NULL
) STRICT;

CREATE INDEX audit_by_message ON audit (message_id) WHERE message_id IS NOT NULL;
