CREATE TABLE verdict (
    id UUID NOT NULL,
    is_same BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    role TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    undone_by TEXT,
    undone_reason TEXT,
    undone_at TIMESTAMP WITH TIME ZONE,
    superseded_by UUID,
    CONSTRAINT pk_verdict PRIMARY KEY (id),
    CONSTRAINT ck_verdict_undone_by_somebody CHECK ((undone_at is null) = (undone_by is null)),
    CONSTRAINT fk_verdict_superseded_by FOREIGN KEY(superseded_by) REFERENCES verdict (id)
);
COMMENT ON TABLE verdict IS 'What a person decided of patients: that they are one person, or that they are not. Never overridden.';
COMMENT ON COLUMN verdict.undone_at IS 'null while it stands';
COMMENT ON COLUMN verdict.superseded_by IS 'a later decision about the same two';
CREATE TABLE verdict_pair (
    verdict_id UUID NOT NULL,
    one UUID NOT NULL,
    other UUID NOT NULL,
    CONSTRAINT pk_verdict_pair PRIMARY KEY (verdict_id, one, other),
    CONSTRAINT ck_verdict_pair_two CHECK (one <> other),
    CONSTRAINT fk_verdict_pair_verdict_id FOREIGN KEY(verdict_id) REFERENCES verdict (id),
    CONSTRAINT fk_verdict_pair_one FOREIGN KEY(one) REFERENCES patient (id),
    CONSTRAINT fk_verdict_pair_other FOREIGN KEY(other) REFERENCES patient (id)
);
CREATE INDEX ix_verdict_pair_one ON verdict_pair (one);
CREATE INDEX ix_verdict_pair_other ON verdict_pair (other);
COMMENT ON TABLE verdict_pair IS 'The pairs of patients that a decision is about.';
CREATE TABLE match_review (
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    other_id UUID NOT NULL,
    grade TEXT NOT NULL,
    score FLOAT NOT NULL,
    weights JSONB NOT NULL,
    message_id UUID NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    state TEXT DEFAULT 'open' NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    verdict_id UUID,
    CONSTRAINT pk_match_review PRIMARY KEY (id),
    CONSTRAINT ck_match_review_known_state CHECK (state in ('open', 'same', 'different', 'settled')),
    CONSTRAINT ck_match_review_known_grade CHECK (grade in ('certain', 'probable', 'possible', 'not')),
    CONSTRAINT fk_match_review_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id),
    CONSTRAINT fk_match_review_other_id FOREIGN KEY(other_id) REFERENCES patient (id),
    CONSTRAINT fk_match_review_message_id FOREIGN KEY(message_id) REFERENCES message (id),
    CONSTRAINT fk_match_review_verdict_id FOREIGN KEY(verdict_id) REFERENCES verdict (id)
);
CREATE INDEX ix_match_review_other_id ON match_review (other_id);
CREATE INDEX ix_match_review_state_id ON match_review (state, id);
CREATE UNIQUE INDEX uq_match_review_open ON match_review (patient_id, other_id) WHERE state = 'open';
COMMENT ON TABLE match_review IS 'Two patients who may be one person, for a person to decide. Ingest goes on meanwhile.';
COMMENT ON COLUMN match_review.score IS 'log-odds, base 2';
COMMENT ON COLUMN match_review.weights IS 'what speaks for and against it, strongest first';
CREATE TABLE patient_proof (
    patient_id UUID NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    CONSTRAINT pk_patient_proof PRIMARY KEY (patient_id, system, value),
    CONSTRAINT fk_patient_proof_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id)
);
CREATE INDEX ix_patient_proof_system_value ON patient_proof (system, value);
COMMENT ON TABLE patient_proof IS 'Strong numbers by the patient who was sent with them: after a split each side keeps its own.';
CREATE TABLE resident_merge (
    id UUID NOT NULL,
    before UUID NOT NULL,
    after UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    held JSONB NOT NULL,
    undone_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_resident_merge PRIMARY KEY (id),
    CONSTRAINT fk_resident_merge_before FOREIGN KEY(before) REFERENCES resident (id),
    CONSTRAINT fk_resident_merge_after FOREIGN KEY(after) REFERENCES resident (id)
);
CREATE INDEX ix_resident_merge_after ON resident_merge (after);
CREATE INDEX ix_resident_merge_before ON resident_merge (before);
COMMENT ON TABLE resident_merge IS 'Which resident was replaced by which, and what went along: undoing hands that back.';
COMMENT ON COLUMN resident_merge.held IS 'ids of what was the former resident''s, by kind';
COMMENT ON COLUMN resident_merge.undone_at IS 'null while it stands';
CREATE TABLE match_person (
    patient_id UUID NOT NULL,
    person JSONB NOT NULL,
    CONSTRAINT pk_match_person PRIMARY KEY (patient_id),
    CONSTRAINT fk_match_person_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id)
);
COMMENT ON TABLE match_person IS 'Patients as they are compared with others: the latest word on who they are.';
COMMENT ON COLUMN match_person.person IS 'what the patient is compared by, normalised';
CREATE TABLE match_block (
    key BIGINT NOT NULL,
    patient_id UUID NOT NULL,
    CONSTRAINT pk_match_block PRIMARY KEY (key, patient_id),
    CONSTRAINT fk_match_block_patient_id FOREIGN KEY(patient_id) REFERENCES patient (id)
);
CREATE INDEX ix_match_block_patient_id ON match_block (patient_id);
COMMENT ON TABLE match_block IS 'Which patients are worth comparing: those who share a key. One index, no scan.';
COMMENT ON COLUMN match_block.key IS 'hash of one blocking key';
ALTER TABLE link ADD COLUMN verdict_id UUID;
COMMENT ON COLUMN link.verdict_id IS 'the person''s decision that made it; null where a message did';
