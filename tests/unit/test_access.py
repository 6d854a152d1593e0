"""Who may read or send what."""

import pytest

from hub.access import (
    READERS,
    Role,
    Viewer,
    audience_of,
    check_may_read_records,
    check_may_send,
    may_act,
    may_read,
    may_read_records,
    may_send,
    organisation_of,
    team_of,
)
from hub.errors import Refused


def viewer(role: Role, source: str = "") -> Viewer:
    return Viewer(id="v", name="某人", role=role, source=source)


@pytest.mark.parametrize("role", list(Role))
def test_only_doctors_nurses_and_hospital_desks_read_records(role: Role) -> None:
    decision = may_read_records(viewer(role))
    assert decision.is_allowed == (role in {Role.FAMILY_DOCTOR, Role.NURSE, Role.HOSPITAL_DESK})
    assert decision.rule


def test_a_reader_needs_a_relation_to_each_resident() -> None:
    doctor = viewer(Role.FAMILY_DOCTOR)
    assert may_read(doctor, ["agreement", "referral"]).rule == "relation:agreement,referral"
    refusal = may_read(doctor, ["agreement", None]).refusal
    assert refusal is not None
    assert refusal.code == "no-relation"


def test_a_relation_does_not_make_an_engineer_a_reader() -> None:
    assert not may_read(viewer(Role.ENGINEER), ["agreement"]).is_allowed


@pytest.mark.parametrize("role", list(Role))
def test_only_the_roles_that_are_named_may_act(role: Role) -> None:
    decision = may_act(viewer(role), "sign", {Role.FAMILY_DOCTOR})
    assert decision.is_allowed == (role is Role.FAMILY_DOCTOR)
    assert decision.rule


def test_a_token_without_a_team_or_organisation_acts_for_none() -> None:
    for of, code in ((team_of, "no-team"), (organisation_of, "no-organisation")):
        with pytest.raises(Refused) as refused:
            of(viewer(Role.NURSE))
        assert refused.value.refusal.code == code


def test_events_are_for_a_team_its_centre_or_a_hospital_and_for_nobody_else() -> None:
    member = Viewer(id="v", name="某人", role=Role.NURSE, organisation="dongcheng", team="dongcheng-1")
    assert audience_of(member) == {"team:dongcheng-1", "centre:dongcheng"}
    desk = Viewer(id="v", name="某人", role=Role.HOSPITAL_DESK, organisation="renmin", team="x")
    assert audience_of(desk) == {"organisation:renmin"}
    assert audience_of(viewer(Role.ENGINEER)) == frozenset()


@pytest.mark.parametrize("role", sorted(set(Role) - READERS))
def test_insisting_refuses_with_what_to_do_next(role: Role) -> None:
    with pytest.raises(Refused) as refused:
        check_may_read_records(viewer(role))
    assert refused.value.refusal.code == "may-not-read-records"
    assert refused.value.refusal.next_step("zh")


def test_a_source_sends_for_itself() -> None:
    assert check_may_send(viewer(Role.HOSPITAL_SOURCE, "renmin-his"), "renmin-his").is_allowed


@pytest.mark.parametrize(
    "sender",
    [
        viewer(Role.HOSPITAL_SOURCE, "zhongyi-his"),
        viewer(Role.HOSPITAL_SOURCE),
        viewer(Role.ENGINEER, "renmin-his"),
        viewer(Role.FAMILY_DOCTOR),
    ],
)
def test_nobody_sends_for_a_source_but_itself(sender: Viewer) -> None:
    assert not may_send(sender, "renmin-his").is_allowed
    with pytest.raises(Refused) as refused:
        check_may_send(sender, "renmin-his")
    assert refused.value.refusal.code == "may-not-send"


def test_an_account_without_a_source_does_not_send_for_the_nameless_one() -> None:
    assert not may_send(viewer(Role.HOSPITAL_SOURCE, ""), "").is_allowed
