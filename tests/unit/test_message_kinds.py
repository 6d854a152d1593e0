"""What of MSH-9 may be shown: nothing that could be a name."""

import pytest

from hub.message import shown_kind, unknown_kind


@pytest.mark.parametrize("kind", ["ADT^A01", "ZXX^Z01", "ACK"])
def test_a_message_type_is_shown(kind: str) -> None:
    assert shown_kind(kind) == kind


@pytest.mark.parametrize(
    "kind", ["秦学勤", "QIN^XUEQIN", "Qin^Xue", "19900001016", "371099195603120159", "ADT^A01^X", ""]
)
def test_what_is_no_message_type_is_not_shown(kind: str) -> None:
    assert shown_kind(kind) == "?"


def test_a_query_is_refused_as_one_and_another_type_with_those_that_are_known() -> None:
    assert unknown_kind("QBP^Q22", ["ADT^A01"]).refusal.code == "query-not-answered"
    refusal = unknown_kind("QIN^XUEQIN", ["ORU^R01", "ADT^A01"]).refusal
    assert (refusal.code, refusal.given) == ("unknown-message-type", {"type": "?", "known": "ADT^A01, ORU^R01"})
