"""A choice of FHIR (``occurrence[x]``) holds one type, also where rows fill its parts."""

from typing import Any

from adapters.fhir.validation import check
from adapters.hl7v2.reading import read
from hub.record import Reading
from tests.desk import mappings
from tests.mapping.cases import GOLDEN, RECEIVED

TIMED = (GOLDEN / "renmin-oml-o21-timing.hl7").read_bytes()


ASKED_FOR = "血糖^L".encode()


def lines_of(raw: bytes) -> list[bytes]:
    return raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")


def reading_of(raw: bytes) -> Reading:
    return mappings().v2["renmin-his"].read(read(raw, "gb18030"), RECEIVED)


def first_order(raw: bytes) -> dict[str, Any]:
    reading = reading_of(raw)
    assert not [one for one in reading.unaccounted if one.where in ("OBR-6", "TQ1-3")], "outranked is read"
    return next(one.resource for one in reading.parts[0].resources if one.kind == "ServiceRequest")


def asked_at(raw: bytes, number: str = "||20260205093000") -> bytes:
    return raw.replace(ASKED_FOR, ASKED_FOR + number.encode(), 1)


def occurrence(order: dict[str, Any]) -> list[str]:
    assert check(order) is None
    return [name for name in order if name.startswith("occurrence")]


def test_a_requested_time_yields_to_the_timing_of_the_order() -> None:
    assert occurrence(first_order(TIMED)) == ["occurrenceTiming"]
    order = first_order(asked_at(TIMED))
    assert occurrence(order) == ["occurrenceTiming"]
    assert order["occurrenceTiming"] == first_order(TIMED)["occurrenceTiming"]


def test_a_requested_time_stands_where_there_is_no_timing() -> None:
    untimed = b"\r".join(line for line in lines_of(asked_at(TIMED)) if not line.startswith(b"TQ1"))
    assert occurrence(first_order(untimed)) == ["occurrenceDateTime"]


def test_a_requested_time_stands_beside_a_timing_that_says_no_time() -> None:
    silent = b"\r".join(b"TQ1|1" if line.startswith(b"TQ1") else line for line in lines_of(asked_at(TIMED)))
    assert occurrence(first_order(silent)) == ["occurrenceDateTime"]


def test_what_yielded_leaves_no_origin_behind() -> None:
    mapped = next(one for one in reading_of(asked_at(TIMED)).parts[0].resources if one.kind == "ServiceRequest")
    assert not [trace for trace in mapped.traces if trace.target == "occurrenceDateTime"]


def test_a_choice_holds_the_first_of_two_types_of_which_neither_yields() -> None:
    raw = (GOLDEN / "renmin-oru-r01-values.hl7").read_bytes()
    for one in reading_of(raw).parts[0].resources:
        assert sum(name.startswith("value") for name in one.resource) <= 1
