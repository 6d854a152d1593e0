"""Bookings over GraphQL: what a team holds or has booked."""

from datetime import datetime
from enum import Enum
from typing import Annotated, cast
from uuid import UUID

import strawberry

from hub.api.context import Context, Info
from hub.api.fields import field
from hub.api.paging import (
    DEFAULT,
    After,
    Edge,
    First,
    Node,
    PageInfo,
    check_first,
    global_id,
    id_cursor,
    info_of,
    read_id_cursor,
)
from hub.api.queries import find_resident
from hub.api.residents import Resident
from hub.api.slots import SlotPool, SlotType, find_slot, find_slot_pool
from hub.api.teams import TeamType, find_team
from hub.care import slots as care
from hub.errors import refuse
from hub.slots import BOOKING_MACHINE, Booking
from hub.store.slots import Row
from hub.transitions import Actor


@strawberry.enum(name="BookingState", description="Where a booking stands.")
class BookingStateType(Enum):
    """`hub.slots.BookingState`, each value with its meaning."""

    HELD = strawberry.enum_value("held", description="Held until `expiresAt`.")
    BOOKED = strawberry.enum_value("booked", description="Booked for a resident.")
    EXPIRED = strawberry.enum_value("expired", description="Nobody confirmed the hold in time.")
    CANCELLED = strawberry.enum_value("cancelled", description="Given back by the team, or cancelled with the session.")


@strawberry.enum(name="BookingAction", description="What a team can do with a booking.")
class BookingAction(Enum):
    """The acts of `hub.slots.BOOKING_MACHINE` that are a team's."""

    CONFIRM = strawberry.enum_value("confirm", description="Book the slot for a resident: `confirmBooking`.")
    CANCEL = strawberry.enum_value("cancel", description="Give the slot back: `cancelBooking`.")


@strawberry.type(name="Booking", description="A slot that a team holds, has booked, or once did.")
class BookingType(Node):
    row: strawberry.Private[Row]
    state: BookingStateType = strawberry.field(description="Where it stands.")
    expires_at: datetime | None = strawberry.field(description="When a hold ends; null where it is none.")
    starts_at: datetime = strawberry.field(description="When its slot begins.")
    by: str = strawberry.field(description="The account that held the slot.")
    end_reason: str | None = strawberry.field(description="Why it was cancelled; null where it was not.")
    created_at: datetime = strawberry.field(description="When the slot was held.")
    version: int = strawberry.field(description="Counts its changes: give it back to change just this version.")
    available_actions: list[BookingAction] = strawberry.field(
        description="What the viewer can do with it now; a hospital's desk can do nothing with a single booking."
    )

    @field("The slot.")
    async def slot(self, info: Info) -> SlotType:
        return await find_slot(info.context, self.row["slot_id"])

    @field("The session.")
    async def slot_pool(self, info: Info) -> SlotPool:
        return await find_slot_pool(info.context, self.row["session_id"])

    @field("The team that holds or has booked it.")
    async def team(self, info: Info) -> TeamType:
        found = await find_team(info.context, self.row["team_id"])
        assert found is not None, "the database lets no booking refer to a team that is not there"
        return found

    @field("For whom it is; null while that is open. Refused where there is no relation to them.")
    async def resident(self, info: Info) -> Resident | None:
        key = self.row["resident_id"]
        return await find_resident(info.context, key) if key else None


@strawberry.type(description="A page of bookings (Relay).")
class BookingConnection:
    state: strawberry.Private[str]
    edges: list[Edge[BookingType]] = strawberry.field(description="The bookings of this page, as they were made.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many bookings all pages have together.")
    async def total_count(self, info: Info) -> int:
        return await care.count_bookings(info.context.visit, self.state)


InState = Annotated[BookingStateType | None, strawberry.argument(description="Only bookings in this state.")]


@strawberry.type
class BookingQuery:
    @field("The bookings of the viewer's team, as they were made; for a hospital's desk, those of its sessions.")
    async def bookings(
        self, info: Info, first: First = DEFAULT, after: After = None, state: InState = None
    ) -> BookingConnection:
        context = info.context
        wanted = cast(str, state.value) if state else ""
        behind = read_id_cursor(after) if after is not None else None
        rows = await care.page_bookings(context.visit, wanted, check_first(first) + 1, behind)
        edges = [Edge(node=booking_from(context, row), cursor=id_cursor(row["id"])) for row in rows[:first]]
        page_info = info_of(edges, after=after, more=len(rows) > first)
        return BookingConnection(state=wanted, edges=edges, page_info=page_info)


def booking_from(context: Context, row: Row) -> BookingType:
    """A booking out of its row, as it is shown now: a hold whose time is over has expired."""
    seen = Booking(
        state=row["state"], expires_at=row["expires_at"], starts_at=row["starts_at"], seen_at=context.visit.now
    )
    is_own = row["team_id"] == context.viewer.team and context.viewer.role in care.TEAMS
    acts = BOOKING_MACHINE.acts(seen, frozenset({Actor.TEAM}) if is_own else frozenset())
    return BookingType(
        row=row,
        id=global_id("Booking", row["id"]),
        state=BookingStateType.EXPIRED if seen.has_lapsed else BookingStateType(row["state"]),
        expires_at=row["expires_at"],
        starts_at=row["starts_at"],
        by=row["by"],
        end_reason=row["end_reason"] or None,
        created_at=row["created_at"],
        version=row["version"],
        available_actions=[BookingAction(act) for act in acts],
    )


async def find_booking(context: Context, key: UUID) -> BookingType:
    """A booking of one's own. Raises Refused (no-such-booking)."""
    row = await context.loaders.by(care.list_bookings).load(key)
    if row is None:
        raise refuse("no-such-booking", "id")
    return booking_from(context, row)
