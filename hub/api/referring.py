"""What can be done with referrals."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from hub.api.changing import RefusalType, change
from hub.api.context import Info
from hub.api.fields import field, mutation
from hub.api.paging import read_global_id, read_resident_id
from hub.api.referral_parts import ReferralUrgency
from hub.api.referrals import ReferralType, find_referral, read_referral_id
from hub.care import referrals as care
from hub.care.deed import Deed
from hub.care.referrals import Sending
from hub.errors import refuse
from hub.referrals import Urgency

_ID = "The `id` of the Referral."
_VERSION = "The `version` that you have seen, to change nothing else; without it, whatever it is by now."


@strawberry.input(description="What one side writes to the other, after the national 回转单.")
class ReferralNoteInput:
    findings: str = strawberry.field(
        default="", description="Main findings (主要检查结果), with the diagnosis (诊断结果)."
    )
    treatment: str = strawberry.field(default="", description="The course of treatment (治疗经过).")
    advice: str = strawberry.field(
        default="", description="Further treatment, rehabilitation (下一步治疗方案及康复建议)."
    )

    def said(self) -> dict[str, str]:
        """As it is kept."""
        return {"findings": self.findings, "treatment": self.treatment, "advice": self.advice}


@strawberry.input(description="A referral up to a hospital.")
class SendReferralInput:
    resident_id: strawberry.ID = strawberry.field(description="Whom: the `id` of a Resident of yours.")
    to_organisation_id: strawberry.ID = strawberry.field(description="The hospital, by its id in the directory.")
    reason: str = strawberry.field(description="Why (转出原因、主要现病史).")
    urgency: ReferralUrgency = strawberry.field(
        default=ReferralUrgency.ROUTINE, description="How soon the resident must be seen."
    )
    department: str = strawberry.field(default="", description="The department (科室).")
    impression: str = strawberry.field(default="", description="The first impression (初步印象).")
    booking_id: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of a Booking that your team holds there: it is confirmed with the referral."
    )


@strawberry.input(description="A referral from a hospital down to the community.")
class SendDownReferralInput:
    resident_id: strawberry.ID = strawberry.field(
        description="Whom: the `id` of a Resident whose referral to the hospital is open."
    )
    reason: str = strawberry.field(description="Why: what is to be done there.")
    to_organisation_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The community centre, by its id or name in the directory; without it, that of their agreement, "
        "else that of the area where they live.",
    )
    urgency: ReferralUrgency = strawberry.field(
        default=ReferralUrgency.ROUTINE, description="How soon the resident must be seen."
    )
    department: str = strawberry.field(default="", description="The department that they come from.")
    impression: str = strawberry.field(default="", description="The diagnosis (诊断结果).")
    note: ReferralNoteInput | None = strawberry.field(default=None, description="What the community should know.")


@strawberry.input(description="Which referral.")
class ReferralInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="Which referral, and why.")
class ReferralReasonInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    reason: str = strawberry.field(description="Why, in words for the other side.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="Which referral, and the slot for it.")
class BookReferralInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    booking_id: strawberry.ID = strawberry.field(description="The `id` of a Booking that your team holds.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="Which referral, and the reply that goes back.")
class CloseReferralInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    reply: ReferralNoteInput = strawberry.field(description="What goes back to the sender; at least one part of it.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.type(description="The referral that was sent or moved.")
class ReferralPayload:
    key: strawberry.Private[UUID]

    @field("The referral as it now is.")
    async def referral(self, info: Info) -> ReferralType:
        return await find_referral(info.context, self.key)


SendResult: TypeAlias = Annotated[
    ReferralPayload | RefusalType,
    strawberry.union("SendReferralResult", description="The referral, or why it was not sent."),
]
MoveResult: TypeAlias = Annotated[
    ReferralPayload | RefusalType,
    strawberry.union("MoveReferralResult", description="The referral, or why it stays where it is."),
]

ToSend: TypeAlias = Annotated[SendReferralInput, strawberry.argument(description="Whom to refer, whither and why.")]
ToSendDown: TypeAlias = Annotated[
    SendDownReferralInput, strawberry.argument(description="Whom to refer back, and why.")
]
Which: TypeAlias = Annotated[ReferralInput, strawberry.argument(description="Which referral.")]
WhichAndWhy: TypeAlias = Annotated[ReferralReasonInput, strawberry.argument(description="Which referral, and why.")]
ToBook: TypeAlias = Annotated[BookReferralInput, strawberry.argument(description="Which referral, and the slot.")]
ToClose: TypeAlias = Annotated[CloseReferralInput, strawberry.argument(description="Which referral, and the reply.")]


@strawberry.type
class ReferralMutation:
    @mutation("Refer a resident of yours up to a hospital; the summary of their record is frozen with it.")
    async def send_referral(self, info: Info, input: ToSend) -> SendResult:
        async def do(deed: Deed) -> UUID:
            return await care.send(deed, _sending_up(input))

        return await _change(info, do)

    @mutation("Refer somebody back to the community, while their referral to the hospital is open.")
    async def send_down_referral(self, info: Info, input: ToSendDown) -> SendResult:
        async def do(deed: Deed) -> UUID:
            return await care.send_down(deed, _sending_down(input))

        return await _change(info, do)

    @mutation("Say that a referral has been seen. That accepts nothing.")
    async def receive_referral(self, info: Info, input: Which) -> MoveResult:
        return await _change(info, lambda deed: care.receive(deed, read_referral_id(input.id), input.version))

    @mutation("Accept a referral. The follow-up plan of the same stay is accepted with one that came down.")
    async def accept_referral(self, info: Info, input: Which) -> MoveResult:
        return await _change(info, lambda deed: care.accept(deed, read_referral_id(input.id), input.version))

    @mutation("Refuse a referral, with a reason. Its slot is free again.")
    async def refuse_referral(self, info: Info, input: WhichAndWhy) -> MoveResult:
        async def do(deed: Deed) -> UUID:
            return await care.refuse_it(deed, read_referral_id(input.id), input.reason, input.version)

        return await _change(info, do)

    @mutation("Withdraw a referral, with a reason. Its slot is free again.")
    async def withdraw_referral(self, info: Info, input: WhichAndWhy) -> MoveResult:
        async def do(deed: Deed) -> UUID:
            return await care.withdraw(deed, read_referral_id(input.id), input.reason, input.version)

        return await _change(info, do)

    @mutation("Book a slot that your team holds, for the resident of a referral.")
    async def book_referral(self, info: Info, input: ToBook) -> MoveResult:
        async def do(deed: Deed) -> UUID:
            booking_id = _booking(input.booking_id)
            return await care.book(deed, read_referral_id(input.id), booking_id, input.version)

        return await _change(info, do)

    @mutation("Say that the resident has come. The hospital's own messages say so without anybody's doing.")
    async def arrive_referral(self, info: Info, input: Which) -> MoveResult:
        return await _change(info, lambda deed: care.arrive(deed, read_referral_id(input.id), input.version))

    @mutation("Close a referral with a reply; where the hospital's discharge has closed it, add the reply.")
    async def close_referral(self, info: Info, input: ToClose) -> MoveResult:
        async def do(deed: Deed) -> UUID:
            return await care.close(deed, read_referral_id(input.id), input.reply.said(), input.version)

        return await _change(info, do)


async def _change(info: Info, do: Callable[[Deed], Awaitable[UUID]]) -> ReferralPayload | RefusalType:
    return await change(info, do, lambda key: ReferralPayload(key=key))


def _sending_up(asked: SendReferralInput) -> Sending:
    return Sending(
        resident_id=read_resident_id(asked.resident_id, "residentId"),
        to_organisation_id=asked.to_organisation_id,
        department=asked.department,
        urgency=Urgency(asked.urgency.value),
        reason=asked.reason,
        impression=asked.impression,
        booking_id=_booking(asked.booking_id) if asked.booking_id is not None else None,
    )


def _sending_down(asked: SendDownReferralInput) -> Sending:
    return Sending(
        resident_id=read_resident_id(asked.resident_id, "residentId"),
        to_organisation_id=asked.to_organisation_id or "",
        department=asked.department,
        urgency=Urgency(asked.urgency.value),
        reason=asked.reason,
        impression=asked.impression,
        handover=asked.note.said() if asked.note else {},
    )


def _booking(text: str) -> UUID:
    kind, key = read_global_id(text, "bookingId")
    if kind != "Booking":
        raise refuse("bad-id", "bookingId")
    return key
