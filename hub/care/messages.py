"""Looking at messages for somebody: which they may see, and taking them in again by their hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access import Decision, Role, Viewer, insist
from hub.care.deed import Deed
from hub.care.visit import Visit
from hub.errors import Refusal, Refused, refuse
from hub.message import Fate, Message
from hub.store import coverage, inbox, messages, search
from hub.store.coverage import UnreadField
from hub.store.search import Figures, Found, Wanted

OVERSEERS = frozenset({Role.ENGINEER, Role.ADMINISTRATOR})
MOST_TAKEN_APART = 10
"""Messages of one answer that are taken apart: each may be as large as a door lets in."""
MOST_REPLAYED = 5_000
"""Messages of one transaction, where many are taken in again."""


def may_see_messages(viewer: Viewer, source: str | None = None) -> Decision:
    """Engineers and administrators see every message, a source's own account those of its source, others none.

    `source` is whose messages they are; None: whichever the viewer may see.
    """
    if viewer.role in OVERSEERS:
        return Decision(rule="overseers-see-messages")
    if viewer.role is Role.HOSPITAL_SOURCE and viewer.source and source in (None, viewer.source):
        return Decision(rule="source-sees-its-own")
    refusal = Refusal(code="may-not-see-messages", given={"role": viewer.role.value})
    return Decision(rule="others-see-no-messages", refusal=refusal)


def audience_of(viewer: Viewer) -> frozenset[str]:
    """What events of messages call the viewer."""
    if viewer.role in OVERSEERS:
        return frozenset({"engineers"})
    return frozenset({f"source:{viewer.source}"} if viewer.role is Role.HOSPITAL_SOURCE and viewer.source else ())


def own(viewer: Viewer, wanted: Wanted) -> Wanted:
    """What is asked for, of what the viewer may see. Raises Refused (may-not-see-messages)."""
    insist(may_see_messages(viewer, wanted.source))
    return wanted if viewer.role in OVERSEERS else replace(wanted, source=viewer.source)


async def page_messages(visit: Visit, wanted: Wanted, words: str, most: int, after: UUID | None) -> Found:
    """The newest messages that fit, behind `after`; with `words`, those that hold them. Raises Refused
    (may-not-see-messages)."""
    visit.decide(may_see_messages(visit.viewer, wanted.source))
    visit.touch(kinds=["Message"])
    wanted = own(visit.viewer, wanted)
    if words:
        return await visit.ask(search.find_words, wanted, words, most, after)
    return await visit.ask(search.find_page, wanted, most, after)


async def list_messages(visit: Visit, ids: Sequence[UUID]) -> Sequence[RowMapping | Refused]:
    """Messages by id, in the order asked; the refusal (no-such-message) where one is not there, or another's."""
    visit.decide(may_see_messages(visit.viewer))
    visit.touch(kinds=["Message"])
    found = {row["id"]: row for row in await visit.ask(search.list_by_id, ids)}
    return [_seen(visit.viewer, found.get(key)) for key in ids]


def _seen(viewer: Viewer, row: RowMapping | None) -> RowMapping | Refused:
    if row is None or not may_see_messages(viewer, row["source"]).is_allowed:
        return refuse("no-such-message", "id")
    return row


async def list_steps(visit: Visit, ids: Sequence[UUID]) -> Sequence[Sequence[RowMapping]]:
    """What happened to messages that were seen, besides being kept and merged."""
    found = await visit.ask(search.list_steps, ids)
    return [found[key] for key in ids]


async def list_touched(visit: Visit, ids: Sequence[UUID]) -> Sequence[Sequence[RowMapping]]:
    """The facts that messages gave, with their residents: the audit row names them."""
    found = await visit.ask(search.list_touched, ids)
    visit.touch(*(row["resident_id"] for rows in found.values() for row in rows))
    return [found[key] for key in ids]


async def list_whole(visit: Visit, ids: Sequence[UUID]) -> Sequence[Message | None]:
    """Messages that were seen, with their bytes; None where these are no longer kept. Raises Refused (page-too-large)
    for more than `MOST_TAKEN_APART`."""
    if len(ids) > MOST_TAKEN_APART:
        raise refuse("page-too-large", "reading", asked=str(len(ids)), most=str(MOST_TAKEN_APART))
    found = await visit.ask(messages.list_whole, ids)
    return [found.get(key) for key in ids]


async def list_figures(visit: Visit, names: Sequence[str]) -> Mapping[str, Figures]:
    """How sources do, by name. Raises Refused (may-not-see-messages)."""
    for name in names:
        visit.decide(may_see_messages(visit.viewer, name))
    return await visit.ask(search.find_figures, names, visit.now)


async def list_unread(visit: Visit, names: Sequence[str]) -> Mapping[str, Sequence[UnreadField]]:
    """The fields of sources' messages that nothing reads, by name. Raises Refused (may-not-see-messages)."""
    for name in names:
        visit.decide(may_see_messages(visit.viewer, name))
    return await visit.ask(coverage.list_unread, names, visit.now)


async def replay(deed: Deed, ids: Sequence[UUID] | None, wanted: Wanted) -> int:
    """Take messages in again: these, or else all that fit, of which the parked ones unless a fate is asked for. Returns
    how many were taken; those that wait already are not counted. Raises Refused (may-not-see-messages)."""
    viewer = deed.viewer
    deed.decide(may_see_messages(viewer, wanted.source))
    wanted = own(viewer, wanted)
    if ids is None:
        count = await replay_matching(deed.connection, wanted, viewer.id)
    else:
        mine = [row["id"] for row in await search.list_by_id(deed.connection, ids) if _is_own(viewer, row)]
        if len(mine) < len(set(ids)):
            raise refuse("no-such-message", "ids")
        count = await inbox.replay(deed.connection, mine, viewer.id) if mine else 0
    deed.touch(kinds=["Message"])
    deed.hand.changes.append(f"messages replayed: {count}")
    return count


def _is_own(viewer: Viewer, row: RowMapping) -> bool:
    return may_see_messages(viewer, row["source"]).is_allowed


def of_replay(wanted: Wanted) -> Wanted:
    """What a replay of a search takes: the parked ones, unless another fate is asked for."""
    return wanted if wanted.fate else replace(wanted, fate=Fate.PARKED)


async def replay_matching(connection: AsyncConnection, wanted: Wanted, by: str) -> int:
    """Take in again all that fit, in one transaction. Returns how many."""
    after, count = None, 0
    while ids := await search.list_ids(connection, of_replay(wanted), MOST_REPLAYED, after):
        count += await inbox.replay(connection, ids, by)
        after = ids[-1]
    return count
