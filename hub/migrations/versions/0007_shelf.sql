CREATE TABLE procedure (
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
    category TEXT,
    performer TEXT,
    location TEXT,
    body_site TEXT,
    reason TEXT,
    outcome TEXT,
    note TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_procedure PRIMARY KEY (id),
    CONSTRAINT uq_procedure_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_procedure_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_procedure_resident_id_effective_at_id ON procedure (resident_id, effective_at, id);
COMMENT ON TABLE procedure IS 'Operations and other procedures.';
COMMENT ON COLUMN procedure.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN procedure.effective_at IS 'the first instant that `effective` covers';
CREATE TABLE prescription (
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
    prescription_number TEXT,
    intent TEXT,
    priority TEXT,
    dose TEXT,
    frequency TEXT,
    route TEXT,
    instruction TEXT,
    quantity TEXT,
    prescriber TEXT,
    reason TEXT,
    note TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_prescription PRIMARY KEY (id),
    CONSTRAINT uq_prescription_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_prescription_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_prescription_resident_id_effective_at_id ON prescription (resident_id, effective_at, id);
COMMENT ON TABLE prescription IS 'Drugs that were asked for.';
COMMENT ON COLUMN prescription.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN prescription.effective_at IS 'the first instant that `effective` covers';
CREATE TABLE immunization (
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
    dose TEXT,
    dose_number TEXT,
    route TEXT,
    body_site TEXT,
    lot_number TEXT,
    expires TEXT,
    manufacturer TEXT,
    performer TEXT,
    location TEXT,
    status_reason TEXT,
    note TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_immunization PRIMARY KEY (id),
    CONSTRAINT uq_immunization_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_immunization_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_immunization_resident_id_effective_at_id ON immunization (resident_id, effective_at, id);
COMMENT ON TABLE immunization IS 'Vaccinations, given and not given.';
COMMENT ON COLUMN immunization.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN immunization.effective_at IS 'the first instant that `effective` covers';
CREATE TABLE document (
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
    document_number TEXT,
    document_status TEXT,
    category TEXT,
    title TEXT,
    author TEXT,
    authenticator TEXT,
    content_type TEXT,
    text TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_document PRIMARY KEY (id),
    CONSTRAINT uq_document_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_document_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_document_resident_id_effective_at_id ON document (resident_id, effective_at, id);
COMMENT ON TABLE document IS 'Documents.';
COMMENT ON COLUMN document.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN document.effective_at IS 'the first instant that `effective` covers';
CREATE TABLE appointment (
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
    appointment_number TEXT,
    department TEXT,
    doctor TEXT,
    reason TEXT,
    cancellation_reason TEXT,
    note TEXT,
    origins JSONB NOT NULL,
    conflicts JSONB NOT NULL,
    flags JSONB NOT NULL,
    CONSTRAINT pk_appointment PRIMARY KEY (id),
    CONSTRAINT uq_appointment_resident_id_key UNIQUE (resident_id, key),
    CONSTRAINT fk_appointment_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_appointment_resident_id_effective_at_id ON appointment (resident_id, effective_at, id);
COMMENT ON TABLE appointment IS 'Appointments as the sources made them.';
COMMENT ON COLUMN appointment.effective IS 'FHIR date or dateTime, with the precision that was sent';
COMMENT ON COLUMN appointment.effective_at IS 'the first instant that `effective` covers';
