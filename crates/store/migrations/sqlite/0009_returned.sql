-- Rows that no server is tried for, each with a reason's stable code.
-- The sender gets it back: the row waits until its report is written.
ALTER TABLE queue ADD COLUMN returned TEXT;
-- An admin says what becomes of it. Its time comes when it expires, and not before.
ALTER TABLE queue ADD COLUMN held TEXT;
