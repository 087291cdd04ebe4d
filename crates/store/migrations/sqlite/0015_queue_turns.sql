-- Is it a notice (its reverse path is null)? Those go first.
ALTER TABLE queue ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;
-- Tries that count in the back-off: one that somebody asked for does not.
ALTER TABLE queue ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
-- Has somebody asked for the next try?
ALTER TABLE queue ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;

UPDATE queue SET steps = attempts,
    notice = EXISTS (SELECT 1 FROM messages WHERE messages.id = queue.message_id AND messages.sender = '');

-- Destinations take turns: each one's oldest row is one step into these.
CREATE INDEX queue_by_destination ON queue (destination, claimable_at);
CREATE INDEX queue_notices ON queue (destination, claimable_at) WHERE notice;

-- The last tries of a row, what was said included; they go with the row.
CREATE TABLE attempts (
    row_id     BLOB    NOT NULL REFERENCES queue (id) ON DELETE CASCADE,
    -- 1 is the row's first.
    number     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    server     TEXT,
    reason     TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    -- A JSON array of lines, scrubbed.
    transcript TEXT    NOT NULL,
    PRIMARY KEY (row_id, number)
) STRICT;
