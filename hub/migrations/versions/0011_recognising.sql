ALTER TABLE link ADD COLUMN weights JSONB;
COMMENT ON COLUMN link.weights IS 'what spoke for and against it where persons were compared, strongest first';
ALTER TABLE match_person ADD COLUMN digest BYTEA NOT NULL;
COMMENT ON COLUMN match_person.digest IS 'hash of what it was made from: the same makes nothing anew';
