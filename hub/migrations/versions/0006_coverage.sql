CREATE TABLE unread_field (
    source TEXT NOT NULL,
    day DATE NOT NULL,
    field TEXT NOT NULL,
    messages BIGINT NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_unread_field PRIMARY KEY (source, day, field)
);
COMMENT ON TABLE unread_field IS 'Fields that messages filled and nothing read, counted by source and day. Only the last months.';
COMMENT ON COLUMN unread_field.field IS 'OBX-13; of CDA and FHIR an element';
