"""The way of a message, on one screen: kept messages become one record a resident.

    claim ---> read ---> identify ---> record ---> react ---> publish ---> settle

One transaction a batch. What cannot be read is parked with its reason and does not hold up its lane. Should the batch
fail as a whole (a race, a fault of ours), its messages are tried one by one, so that one message can park only itself.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.errors import Refusal, Refused, places_of
from hub.identifying import Identified, Read, identify, lane_of
from hub.likeness import Matcher, remembering
from hub.mapping.codes import IdentifierKind
from hub.message import Fate, Message, Source
from hub.newcomers import NeedsToBeAlone, Newcomers
from hub.programme.happened import Happened, Reaction, Told
from hub.recognising import Described, recognise
from hub.record import Reading, Unaccounted
from hub.recording import Recorded, Touched, rebuild, record
from hub.relatives import PERSON
from hub.store import claims, inbox, log, relations
from hub.store.references import Said

logger = structlog.get_logger()

_MOST_TRIES = 8
"""After about nine minutes a fault no longer counts as passing."""
_BATCH_TRIES = 4
"""Times that a batch is tried as a whole before its messages are tried one by one."""
_MOST_UNREAD = 20
"""Fields of clinical segments that nothing reads, of one message, that are told of."""
_CANCELLED, _NOT_UNIQUE, _NO_LOCK = "57014", "23505", "55P03"


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What reading messages needs, handed in by wiring.

    `source_of` says who sent a message, `read` turns it into its reading and the refusals of single entries; both
    raise Refused. `reactions` are what the programme does upon it: plans after a discharge, referrals that move.
    """

    source_of: Callable[[Message], Source]
    kinds: Mapping[str, IdentifierKind]
    read: Callable[[Message, Source], tuple[Reading, Mapping[str, Refusal]]]
    reactions: Sequence[Reaction] = ()
    matcher: Matcher | None = None
    """How people without a number are recognised; None: nobody is."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    unread: Callable[[str, Sequence[Unaccounted]], None] = lambda source, unaccounted: None
    """Told of each message that is merged for the first time what of it nothing has read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Understood:
    read: Read
    findings: Mapping[str, Refusal]


class _MovesLinks(Exception):  # noqa: N818 - no fault: the batch has to be done anew, alone
    """A message of the batch moves a link between residents, and so touches lanes that others may hold."""


class _Collides(Exception):  # noqa: N818 - no fault: the batch has to be done anew
    """Another worker, or a person, was in the way of the batch."""


async def work(engine: AsyncEngine, desk: Desk, *, most: int = 64) -> int:
    """Merge one batch of kept messages, in a transaction of its own. Returns how many were settled or put off.

    Several may work side by side over one database: they hold different lanes. A batch in which a link moves is done
    anew while nobody else works.
    """
    alone = False
    for _ in range(_BATCH_TRIES):
        try:
            return await _work(engine, desk, most, alone=alone)
        except (_MovesLinks, NeedsToBeAlone):
            alone = True
        except _Collides:
            continue
    return await _one_by_one(engine, desk, most)


async def _work(engine: AsyncEngine, desk: Desk, most: int, *, alone: bool) -> int:
    claimed: list[Message] = []
    try:
        async with engine.begin() as connection:
            claimed = await claims.claim(connection, most, alone=alone)
            return await take_in(connection, claimed, desk, alone=alone)
    except (_MovesLinks, NeedsToBeAlone):
        raise
    except Refused as refused:  # the programme cannot do what one of them asks for
        if len(claimed) == 1:
            return await _park(engine, claimed[0], refused.refusal)
        return await _one_by_one(engine, desk, most)
    except Exception as fault:  # whatever it is, it must cost one message and not the worker
        if _is_away(fault) or not claimed:
            raise
        if len(claimed) > 1 and _passes(fault):
            logger.info("batch-collides", state=_state_of(fault), at=places_of(fault))
            raise _Collides from None
        if len(claimed) > 1:
            logger.warning("batch-failed", fault=type(fault).__name__, at=places_of(fault))
            return await _one_by_one(engine, desk, most)
        if _passes(fault):
            return await _put_off(engine, claimed[0], fault)
        return await _park(engine, claimed[0], _told_of(fault, claimed[0]))


async def take_in(connection: AsyncConnection, messages: Sequence[Message], desk: Desk, *, alone: bool = True) -> int:
    """Merge claimed messages. Returns how many were settled; the others stay kept for the next batch.

    Raises _MovesLinks or NeedsToBeAlone where a link moves and the batch is not `alone`.
    """
    understood, parked = await _read_all(messages, desk)
    matcher = remembering(desk.matcher) if desk.matcher else None
    newcomers = Newcomers(matcher, alone=alone)
    identified = await identify(connection, _in_order(understood), desk.kinds, newcomers)
    if identified.moves and not alone:
        raise _MovesLinks
    parked |= {key: refused.refusal for key, refused in identified.refused.items()}
    recorded = await record(connection, identified.located, identified.moves, _named(identified))
    identified, recorded = await _recognise(connection, matcher, identified, recorded, alone=alone)
    changed, causes = recorded.changed, _causes(identified, recorded)
    await _react(connection, desk, identified, changed, causes)
    await _publish(connection, changed, causes)
    findings = {one.read.message.id: _findings(one, identified) for one in understood}
    settled = [_merged(read, findings[read.message.id]) for read in identified.done if read.message.id not in parked]
    settled += [_parked(key, refusal) for key, refusal in parked.items()]
    await inbox.settle(connection, settled)
    for one in understood:
        if not one.read.message.source:
            await inbox.claim_for(connection, one.read.source.name, one.read.message.id)
        if not one.read.message.attempts:
            desk.unread(one.read.source.name, one.read.reading.unaccounted)
    if settled:
        await inbox.wake(connection, *(["event"] if changed else []), "settled")
    return len(settled)


async def _recognise(
    connection: AsyncConnection, matcher: Matcher | None, identified: Identified, recorded: Recorded, *, alone: bool
) -> tuple[Identified, Recorded]:
    """Compare those of whom something new was said with whom they may be; residents who turn out to be one are joined,
    as if the messages had said so."""
    if matcher is None:
        return identified, recorded
    described = list(_described(identified, recorded))
    moves = await recognise(connection, described, matcher, alone=alone)
    if not moves:
        return identified, recorded
    changed = dict(recorded.changed)
    for resident, keys in (await rebuild(connection, sorted({one for move in moves for one in move}))).items():
        changed[resident] = changed.get(resident, set()) | keys
    after = dict(moves)
    residents = {patient: after.get(resident, resident) for patient, resident in recorded.residents.items()}
    return replace(identified, moves=(*identified.moves, *moves)), replace(
        recorded, changed=changed, residents=residents
    )


def _described(identified: Identified, recorded: Recorded) -> Iterator[Described]:
    """The patients of whom a batch said something new, each with the message that said it last."""
    for one in {one.patient_id: one for one in identified.located}.values():
        folded = recorded.persons.get(one.patient_id, ())
        patient = next((of.said for of in folded if of.latest.kind == "Patient"), None)
        if patient is not None:
            yield Described(
                patient_id=one.patient_id,
                resident_id=recorded.residents[one.patient_id],
                message_id=one.read.message.id,
                source=one.read.source,
                patient=patient,
                related=[of.said for of in folded if of.latest.kind == PERSON],
            )


def _named(identified: Identified) -> list[Said]:
    """What the messages of a batch call the things that others refer to."""
    return [
        Said(source=read.source.name, named=named, sent_at=read.reading.sent_at)
        for read in identified.done
        if read.message.id not in identified.refused
        for named in read.reading.named
    ]


def _findings(one: _Understood, identified: Identified) -> list[Refusal]:
    """What is odd about a message that goes on: what the door found in its header stays true."""
    at_the_door = [finding for finding in one.read.message.findings if finding.where.startswith("MSH")]
    unread = (fault for fault in one.read.reading.unaccounted if fault.is_clinical)
    lost = [Refusal(code="unaccounted-content", where=fault.where) for fault in islice(unread, _MOST_UNREAD)]
    ahead = one.read.reading.ahead
    lost += [Refusal(code="clock-ahead", where=ahead)] if ahead else []
    told = [*one.findings.values(), *one.read.reading.left_out]
    return [*at_the_door, *told, *identified.findings.get(one.read.message.id, ()), *lost]


async def _read_all(messages: Sequence[Message], desk: Desk) -> tuple[list[_Understood], dict[UUID, Refusal]]:
    understood: list[_Understood] = []
    parked: dict[UUID, Refusal] = {}
    for message in messages:
        await asyncio.sleep(0)  # a batch takes long to read: the listeners have their turn in between
        try:
            source = desk.source_of(message)
            reading, findings = desk.read(message, source)
            understood.append(
                _Understood(read=Read(message=message, source=source, reading=reading), findings=findings)
            )
        except Refused as refused:
            parked[message.id] = refused.refusal
    return understood, parked


def _in_order(understood: Sequence[_Understood]) -> list[Read]:
    """Lane by lane; in a lane by event, then by sending, then by receipt."""
    lanes: dict[str, list[Read]] = {}
    for one in understood:
        lanes.setdefault(lane_of(one.read), []).append(one.read)
    for lane in lanes.values():
        lane.sort(key=lambda read: (read.reading.event_at, read.reading.sent_at, read.message.id))
    return [read for lane in lanes.values() for read in lane]


async def _react(
    connection: AsyncConnection, desk: Desk, identified: Identified, changed: Touched, causes: Mapping[UUID, UUID]
) -> None:
    """Let the programme react to what is now known. Raises Refused."""
    done = [read for read in identified.done if read.message.id not in identified.refused]
    happened = Happened(
        connection=connection,
        now=desk.now(),
        told=[
            Told(message_id=read.message.id, source=read.source, shared=shared, sent_at=read.reading.sent_at)
            for read in sorted(done, key=lambda read: read.message.id)
            for shared in read.reading.shared
        ],
        touched={resident: frozenset(keys) for resident, keys in changed.items()},
        causes=causes,
        moves=identified.moves,
        senders={read.message.id: read.source for read in done},
    )
    for reaction in desk.reactions:
        await reaction(happened)
    await happened.write()


async def _publish(connection: AsyncConnection, changed: Touched, causes: Mapping[UUID, UUID]) -> None:
    """Events of the residents that changed, each naming the message that changed it last."""
    if not changed:
        return
    audiences = await relations.find_audiences(connection, sorted(changed))
    await log.tell(
        connection,
        [
            {
                "kind": "resident-changed",
                "resident_id": resident,
                "subject": None,
                "message_id": causes[resident],
                "entries": sorted({kind for kind, _ in keys}),
                "audience": audiences.get(resident, []),
            }
            for resident, keys in sorted(changed.items())
        ],
    )


def _causes(identified: Identified, recorded: Recorded) -> dict[UUID, UUID]:
    """The message that changed each resident last; those whom a move emptied were changed by the last of the batch."""
    if not recorded.changed:
        return {}
    causes = dict.fromkeys(recorded.changed, identified.done[-1].message.id)
    return causes | {recorded.residents[one.patient_id]: one.read.message.id for one in identified.located}


def _merged(read: Read, findings: Sequence[Refusal]) -> dict[str, Any]:
    found = [inbox.refusal_json(refusal) for refusal in findings]
    return {
        "of": read.message.id,
        "becomes": Fate.MERGED.value,
        "in_lane": lane_of(read),
        "because": None,
        "found": found or None,
    }


def _parked(key: UUID, refusal: Refusal) -> dict[str, Any]:
    because = inbox.refusal_json(refusal)
    return {"of": key, "becomes": Fate.PARKED.value, "in_lane": "", "because": because, "found": None}


async def _one_by_one(engine: AsyncEngine, desk: Desk, most: int) -> int:
    settled = 0
    for _ in range(most):
        done = await work(engine, desk, most=1)
        settled += done
        if not done:
            break
    return settled


async def _park(engine: AsyncEngine, message: Message, refusal: Refusal) -> int:
    """Park a message alone, in a transaction of its own."""
    async with engine.begin() as connection:
        await inbox.settle(connection, [_parked(message.id, refusal)])
        await inbox.wake(connection, "settled")
    return 1


async def _put_off(engine: AsyncEngine, message: Message, fault: Exception) -> int:
    """Try a message again later, each time after twice as long; the others of its lane go on. In the end it is parked:
    one that is tried for ever would fill the log."""
    if message.tries >= _MOST_TRIES:
        told = {"tries": str(message.tries + 1), "reference": _logged(fault, message)}
        return await _park(engine, message, Refusal(code="gave-up", given=told))
    wait = timedelta(seconds=2.0**message.tries * (1 + secrets.randbelow(1000) / 1000))
    async with engine.begin() as connection:
        await inbox.put_off(connection, message.id, wait, _state_of(fault))
    logger.warning("message-put-off", fault=type(fault).__name__, state=_state_of(fault), seconds=wait.total_seconds())
    return 1


def _told_of(fault: Exception, message: Message) -> Refusal:
    """A fault of ours as a refusal; its reference finds the fault in the log."""
    return Refusal(code="internal", given={"reference": _logged(fault, message)})


def _logged(fault: Exception, message: Message) -> str:
    reference = str(message.id)[-12:]
    logger.error("message-failed", reference=reference, fault=type(fault).__name__, at=places_of(fault))
    return reference


def _is_away(fault: Exception) -> bool:
    """Whether the database as such is away or full, for whatever message: SQLSTATE classes 08, 53, 57 and 58
    (PostgreSQL, appendix A), apart from a statement that was cancelled."""
    if isinstance(fault, (OSError, PoolTimeoutError)):
        return True
    if not isinstance(fault, DBAPIError):
        return False
    state = _state_of(fault)
    return fault.connection_invalidated or not state or (state[:2] in ("08", "53", "57", "58") and state != _CANCELLED)


def _passes(fault: Exception) -> bool:
    """Whether the same message may well succeed later: another was in its way (class 40), opened the same patient just
    before (23505), held a lock too long, or the statement was cancelled."""
    state = _state_of(fault)
    return state[:2] == "40" or state in (_CANCELLED, _NOT_UNIQUE, _NO_LOCK)


def _state_of(fault: Exception) -> str:
    return str(getattr(getattr(fault, "orig", None), "sqlstate", "") or "")
