"""v2 messages read and mapped by one core, against hl7apy's parse of the same messages, which makes no resources."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from adapters.hl7v2.reading import read
from fixtures.county.clinic import panel
from fixtures.county.crowd import crowd
from fixtures.county.messages import write_oru
from fixtures.county.people import Person
from fixtures.county.plans import order_for
from tests.bench.figures import by_turns, show
from tests.bench.traffic import FIRST, mixed
from tests.desk import mappings, sources

pytestmark = pytest.mark.bench

SOURCE = "renmin-his"
PEOPLE = 20
RESULTS = 40
ROUNDS = 5
RECEIVED = datetime(2026, 10, 1, tzinfo=UTC)

Carry = Callable[[bytes], object]


def admissions() -> list[bytes]:
    return [arrival.raw for _, arrival in mixed(PEOPLE) if arrival.kind == "ADT^A01"]


def results() -> list[bytes]:
    """ORU^R01 with 40 OBX of each person."""
    return [_result(person, at) for at, person in enumerate(crowd(PEOPLE, 7))]


def _result(person: Person, at: int) -> bytes:
    found = [*panel("metabolic", person, SOURCE), *panel("blood-count", person, SOURCE)]
    many = [replace(found[number % len(found)], code=f"R{number:02d}") for number in range(RESULTS)]
    return write_oru(SOURCE, person, order_for("metabolic", f"M{at}", FIRST), many, control_id=f"M{at}")


def map_it(raw: bytes) -> object:
    return mappings().v2[SOURCE].read(read(raw, sources()[SOURCE].charset), RECEIVED)


def parse_it(raw: bytes) -> object:
    text = raw.decode(sources()[SOURCE].charset or "utf-8")
    return parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT)


def measure(carry: Carry, bodies: Sequence[bytes]) -> Callable[[], Awaitable[float]]:
    """How many a second, all of them once."""

    async def round_() -> float:
        started = time.perf_counter()
        for body in bodies:
            carry(body)
        return len(bodies) / (time.perf_counter() - started)

    return round_


@pytest.mark.parametrize(("what", "bodies"), [("ADT^A01", admissions()), (f"ORU^R01 with {RESULTS} OBX", results())])
async def test_mapping_is_faster_than_parsing_by_the_library(what: str, bodies: Sequence[bytes]) -> None:
    reading = map_it(bodies[-1])
    assert reading is not None
    rates = await by_turns({"floor": measure(parse_it, bodies), "hub": measure(map_it, bodies)}, ROUNDS)
    assert show(f"{what}: read and mapped, against hl7apy's parse", rates["floor"], rates["hub"], "2") > 1
