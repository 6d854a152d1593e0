DROP INDEX ix_follow_up_due;
CREATE INDEX ix_follow_up_worklist ON follow_up (team_id, state, due_until, id);
CREATE INDEX ix_follow_up_plan_served ON follow_up_plan (resident_id, agreement_id, team_id) WHERE ended_at is null;

CREATE INDEX ix_referral_to_centre ON referral (to_organisation_id, id) WHERE direction = 'down' and to_team_id is null;
CREATE INDEX ix_referral_open_from_team ON referral (from_team_id, id) WHERE ended_at is null;
CREATE INDEX ix_referral_open_from_organisation ON referral (from_organisation_id, id) WHERE ended_at is null;
CREATE INDEX ix_referral_open_to_team ON referral (to_team_id, id) WHERE ended_at is null;
CREATE INDEX ix_referral_open_to_organisation ON referral (to_organisation_id, id) WHERE ended_at is null;

CREATE INDEX ix_agreement_alliance ON agreement (provider_id) WHERE provider_kind = 'alliance';
