-- Sign-in by token asks for the mailboxes of a professional, among a hundred thousand.
CREATE INDEX mailboxes_by_rpps ON mailboxes (rpps) WHERE rpps IS NOT NULL;
