-- The record's tree, made by the sealer of the rows of `audit`: row `seq` is entry `seq - 1`. docs/audit.md has the form.
CREATE TABLE audit_tiles (
    level  INTEGER NOT NULL,
    number INTEGER NOT NULL, -- From the left, in its level.
    hashes BLOB NOT NULL,    -- 32 bytes each, 256 at most. Of a tile that is not full yet, the widest form.
    PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID;

-- What was signed last, and what was signed before it: earlier ones lie where they were handed out to.
CREATE TABLE audit_checkpoints (
    size       INTEGER PRIMARY KEY, -- Entries.
    checkpoint TEXT NOT NULL,       -- The signed note.
    sealed_at  INTEGER NOT NULL
) STRICT;

-- Which rows of `audit` are about a person, of those that are sealed.
CREATE TABLE audit_about (
    subject BLOB NOT NULL, -- As in `audit_subjects`.
    seq     INTEGER NOT NULL,
    PRIMARY KEY (subject, seq)
) STRICT, WITHOUT ROWID;
