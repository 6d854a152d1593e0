"""Slot pools as people see and use them: a team those that it may book, a hospital's desk its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hub.access import Role, Viewer, may_act, organisation_of, team_of
from hub.care.deed import Deed
from hub.care.visit import Visit
from hub.errors import refuse
from hub.policy import Programme
from hub.programme import pools, publishing
from hub.slots import DEFAULT_HOLD, LONGEST_HOLD, Published, Session, Use
from hub.store import pools as reading
from hub.store import slots
from hub.store.pools import Pick, Whose
from hub.store.records import Page
from hub.store.slots import Row, Wanted

TEAMS = (Role.FAMILY_DOCTOR, Role.NURSE)
DESK = (Role.HOSPITAL_DESK,)
_MINUTE = timedelta(minutes=1)


def whose(viewer: Viewer) -> Whose:
    """The viewer's side of the pools. Raises Refused (no-team, no-organisation)."""
    if viewer.role in TEAMS:
        return Whose(team=team_of(viewer))
    return Whose(organisation=organisation_of(viewer))


def _looking(visit: Visit) -> Whose:
    """Insist that the viewer may look at pools. They are nobody's personal data, but not everybody's business."""
    visit.decide(may_act(visit.viewer, "look at slot pools", (*TEAMS, *DESK)))
    return whose(visit.viewer)


# -- reading ---------------------------------------------------------------------------------------------------------


async def page_pools(visit: Visit, pick: Pick, page: Page) -> list[Session]:
    """Sessions by their begin."""
    return await visit.ask(reading.page_sessions, _looking(visit), pick, page.most, page.after)


async def count_pools(visit: Visit, pick: Pick) -> int:
    """How many there are."""
    return await visit.ask(reading.count_sessions, _looking(visit), pick)


async def list_pools(visit: Visit, keys: Sequence[UUID]) -> list[Session | None]:
    """Sessions by id, in the order asked; None where the viewer has no part in it."""
    found = await visit.ask(reading.find_sessions, _looking(visit), keys)
    return [found.get(key) for key in keys]


async def list_balances(visit: Visit, keys: Sequence[UUID]) -> list[Mapping[str, int]]:
    """How many slots of each session are on each account, by the ledger."""
    found = await visit.ask(reading.find_balances, keys)
    return [found[key] for key in keys]


async def list_use(visit: Visit, keys: Sequence[UUID]) -> list[Use]:
    """How the slots of each session stand now."""
    found = await visit.ask(slots.find_use, keys, visit.now)
    return [found.get(key, Use()) for key in keys]


async def list_ledgers(visit: Visit, keys: Sequence[UUID]) -> list[list[Row]]:
    """The movements of each session."""
    found = await visit.ask(reading.list_movements, keys)
    return [found[key] for key in keys]


async def list_allied(visit: Visit, hospitals: Sequence[str]) -> list[bool]:
    """Whether the viewer's team may book at each of these hospitals at all."""
    found = await visit.ask(slots.find_allied, team_of(visit.viewer), hospitals)
    return [hospital in found for hospital in hospitals]


async def page_slots(visit: Visit, session_id: UUID, *, is_free: bool, most: int, after: UUID | None) -> list[Row]:
    """Slots of a session by number. Raises Refused (no-such-slot)."""
    if (await list_pools(visit, [session_id]))[0] is None:
        raise refuse("no-such-slot", "slotPoolId")
    return await visit.ask(reading.page_slots, session_id, most, after, visit.now if is_free else None)


async def count_slots(visit: Visit, session_id: UUID, *, is_free: bool) -> int:
    """How many there are."""
    return await visit.ask(reading.count_slots, session_id, visit.now if is_free else None)


async def list_slots(visit: Visit, keys: Sequence[UUID]) -> list[Row | None]:
    """Slots by id, in the order asked; None where the viewer has no part in them."""
    found = await visit.ask(reading.find_slots, _looking(visit), keys)
    return [found.get(key) for key in keys]


async def page_bookings(visit: Visit, state: str, most: int, after: UUID | None) -> list[Row]:
    """The bookings of one's own team, or of one's own sessions, in the order in which they were made."""
    rows = await visit.ask(reading.page_bookings, _looking(visit), state, most, after)
    visit.touch(*(row["resident_id"] for row in rows))
    return rows


async def count_bookings(visit: Visit, state: str) -> int:
    """How many there are."""
    return await visit.ask(reading.count_bookings, _looking(visit), state)


async def list_bookings(visit: Visit, keys: Sequence[UUID]) -> list[Row | None]:
    """Bookings by id, in the order asked; None where they are not one's own."""
    found = await visit.ask(reading.find_bookings, _looking(visit), keys)
    visit.touch(*(row["resident_id"] for row in found.values()))
    return [found.get(key) for key in keys]


# -- what teams do ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a team asks to hold: one slot, or any of a session, as near as can be to a time where one is given."""

    session_id: UUID | None = None
    slot_id: UUID | None = None
    near: datetime | None = None
    resident_id: UUID | None = None
    minutes: int | None = None


async def hold_slot(deed: Deed, asked: Asked) -> Row:
    """Hold a slot for one's own team.

    Raises Refused (may-not-change, no-team, exactly-one, hold-length, no-relation, what `pools.hold` refuses).
    """
    deed.check_role("hold slots", *TEAMS)
    team = team_of(deed.viewer)
    if (asked.session_id is None) == (asked.slot_id is None):
        raise refuse("exactly-one", these="slotPoolId, slotId")
    length = DEFAULT_HOLD if asked.minutes is None else asked.minutes * _MINUTE
    if not _MINUTE <= length <= LONGEST_HOLD:
        raise refuse("hold-length", "minutes", asked=str(asked.minutes), most=str(LONGEST_HOLD // _MINUTE))
    if asked.resident_id is not None:
        await deed.check_related(asked.resident_id)
    session = asked.session_id or await slots.find_session_of(deed.connection, asked.slot_id or UUID(int=0))
    if session is None:
        raise refuse("no-such-slot", "slotId")
    wanted = Wanted(
        session_id=session,
        slot_id=asked.slot_id,
        near=asked.near,
        team_id=team,
        resident_id=asked.resident_id,
        expires_at=deed.now + length,
    )
    return await pools.hold(deed.hand, wanted)


async def confirm_booking(deed: Deed, booking_id: UUID, resident_id: UUID | None, version: int | None) -> Row:
    """Book what one's own team holds, for a resident: the one that it is held for where none is named.

    Raises Refused (may-not-change, no-team, no-such-booking, booking-for-whom, no-relation, what `pools.confirm`
    refuses).
    """
    deed.check_role("book slots", *TEAMS)
    team = team_of(deed.viewer)
    if resident_id is None:
        held = (await reading.find_bookings(deed.connection, Whose(team=team), [booking_id])).get(booking_id)
        if held is None:
            raise refuse("no-such-booking", "bookingId")
        resident_id = held["resident_id"]
    if resident_id is None:
        raise refuse("booking-for-whom", "residentId")
    await deed.check_related(resident_id)
    return await pools.confirm(deed.hand, booking_id, resident_id, team, version=version)


async def cancel_booking(deed: Deed, booking_id: UUID, reason: str, version: int | None) -> Row:
    """Give back what one's own team holds or has booked.

    Raises Refused (may-not-change, no-team, needs-a-reason, what `pools.cancel` refuses).
    """
    deed.check_role("give slots back", *TEAMS)
    team = team_of(deed.viewer)
    if not reason.strip():
        raise refuse("needs-a-reason", "reason")
    row = await pools.cancel(deed.hand, booking_id, reason.strip(), team_id=team, version=version)
    deed.touch(row["resident_id"])
    return row


# -- what a hospital's desk does -------------------------------------------------------------------------------------


async def publish_session(deed: Deed, told: Published, programme: Programme) -> UUID:
    """Publish a session of one's own hospital, or change the one of its number. Returns its id.

    Raises Refused (may-not-change, no-organisation, session-incomplete, what `publishing.publish` refuses).
    """
    deed.check_role("publish sessions", *DESK)
    hospital = organisation_of(deed.viewer)
    for element, found in {"number": told.number, "department": told.department, "slots": told.slots}.items():
        if not found:
            raise refuse("session-incomplete", "input", element=element)
    return await publishing.publish(deed.hand, hospital, told, programme, is_by_person=True)


async def cancel_session(deed: Deed, session_id: UUID, reason: str, version: int | None) -> UUID:
    """Cancel a session of one's own hospital. Returns its id.

    Raises Refused (may-not-change, no-organisation, what `publishing.cancel_session` refuses).
    """
    deed.check_role("cancel sessions", *DESK)
    await publishing.cancel_session(deed.hand, organisation_of(deed.viewer), session_id, reason, version=version)
    return session_id
