-- The words that our own mailboxes are found by in the directory: those of the mailbox's row and of its entries, folded
-- as a search folds them. Only mailboxes that are shown have any; they go with their mailbox.
CREATE TABLE directory_words (
    word       TEXT    NOT NULL,
    mailbox_id INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    -- Where it stands: a bit for each place.
    places     INTEGER NOT NULL,
    PRIMARY KEY (word, mailbox_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_words_by_mailbox ON directory_words (mailbox_id);

-- Mailboxes whose words are not there yet: they are folded when the store is opened, SQL cannot do it.
CREATE TABLE directory_words_due (
    mailbox_id INTEGER PRIMARY KEY REFERENCES mailboxes (id) ON DELETE CASCADE
) STRICT;

INSERT INTO directory_words_due (mailbox_id)
SELECT id FROM mailboxes WHERE published AND NOT unlisted AND suspended_at IS NULL AND kind <> 'PATIENT';
