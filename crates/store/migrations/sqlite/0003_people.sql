-- An account becomes someone who signs in, apart from how he proves himself (credentials) and what that opens (grants);
-- a mailbox gets its details and its life. What was there keeps working: each account has its credential and its
-- mailbox as the default grant. `:now` is the moment of the migration: nobody knows what was before, so inactivity is
-- counted from here.

ALTER TABLE mailboxes RENAME COLUMN finess TO structure;
-- The part of `address_key` behind the last @.
ALTER TABLE mailboxes ADD COLUMN domain          TEXT    NOT NULL DEFAULT '';
ALTER TABLE mailboxes ADD COLUMN display_name    TEXT    NOT NULL DEFAULT '';
ALTER TABLE mailboxes ADD COLUMN description     TEXT    NOT NULL DEFAULT '';
ALTER TABLE mailboxes ADD COLUMN service         TEXT    NOT NULL DEFAULT '';
ALTER TABLE mailboxes ADD COLUMN responsible     TEXT;
ALTER TABLE mailboxes ADD COLUMN unlisted        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailboxes ADD COLUMN digitisation    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailboxes ADD COLUMN rank            INTEGER;
ALTER TABLE mailboxes ADD COLUMN published       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailboxes ADD COLUMN created_at      INTEGER NOT NULL DEFAULT 0;
-- Suspended means that this is set: `state` says what it was before, 'open' or 'closed'.
ALTER TABLE mailboxes ADD COLUMN suspended_at    INTEGER;
ALTER TABLE mailboxes ADD COLUMN notice_given_at INTEGER;
ALTER TABLE mailboxes ADD COLUMN notice_ends_at  INTEGER;
ALTER TABLE mailboxes ADD COLUMN notice_cause    TEXT;
ALTER TABLE mailboxes ADD COLUMN last_sign_in_at INTEGER;
ALTER TABLE mailboxes ADD COLUMN objected_at     INTEGER;

UPDATE mailboxes SET
    domain = substr(address_key, length(rtrim(address_key, replace(address_key, '@', ''))) + 1),
    created_at = :now,
    suspended_at = CASE state WHEN 'suspended' THEN :now END,
    state = CASE state WHEN 'suspended' THEN 'open' ELSE state END;

CREATE INDEX mailboxes_by_domain ON mailboxes (domain, address_key);
CREATE INDEX mailboxes_by_structure ON mailboxes (structure, address_key) WHERE structure IS NOT NULL;
CREATE INDEX mailboxes_by_notice ON mailboxes (notice_ends_at) WHERE notice_ends_at IS NOT NULL;

-- What is left of deleted mailboxes, until their addresses may be given to somebody else.
CREATE TABLE former_addresses (
    address_key     TEXT    NOT NULL PRIMARY KEY,
    mailbox_id      INTEGER NOT NULL,
    address         TEXT    NOT NULL,
    domain          TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    rpps            TEXT,
    structure       TEXT,
    display_name    TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    service         TEXT    NOT NULL,
    responsible     TEXT,
    unlisted        INTEGER NOT NULL,
    digitisation    INTEGER NOT NULL,
    rank            INTEGER,
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    objected_at     INTEGER,
    deleted_at      INTEGER NOT NULL,
    kept_until      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE accounts RENAME TO accounts_before;

CREATE TABLE accounts (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT    NOT NULL,
    name_key        TEXT    NOT NULL UNIQUE,
    kind            TEXT    NOT NULL,
    rpps            TEXT,
    display_name    TEXT,
    disabled        INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER
) STRICT;

CREATE INDEX accounts_by_rpps ON accounts (rpps) WHERE rpps IS NOT NULL;

CREATE TABLE grants (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    mailbox_id INTEGER NOT NULL REFERENCES mailboxes (id),
    is_default INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_by_mailbox ON grants (mailbox_id);
CREATE UNIQUE INDEX grants_default ON grants (account_id) WHERE is_default;

CREATE TABLE credentials (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL REFERENCES accounts (id),
    kind            TEXT    NOT NULL,
    label           TEXT,
    -- Of an app password.
    mailbox_id      INTEGER REFERENCES mailboxes (id),
    -- argon2id, in the PHC string format.
    password_hash   TEXT,
    -- SHA-256 of an app password.
    digest          BLOB,
    -- A distinguished name as in RFC 4514, and the text that all its spellings share.
    certificate     TEXT,
    certificate_key TEXT,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    revoked_at      INTEGER,
    last_used_at    INTEGER
) STRICT;

CREATE INDEX credentials_by_account ON credentials (account_id);
CREATE INDEX credentials_by_mailbox ON credentials (mailbox_id) WHERE mailbox_id IS NOT NULL;
CREATE UNIQUE INDEX credentials_by_certificate ON credentials (certificate_key)
    WHERE certificate_key IS NOT NULL AND revoked_at IS NULL;

INSERT INTO accounts (id, name, name_key, kind, created_at)
SELECT id, name, name_key, CASE WHEN certificate IS NULL THEN 'person' ELSE 'program' END, :now FROM accounts_before;

INSERT INTO grants (account_id, mailbox_id, is_default) SELECT id, mailbox_id, 1 FROM accounts_before;

-- The keys of certificates are filled in when the store is opened: SQL cannot compute them.
INSERT INTO credentials (account_id, kind, password_hash, certificate, created_at)
SELECT id, CASE WHEN certificate IS NULL THEN 'password' ELSE 'certificate' END, password_hash, certificate, :now
FROM accounts_before ORDER BY id;

DROP TABLE accounts_before;
