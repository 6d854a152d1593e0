"""From what was said to one record: facts are stored, and just the entries that they touch are projected anew."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.apart import apart, is_numbered, key_of, may_be_several
from hub.courses import PRESCRIPTION, SAID, kinds_on, shelf_of
from hub.describing import Persons, describe, named_by_others
from hub.identifying import Located
from hub.ids import new_id
from hub.merging import Folded, entry_id, entry_key, group, project
from hub.naming import unnamed
from hub.record import Entry, Fact, Mapped, short_key
from hub.relatives import OF_PERSON, PAYMENT, PERSON
from hub.specimens import specimen_in
from hub.store import entries, facts, people, references
from hub.tables import ENTRY_TABLES

Touched = dict[UUID, set[tuple[str, str]]]
"""Residents with the (kind, entry key) of what changed."""
WHO = ("Patient", PERSON)
"""The kinds of facts that tell whom a patient resembles."""
_OWN = ("Patient", "")
_COUNTED = frozenset({"Observation", "Procedure", "Immunization"})
"""What is told apart by its code and instant, of which one message may say several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What recording a batch came to. A resident's own values stand among what changed as ("Patient", "").

    `residents` are those that the batch's patients stand for; `persons` is what is said by now of who a patient is,
    for those of whom the batch said something anew.
    """

    changed: Touched
    residents: Mapping[UUID, UUID]
    persons: Mapping[UUID, Sequence[Folded]]


async def record(
    connection: AsyncConnection,
    located: Sequence[Located],
    moves: Sequence[tuple[UUID, UUID]],
    named: Sequence[references.Said] = (),
) -> Recorded:
    """Store what a batch says and bring the residents' records up to it; `named` is what it calls things that facts of
    other messages refer to."""
    said = [fact for one in located for fact in _facts(one)]
    before = await facts.find_by_key(connection, {(fact.patient_id, fact.kind, fact.key) for fact in said})
    fresh = await _keyed(connection, await _new_only(connection, said, before), before)
    await facts.save(connection, fresh)
    await references.await_names(connection, [((one.source, ref), one) for one in fresh for ref in unnamed(one)])
    renamed = await facts.find_by_key(connection, await references.say(connection, named))
    moved = {resident for move in moves for resident in move}
    concerned = {one.patient_id for one in located} | {one.patient_id for one in renamed}
    residents = await people.find_residents_of(connection, sorted(concerned))
    written = {residents[fact.patient_id] for fact in (*fresh, *renamed)}
    await people.lock_residents(connection, sorted(written | moved))
    projected = _touched([*fresh, *await _as_shown(connection, _said_anew(fresh, before), renamed)], before, residents)
    await _project_touched(connection, projected)
    changed: Touched = {resident: set(keys) for resident, keys in projected.items()}
    rebuilt, persons = await _rebuild(connection, sorted(moved))
    for resident, keys in rebuilt.items():
        changed.setdefault(resident, set()).update(keys)
    called_anew = [fact for fact in renamed if fact.kind == PAYMENT]
    told = {residents[fact.patient_id] for fact in (*fresh, *called_anew) if fact.kind in OF_PERSON} - moved
    persons |= await describe(connection, sorted(told))
    for resident in told:
        changed.setdefault(resident, set()).add(_OWN)
    for fact in fresh:
        if shelf_of(fact.kind) not in ENTRY_TABLES and fact.kind != "Patient":
            changed.setdefault(residents[fact.patient_id], set()).add((fact.kind, fact.entry_key))
    anew = {fact.patient_id for fact in fresh if fact.kind in WHO}
    return Recorded(changed=changed, residents=residents, persons={one: persons[one] for one in anew & persons.keys()})


async def rebuild(connection: AsyncConnection, residents: Sequence[UUID]) -> Touched:
    """Project residents' whole records anew from the facts of their patients. Returns what stands there now."""
    return (await _rebuild(connection, residents))[0]


async def _rebuild(connection: AsyncConnection, residents: Sequence[UUID]) -> tuple[Touched, Persons]:
    if not residents:
        return {}, {}
    await entries.remove_all(connection, residents)
    owners = await people.list_patients_of(connection, residents)
    folded = group(await named_by_others(connection, await facts.list_of_patients(connection, sorted(owners))))
    touched: Touched = {resident: set() for resident in residents}
    for one in folded:
        if (shelf := shelf_of(one.latest.kind)) in ENTRY_TABLES:
            touched[owners[one.latest.patient_id]].add((shelf, one.entry_key))
    await entries.save(
        connection, [entry for entry in _project(touched, folded, owners, {}) if isinstance(entry, Entry)]
    )
    persons = await describe(connection, residents)
    return {resident: {_OWN, *keys} for resident, keys in touched.items()}, persons


def _facts(one: Located) -> Iterable[Fact]:
    mapped: list[Mapped] = [*([one.part.demographics] if one.part.demographics else []), *one.part.resources]
    reading, message, source = one.read.reading, one.read.message, one.read.source
    times: Counter[str] = Counter()
    for item in mapped:
        fact = Fact(
            id=new_id(),
            patient_id=one.patient_id,
            message_id=message.id,
            source=source.name,
            organisation=source.organisation,
            kind=item.kind,
            key=short_key(item.key),
            entry_key="",
            event_at=reading.event_at,
            sent_at=reading.sent_at,
            received_at=message.received_at,
            resource=item.resource,
            path=item.path,
            row=item.row,
            traces=item.traces,
            flags=item.flags,
            cleared=item.cleared,
            assumed=item.assumed,
            names=item.names,
            whole=item.whole,
        )
        if item.kind in _COUNTED and not is_numbered(item.kind, item.resource, whole=item.whole):
            specimen = specimen_in(item.resource, fact) if item.kind == "Observation" else None
            times[same := f"{entry_key(item.kind, item.resource, fact)}{specimen or ''}"] += 1
            fact = replace(fact, ordinal=times[same])
        yield fact


async def _new_only(connection: AsyncConnection, said: Sequence[Fact], before: Sequence[Fact]) -> list[Fact]:
    """Facts that were not said before, by the same event and in the same words.

    `before` has only the latest of each content, so what an older event said in the same words is asked for. A message
    without a time of its own counts as of now: it says nothing new where it repeats the last words.
    """
    earlier = [facts.sameness(fact) for fact in before]
    known = set(earlier)
    last = {(fact.patient_id, fact.kind, fact.key): fact for fact in sorted(before, key=lambda fact: fact.order)}
    newest = {_what(same): fact.event_at for same, fact in zip(earlier, before, strict=True)}
    fresh: dict[facts.Sameness, Fact] = {}
    for fact in said:
        if (same := facts.sameness(fact)) not in known and not _repeats(fact, last.get(same[:3])):
            fresh.setdefault(same, fact)
    hidden = [fact for same, fact in fresh.items() if fact.event_at < newest.get(_what(same), fact.event_at)]
    known = await facts.find_said(connection, hidden)
    return [fact for same, fact in fresh.items() if same not in known]


def _repeats(fact: Fact, last: Fact | None) -> bool:
    """Whether a fact of a message without a time says what was said last."""
    undated = fact.event_at == fact.received_at
    return undated and last is not None and facts.content_hash(fact) == facts.content_hash(last)


def _what(same: facts.Sameness) -> tuple[UUID, str, str, bytes]:
    """What was said, whenever it was."""
    patient, kind, key, _, content = same
    return patient, kind, key, content


async def _keyed(connection: AsyncConnection, fresh: Sequence[Fact], before: Sequence[Fact]) -> list[Fact]:
    """New facts under the entry that the whole of what was said with their key now makes."""
    said = [*before, *fresh]
    named = await named_by_others(connection, [one for one in said if one.kind in SAID])
    folded = group([*(one for one in said if one.kind not in SAID), *named])
    keys = {(one.latest.patient_id, one.latest.kind, one.latest.key): one.entry_key for one in folded}
    return [replace(fact, entry_key=keys[fact.patient_id, fact.kind, fact.key]) for fact in fresh]


async def _as_shown(connection: AsyncConnection, before: Sequence[Fact], renamed: Sequence[Fact]) -> Sequence[Fact]:
    """The latest facts of what is called otherwise now, under the entries that they now make. What is said of drugs
    stands where its prescription is named to stand: that may be elsewhere than where it stood when it was stored."""
    drugs = [one for one in (*before, *renamed) if one.kind in SAID]
    others = [one for one in renamed if one.kind not in SAID]
    folded = group([*others, *await named_by_others(connection, drugs)])
    return [*drugs, *(replace(one.latest, entry_key=one.entry_key) for one in folded)]


def _touched(fresh: Sequence[Fact], before: Sequence[Fact], residents: dict[UUID, UUID]) -> Touched:
    """The entries of the new facts, and those that earlier facts of the same keys stood under."""
    touched: Touched = {}
    for fact in (*fresh, *_said_anew(fresh, before)):
        if (shelf := shelf_of(fact.kind)) in ENTRY_TABLES:
            touched.setdefault(residents[fact.patient_id], set()).add((shelf, fact.entry_key))
    return touched


def _said_anew(fresh: Sequence[Fact], before: Sequence[Fact]) -> list[Fact]:
    """What was said before with the keys of new facts."""
    keys = {(fact.patient_id, fact.kind, fact.key) for fact in fresh}
    return [fact for fact in before if (fact.patient_id, fact.kind, fact.key) in keys]


async def _project_touched(connection: AsyncConnection, touched: Touched) -> None:
    if not touched:
        return
    owners = await people.list_patients_of(connection, sorted(touched))
    asked = {(patient, kind, key) for patient, resident in owners.items() for kind, key in touched[resident]}
    found = await _found(connection, asked)
    folded = group(await named_by_others(connection, found))
    projected = list(_project(touched, folded, owners, _stood(found, owners)))
    await entries.save(connection, [entry for entry in projected if isinstance(entry, Entry)])
    gone: dict[str, list[UUID]] = {}
    for entry in projected:
        if not isinstance(entry, Entry):
            gone.setdefault(entry[0], []).append(entry[1])
    await entries.remove(connection, gone)


async def _found(connection: AsyncConnection, asked: Collection[tuple[UUID, str, str]]) -> Sequence[Fact]:
    """The facts of entries, and those that stand elsewhere and refer to a prescription which is named since."""
    found = await facts.find_by_entry(
        connection, {(who, one, key) for who, kind, key in asked for one in kinds_on(kind)}
    )
    drugs = {(who, key) for who, kind, key in asked if kind in SAID}
    if not drugs:
        return found
    led = await references.find_led(connection, PRESCRIPTION, drugs) - {(o.patient_id, o.kind, o.key) for o in found}
    return [*found, *await facts.find_by_key(connection, led)]


def _stood(found: Iterable[Fact], owners: Mapping[UUID, UUID]) -> Counter[tuple[UUID, str, str]]:
    """How many things may have stood under an entry's key before: of what did, some may stand elsewhere by now."""
    keys = {(fact.entry_key, fact.patient_id, fact.kind, fact.key) for fact in found}
    return Counter((owners[patient], shelf_of(kind), entry) for entry, patient, kind, _ in keys)


def _project(
    touched: Touched,
    folded: Sequence[Folded],
    owners: Mapping[UUID, UUID],
    stood: Mapping[tuple[UUID, str, str], int],
) -> Iterable[Entry | tuple[str, UUID]]:
    """Each touched entry, or its kind and id where no fact supports it any longer."""
    together: dict[tuple[UUID, str, str], list[Folded]] = {}
    for one in folded:
        whose, shelf = owners[one.latest.patient_id], shelf_of(one.latest.kind)
        together.setdefault((whose, shelf, one.entry_key), []).append(one)
    for resident, keys in touched.items():
        for kind, key in sorted(keys):
            said = together.get((resident, kind, key), [])
            things = apart(kind, said)
            before = stood.get((resident, kind, key), 0) if may_be_several(kind) else 0
            for at in range(max(len(things), before, 1)):
                of = things[at] if at < len(things) else []
                entry = project(resident, kind, key_of(key, at), of)
                yield entry or (kind, entry_id(resident, kind, key_of(key, at)))
