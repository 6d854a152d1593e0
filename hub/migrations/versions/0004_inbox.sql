CREATE TABLE body (
    message_id UUID NOT NULL,
    source TEXT NOT NULL,
    raw BYTEA NOT NULL,
    CONSTRAINT pk_body PRIMARY KEY (message_id)
)
PARTITION BY RANGE (message_id);
COMMENT ON TABLE body IS 'The bytes of messages, by month of receipt (the time in a UUIDv7), as long as they are kept. Append-only for the application role.';
COMMENT ON COLUMN body.raw IS 'the bytes as they came';
CREATE TABLE body_rest PARTITION OF body DEFAULT;

CREATE TABLE control (
    source TEXT NOT NULL,
    control_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    message_id UUID NOT NULL,
    repeats INTEGER DEFAULT '0' NOT NULL,
    repeated_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_control PRIMARY KEY (source, control_id, digest)
);
CREATE INDEX ix_control_message_id ON control (message_id);
COMMENT ON TABLE control IS 'Control ids that were used, and for what: by this a message that comes twice is known.';
COMMENT ON COLUMN control.digest IS 'SHA-256 of what the message says, MSH-7 aside';
COMMENT ON COLUMN control.message_id IS 'the first message of this content';

CREATE TABLE message_step (
    id UUID NOT NULL,
    message_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    step TEXT NOT NULL,
    by TEXT NOT NULL,
    code TEXT NOT NULL,
    CONSTRAINT pk_message_step PRIMARY KEY (id),
    CONSTRAINT ck_message_step_known CHECK (step in ('parked', 'retried', 'replayed')),
    CONSTRAINT fk_message_step_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_message_step_message_id ON message_step (message_id);
COMMENT ON TABLE message_step IS 'What happened to messages on their way, besides being kept and merged. Append-only for the application role.';
COMMENT ON COLUMN message_step.by IS 'an account; hub where the worker did it';
COMMENT ON COLUMN message_step.code IS 'of the refusal or the fault';

CREATE TABLE watermark (
    source TEXT NOT NULL,
    view TEXT NOT NULL,
    value TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_watermark PRIMARY KEY (source, view)
);
COMMENT ON TABLE watermark IS 'How far the views of sources'' databases have been read.';

INSERT INTO body (message_id, source, raw) SELECT id, source, raw FROM message;
ALTER TABLE message ADD COLUMN size INTEGER;
UPDATE message SET size = octet_length(raw);
ALTER TABLE message ALTER COLUMN size SET NOT NULL;
ALTER TABLE message DROP COLUMN raw;
ALTER TABLE message ADD COLUMN numbers TEXT[] DEFAULT '{}' NOT NULL;
ALTER TABLE message ADD COLUMN names TEXT[] DEFAULT '{}' NOT NULL;
DROP INDEX ix_message_source_control_id;
CREATE INDEX ix_message_control_id ON message (control_id);
CREATE INDEX ix_message_kind_id ON message (kind, id);
CREATE INDEX ix_message_names ON message USING gin (names);
CREATE INDEX ix_message_numbers ON message USING gin (numbers);
CREATE INDEX ix_message_source_id ON message (source, id);
COMMENT ON TABLE message IS 'What a source sent, without its bytes: a witness for good. Append-only for the application role.';
COMMENT ON COLUMN message.control_id IS 'MSH-10, Idempotency-Key, id of a document';
COMMENT ON COLUMN message.size IS 'bytes';
COMMENT ON COLUMN message.numbers IS 'patients'' numbers as they were sent';
COMMENT ON COLUMN message.names IS 'patients'' names as they were sent';

ALTER TABLE fate ADD COLUMN buckets INTEGER[] DEFAULT '{}' NOT NULL;
ALTER TABLE fate ADD COLUMN tries INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE fate ADD COLUMN retry_at TIMESTAMP WITH TIME ZONE;
COMMENT ON COLUMN fate.buckets IS 'hashes of its patients'' lanes';
COMMENT ON COLUMN fate.tries IS 'times that a passing fault hit it';
COMMENT ON COLUMN fate.retry_at IS 'not before; null: at once';
