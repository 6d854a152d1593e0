"""A choice of FHIR (``occurrence[x]``) holds one type, also where rows fill its parts."""

from typing import Any

import pytest

from adapters.fhir.validation import check
from adapters.hl7v2.reading import read
from tests.desk import mappings
from tests.mapping.cases import GOLDEN, RECEIVED

TIMED = (GOLDEN / "renmin-oml-o21-timing.hl7").read_bytes()


def first_order(raw: bytes) -> dict[str, Any]:
    reading = mappings().v2["renmin-his"].read(read(raw, "gb18030"), RECEIVED)
    assert not [one for one in reading.unaccounted if one.where in ("OBR-6", "TQ1-3")], "outranked is read"
    return next(one.resource for one in reading.parts[0].resources if one.kind == "ServiceRequest")


@pytest.mark.parametrize(
    ("requested", "stands"), [("", "occurrenceTiming"), ("||20260205093000", "occurrenceDateTime")]
)
def test_of_a_time_and_a_timing_the_first_that_is_told_stands_alone(requested: str, stands: str) -> None:
    order = first_order(TIMED.replace("血糖^L".encode(), f"血糖^L{requested}".encode(), 1))
    assert [name for name in order if name.startswith("occurrence")] == [stands]
    assert check(order) is None
