"""A county's feed for rough days: letters of many patients, senders that send again until they are acknowledged, and
the ledger of what they were told.

The letters are written by the fixtures, which share no code with the hub; each says what the record must hold of it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fixtures.county.clinic import BEIJING, Diagnosis, Visit, diagnoses, panel
from fixtures.county.crowd import crowd
from fixtures.county.messages import write_adt, write_oru
from fixtures.county.people import Person
from fixtures.county.plans import order_for
from fixtures.senders import END, START, NoAnswer, read_ack

SOURCE = "renmin-his"
FIRST = datetime(2026, 3, 1, 8, 0, tzinfo=BEIJING)
BETWEEN_PATIENTS = timedelta(minutes=7)
BETWEEN_STAYS = timedelta(days=30)
STAYS = 2
NOBODY = 5_000_000
"""Added to a person's number: what the hospital calls them until it knows who they are."""
EVERY_NOBODY = 9
OF_A_STAY, OF_A_NOBODY = 4, 3

WINDOW = 8
ANSWER_SECONDS = 20.0
AGAIN_SECONDS = 0.1

Entry = tuple[str, str, str]
"""What the record must hold: the kind of entry, the citizen ID of whose it is, and the sender's number of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One message: when it is sent, over which line, and what the record must hold of it in the end."""

    at: datetime
    line: int
    control_id: str
    body: bytes
    entries: frozenset[Entry] = frozenset()


def write_feed(least: int, *, lines: int) -> list[Letter]:
    """At least so many letters in sending order: stays with results of people who come twice, and now and then
    somebody who came without papers and whose second set of numbers is given up (A40).

    All letters of a person go over one line, as a hospital's engine sends them.
    """
    people = -(-least // (OF_A_STAY * STAYS)) + 1
    letters = [letter for place, person in enumerate(crowd(people, 23)) for letter in _of(person, place, place % lines)]
    return sorted(letters, key=lambda letter: letter.at)


def _of(person: Person, place: int, line: int) -> Iterator[Letter]:
    came_at = FIRST + place * BETWEEN_PATIENTS
    if place % EVERY_NOBODY == 0:
        yield from _nobody(person, came_at - timedelta(hours=5), line)
    for number in range(STAYS):
        yield from _stay(person, number, came_at + number * BETWEEN_STAYS, line)


def _stay(person: Person, number: int, came_at: datetime, line: int) -> Iterator[Letter]:
    """Admission, two panels, discharge."""
    serial, left_at = f"ZY{person.number}{number}", came_at + timedelta(days=3)
    stay = Visit(serial=serial, kind="I", began_at=came_at)
    known = list(diagnoses().values())
    found = [known[(person.number + number) % len(known)]]
    yield _adt(person, "A01", came_at, stay, found, line)
    for kind in ("metabolic", "blood-count"):
        yield _results(person, person, kind, f"{serial}{kind[0]}", came_at + timedelta(hours=2), stay, line)
    left = replace(stay, ended_at=left_at, disposition="1")
    yield _adt(person, "A03", left_at, left, found, line)


def _nobody(person: Person, came_at: datetime, line: int) -> Iterator[Letter]:
    """A visit of an unknown person with results; then the hospital learns who it was."""
    nobody = replace(
        person, number=person.number + NOBODY, name="无名氏", citizen_id="", phone="", address="", marital="90"
    )
    visit = Visit(serial=f"MZ{person.number}", kind="O", began_at=came_at)
    found = [diagnoses()["S06.0"]]
    yield _adt(nobody, "A04", came_at, visit, found, line, whose=person)
    yield _results(nobody, person, "blood-count", f"{visit.serial}n", came_at + timedelta(hours=1), visit, line)
    known_at = came_at + timedelta(hours=6)
    control_id = f"A40{person.number}"
    body = write_adt(SOURCE, person, "A40", control_id=control_id, at=known_at, prior=nobody)
    yield Letter(at=known_at, line=line, control_id=control_id, body=body)


def _adt(
    sent_as: Person,
    event: str,
    at: datetime,
    visit: Visit,
    found: Sequence[Diagnosis],
    line: int,
    *,
    whose: Person | None = None,
) -> Letter:
    control_id = f"{event}{visit.serial}"
    body = write_adt(SOURCE, sent_as, event, control_id=control_id, at=at, visit=visit, diagnoses=found)
    entry = ("encounter", (whose or sent_as).citizen_id, visit.serial)
    return Letter(at=at, line=line, control_id=control_id, body=body, entries=frozenset({entry}))


def _results(sent_as: Person, whose: Person, kind: str, filler: str, at: datetime, visit: Visit, line: int) -> Letter:
    results = panel(kind, whose, SOURCE)
    order = order_for(kind, filler, at)
    body = write_oru(SOURCE, sent_as, order, results, control_id=filler, visit=visit)
    entries = {("observation", whose.citizen_id, f"{filler}/{result.code}") for result in results}
    entries.add(("report", whose.citizen_id, f"P{filler}"))  # a report goes by its order's number, OBR-2
    return Letter(at=at, line=line, control_id=filler, body=body, entries=frozenset(entries))


@dataclass(kw_only=True, slots=True)
class Ledger:
    """What the senders were told: acknowledgements by control id, other answers by code, connections that broke."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    sent: int = 0


async def send_all(letters: Sequence[Letter], port: int, ledger: Ledger) -> None:
    """Send every letter over its line, and again until it is acknowledged."""
    lines: dict[int, deque[Letter]] = {}
    for letter in letters:
        lines.setdefault(letter.line, deque()).append(letter)
    async with asyncio.TaskGroup() as group:
        for waiting in lines.values():
            group.create_task(_send_line(waiting, port, ledger))


async def _send_line(waiting: deque[Letter], port: int, ledger: Ledger) -> None:
    """One line. After a broken connection, or an answer that says no, it begins again with what is unacknowledged."""
    while waiting:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # the hub is down
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        try:
            await _converse(reader, writer, waiting, ledger)
        except (OSError, NoAnswer, asyncio.IncompleteReadError, TimeoutError):
            ledger.broken += 1
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            writer.close()


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: deque[Letter], ledger: Ledger
) -> None:
    """Send with a window of unanswered letters; a letter leaves `waiting` when it is acknowledged and not before."""
    under_way = 0
    while waiting:
        due = [waiting[place] for place in range(under_way, min(WINDOW, len(waiting)))]
        writer.write(b"".join(START + letter.body + END for letter in due))
        ledger.sent += len(due)
        under_way += len(due)
        frame = await asyncio.wait_for(reader.readuntil(END), ANSWER_SECONDS)
        ack = read_ack(frame[len(START) : -len(END)])
        if ack.code != "AA":
            ledger.other[ack.code] += 1
            raise NoAnswer(ack.text)
        letter = waiting.popleft()
        if ack.control_id != letter.control_id:
            raise AssertionError(f"{ack.control_id} was acknowledged in the place of {letter.control_id}")
        ledger.acknowledged[letter.control_id] += 1
        under_way -= 1
