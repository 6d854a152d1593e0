"""The order in which segments are read: each ORC before the OBR behind which it stands."""

import pytest

from adapters.hl7v2.reading import read
from hub.mapping.sequence import in_order

HEAD = r"MSH|^~\&|LIS|X|HUB|HUB|20260205093000||OUL^R22|1|P|2.5.1"


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("SPM OBR ORC OBX", "SPM ORC OBR OBX"),
        ("OBR NTE ORC OBX OBR ORC OBX", "ORC OBR NTE OBX ORC OBR OBX"),
        ("OBR OBX OBR ORC", "OBR OBX ORC OBR"),
        ("OBR ORC ORC", "ORC OBR ORC"),
        ("ORC OBR", "ORC OBR"),
        ("SPM OBX", "SPM OBX"),
    ],
)
def test_an_orc_behind_its_obr_is_read_before_it(sent: str, taken: str) -> None:
    message = read("\r".join([HEAD, *(f"{name}|1" for name in sent.split())]).encode(), "utf-8")
    assert [segment.name for segment in in_order(message.segments)] == ["MSH", *taken.split()]
