-- Who stands behind our mailboxes, as the directory shows it: a row a line, since an address may have several. What a
-- mailbox's own row says (type, holder, structure, service) is not repeated. They go with their mailbox.
CREATE TABLE directory_entries (
    mailbox_id INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    -- From 1, in the order in which they were added.
    number     INTEGER NOT NULL,
    -- A JSON object: column by column, those without text left out.
    columns    TEXT    NOT NULL,
    PRIMARY KEY (mailbox_id, number)
) STRICT, WITHOUT ROWID;
