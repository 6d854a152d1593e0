"""Who may read or send what."""

import pytest

from hub.access import READERS, Role, Viewer, check_may_read_records, check_may_send, may_read_records, may_send
from hub.errors import Refused


def viewer(role: Role, source: str = "") -> Viewer:
    return Viewer(id="v", name="某人", role=role, source=source)


@pytest.mark.parametrize("role", list(Role))
def test_only_family_doctors_and_nurses_read_records(role: Role) -> None:
    decision = may_read_records(viewer(role))
    assert decision.is_allowed == (role in {Role.FAMILY_DOCTOR, Role.NURSE})
    assert decision.rule


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
