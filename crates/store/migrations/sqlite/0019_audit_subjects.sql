-- Whom the record is about. Events name a person by `subject`, 16 random bytes, and hold his identifier under his key.
-- Erasing a person deletes his row: what is sealed of him is nobody's from then on, and the events are what they were.
CREATE TABLE audit_subjects (
    digest  BLOB NOT NULL PRIMARY KEY, -- HMAC-SHA256 of the identifier, under a key made of the master key.
    subject BLOB NOT NULL UNIQUE,
    key_id  BLOB NOT NULL,             -- Of the master key that wrapped it.
    key     BLOB NOT NULL              -- Wrapped.
) STRICT, WITHOUT ROWID;
