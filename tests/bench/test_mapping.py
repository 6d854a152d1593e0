"""Messages and documents read and mapped by one core: v2 against hl7apy's parse of the same messages, which makes no
resources; documents against fhir.resources' check of what they become."""

import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from adapters.cda.document import read_whole
from adapters.fhir.validation import check, validate_body
from adapters.hl7v2.reading import read
from fixtures.county import write_bundle
from fixtures.county.clinic import Visit, panel
from fixtures.county.crowd import crowd
from fixtures.county.documents import write_national
from fixtures.county.messages import write_oru
from fixtures.county.people import Person
from fixtures.county.plans import order_for
from hub.mapping.bundles import SUPPORTED
from hub.message import FhirMessage
from hub.record import Mapped, PatientPart, Unaccounted
from tests.bench.figures import by_turns, show
from tests.bench.traffic import FIRST, mixed
from tests.desk import mappings, sources
from tests.mapping.documents import DOCUMENTS

pytestmark = pytest.mark.bench


@pytest.fixture(autouse=True, scope="module")
def _settled() -> None:
    """As `hub.app` does once a hub is up: the collector need not walk what is loaded."""
    gc.collect()
    gc.freeze()


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


CASES: Sequence[tuple[str, Sequence[bytes]]] = (
    ("ADT^A01", admissions()),
    (f"ORU^R01 with {RESULTS} OBX", results()),
)
"""What is measured: a name and its messages. Another kind is one more line, where `STEPS_OF` has its steps."""


@pytest.mark.parametrize(("what", "bodies"), CASES)
async def test_mapping_is_faster_than_parsing_by_the_library(what: str, bodies: Sequence[bytes]) -> None:
    reading = map_it(bodies[-1])
    assert reading is not None
    rates = await by_turns({"floor": measure(parse_it, bodies), "hub": measure(map_it, bodies)}, ROUNDS)
    assert show(f"{what}: read and mapped, against hl7apy's parse", rates["floor"], rates["hub"], "2") > 1


# -- step by step ------------------------------------------------------------------------------------------------------

Step = tuple[str, Callable[[Any], Any]]
V2_STEPS: Sequence[Step] = (
    ("read (characters, segments, fields)", lambda raw: read(raw, sources()[SOURCE].charset)),
    ("map (rows, codes, ids)", lambda message: mappings().v2[SOURCE].read(message, RECEIVED)),
    ("list resources", lambda reading: [one.resource for part in reading.parts for one in _mapped(part)]),
    ("write JSON", lambda resources: (resources, [orjson.dumps(one) for one in resources])),
    ("check as FHIR R4B (a share of them, off the path)", lambda both: [check(one) for one in both[0]]),
)
"""The steps from bytes to stored resources, each of which takes what the one before it gave."""
CDA_STEPS: Sequence[Step] = (
    ("read (XML, header, entries)", read_whole),
    ("map (groups, rows, codes, ids)", lambda document: mappings().cda[RECORDS].read(document, RECEIVED)),
    *V2_STEPS[2:],
)


def documents() -> list[bytes]:
    """A laboratory report of some 100 kB: its results over and over."""
    report = DOCUMENTS["C0007"]
    section = report.sections[0]
    items = [one for one in section.entries if isinstance(one, tuple)]
    long = replace(report, sections=(replace(section, entries=items * 35),))
    return [write_national(replace(long, number=f"L{at}")) for at in range(3)]


def _accounted(message: FhirMessage) -> tuple[FhirMessage, list[Unaccounted]]:
    """A request, and what of it is left over: the mapping does the same again, inside of its own step."""
    elements = mappings().fhir[SPEAKER].elements
    return message, [one for entry in message.entries for one in elements.left_over(entry.resource, entry.where)]


SPEAKER = "erke-fhir"
FHIR_STEPS: Sequence[Step] = (
    ("read and check as FHIR R4B (fhir.resources)", lambda raw: validate_body(raw, SUPPORTED)),
    ("account for elements (once more in the next)", _accounted),
    ("map (whom it is about, names, accounting)", lambda both: mappings().fhir[SPEAKER].read(both[0], RECEIVED)[0]),
    *V2_STEPS[2:4],
)


def bundles() -> list[bytes]:
    """Transactions of 50 resources about one person each: a stay, and a report with its results."""
    return [_bundle(person, at) for at, person in enumerate(crowd(PEOPLE, 7))]


def _bundle(person: Person, at: int) -> bytes:
    found = [*panel("metabolic", person, SOURCE), *panel("blood-count", person, SOURCE)]
    many = [replace(found[number % len(found)], code=f"R{number:02d}") for number in range(45)]
    stay = Visit(serial=f"26000{at:04d}", kind="I", began_at=FIRST, department_code="4700", department="神经内科")
    return write_bundle(
        SPEAKER,
        person,
        identifier=f"B{at}",
        at=FIRST,
        visit=stay,
        reports=[(order_for("metabolic", f"M{at}", FIRST), tuple(many))],
    )


BUNDLE = "FHIR bundle of 50"
RECORDS = "renmin-emr"
DOCUMENT = "CDA C0007 of 100 kB"
STEPPED = (*CASES, (DOCUMENT, documents()), (BUNDLE, bundles()))
STEPS_OF: Mapping[str, Sequence[Step]] = {what: V2_STEPS for what, _ in CASES} | {
    DOCUMENT: CDA_STEPS,
    BUNDLE: FHIR_STEPS,
}


async def test_mapping_a_document_costs_a_few_checks_of_what_it_becomes() -> None:
    bodies = documents()
    assert 90_000 < len(bodies[0]) < 120_000
    made = [_listed(body) for body in bodies]

    async def checked() -> float:
        started = time.perf_counter()
        for resources in made:
            for one in resources:
                get_fhir_model_class(one["resourceType"]).model_validate(one)
        return len(made) / (time.perf_counter() - started)

    rates = await by_turns({"floor": checked, "hub": measure(_listed, bodies)}, ROUNDS)
    assert (
        show(f"{DOCUMENT}: read and mapped, against fhir.resources' check", rates["floor"], rates["hub"], "0.5") > 0.2
    )


def _listed(raw: bytes) -> list[Any]:
    reading = mappings().cda[RECORDS].read(read_whole(raw), RECEIVED)
    return [one.resource for part in reading.parts for one in _mapped(part)]


def test_accounting_for_a_bundle_takes_less_than_a_tenth_of_reading_it() -> None:
    bodies = bundles()
    assert {len(validate_body(one, SUPPORTED).entries) for one in bodies} == {50}
    checked, accounted, mapped, *_ = spent(FHIR_STEPS, bodies).values()
    print(f"\n{BUNDLE}: accounting is {accounted / (checked + mapped):.1%} of reading it")
    assert accounted / (checked + mapped) < 0.1


def _mapped(part: PatientPart) -> list[Mapped]:
    return [one for one in (part.demographics, *part.resources) if one]


def spent(steps: Sequence[Step], bodies: Sequence[bytes]) -> dict[str, float]:
    """Seconds a message in each step, the best of `ROUNDS`."""
    best = {name: float("inf") for name, _ in steps}
    for _ in range(ROUNDS):
        given: list[Any] = list(bodies)
        for name, step in steps:
            started = time.perf_counter()
            given = [step(one) for one in given]
            best[name] = min(best[name], (time.perf_counter() - started) / len(bodies))
    return best


@pytest.mark.parametrize(("what", "bodies"), STEPPED)
def test_the_time_of_a_message_is_told_step_by_step(what: str, bodies: Sequence[bytes]) -> None:
    times = spent(STEPS_OF[what], bodies)
    whole = sum(times.values())
    print(f"\n{what}: {1 / whole:,.0f} a second on one core, every step")
    for name, seconds in times.items():
        print(f"  {seconds / whole:5.0%} {seconds * 1e3:8.3f} ms  {name}")
    assert len(times) == len(STEPS_OF[what])
    assert all(seconds > 0 for seconds in times.values())
