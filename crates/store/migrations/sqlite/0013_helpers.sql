-- Whoever opens a patient's mailbox does so as the patient's helper, and what he writes says so.
ALTER TABLE grants ADD COLUMN is_helper INTEGER NOT NULL DEFAULT 0;
