ALTER TABLE prescription RENAME TO medication;
ALTER TABLE medication RENAME CONSTRAINT pk_prescription TO pk_medication;
ALTER TABLE medication RENAME CONSTRAINT uq_prescription_resident_id_key TO uq_medication_resident_id_key;
ALTER TABLE medication RENAME CONSTRAINT fk_prescription_resident_id TO fk_medication_resident_id;
ALTER INDEX ix_prescription_resident_id_effective_at_id RENAME TO ix_medication_resident_id_effective_at_id;
ALTER TABLE medication ADD COLUMN statements TEXT[], ADD COLUMN started TEXT, ADD COLUMN ended TEXT,
    ADD COLUMN ended_at TIMESTAMP WITH TIME ZONE, ADD COLUMN duration TEXT, ADD COLUMN handed_over TEXT,
    ADD COLUMN performer TEXT;
UPDATE medication SET statements = '{prescribed}';
COMMENT ON TABLE medication IS 'Drugs: prescribed, dispensed, administered, taken.';
COMMENT ON COLUMN medication.statements IS 'how it is known: prescribed, dispensed, administered, taken';
COMMENT ON COLUMN medication.started IS 'FHIR date or dateTime: when the course began';
ALTER TABLE observation ADD COLUMN specimen TEXT, ADD COLUMN specimen_number TEXT, ADD COLUMN specimen_taken TEXT;
COMMENT ON COLUMN observation.specimen_taken IS 'FHIR date or dateTime, with the precision that was sent';
ALTER TABLE report ADD COLUMN specimen TEXT, ADD COLUMN specimen_number TEXT, ADD COLUMN specimen_taken TEXT;
COMMENT ON COLUMN report.specimen_taken IS 'FHIR date or dateTime, with the precision that was sent';
ALTER TABLE resident ADD COLUMN contacts JSONB DEFAULT '[]' NOT NULL, ADD COLUMN coverages JSONB DEFAULT '[]' NOT NULL;
COMMENT ON COLUMN resident.contacts IS 'whom to ask: relation, name, phone';
COMMENT ON COLUMN resident.coverages IS 'how they pay';
