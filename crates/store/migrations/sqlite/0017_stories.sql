-- The story of every message: by what it is found, and what became of it for each recipient. What happened stands in
-- `audit`. No address stands here in any form: keys are made under the operator's masking key.
CREATE TABLE stories (
    message_id     BLOB    NOT NULL PRIMARY KEY,
    accepted_at    INTEGER NOT NULL,
    -- NULL: the null path.
    sender_key     BLOB,
    -- Of its Message-ID; NULL if it has none.
    message_id_key BLOB,
    -- When the last of its parties came to an end; NULL until then.
    ended_at       INTEGER
) STRICT, WITHOUT ROWID;

-- The last of one sender, and those between two moments, are one range each.
CREATE INDEX stories_by_time ON stories (accepted_at);
CREATE INDEX stories_by_sender ON stories (sender_key, accepted_at) WHERE sender_key IS NOT NULL;
CREATE INDEX stories_by_message_id ON stories (message_id_key, accepted_at) WHERE message_id_key IS NOT NULL;
CREATE INDEX stories_ended ON stories (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE story_parties (
    message_id    BLOB    NOT NULL,
    -- The recipient's place in the envelope, from 0.
    number        INTEGER NOT NULL,
    -- stories.accepted_at
    accepted_at   INTEGER NOT NULL,
    recipient_key BLOB    NOT NULL,
    -- One of the two: the queue row (which may be gone), or the mailbox here.
    row_id        BLOB,
    mailbox_id    INTEGER,
    -- 0 accepted, 1 held, 2 relayed, 3 delivered, 4 opened, 5 integrated, 6 failed, 7 returned.
    state         INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    -- The reason's stable code, or the receipt's.
    code          TEXT,
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX story_parties_by_recipient ON story_parties (recipient_key, accepted_at);
