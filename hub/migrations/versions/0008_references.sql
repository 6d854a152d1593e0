CREATE TABLE reference (
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    kind TEXT,
    shown TEXT,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_reference PRIMARY KEY (source, reference)
);
COMMENT ON TABLE reference IS 'What a source calls the people, places, organisations and drugs that it refers to.';
COMMENT ON COLUMN reference.reference IS 'as resources of other bundles write it: Practitioner/p1, or an address';
COMMENT ON COLUMN reference.shown IS 'null while only the reference is known';
CREATE TABLE awaited (
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    patient_id UUID NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    CONSTRAINT pk_awaited PRIMARY KEY (source, reference, patient_id, kind, key),
    CONSTRAINT fk_awaited_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id)
);
CREATE INDEX ix_awaited_patient_id ON awaited (patient_id);
COMMENT ON TABLE awaited IS 'Which facts refer to what their own bundle does not name: they are shown anew once it is named.';
COMMENT ON COLUMN awaited.key IS 'the business key of the fact';
