-- Whom entries are about, in the record's order: so it is held against them.
CREATE INDEX audit_about_by_seq ON audit_about (seq);

-- With a person's key goes what tells of him. Of entries that were sealed after he was erased, some was left.
DELETE FROM audit_about WHERE subject NOT IN (SELECT subject FROM audit_subjects);
