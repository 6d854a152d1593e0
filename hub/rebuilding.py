"""Records made anew from their facts, some residents a transaction: after rules of mapping or merging have changed, or
to see that what stands there is what the facts say.

A resident is held while their record is rebuilt, as by a message, so this runs beside ingest. What it is broken off in
is rolled back, and what it has done stays done.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.access import Decision, Role, Viewer, insist, may_act
from hub.audit import Witness
from hub.recording import rebuild
from hub.store import entries, inbox, log, people, relations

REBUILDERS = frozenset({Role.ENGINEER, Role.ADMINISTRATOR})
"""Nothing of a record is shown to who rebuilds it."""
_AT_ONCE = 25
"""Residents of one transaction: each is held until it is committed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """What rebuilding some residents came to. `changed` counts the lines that are not what they were, by kind
    ("Patient": the resident's own values); `last` is the resident that it got to."""

    residents: int
    entries: int
    changed: Mapping[str, int]
    last: UUID


def may_rebuild(viewer: Viewer) -> Decision:
    """Engineers and administrators."""
    return may_act(viewer, "rebuild records", REBUILDERS)


async def rebuild_all(
    engine: AsyncEngine, viewer: Viewer, *, after: UUID | None = None, only_look: bool = False
) -> AsyncGenerator[Rebuilt, None]:
    """Rebuild everybody's records, in the order of their ids, behind a resident. Raises Refused (may-not-change)."""
    while True:
        async with engine.connect() as connection:
            some = await people.list_present(connection, after, _AT_ONCE)
        if not some:
            return
        after = some[-1]
        yield await rebuild_some(engine, viewer, some, only_look=only_look)


async def rebuild_these(
    engine: AsyncEngine, viewer: Viewer, residents: Sequence[UUID], *, only_look: bool = False
) -> AsyncGenerator[Rebuilt, None]:
    """Rebuild the records of these residents. Raises Refused (may-not-change)."""
    asked = sorted(set(residents))
    for at in range(0, len(asked), _AT_ONCE):
        yield await rebuild_some(engine, viewer, asked[at : at + _AT_ONCE], only_look=only_look)


async def rebuild_some(engine: AsyncEngine, viewer: Viewer, some: Sequence[UUID], *, only_look: bool) -> Rebuilt:
    """Rebuild some records in one transaction, which tells whom it concerns what has changed; with `only_look` it is
    rolled back. Raises Refused (may-not-change)."""
    insist(may_rebuild(viewer))
    async with engine.connect() as connection:
        await people.lock_residents(connection, some)
        before = await entries.fingerprints(connection, some)
        await rebuild(connection, some)
        after = await entries.fingerprints(connection, some)
        changed = {line for line in before.keys() | after.keys() if before.get(line) != after.get(line)}
        told = Rebuilt(
            residents=len(some),
            entries=sum(kind != entries.OWN for _, kind, _ in after),
            changed=dict(sorted(Counter(kind for _, kind, _ in changed).items())),
            last=some[-1],
        )
        if only_look:
            await connection.rollback()
            return told
        await _tell(connection, viewer, changed)
        await connection.commit()
    return told


async def _tell(connection: AsyncConnection, viewer: Viewer, changed: Collection[entries.Line]) -> None:
    kinds: dict[UUID, set[str]] = {}
    for resident, kind, _ in changed:
        kinds.setdefault(resident, set()).add(kind)
    if not kinds:
        return
    audiences = await relations.find_audiences(connection, sorted(kinds))
    await log.tell(
        connection,
        [
            {
                "kind": "resident-changed",
                "resident_id": resident,
                "subject": None,
                "message_id": None,
                "entries": sorted(of),
                "audience": audiences.get(resident, []),
            }
            for resident, of in sorted(kinds.items())
        ],
    )
    witness = Witness(
        viewer=viewer,
        operation="hub record rebuild",
        decision=may_rebuild(viewer),
        residents=tuple(sorted(kinds)),
        changes=(f"records rebuilt: {len(kinds)}",),
        address="command line",
    )
    await log.witness(connection, [witness.row()])
    await inbox.wake(connection, "event")


def together(one: Rebuilt, other: Rebuilt) -> Rebuilt:
    """Two steps as one."""
    changed = Counter(one.changed) + Counter(other.changed)
    return replace(
        other,
        residents=one.residents + other.residents,
        entries=one.entries + other.entries,
        changed=dict(sorted(changed.items())),
    )
