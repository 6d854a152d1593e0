"""What the county's hospitals send in the benches: admissions, results, bundles, as many as asked for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from fixtures.county.bundles import write_bundle
from fixtures.county.clinic import BEIJING, Visit, diagnoses, panel
from fixtures.county.crowd import crowd
from fixtures.county.messages import write_adt, write_oru
from fixtures.county.people import Person
from fixtures.county.plans import order_for
from hub.ids import new_id
from hub.message import Arrival, Format, Transport

Arrived = tuple[UUID, Arrival]
"""A message with the id under which it is kept."""
FIRST = datetime(2026, 4, 1, 8, 30, tzinfo=BEIJING)
RESULTS = 10


def mixed(people: int, *, stay: int = 0, seed: int = 7) -> list[Arrived]:
    """ADT^A01 and ORU^R01 with 10 OBX of each person, kept as the listener keeps them; `stay` counts their stays."""
    at = FIRST + timedelta(days=10 * stay)
    bodies = chain.from_iterable(_stay(person, at, stay) for person in crowd(people, seed))
    return [(new_id(), _arrival("renmin-his", Format.HL7V2, kind, body)) for kind, body in bodies]


def _stay(person: Person, at: datetime, stay: int) -> Iterator[tuple[str, bytes]]:
    serial = f"ZY{person.number}-{stay}"
    visit = Visit(serial=serial, kind="I", began_at=at)
    known = list(diagnoses().values())
    found = [known[(person.number + stay) % len(known)]]
    yield (
        "ADT^A01",
        write_adt("renmin-his", person, "A01", control_id=f"A{serial}", at=at, visit=visit, diagnoses=found),
    )
    results = [*panel("metabolic", person, "renmin-his"), *panel("blood-count", person, "renmin-his")][:RESULTS]
    order = order_for("metabolic", f"L{serial}", at + timedelta(hours=1))
    yield "ORU^R01", write_oru("renmin-his", person, order, results, control_id=f"R{serial}", visit=visit)


def bundles(people: int, *, seed: int = 7) -> list[Arrived]:
    """A transaction of each person: patient, stay, diagnosis, report with 10 results."""
    return [(new_id(), _arrival("erke-fhir", Format.FHIR, "transaction", _bundle(one))) for one in crowd(people, seed)]


def _bundle(person: Person) -> bytes:
    visit = Visit(serial=f"EK{person.number}", kind="I", began_at=FIRST, ended_at=FIRST + timedelta(days=3))
    results = (*panel("metabolic", person, "erke-fhir"), *panel("blood-count", person, "erke-fhir"))[:RESULTS]
    order = order_for("metabolic", f"E{person.number}", FIRST + timedelta(hours=1))
    return write_bundle(
        "erke-fhir",
        person,
        identifier=f"B{person.number}",
        at=FIRST + timedelta(days=3),
        visit=visit,
        diagnoses=list(diagnoses().values())[:1],
        reports=[(order, results)],
    )


def _arrival(source: str, written: Format, kind: str, body: bytes) -> Arrival:
    transport = Transport.FHIR if written is Format.FHIR else Transport.MLLP
    return Arrival(source=source, transport=transport, format=written, raw=body, kind=kind, control_id=str(new_id()))
