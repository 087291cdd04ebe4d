-- Notices to many patients, one campaign each.
CREATE TABLE campaigns (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    -- The template, sealed under a key of its own.
    seal         BLOB    NOT NULL,
    key_id       BLOB    NOT NULL REFERENCES master_keys (id),
    wrapped_key  BLOB    NOT NULL,
    template     BLOB    NOT NULL,
    -- So many messages in so many seconds.
    messages     INTEGER NOT NULL,
    seconds      INTEGER NOT NULL,
    paused       INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL
) STRICT;

-- Keys of what is told of recipients, one a batch of them.
CREATE TABLE campaign_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    seal         BLOB    NOT NULL,
    key_id       BLOB    NOT NULL REFERENCES master_keys (id),
    wrapped_key  BLOB    NOT NULL
) STRICT;

-- Who gets it, each once: the row stays when it is done.
CREATE TABLE campaign_recipients (
    campaign_id  INTEGER NOT NULL REFERENCES campaigns (id),
    -- patient_spaces.number, whether there is such a space or not.
    patient      INTEGER NOT NULL,
    -- What became of it: 'sent', or why not. NULL: it waits.
    outcome      TEXT,
    settled_at   INTEGER,
    message_id   BLOB,
    -- The values of the template's places, sealed under a key as the part of this number; gone when it is done.
    value_key    INTEGER REFERENCES campaign_keys (id),
    value_part   INTEGER,
    value_sealed BLOB,
    PRIMARY KEY (campaign_id, patient)
) STRICT, WITHOUT ROWID;

CREATE INDEX campaign_recipients_waiting ON campaign_recipients (campaign_id, patient) WHERE outcome IS NULL;

-- How many there are of each outcome, '' for those that wait, and when the first and the last of them came to it:
-- counting millions takes seconds.
CREATE TABLE campaign_counts (
    campaign_id  INTEGER NOT NULL REFERENCES campaigns (id),
    outcome      TEXT    NOT NULL,
    recipients   INTEGER NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, outcome)
) STRICT, WITHOUT ROWID;
