"""Booking over GraphQL: hold, confirm, cancel; a hospital's desk publishes and cancels sessions; and what changes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

import strawberry

from hub.api.bookings import BookingType, booking_from
from hub.api.changing import RefusalType, change
from hub.api.context import Info
from hub.api.fields import field, mutation, subscription
from hub.api.following import Cursor, follow
from hub.api.paging import check_text, global_id, read_resident_id, read_text
from hub.api.slots import SessionKind, SlotPool, find_slot_pool, read_id
from hub.care import slots as care
from hub.care.deed import Deed
from hub.care.slots import Asked
from hub.days import check_moment
from hub.errors import Refused, refuse
from hub.programme.pools import CHANGED
from hub.slots import DEFAULT_HOLD, LONGEST_HOLD, Offered, Published
from hub.store.slots import Row

_MINUTES, _MOST = (int(length.total_seconds()) // 60 for length in (DEFAULT_HOLD, LONGEST_HOLD))


@strawberry.input(description="A slot to be held: one by its id, or any of a session.")
class HoldSlotInput:
    slot_pool_id: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of a SlotPool: any of its free slots."
    )
    slot_id: strawberry.ID | None = strawberry.field(default=None, description="The `id` of a Slot: just that one.")
    near: datetime | None = strawberry.field(
        default=None, description="With `slotPoolId`: the free slot nearest to this time; without it, the first one."
    )
    resident_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom: the `id` of a Resident; it can be said when the booking is confirmed."
    )
    minutes: int = strawberry.field(default=_MINUTES, description=f"How long it is held: 1 to {_MOST} minutes.")


@strawberry.input(description="A held slot to be booked.")
class ConfirmBookingInput:
    booking_id: strawberry.ID = strawberry.field(description="The `id` of the Booking.")
    resident_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom: the `id` of a Resident; without it, for whom it is held."
    )
    version: int | None = strawberry.field(
        default=None, description="The version that was looked at; without it, whichever there is."
    )


@strawberry.input(description="A held or booked slot to be given back.")
class CancelBookingInput:
    booking_id: strawberry.ID = strawberry.field(description="The `id` of the Booking.")
    reason: str = strawberry.field(description="Why: it is kept with the booking.")
    version: int | None = strawberry.field(default=None, description="The version that was looked at.")


@strawberry.input(description="A slot of a session.")
class SlotInput:
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    number: int | None = strawberry.field(
        default=None, description="Its number in the session, from 1; without it, it is known by its time."
    )
    taken: bool = strawberry.field(default=False, description="Whether somebody has taken it at the hospital.")
    for_team: bool = strawberry.field(default=False, description="Whether the hospital puts it aside for teams.")


@strawberry.input(description="A session as a whole: slots that are not named are not offered any more.")
class PublishSessionInput:
    number: str = strawberry.field(description="The hospital's own number of it.")
    kind: SessionKind = strawberry.field(description="What it is of.")
    department: str = strawberry.field(description="The department.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    public_from: datetime = strawberry.field(description="From when the public may book.")
    slots: list[SlotInput] = strawberry.field(description="Its slots.")
    practitioner: str = strawberry.field(default="", description="Whose clinic it is.")
    title: str = strawberry.field(default="", description="Their professional title (职称).")
    speciality: str = strawberry.field(default="", description="What it is for.")
    place: str = strawberry.field(default="", description="Where it is.")
    fee: str = strawberry.field(default="", description="The fee in yuan.")
    team_from: datetime | None = strawberry.field(
        default=None, description="From when teams may book; without it, as the region's rule has it."
    )
    release_at: datetime | None = strawberry.field(
        default=None, description="When what teams left free goes to the public; without it, as the rule has it."
    )
    reserved: int | None = strawberry.field(
        default=None, description="How many slots are the teams'; without it, or with less, as the rule has it."
    )


@strawberry.input(description="A session that does not take place (停诊).")
class CancelSessionInput:
    slot_pool_id: strawberry.ID = strawberry.field(description="The `id` of the SlotPool.")
    reason: str = strawberry.field(description="Why: the teams and their patients are told.")
    version: int | None = strawberry.field(default=None, description="The version that was looked at.")


@strawberry.type(description="The booking that was made or changed.")
class BookingPayload:
    booking: BookingType = strawberry.field(description="The booking as it now is.")


@strawberry.type(description="The session that was published or cancelled.")
class SlotPoolPayload:
    key: strawberry.Private[UUID]

    @field("The session as it now is.")
    async def slot_pool(self, info: Info) -> SlotPool:
        return await find_slot_pool(info.context, self.key)


HoldSlotResult = Annotated[
    BookingPayload | RefusalType,
    strawberry.union("HoldSlotResult", description="The hold, or why there is none."),
]
ConfirmBookingResult = Annotated[
    BookingPayload | RefusalType,
    strawberry.union("ConfirmBookingResult", description="The booking, or why it was not confirmed."),
]
CancelBookingResult = Annotated[
    BookingPayload | RefusalType,
    strawberry.union("CancelBookingResult", description="The booking, or why it was not cancelled."),
]
PublishSessionResult = Annotated[
    SlotPoolPayload | RefusalType,
    strawberry.union("PublishSessionResult", description="The session, or why it was not published."),
]
CancelSessionResult = Annotated[
    SlotPoolPayload | RefusalType,
    strawberry.union("CancelSessionResult", description="The session, or why it was not cancelled."),
]


@strawberry.type
class SlotMutation:
    @mutation("Hold a slot for one's own team for a while, so that the patient can be asked.")
    async def hold_slot(
        self, info: Info, input: Annotated[HoldSlotInput, strawberry.argument(description="What is held.")]
    ) -> HoldSlotResult:
        async def do(deed: Deed) -> Row:
            return await care.hold_slot(deed, _asked(input))

        return await change(info, do, lambda row: _booked(info, row))

    @mutation("Book a slot that one's own team holds, for a resident.")
    async def confirm_booking(
        self, info: Info, input: Annotated[ConfirmBookingInput, strawberry.argument(description="What is booked.")]
    ) -> ConfirmBookingResult:
        async def do(deed: Deed) -> Row:
            key = read_id(input.booking_id, "Booking", "bookingId")
            return await care.confirm_booking(deed, key, _resident(input.resident_id), input.version)

        return await change(info, do, lambda row: _booked(info, row))

    @mutation("Give back a slot that one's own team holds or has booked.")
    async def cancel_booking(
        self, info: Info, input: Annotated[CancelBookingInput, strawberry.argument(description="What is given back.")]
    ) -> CancelBookingResult:
        async def do(deed: Deed) -> Row:
            key = read_id(input.booking_id, "Booking", "bookingId")
            return await care.cancel_booking(deed, key, check_text(input.reason, "reason"), input.version)

        return await change(info, do, lambda row: _booked(info, row))

    @mutation("Publish a session of one's own hospital, or change the one of the same number.")
    async def publish_session(
        self, info: Info, input: Annotated[PublishSessionInput, strawberry.argument(description="The session.")]
    ) -> PublishSessionResult:
        async def do(deed: Deed) -> UUID:
            return await care.publish_session(deed, _published(input, deed.now), info.context.means.programme)

        return await change(info, do, lambda key: SlotPoolPayload(key=key))

    @mutation("Cancel a session of one's own hospital: its bookings end with this reason, and the teams are told.")
    async def cancel_session(
        self, info: Info, input: Annotated[CancelSessionInput, strawberry.argument(description="Which, and why.")]
    ) -> CancelSessionResult:
        async def do(deed: Deed) -> UUID:
            key = read_id(input.slot_pool_id, "SlotPool", "slotPoolId")
            return await care.cancel_session(deed, key, check_text(input.reason, "reason"), input.version)

        return await change(info, do, lambda key: SlotPoolPayload(key=key))


def _booked(info: Info, row: Row) -> BookingPayload:
    return BookingPayload(booking=booking_from(info.context, row))


def _resident(text: str | None) -> UUID | None:
    return read_resident_id(text, "residentId") if text is not None else None


def _asked(input: HoldSlotInput) -> Asked:
    return Asked(
        session_id=read_id(input.slot_pool_id, "SlotPool", "slotPoolId") if input.slot_pool_id is not None else None,
        slot_id=read_id(input.slot_id, "Slot", "slotId") if input.slot_id is not None else None,
        near=check_moment(input.near, "near") if input.near is not None else None,
        resident_id=_resident(input.resident_id),
        minutes=input.minutes,
    )


_MOST_SLOTS = 9999
"""As many digits as messages have for the number of a slot (`hub.programme.schedules`)."""
_TEXTS = ("number", "department", "practitioner", "title", "speciality", "place", "fee")


def _published(input: PublishSessionInput, now: datetime) -> Published:
    """A session as its desk tells it: now. Raises Refused (bad-argument)."""
    texts = {name: read_text(getattr(input, name).strip(), name) for name in _TEXTS}
    return Published(
        kind=cast(str, input.kind.value),
        number=texts["number"],
        department=texts["department"],
        practitioner=texts["practitioner"],
        title=texts["title"],
        speciality=texts["speciality"],
        place=texts["place"],
        fee=texts["fee"],
        starts_at=check_moment(input.starts_at, "startsAt"),
        ends_at=check_moment(input.ends_at, "endsAt"),
        public_from=check_moment(input.public_from, "publicFrom"),
        team_from=check_moment(input.team_from, "teamFrom") if input.team_from else None,
        release_at=check_moment(input.release_at, "releaseAt") if input.release_at else None,
        reserved=_count(input.reserved, "reserved", least=0),
        slots=tuple(_slot(one) for one in input.slots),
        told_at=now,
    )


def _slot(input: SlotInput) -> Offered:
    return Offered(
        number=_count(input.number, "slots.number", least=1) or 0,
        starts_at=check_moment(input.starts_at, "slots.startsAt"),
        ends_at=check_moment(input.ends_at, "slots.endsAt"),
        is_free=not input.taken,
        is_for_team=input.for_team,
    )


def _count(number: int | None, where: str, *, least: int) -> int | None:
    if number is not None and not least <= number <= _MOST_SLOTS:
        raise refuse("bad-argument", where, reason=f"{least}-{_MOST_SLOTS}")
    return number


@strawberry.type(description="A session changed: it was published, changed, cancelled or released, or a slot moved.")
class SlotPoolChange:
    cursor: str = strawberry.field(description="Where to resume after this change: give it as `after`.")
    at: datetime = strawberry.field(description="When it changed.")
    slot_pool_id: strawberry.ID = strawberry.field(description="The `id` of the SlotPool.")
    slot_pool: SlotPool = strawberry.field(description="The session as it now is.")


@strawberry.type
class SlotSubscription:
    @subscription(
        "Changes of sessions in which the viewer's team holds or has booked a slot; for a hospital's desk, of its own. "
        "It resumes behind `after` without a gap."
    )
    async def slot_pool_changed(self, info: Info, after: Cursor = None) -> AsyncGenerator[SlotPoolChange, None]:
        context = info.context
        async with aclosing(follow(context, after, [CHANGED])) as events:
            async for event in events:
                assert event.subject is not None
                try:
                    pool = await find_slot_pool(context, event.subject)
                except Refused:
                    await context.visit.abandon()
                    continue
                key = global_id("SlotPool", event.subject)
                yield SlotPoolChange(cursor=event.cursor, at=event.at, slot_pool_id=key, slot_pool=pool)
