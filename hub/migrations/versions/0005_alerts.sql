CREATE TABLE alert (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    figure DOUBLE PRECISION NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    given JSONB NOT NULL,
    calm_since TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    is_recovered BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT pk_alert PRIMARY KEY (id),
    CONSTRAINT ck_alert_known CHECK (kind in ('silence', 'failures', 'lag', 'queue', 'disk', 'growth'))
);
CREATE UNIQUE INDEX uq_alert_open ON alert (kind, source) WHERE until is null;
COMMENT ON TABLE alert IS 'What somebody was called for, from when to when.';
COMMENT ON COLUMN alert.source IS '"" where the whole hub is meant';
COMMENT ON COLUMN alert.figure IS 'when it began; seconds, a share, messages or bytes, by its kind';
COMMENT ON COLUMN alert.given IS 'what fills its sentence; nothing of a person';
COMMENT ON COLUMN alert.calm_since IS 'from when on its figure has been well again';
CREATE TABLE alert_notice (
    id UUID NOT NULL,
    alert_id UUID NOT NULL,
    event TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT pk_alert_notice PRIMARY KEY (id),
    CONSTRAINT ck_alert_notice_known CHECK (event in ('began', 'ended')),
    CONSTRAINT fk_alert_notice_alert_id FOREIGN KEY(alert_id) REFERENCES alert (id)
);
CREATE INDEX ix_alert_notice_alert_id ON alert_notice (alert_id);
CREATE UNIQUE INDEX uq_alert_notice_once ON alert_notice (alert_id, event);
COMMENT ON TABLE alert_notice IS 'What is told of an alert: once that it began, once that it ended. Append-only for the application role.';
COMMENT ON COLUMN alert_notice.id IS 'by this a receiver knows a repeat';
COMMENT ON COLUMN alert_notice.body IS 'JSON, the same bytes at every attempt';
CREATE TABLE alert_delivery (
    notice_id UUID NOT NULL,
    receiver TEXT NOT NULL,
    place TEXT NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_alert_delivery PRIMARY KEY (notice_id, receiver),
    CONSTRAINT ck_alert_delivery_known CHECK (state in ('waiting', 'delivered', 'given-up')),
    CONSTRAINT fk_alert_delivery_notice_id FOREIGN KEY(notice_id) REFERENCES alert_notice (id)
);
CREATE INDEX ix_alert_delivery_waiting ON alert_delivery (receiver, notice_id) WHERE state = 'waiting';
COMMENT ON TABLE alert_delivery IS 'Which receivers have been told.';
COMMENT ON COLUMN alert_delivery.receiver IS 'hash of the webhook''s URL, which may hold a secret';
COMMENT ON COLUMN alert_delivery.place IS 'its scheme, host and port';
COMMENT ON COLUMN alert_delivery.next_at IS 'not before; null: at once';
CREATE TABLE alert_attempt (
    id UUID NOT NULL,
    notice_id UUID NOT NULL,
    receiver TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    status INTEGER NOT NULL,
    fault TEXT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_alert_attempt PRIMARY KEY (id),
    CONSTRAINT fk_alert_attempt_notice_id FOREIGN KEY(notice_id) REFERENCES alert_notice (id)
);
CREATE INDEX ix_alert_attempt_notice_id ON alert_attempt (notice_id);
COMMENT ON TABLE alert_attempt IS 'Every attempt to tell a receiver. Append-only for the application role.';
COMMENT ON COLUMN alert_attempt.status IS 'of HTTP; 0 where there was no answer';
COMMENT ON COLUMN alert_attempt.fault IS 'its kind, where there was no answer';
CREATE TABLE source_hour (
    source TEXT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    messages INTEGER NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE,
    last_at TIMESTAMP WITH TIME ZONE,
    longest DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_source_hour PRIMARY KEY (source, hour)
);
COMMENT ON TABLE source_hour IS 'How sources sent, hour by hour: what is usual is learned from it. Only the last weeks.';
COMMENT ON COLUMN source_hour.hour IS 'its beginning';
COMMENT ON COLUMN source_hour.longest IS 'seconds between two messages of this hour';
CREATE TABLE database_size (
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    bytes BIGINT NOT NULL,
    CONSTRAINT pk_database_size PRIMARY KEY (at)
);
COMMENT ON TABLE database_size IS 'How large the database was, hour by hour. Only the last weeks.';
COMMENT ON COLUMN database_size.at IS 'a whole hour';
