ALTER TABLE event ALTER COLUMN resident_id DROP NOT NULL;
ALTER TABLE event ADD COLUMN subject UUID;
ALTER TABLE event ADD COLUMN audience TEXT[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN event.resident_id IS 'null where it is about nobody: a session';
COMMENT ON COLUMN event.subject IS 'what changed, where it is no record: a plan, a referral, a session';
COMMENT ON COLUMN event.audience IS 'team:ID, organisation:ID';

ALTER TABLE audit ADD COLUMN changes TEXT[] DEFAULT '{}' NOT NULL;
COMMENT ON COLUMN audit.changes IS 'referral 0198... sent>accepted';
COMMENT ON TABLE audit IS 'Who read or changed what, by which right. Append-only for the application role.';

CREATE TABLE history (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject UUID NOT NULL,
    act TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    by TEXT NOT NULL,
    role TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    message_id UUID,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_history PRIMARY KEY (id),
    CONSTRAINT fk_history_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_history_subject_id ON history (subject, id);
COMMENT ON TABLE history IS 'Every step of everything that has states. Append-only for the application role.';
COMMENT ON COLUMN history.kind IS 'agreement, plan, follow-up, offer, session, booking, referral';
COMMENT ON COLUMN history.before IS 'the state before; empty of the first';
COMMENT ON COLUMN history.by IS 'an account; a source where a message did it; hub where time did';
COMMENT ON COLUMN history.message_id IS 'the witness, where a message did it';

CREATE TABLE organisation (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_en TEXT DEFAULT '' NOT NULL,
    kind TEXT NOT NULL,
    level INTEGER,
    authority TEXT DEFAULT '' NOT NULL,
    alliance_id TEXT,
    credit_code TEXT DEFAULT '' NOT NULL,
    phone TEXT DEFAULT '' NOT NULL,
    message_id UUID,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_organisation PRIMARY KEY (id),
    CONSTRAINT ck_organisation_known_kind CHECK (kind in ('hospital', 'community-health-centre', 'clinic', 'alliance', 'other')),
    CONSTRAINT ck_organisation_known_level CHECK (level between 1 and 3),
    CONSTRAINT fk_organisation_alliance_id FOREIGN KEY(alliance_id) REFERENCES organisation (id),
    CONSTRAINT fk_organisation_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
COMMENT ON TABLE organisation IS 'Hospitals, community health centres, clinics, their alliances, and functional communities (功能社区).';
COMMENT ON COLUMN organisation.id IS 'the site''s short code; the organisation''s own in every message';
COMMENT ON COLUMN organisation.level IS '1 primary, 2 secondary, 3 tertiary (医院等级)';
COMMENT ON COLUMN organisation.authority IS 'county, district, city, province';
COMMENT ON COLUMN organisation.alliance_id IS 'the alliance (医联体) it belongs to';
COMMENT ON COLUMN organisation.credit_code IS '统一社会信用代码, GB 32100';

CREATE TABLE offer (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    encounter_key TEXT NOT NULL,
    organisation_id TEXT,
    hospital TEXT NOT NULL,
    hospital_id TEXT,
    discharged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    reason JSONB NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT DEFAULT '' NOT NULL,
    message_id UUID NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_offer PRIMARY KEY (id),
    CONSTRAINT uq_offer_resident_id_encounter_key UNIQUE (resident_id, encounter_key),
    CONSTRAINT fk_offer_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id),
    CONSTRAINT fk_offer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_offer_hospital_id FOREIGN KEY(hospital_id) REFERENCES organisation (id),
    CONSTRAINT fk_offer_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_offer_open ON offer (organisation_id, id) WHERE ended_at is null;
COMMENT ON TABLE offer IS 'Discharged residents without an agreement, offered to a community centre with contact data only.';
COMMENT ON COLUMN offer.organisation_id IS 'null: nobody could tell which centre';
COMMENT ON COLUMN offer.reason IS 'zh, en: why this centre';

CREATE TABLE practitioner (
    id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    message_id UUID,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_practitioner PRIMARY KEY (id),
    CONSTRAINT fk_practitioner_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_practitioner_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_practitioner_organisation_id ON practitioner (organisation_id);
COMMENT ON TABLE practitioner IS 'Who works where, as what.';
COMMENT ON COLUMN practitioner.role IS 'family-doctor, nurse, public-health-physician, specialist, ...';
COMMENT ON COLUMN practitioner.title IS '职称';

CREATE TABLE session (
    id UUID NOT NULL,
    organisation_id TEXT NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    department TEXT NOT NULL,
    practitioner TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    speciality TEXT DEFAULT '' NOT NULL,
    place TEXT DEFAULT '' NOT NULL,
    fee TEXT DEFAULT '' NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    team_from TIMESTAMP WITH TIME ZONE NOT NULL,
    public_from TIMESTAMP WITH TIME ZONE NOT NULL,
    release_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reserved INTEGER NOT NULL,
    share TEXT DEFAULT '' NOT NULL,
    rule TEXT NOT NULL,
    opening_rule TEXT DEFAULT '' NOT NULL,
    release_rule TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT DEFAULT '' NOT NULL,
    source TEXT NOT NULL,
    message_id UUID,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_session PRIMARY KEY (id),
    CONSTRAINT uq_session_organisation_id_number UNIQUE (organisation_id, number),
    CONSTRAINT ck_session_known_kind CHECK (kind in ('expert', 'general', 'examination', 'bed')),
    CONSTRAINT ck_session_whole_session CHECK (ends_at > starts_at),
    CONSTRAINT ck_session_teams_first CHECK (team_from <= public_from),
    CONSTRAINT ck_session_known_state CHECK (state in ('open', 'released', 'cancelled')),
    CONSTRAINT fk_session_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_session_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_session_release ON session (release_at) WHERE state = 'open';
CREATE INDEX ix_session_starts_at_id ON session (starts_at, id);
COMMENT ON TABLE session IS 'A specialist''s session, an examination''s list or a ward''s beds, as a hospital publishes them.';
COMMENT ON COLUMN session.number IS 'the hospital''s own number of the session';
COMMENT ON COLUMN session.practitioner IS 'whose clinic it is';
COMMENT ON COLUMN session.title IS '职称';
COMMENT ON COLUMN session.speciality IS 'what it is for: 专病, a device, a ward';
COMMENT ON COLUMN session.fee IS 'yuan, as the hospital writes it';
COMMENT ON COLUMN session.team_from IS 'when teams may book';
COMMENT ON COLUMN session.public_from IS 'when the public may book';
COMMENT ON COLUMN session.release_at IS 'when what teams left free goes to the public';
COMMENT ON COLUMN session.reserved IS 'how many slots the teams have at least';
COMMENT ON COLUMN session.share IS 'that the rule asks for, exactly: 1/3';
COMMENT ON COLUMN session.rule IS 'region and clause that the share follows; empty: the hospital''s own';
COMMENT ON COLUMN session.opening_rule IS 'that team_from follows, likewise';
COMMENT ON COLUMN session.release_rule IS 'that release_at follows, likewise';
COMMENT ON COLUMN session.source IS 'who published it: a source, or the account of the desk';
COMMENT ON COLUMN session.message_id IS 'null where the desk published it by hand';
COMMENT ON COLUMN session.told_at IS 'when its newest version was written';

CREATE TABLE team (
    id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_en TEXT DEFAULT '' NOT NULL,
    phone TEXT DEFAULT '' NOT NULL,
    message_id UUID,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_team PRIMARY KEY (id),
    CONSTRAINT fk_team_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_team_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_team_organisation_id ON team (organisation_id);
COMMENT ON TABLE team IS 'Family-doctor teams.';

CREATE TABLE agreement (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    provider_kind TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    team_id TEXT,
    organisation_id TEXT NOT NULL,
    client_kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    packages TEXT[] DEFAULT '{}' NOT NULL,
    combination TEXT[] DEFAULT '{}' NOT NULL,
    state TEXT NOT NULL,
    term INTEGER NOT NULL,
    begins_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    ended_on DATE,
    end_reason TEXT DEFAULT '' NOT NULL,
    previous_id UUID,
    version INTEGER DEFAULT '1' NOT NULL,
    message_id UUID,
    told_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_agreement PRIMARY KEY (id),
    CONSTRAINT ck_agreement_known_kind CHECK (kind in ('primary', 'supplementary')),
    CONSTRAINT ck_agreement_known_provider CHECK (provider_kind in ('team', 'practitioner', 'alliance')),
    CONSTRAINT ck_agreement_known_client CHECK (client_kind in ('resident', 'household', 'organisation')),
    CONSTRAINT ck_agreement_whole_term CHECK (ends_on >= begins_on),
    CONSTRAINT uq_agreement_number UNIQUE (number),
    CONSTRAINT fk_agreement_team_id FOREIGN KEY(team_id) REFERENCES team (id),
    CONSTRAINT fk_agreement_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_agreement_previous_id FOREIGN KEY(previous_id) REFERENCES agreement (id),
    CONSTRAINT fk_agreement_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_agreement_ending ON agreement (ends_on) WHERE ended_on is null;
CREATE INDEX ix_agreement_organisation_id ON agreement (organisation_id);
CREATE INDEX ix_agreement_signed ON agreement (begins_on) WHERE state = 'signed';
CREATE INDEX ix_agreement_team_id ON agreement (team_id);
COMMENT ON TABLE agreement IS 'Signed agreements (家庭医生签约服务协议): who serves whom, for how long.';
COMMENT ON COLUMN agreement.number IS 'its signer''s own, or the hub''s';
COMMENT ON COLUMN agreement.kind IS 'primary, or supplementary for one disease';
COMMENT ON COLUMN agreement.provider_id IS 'of a team, a practitioner, or an alliance';
COMMENT ON COLUMN agreement.team_id IS 'who serves; null where an alliance does';
COMMENT ON COLUMN agreement.client_id IS 'a resident''s uuid, a household''s number, an organisation''s id';
COMMENT ON COLUMN agreement.packages IS 'service packages (服务包)';
COMMENT ON COLUMN agreement.combination IS 'hospitals of 1+1, 1+1+1';
COMMENT ON COLUMN agreement.term IS 'number of the present term';
COMMENT ON COLUMN agreement.begins_on IS 'of the present term';
COMMENT ON COLUMN agreement.ends_on IS 'last day of the present term';
COMMENT ON COLUMN agreement.previous_id IS 'the agreement that a transfer ended';
COMMENT ON COLUMN agreement.told_at IS 'of its newest version, where a signing system keeps it';

CREATE TABLE area (
    id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_area PRIMARY KEY (id),
    CONSTRAINT fk_area_team_id FOREIGN KEY(team_id) REFERENCES team (id)
);
CREATE INDEX ix_area_team_id ON area (team_id);
COMMENT ON TABLE area IS 'Grid areas (网格) and the team that looks after each.';
COMMENT ON COLUMN area.name IS 'as it stands in addresses: 东城街道海棠路';

CREATE TABLE slot (
    id UUID NOT NULL,
    session_id UUID NOT NULL,
    number INTEGER NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    moves INTEGER NOT NULL,
    account TEXT NOT NULL,
    CONSTRAINT pk_slot PRIMARY KEY (id),
    CONSTRAINT uq_slot_session_id_number UNIQUE (session_id, number),
    CONSTRAINT ck_slot_known_account CHECK (account in ('new', 'public', 'team', 'held', 'booked', 'withdrawn')),
    CONSTRAINT fk_slot_session_id FOREIGN KEY(session_id) REFERENCES session (id)
);
CREATE INDEX ix_slot_free ON slot (session_id, starts_at, number) WHERE account = 'team';
COMMENT ON TABLE slot IS 'One bookable time. Its account must be that of a row of the ledger.';
COMMENT ON COLUMN slot.number IS '1 to n in the session';
COMMENT ON COLUMN slot.moves IS 'how often it moved: the number of its last ledger row';
COMMENT ON COLUMN slot.account IS 'where its last ledger row took it';

CREATE TABLE team_member (
    team_id TEXT NOT NULL,
    practitioner_id TEXT NOT NULL,
    role TEXT NOT NULL,
    since DATE,
    until DATE,
    CONSTRAINT pk_team_member PRIMARY KEY (team_id, practitioner_id),
    CONSTRAINT fk_team_member_team_id FOREIGN KEY(team_id) REFERENCES team (id),
    CONSTRAINT fk_team_member_practitioner_id FOREIGN KEY(practitioner_id) REFERENCES practitioner (id)
);
CREATE INDEX ix_team_member_practitioner_id ON team_member (practitioner_id);
COMMENT ON TABLE team_member IS 'Who belongs to a team.';
COMMENT ON COLUMN team_member.role IS 'leader, nurse, public-health-physician, specialist, ...';

CREATE TABLE agreement_term (
    agreement_id UUID NOT NULL,
    number INTEGER NOT NULL,
    begins_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    signed_by TEXT NOT NULL,
    rule TEXT NOT NULL,
    deviation TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_agreement_term PRIMARY KEY (agreement_id, number),
    CONSTRAINT fk_agreement_term_agreement_id FOREIGN KEY(agreement_id) REFERENCES agreement (id)
);
COMMENT ON TABLE agreement_term IS 'Each term of an agreement: the first, and its renewals. Append-only for the application role.';
COMMENT ON COLUMN agreement_term.rule IS 'region and clause that the length follows';
COMMENT ON COLUMN agreement_term.deviation IS 'why it departs from a rule of principle';

CREATE TABLE booking (
    id UUID NOT NULL,
    slot_id UUID NOT NULL,
    session_id UUID NOT NULL,
    team_id TEXT NOT NULL,
    resident_id UUID,
    state TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    by TEXT NOT NULL,
    end_reason TEXT DEFAULT '' NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_booking PRIMARY KEY (id),
    CONSTRAINT ck_booking_known_state CHECK (state in ('held', 'booked', 'expired', 'cancelled')),
    CONSTRAINT ck_booking_for_somebody CHECK (state <> 'booked' or resident_id is not null),
    CONSTRAINT ck_booking_holds_expire CHECK (state <> 'held' or expires_at is not null),
    CONSTRAINT fk_booking_slot_id FOREIGN KEY(slot_id) REFERENCES slot (id),
    CONSTRAINT fk_booking_session_id FOREIGN KEY(session_id) REFERENCES session (id),
    CONSTRAINT fk_booking_team_id FOREIGN KEY(team_id) REFERENCES team (id),
    CONSTRAINT fk_booking_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_booking_expiry ON booking (expires_at) WHERE state = 'held';
CREATE INDEX ix_booking_resident_id ON booking (resident_id);
CREATE INDEX ix_booking_session_id_id ON booking (session_id, id);
CREATE INDEX ix_booking_slot_id ON booking (slot_id);
CREATE INDEX ix_booking_team_id_id ON booking (team_id, id);
CREATE UNIQUE INDEX uq_booking_person ON booking (session_id, resident_id) WHERE state = 'booked';
CREATE UNIQUE INDEX uq_booking_slot ON booking (slot_id) WHERE state in ('held', 'booked');
COMMENT ON TABLE booking IS 'A slot held or booked by a team. A slot has one standing booking, by index.';
COMMENT ON COLUMN booking.resident_id IS 'null while it is held for nobody yet';
COMMENT ON COLUMN booking.expires_at IS 'of a hold';
COMMENT ON COLUMN booking.by IS 'the account that holds or booked it';

CREATE TABLE coverage (
    agreement_id UUID NOT NULL,
    resident_id UUID NOT NULL,
    kind TEXT NOT NULL,
    since DATE,
    until DATE,
    CONSTRAINT pk_coverage PRIMARY KEY (agreement_id, resident_id),
    CONSTRAINT fk_coverage_agreement_id FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    CONSTRAINT fk_coverage_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id)
);
CREATE INDEX ix_coverage_resident_id ON coverage (resident_id);
CREATE UNIQUE INDEX uq_coverage_primary ON coverage (resident_id) WHERE until is null and since is not null and kind = 'primary';
COMMENT ON TABLE coverage IS 'Whom an agreement covers. A resident has one standing primary agreement at a time.';
COMMENT ON COLUMN coverage.kind IS 'that of the agreement';
COMMENT ON COLUMN coverage.since IS 'null until the agreement''s first day has come';
COMMENT ON COLUMN coverage.until IS 'null while the agreement stands';

CREATE TABLE follow_up_plan (
    id UUID NOT NULL,
    resident_id UUID NOT NULL,
    encounter_key TEXT NOT NULL,
    hospital TEXT NOT NULL,
    hospital_id TEXT,
    discharged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    disposition TEXT DEFAULT '' NOT NULL,
    agreement_id UUID NOT NULL,
    team_id TEXT NOT NULL,
    state TEXT NOT NULL,
    priority TEXT NOT NULL,
    basis TEXT NOT NULL,
    reason JSONB NOT NULL,
    request JSONB,
    delivered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    accepted_by TEXT DEFAULT '' NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    end_reason TEXT DEFAULT '' NOT NULL,
    message_id UUID NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_follow_up_plan PRIMARY KEY (id),
    CONSTRAINT ck_follow_up_plan_known_priority CHECK (priority in ('routine', 'raised')),
    CONSTRAINT uq_follow_up_plan_resident_id_encounter_key UNIQUE (resident_id, encounter_key),
    CONSTRAINT fk_follow_up_plan_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id),
    CONSTRAINT fk_follow_up_plan_hospital_id FOREIGN KEY(hospital_id) REFERENCES organisation (id),
    CONSTRAINT fk_follow_up_plan_agreement_id FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    CONSTRAINT fk_follow_up_plan_team_id FOREIGN KEY(team_id) REFERENCES team (id),
    CONSTRAINT fk_follow_up_plan_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_follow_up_plan_open ON follow_up_plan (team_id, id) WHERE ended_at is null;
COMMENT ON TABLE follow_up_plan IS 'What is owed to a resident after one discharge: one plan a stay.';
COMMENT ON COLUMN follow_up_plan.encounter_key IS 'the stay, by the key of its entry';
COMMENT ON COLUMN follow_up_plan.hospital IS 'what the sending source calls itself';
COMMENT ON COLUMN follow_up_plan.disposition IS '离院方式, as the hospital coded it';
COMMENT ON COLUMN follow_up_plan.priority IS 'routine, or raised: against advice';
COMMENT ON COLUMN follow_up_plan.basis IS 'hospital-request, or the rule by diagnosis and region';
COMMENT ON COLUMN follow_up_plan.reason IS 'zh, en: why there is such a plan';
COMMENT ON COLUMN follow_up_plan.request IS 'what the hospital asked for, where it did so in a structured way';
COMMENT ON COLUMN follow_up_plan.message_id IS 'the discharge message';

CREATE TABLE follow_up (
    id UUID NOT NULL,
    plan_id UUID NOT NULL,
    number INTEGER NOT NULL,
    team_id TEXT NOT NULL,
    resident_id UUID NOT NULL,
    state TEXT NOT NULL,
    due_from DATE NOT NULL,
    due_until DATE NOT NULL,
    planned_until DATE NOT NULL,
    is_moved BOOLEAN DEFAULT false NOT NULL,
    way TEXT DEFAULT '' NOT NULL,
    reason JSONB NOT NULL,
    rule TEXT NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    done_by TEXT DEFAULT '' NOT NULL,
    message_id UUID,
    version INTEGER DEFAULT '1' NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_follow_up PRIMARY KEY (id),
    CONSTRAINT ck_follow_up_whole_window CHECK (due_until >= due_from),
    CONSTRAINT uq_follow_up_plan_id_number UNIQUE (plan_id, number),
    CONSTRAINT fk_follow_up_plan_id FOREIGN KEY(plan_id) REFERENCES follow_up_plan (id),
    CONSTRAINT fk_follow_up_team_id FOREIGN KEY(team_id) REFERENCES team (id),
    CONSTRAINT fk_follow_up_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id),
    CONSTRAINT fk_follow_up_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_follow_up_due ON follow_up (team_id, due_until, id) WHERE done_at is null;
CREATE INDEX ix_follow_up_resident_id ON follow_up (resident_id);
COMMENT ON TABLE follow_up IS 'One contact that is due.';
COMMENT ON COLUMN follow_up.due_from IS 'first day of the window, in China';
COMMENT ON COLUMN follow_up.due_until IS 'last day of the window, in China';
COMMENT ON COLUMN follow_up.planned_until IS 'last day as its rule set it, before anybody put it off';
COMMENT ON COLUMN follow_up.is_moved IS 'a person has rescheduled it';
COMMENT ON COLUMN follow_up.way IS '随访方式 that was asked for: telephone, home, ...';
COMMENT ON COLUMN follow_up.reason IS 'zh, en: why this contact, and why then';
COMMENT ON COLUMN follow_up.rule IS 'the rule that set the window, with its clause';
COMMENT ON COLUMN follow_up.message_id IS 'the hub''s own message with what was measured';

CREATE TABLE movement (
    slot_id UUID NOT NULL,
    number INTEGER NOT NULL,
    before INTEGER,
    session_id UUID NOT NULL,
    account_from TEXT NOT NULL,
    account_into TEXT NOT NULL,
    act TEXT NOT NULL,
    booking_id UUID,
    by TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    message_id UUID,
    CONSTRAINT pk_movement PRIMARY KEY (slot_id, number),
    CONSTRAINT uq_movement_slot_id_number_account_into UNIQUE (slot_id, number, account_into),
    CONSTRAINT fk_movement_chain FOREIGN KEY(slot_id, before, account_from) REFERENCES movement (slot_id, number, account_into),
    CONSTRAINT ck_movement_unbroken CHECK (case when number = 1 then before is null and account_from = 'new' else number > 1 and before is not null and before = number - 1 end),
    CONSTRAINT ck_movement_known_account CHECK (account_into in ('new', 'public', 'team', 'held', 'booked', 'withdrawn') and account_into <> 'new'),
    CONSTRAINT fk_movement_slot_id FOREIGN KEY(slot_id) REFERENCES slot (id),
    CONSTRAINT fk_movement_session_id FOREIGN KEY(session_id) REFERENCES session (id),
    CONSTRAINT fk_movement_booking_id FOREIGN KEY(booking_id) REFERENCES booking (id),
    CONSTRAINT fk_movement_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_movement_session_id ON movement (session_id);
COMMENT ON TABLE movement IS 'The ledger: each movement takes a slot from the account where the one before it left it. Append-only.';
COMMENT ON COLUMN movement.before IS 'the number of the movement before it; null of the first';
COMMENT ON COLUMN movement.act IS 'publish, reserve, hold, confirm, expire, cancel, release, withdraw';
COMMENT ON COLUMN movement.by IS 'who moved it; hub where its time had come';

CREATE TABLE referral (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    direction TEXT NOT NULL,
    resident_id UUID NOT NULL,
    state TEXT NOT NULL,
    from_organisation_id TEXT NOT NULL,
    from_team_id TEXT,
    to_organisation_id TEXT NOT NULL,
    to_team_id TEXT,
    department TEXT DEFAULT '' NOT NULL,
    urgency TEXT NOT NULL,
    reason TEXT NOT NULL,
    impression TEXT DEFAULT '' NOT NULL,
    summary JSONB NOT NULL,
    booking_id UUID,
    plan_id UUID,
    previous_id UUID,
    stay_key TEXT DEFAULT '' NOT NULL,
    reply JSONB,
    outcome TEXT DEFAULT '' NOT NULL,
    state_reason TEXT DEFAULT '' NOT NULL,
    by TEXT NOT NULL,
    message_id UUID,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT '1' NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_referral PRIMARY KEY (id),
    CONSTRAINT ck_referral_known_direction CHECK (direction in ('up', 'down')),
    CONSTRAINT ck_referral_known_urgency CHECK (urgency in ('routine', 'urgent', 'emergency')),
    CONSTRAINT uq_referral_number UNIQUE (number),
    CONSTRAINT fk_referral_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id),
    CONSTRAINT fk_referral_from_organisation_id FOREIGN KEY(from_organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_referral_from_team_id FOREIGN KEY(from_team_id) REFERENCES team (id),
    CONSTRAINT fk_referral_to_organisation_id FOREIGN KEY(to_organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_referral_to_team_id FOREIGN KEY(to_team_id) REFERENCES team (id),
    CONSTRAINT fk_referral_booking_id FOREIGN KEY(booking_id) REFERENCES booking (id),
    CONSTRAINT fk_referral_plan_id FOREIGN KEY(plan_id) REFERENCES follow_up_plan (id),
    CONSTRAINT fk_referral_previous_id FOREIGN KEY(previous_id) REFERENCES referral (id),
    CONSTRAINT fk_referral_message_id FOREIGN KEY(message_id) REFERENCES message (id)
);
CREATE INDEX ix_referral_from_organisation_id_id ON referral (from_organisation_id, id);
CREATE INDEX ix_referral_from_team_id_id ON referral (from_team_id, id);
CREATE INDEX ix_referral_plan_id ON referral (plan_id);
CREATE INDEX ix_referral_previous_id ON referral (previous_id);
CREATE INDEX ix_referral_resident_id ON referral (resident_id);
CREATE INDEX ix_referral_to_organisation_id_id ON referral (to_organisation_id, id);
CREATE INDEX ix_referral_to_team_id_id ON referral (to_team_id, id);
CREATE INDEX ix_referral_waiting ON referral (id) WHERE state = 'booked';
CREATE UNIQUE INDEX uq_referral_booking ON referral (booking_id) WHERE ended_at is null;
CREATE UNIQUE INDEX uq_referral_down ON referral (resident_id, stay_key) WHERE direction = 'down' and stay_key <> '' and state <> 'withdrawn';
COMMENT ON TABLE referral IS 'A referral, up or down, with the record''s summary frozen at sending.';
COMMENT ON COLUMN referral.number IS 'what people call it: 20261122-7KQF-2M9T';
COMMENT ON COLUMN referral.direction IS 'up to a hospital, down to the community';
COMMENT ON COLUMN referral.reason IS '主要现病史(转出原因)';
COMMENT ON COLUMN referral.impression IS '初步印象';
COMMENT ON COLUMN referral.summary IS 'the record as it was when the referral was sent; never changed';
COMMENT ON COLUMN referral.plan_id IS 'of a down referral: what follows it';
COMMENT ON COLUMN referral.previous_id IS 'the referral up whose stay ends with this one';
COMMENT ON COLUMN referral.stay_key IS 'the encounter that it led to, or came from';
COMMENT ON COLUMN referral.reply IS 'what the receiver wrote back: findings, treatment, advice';
COMMENT ON COLUMN referral.by IS 'the account that sent it; a source where a message did';
COMMENT ON COLUMN referral.message_id IS 'the message that opened it';

CREATE TABLE contact (
    id UUID NOT NULL,
    follow_up_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    by TEXT NOT NULL,
    way TEXT NOT NULL,
    is_reached BOOLEAN NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_contact PRIMARY KEY (id),
    CONSTRAINT fk_contact_follow_up_id FOREIGN KEY(follow_up_id) REFERENCES follow_up (id)
);
CREATE INDEX ix_contact_follow_up_id ON contact (follow_up_id);
COMMENT ON TABLE contact IS 'Each attempt to reach a resident. Append-only for the application role.';

ALTER TABLE slot ADD CONSTRAINT fk_slot_last_movement FOREIGN KEY(id, moves, account) REFERENCES movement (slot_id, number, account_into) DEFERRABLE INITIALLY DEFERRED;
