-- The tables of First light, as hub/tables.py declares them; a test holds the two against each other.

CREATE TABLE audit (
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    viewer TEXT NOT NULL,
    role TEXT NOT NULL,
    operation TEXT NOT NULL,
    purpose TEXT NOT NULL,
    decision TEXT NOT NULL,
    rule TEXT NOT NULL,
    residents UUID[] NOT NULL,
    kinds TEXT[] NOT NULL,
    address TEXT NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id),
    CONSTRAINT ck_audit_known_decision CHECK (decision in ('allowed', 'refused'))
);
CREATE INDEX ix_audit_at ON audit (at);
COMMENT ON TABLE audit IS 'Who read what, by which right. Append-only for the application role.';

CREATE TABLE message (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    transport TEXT NOT NULL,
    format TEXT NOT NULL,
    kind TEXT NOT NULL,
    control_id TEXT NOT NULL,
    raw BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_message PRIMARY KEY (id)
);
CREATE INDEX ix_message_source_control_id ON message (source, control_id);
COMMENT ON TABLE message IS 'What a source sent. Append-only for the application role.';
COMMENT ON COLUMN message.id IS 'UUIDv7: ids sort by receipt';
COMMENT ON COLUMN message.source IS 'name of the source profile; "" where none fits';
COMMENT ON COLUMN message.kind IS 'ADT^A01, transaction, Observation';
COMMENT ON COLUMN message.control_id IS 'MSH-10';
COMMENT ON COLUMN message.raw IS 'the bytes as they came';

CREATE TABLE patient (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    organisation TEXT NOT NULL,
    merged_into UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_patient PRIMARY KEY (id),
    CONSTRAINT fk_patient_merged_into FOREIGN KEY(merged_into) REFERENCES patient (id)
);
COMMENT ON TABLE patient IS 'A person as one source knows them.';
COMMENT ON COLUMN patient.merged_into IS 'the patient of the source that an A40 left';

CREATE TABLE resident (
    id UUID NOT NULL,
    name TEXT,
    sex TEXT,
    birth_date TEXT,
    phone TEXT,
    address TEXT,
    marital_status TEXT,
    ethnicity TEXT,
    deceased BOOLEAN,
    deceased_on TEXT,
    origins JSONB DEFAULT '[]' NOT NULL,
    conflicts JSONB DEFAULT '[]' NOT NULL,
    replaced_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_resident PRIMARY KEY (id),
    CONSTRAINT fk_resident_replaced_by FOREIGN KEY(replaced_by) REFERENCES resident (id)
);
CREATE INDEX ix_resident_present ON resident (id) WHERE replaced_by is null;
COMMENT ON TABLE resident IS 'The person. Its columns are projected from the facts of its patients.';
COMMENT ON COLUMN resident.birth_date IS 'FHIR date, with the precision that was sent';
COMMENT ON COLUMN resident.replaced_by IS 'the resident that a merge left in its place';

CREATE TABLE allergy (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    key TEXT NOT NULL,
    status TEXT,
    code_system TEXT,
    code TEXT,
    display TEXT,
    effective TEXT,
    effective_at TIMESTAMP WITH TIME ZONE,
    organisation TEXT,
    category TEXT,
    criticality TEXT,
    severity TEXT,
    reaction TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_allergy PRIMARY KEY (id),
    CONSTRAINT uq_allergy_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_allergy_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_allergy_resident_id_effective_at_id ON allergy (resident_id, effective_at, id);
COMMENT ON TABLE allergy IS 'Allergies and intolerances.';
COMMENT ON COLUMN allergy.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN allergy.effective_at IS 'the first instant that `effective` covers';

CREATE TABLE condition (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    key TEXT NOT NULL,
    status TEXT,
    code_system TEXT,
    code TEXT,
    display TEXT,
    effective TEXT,
    effective_at TIMESTAMP WITH TIME ZONE,
    organisation TEXT,
    onset TEXT,
    clinical_status TEXT,
    category TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_condition PRIMARY KEY (id),
    CONSTRAINT uq_condition_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_condition_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_condition_resident_id_effective_at_id ON condition (resident_id, effective_at, id);
COMMENT ON TABLE condition IS 'Diagnoses and problems.';
COMMENT ON COLUMN condition.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN condition.effective_at IS 'the first instant that `effective` covers';

CREATE TABLE encounter (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    key TEXT NOT NULL,
    status TEXT,
    code_system TEXT,
    code TEXT,
    display TEXT,
    effective TEXT,
    effective_at TIMESTAMP WITH TIME ZONE,
    organisation TEXT,
    ended TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    visit_number TEXT,
    department TEXT,
    doctor TEXT,
    disposition_code TEXT,
    disposition TEXT,
    destination TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_encounter PRIMARY KEY (id),
    CONSTRAINT uq_encounter_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_encounter_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_encounter_resident_id_effective_at_id ON encounter (resident_id, effective_at, id);
COMMENT ON TABLE encounter IS 'Stays and visits.';
COMMENT ON COLUMN encounter.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN encounter.effective_at IS 'the first instant that `effective` covers';

CREATE TABLE event (
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    transaction BIGINT DEFAULT (pg_current_xact_id()::text)::bigint NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    kind TEXT NOT NULL,
    resident_id UUID NOT NULL,
    message_id UUID,
    entries TEXT[] NOT NULL,
    CONSTRAINT pk_event PRIMARY KEY (position),
    CONSTRAINT fk_event_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id),
    CONSTRAINT fk_event_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_event_transaction_position ON event (transaction, position);
COMMENT ON TABLE event IS 'What changed, read in the order of commits. Append-only for the application role.';
COMMENT ON COLUMN event.entries IS 'kinds of entries that changed';

CREATE TABLE fact (
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    message_id UUID NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    entry_key TEXT NOT NULL,
    event_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    content TEXT NOT NULL,
    content_hash BYTEA NOT NULL,
    path TEXT NOT NULL,
    row TEXT NOT NULL,
    notes TEXT NOT NULL,
    CONSTRAINT pk_fact PRIMARY KEY (id),
    CONSTRAINT uq_fact_patient_id_kind_key_content_hash_event_at UNIQUE (patient_id, kind, key, content_hash, event_at),
    CONSTRAINT fk_fact_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id),
    CONSTRAINT fk_fact_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_fact_message_id ON fact (message_id);
CREATE INDEX ix_fact_patient_id_kind_entry_key ON fact (patient_id, kind, entry_key);
COMMENT ON TABLE fact IS 'One FHIR resource that one message gave of one patient. Append-only for the application role.';
COMMENT ON COLUMN fact.kind IS 'FHIR resource type';
COMMENT ON COLUMN fact.key IS 'the sender''s business key: a later fact of it supersedes';
COMMENT ON COLUMN fact.entry_key IS 'what it is of the resident, whoever says it';
COMMENT ON COLUMN fact.content IS 'FHIR R4B JSON exactly as mapped or received';
COMMENT ON COLUMN fact.notes IS 'JSON: traces, flags, cleared, assumed, names, whole';

CREATE TABLE fate (
    message_id UUID NOT NULL,
    fate TEXT NOT NULL,
    lane TEXT DEFAULT '' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    refusal JSONB,
    findings JSONB,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_fate PRIMARY KEY (message_id),
    CONSTRAINT ck_fate_known CHECK (fate in ('kept', 'merged', 'parked')),
    CONSTRAINT fk_fate_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_fate_kept ON fate (message_id) WHERE fate = 'kept';
CREATE INDEX ix_fate_parked ON fate (message_id) WHERE fate = 'parked';
COMMENT ON TABLE fate IS 'What has become of each message: exactly one row a message.';
COMMENT ON COLUMN fate.lane IS 'source and patient, once they are known';
COMMENT ON COLUMN fate.refusal IS 'code, where and given of the refusal that parked it';
COMMENT ON COLUMN fate.findings IS 'per-entry refusals of a batch; what full validation found';

CREATE TABLE link (
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    resident_id UUID NOT NULL,
    grade TEXT NOT NULL,
    reason TEXT NOT NULL,
    message_id UUID,
    since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_link PRIMARY KEY (id),
    CONSTRAINT ck_link_known_grade CHECK (grade in ('certain', 'probable', 'possible', 'not')),
    CONSTRAINT fk_link_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id),
    CONSTRAINT fk_link_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id),
    CONSTRAINT fk_link_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_link_resident_id ON link (resident_id);
CREATE UNIQUE INDEX uq_link_standing ON link (patient_id) WHERE until is null;
COMMENT ON TABLE link IS 'Which resident a patient is, since when, how sure and why. A patient has one standing link.';
COMMENT ON COLUMN link.until IS 'null while the link stands';

CREATE TABLE observation (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    key TEXT NOT NULL,
    status TEXT,
    code_system TEXT,
    code TEXT,
    display TEXT,
    effective TEXT,
    effective_at TIMESTAMP WITH TIME ZONE,
    organisation TEXT,
    value TEXT,
    value_number FLOAT,
    unit TEXT,
    reference_range TEXT,
    interpretation TEXT,
    interpretation_code TEXT,
    category TEXT,
    note TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_observation PRIMARY KEY (id),
    CONSTRAINT uq_observation_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_observation_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_observation_resident_id_effective_at_id ON observation (resident_id, effective_at, id);
COMMENT ON TABLE observation IS 'Measurements and results.';
COMMENT ON COLUMN observation.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN observation.effective_at IS 'the first instant that `effective` covers';

CREATE TABLE patient_number (
    source TEXT NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    patient_id UUID NOT NULL,
    CONSTRAINT pk_patient_number PRIMARY KEY (source, system, value),
    CONSTRAINT fk_patient_number_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id)
);
CREATE INDEX ix_patient_number_patient_id ON patient_number (patient_id);
COMMENT ON TABLE patient_number IS 'A source''s own numbers of its patients.';

CREATE TABLE report (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    key TEXT NOT NULL,
    status TEXT,
    code_system TEXT,
    code TEXT,
    display TEXT,
    effective TEXT,
    effective_at TIMESTAMP WITH TIME ZONE,
    organisation TEXT,
    category TEXT,
    report_number TEXT,
    issued TEXT,
    conclusion TEXT,
    note TEXT,
    result_count INTEGER,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_report PRIMARY KEY (id),
    CONSTRAINT uq_report_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_report_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_report_resident_id_effective_at_id ON report (resident_id, effective_at, id);
COMMENT ON TABLE report IS 'Laboratory and examination reports.';
COMMENT ON COLUMN report.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN report.effective_at IS 'the first instant that `effective` covers';

CREATE TABLE resident_number (
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    resident_id UUID NOT NULL,
    CONSTRAINT pk_resident_number PRIMARY KEY (system, value),
    CONSTRAINT fk_resident_number_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_resident_number_resident_id ON resident_number (resident_id);
COMMENT ON TABLE resident_number IS 'Strong numbers: each leads to one resident, by primary key.';
