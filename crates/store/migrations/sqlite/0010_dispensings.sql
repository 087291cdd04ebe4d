-- What pharmacies have dispensed: a row a patient, pharmacy and day, about 23 bytes. It stands by week first, because
-- dispensings come day by day: a day's file then writes to the few pages of one week, wherever in the alphabet of
-- patients its lines lie, and what is forgotten lies together. Who looks up a patient looks into each week that is kept.
CREATE TABLE dispensings (
    -- Whole weeks since 1970-01-01: `day / 7`.
    week       INTEGER NOT NULL,
    -- `Ins::to_number`.
    patient    INTEGER NOT NULL,
    -- `FinessId::to_number`.
    pharmacy   INTEGER NOT NULL,
    -- Days since 1970-01-01.
    day        INTEGER NOT NULL,
    reimbursed INTEGER NOT NULL,
    PRIMARY KEY (week, patient, pharmacy, day)
) STRICT, WITHOUT ROWID;

-- Which structures are pharmacies: an admin has told so, or they have dispensed. The number is `FinessId::to_number`.
CREATE TABLE pharmacies (
    structure INTEGER PRIMARY KEY,
    told      INTEGER NOT NULL,
    dispensed INTEGER NOT NULL
) STRICT;
