-- What is counted, month by month: of the record's entries, each once, and of the mailboxes at the month's end. It outlives
-- the entries. No person is in it.
CREATE TABLE indicators (
    month        TEXT    NOT NULL, -- 2026-10, by the clocks of the operator's time zone.
    domain       TEXT    NOT NULL, -- '' where it is none of ours.
    mailbox_type TEXT    NOT NULL, -- '' where it is none's.
    measure      TEXT    NOT NULL,
    label        TEXT    NOT NULL, -- Of what is counted by kinds; else ''.
    value        INTEGER NOT NULL,
    PRIMARY KEY (month, domain, mailbox_type, measure, label)
) STRICT, WITHOUT ROWID;

-- Sign-ins to mailboxes that are no patients'.
CREATE TABLE indicator_connections (
    mailbox_id INTEGER NOT NULL, -- It may be gone.
    month      TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, month)
) STRICT, WITHOUT ROWID;

-- How far: the rows of `audit` up to this `seq`, and the mailboxes of the months up to this one.
CREATE TABLE indicator_progress (
    only   INTEGER PRIMARY KEY CHECK (only = 0),
    seq    INTEGER NOT NULL,
    closed TEXT
) STRICT;

INSERT INTO indicator_progress (only, seq, closed) VALUES (0, 0, NULL);

-- Mailboxes that were deleted, until their month is closed: an address that is used again leaves no trace of it elsewhere.
CREATE TABLE indicator_endings (
    id           INTEGER PRIMARY KEY,
    domain       TEXT    NOT NULL,
    mailbox_type TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL
) STRICT;

INSERT INTO indicator_endings (domain, mailbox_type, created_at, ended_at)
SELECT domain, kind, created_at, deleted_at FROM former_addresses;

CREATE TRIGGER mailboxes_ended AFTER INSERT ON former_addresses BEGIN
    INSERT INTO indicator_endings (domain, mailbox_type, created_at, ended_at)
    VALUES (new.domain, new.kind, new.created_at, new.deleted_at);
END;

-- The register of incidents (docs/incidents.md). Every version of each is kept: a change adds a row.
CREATE TABLE incidents (
    incident   INTEGER NOT NULL,
    version    INTEGER NOT NULL, -- From 1.
    written_at INTEGER NOT NULL,
    author     TEXT    NOT NULL,
    content    TEXT    NOT NULL, -- JSON; no identifier of a person in it.
    PRIMARY KEY (incident, version)
) STRICT, WITHOUT ROWID;
