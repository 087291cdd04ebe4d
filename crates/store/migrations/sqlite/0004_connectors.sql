-- Hospitals' own mail servers, as admins have added them by command. A row of one that was removed stays: its name is
-- known, and it has no domain and no address.
CREATE TABLE connectors (
    name             TEXT    NOT NULL PRIMARY KEY,
    -- A distinguished name as in RFC 4514.
    certificate_name TEXT    NOT NULL,
    -- NULL for one that has no domain: no mail is handed to it.
    host             TEXT,
    port             INTEGER,
    added_at         INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    removed_at       INTEGER
) STRICT, WITHOUT ROWID;

-- What it may send as. A domain and an address have one connector at most.
CREATE TABLE connector_domains (
    domain    TEXT NOT NULL PRIMARY KEY,
    connector TEXT NOT NULL REFERENCES connectors (name)
) STRICT, WITHOUT ROWID;

CREATE TABLE connector_addresses (
    address_key TEXT NOT NULL PRIMARY KEY,
    address     TEXT NOT NULL,
    connector   TEXT NOT NULL REFERENCES connectors (name)
) STRICT, WITHOUT ROWID;
