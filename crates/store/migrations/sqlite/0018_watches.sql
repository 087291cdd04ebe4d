-- Deadlines on what becomes of messages, a row a recipient that is waited for. What has become of it stands in the story.
CREATE TABLE watches (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id  BLOB    NOT NULL,
    -- story_parties.recipient_key
    party       BLOB    NOT NULL,
    sender      TEXT    NOT NULL,
    recipient   TEXT    NOT NULL,
    notify      INTEGER NOT NULL,
    orcpt       TEXT,
    header_id   TEXT,
    accepted_at INTEGER NOT NULL,
    -- What is waited for: a number of story_parties.state.
    state       INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    -- May it be sent once more? The body is kept as long as it may.
    resend      INTEGER NOT NULL,
    -- When its sender was told. It stays until what it waited for comes, for the admin to see.
    ended_at    INTEGER
) STRICT;

CREATE INDEX watches_due ON watches (due_at) WHERE ended_at IS NULL;
CREATE INDEX watches_ended ON watches (ended_at) WHERE ended_at IS NOT NULL;
-- Asked for each body that nothing else names.
CREATE INDEX watches_bodies ON watches (message_id) WHERE resend;
