-- The patients' spaces: as many as a country has people, so a row has three small numbers.
CREATE TABLE patient_spaces (
    -- The INS without its key, as a number (pli_types::Ins::to_number).
    number INTEGER PRIMARY KEY,
    -- 0: open, 1: closed.
    state  INTEGER NOT NULL,
    -- Days since 1970, if it is known.
    born   INTEGER
) STRICT;

-- How many there are in each state: counting millions takes seconds.
CREATE TABLE patient_space_counts (
    state  INTEGER PRIMARY KEY,
    spaces INTEGER NOT NULL
) STRICT;

INSERT INTO patient_space_counts (state, spaces) VALUES (0, 0), (1, 0);

-- Whose space the mailbox is: `patient_spaces.number`. The two are opened and closed together.
ALTER TABLE mailboxes ADD COLUMN patient INTEGER;

CREATE UNIQUE INDEX mailboxes_by_patient ON mailboxes (patient) WHERE patient IS NOT NULL;

-- Patients' mailboxes that have no space yet: it is made when the store is opened, SQL cannot read an INS.
CREATE TABLE patient_spaces_due (
    mailbox_id INTEGER PRIMARY KEY REFERENCES mailboxes (id) ON DELETE CASCADE
) STRICT;

INSERT INTO patient_spaces_due (mailbox_id) SELECT id FROM mailboxes WHERE kind = 'PATIENT';
