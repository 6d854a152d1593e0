"""Changing agreements over GraphQL: sign, renew, transfer, end."""

from datetime import date
from typing import Annotated, cast
from uuid import UUID

import strawberry

from hub.agreements import Kind, Provider
from hub.api.agreements import (
    Agreement,
    AgreementKind,
    ProviderKind,
    find_agreement,
    own_agreement,
    read_agreement_id,
)
from hub.api.changing import RefusalType, change
from hub.api.context import Context, Info
from hub.api.fields import field, mutation
from hub.api.paging import check_text, read_resident_id, read_text
from hub.api.queries import IdentifierInput, read_number
from hub.care import agreements as care
from hub.care.agreements import Clients, Signer, Transfer, Whom
from hub.care.deed import Deed
from hub.days import check_day
from hub.errors import refuse
from hub.programme.agreements import Renewal, Signing


@strawberry.input(
    description="An agreement to be signed with one resident, a household or an organisation. The residents are found "
    "by id or number without any right to read their records."
)
class SignAgreementInput:
    resident_id: strawberry.ID | None = strawberry.field(default=None, description="The `id` of the resident.")
    identifier: IdentifierInput | None = strawberry.field(
        default=None, description="A number of the resident, instead of `residentId`."
    )
    member_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Further residents, by `id`, whom a household or organisation names."
    )
    household: str = strawberry.field(default="", description="The number of the household that signs.")
    organisation_id: strawberry.ID | None = strawberry.field(
        default=None, description="The functional community (功能社区) that signs."
    )
    kind: AgreementKind = strawberry.field(default=AgreementKind.PRIMARY, description="What it is for.")
    provider: ProviderKind = strawberry.field(
        default=ProviderKind.TEAM, description="Who signs to serve: one's own team, somebody of it, or the alliance."
    )
    practitioner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who of one's own team signs, where `provider` is PRACTITIONER."
    )
    packages: list[str] = strawberry.field(default_factory=list, description="The service packages promised.")
    combination: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The hospitals of the combination (1+1, 1+1+1)."
    )
    begins_on: date | None = strawberry.field(default=None, description="The first day; without it, today.")
    ends_on: date | None = strawberry.field(
        default=None, description="The last day; needed where no rule gives the length of the term by itself."
    )
    signed_by: str = strawberry.field(
        default="", description="Who signed for the residents: themselves, a guardian (监护人), the householder."
    )
    deviation: str = strawberry.field(
        default="", description="Why the term or the team's ratio departs from a rule of principle (原则上)."
    )
    number: str = strawberry.field(default="", description="The paper's number; without it, the hub gives one.")


@strawberry.input(description="A further term of an agreement.")
class RenewAgreementInput:
    agreement_id: strawberry.ID = strawberry.field(description="The `id` of the Agreement.")
    ends_on: date | None = strawberry.field(
        default=None, description="The last day of the new term; needed where no rule gives its length by itself."
    )
    signed_by: str = strawberry.field(default="", description="Who signed for the residents.")
    deviation: str = strawberry.field(default="", description="Why the term departs from a rule of principle.")
    version: int | None = strawberry.field(
        default=None, description="The version that was looked at; without it, whichever there is."
    )


@strawberry.input(
    description="Residents who go to another team: an agreement of one's own, or a resident whom one's own team takes "
    "over. Exactly one of agreementId, residentId and identifier."
)
class TransferAgreementInput:
    agreement_id: strawberry.ID | None = strawberry.field(default=None, description="The `id` of one's own Agreement.")
    resident_id: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of the resident who goes; their household stays where it is."
    )
    identifier: IdentifierInput | None = strawberry.field(default=None, description="A number of that resident.")
    to_team_id: strawberry.ID | None = strawberry.field(
        default=None, description="The team that takes them; without it, one's own."
    )
    consent: str = strawberry.field(
        default="", description="How and when the resident agreed; needed of the team that takes them."
    )
    packages: list[str] = strawberry.field(
        default_factory=list, description="The service packages promised; without any, those of before."
    )
    ends_on: date | None = strawberry.field(default=None, description="The last day of the new agreement's term.")
    signed_by: str = strawberry.field(default="", description="Who signed for the residents.")
    deviation: str = strawberry.field(default="", description="Why it departs from a rule of principle.")
    version: int | None = strawberry.field(default=None, description="The version that was looked at.")


@strawberry.input(description="The end of an agreement, today.")
class EndAgreementInput:
    agreement_id: strawberry.ID = strawberry.field(description="The `id` of the Agreement.")
    reason: str = strawberry.field(description="Why it ends.")
    version: int | None = strawberry.field(default=None, description="The version that was looked at.")


@strawberry.type(description="The agreement that was signed, renewed or ended.")
class AgreementPayload:
    key: strawberry.Private[UUID]

    @field("The agreement as it now is.")
    async def agreement(self, info: Info) -> Agreement:
        return await find_agreement(info.context, self.key)


@strawberry.type(description="What a transfer came to.")
class TransferAgreementPayload:
    ended_key: strawberry.Private[UUID]
    begun_key: strawberry.Private[UUID]

    @field("The agreement that the residents left; null for the team that took them.")
    async def left(self, info: Info) -> Agreement | None:
        return await own_agreement(info.context, self.ended_key)

    @field("The new agreement; null for the team that they left.")
    async def agreement(self, info: Info) -> Agreement | None:
        return await own_agreement(info.context, self.begun_key)


SignAgreementResult = Annotated[
    AgreementPayload | RefusalType,
    strawberry.union("SignAgreementResult", description="The agreement, or why it was not signed."),
]
RenewAgreementResult = Annotated[
    AgreementPayload | RefusalType,
    strawberry.union("RenewAgreementResult", description="The agreement, or why it was not renewed."),
]
EndAgreementResult = Annotated[
    AgreementPayload | RefusalType,
    strawberry.union("EndAgreementResult", description="The agreement, or why it was not ended."),
]
TransferAgreementResult = Annotated[
    TransferAgreementPayload | RefusalType,
    strawberry.union("TransferAgreementResult", description="What changed, or why nothing did."),
]


@strawberry.type
class AgreementMutation:
    @mutation("Sign an agreement for one's own team, or for the alliance of one's own organisation.")
    async def sign_agreement(
        self,
        info: Info,
        input: Annotated[SignAgreementInput, strawberry.argument(description="What is signed, and with whom.")],
    ) -> SignAgreementResult:
        async def do(deed: Deed) -> UUID:
            signer = Signer(
                kind=Provider(cast(str, input.provider.value)),
                id=read_text(input.practitioner_id or "", "practitionerId"),
            )
            programme = info.context.means.programme
            return await care.sign(deed, programme, signer, _clients(info.context, input), _signing(input))

        return await change(info, do, lambda key: AgreementPayload(key=key))

    @mutation("Sign a further term of an agreement: behind the present one, or from today where that has lapsed.")
    async def renew_agreement(
        self,
        info: Info,
        input: Annotated[RenewAgreementInput, strawberry.argument(description="Which agreement, and for how long.")],
    ) -> RenewAgreementResult:
        async def do(deed: Deed) -> UUID:
            key = read_agreement_id(input.agreement_id, "agreementId")
            renewal = Renewal(
                ends_on=_day(input.ends_on, "endsOn"),
                signed_by=_text(input.signed_by, "signedBy"),
                deviation=_text(input.deviation, "deviation"),
            )
            return await care.renew(deed, info.context.means.programme, key, renewal, input.version)

        return await change(info, do, lambda key: AgreementPayload(key=key))

    @mutation("Let residents go to another team: their agreement ends today, and one with that team begins.")
    async def transfer_agreement(
        self,
        info: Info,
        input: Annotated[TransferAgreementInput, strawberry.argument(description="Who goes, and to which team.")],
    ) -> TransferAgreementResult:
        async def do(deed: Deed) -> tuple[UUID, UUID]:
            signing = Signing(
                packages=tuple(_text(one, "packages") for one in input.packages),
                ends_on=_day(input.ends_on, "endsOn"),
                signed_by=_text(input.signed_by, "signedBy"),
                deviation=_text(input.deviation, "deviation"),
            )
            return await care.transfer(deed, info.context.means.programme, _transfer(info.context, input), signing)

        return await change(info, do, lambda keys: TransferAgreementPayload(ended_key=keys[0], begun_key=keys[1]))

    @mutation("End an agreement today, for a reason.")
    async def end_agreement(
        self,
        info: Info,
        input: Annotated[EndAgreementInput, strawberry.argument(description="Which agreement, and why.")],
    ) -> EndAgreementResult:
        async def do(deed: Deed) -> UUID:
            key = read_agreement_id(input.agreement_id, "agreementId")
            return await care.end(deed, key, _text(input.reason, "reason"), input.version)

        return await change(info, do, lambda key: AgreementPayload(key=key))


_LONGEST = 1000


def _day(day: date | None, where: str) -> date | None:
    """A day that somebody gave, if any. Raises Refused (bad-argument)."""
    return None if day is None else check_day(day, where)


def _text(said: str, where: str) -> str:
    """A text that somebody wrote. Raises Refused (bad-argument)."""
    if len(said) > _LONGEST:
        raise refuse("bad-argument", where, reason=f"0-{_LONGEST}")
    return check_text(str(said), where).strip()


def _whom(context: Context, id: strawberry.ID | None, identifier: IdentifierInput | None) -> Whom | None:
    """A resident by id or number; None where neither is given. Raises Refused (exactly-one, bad-id, weak-number)."""
    if id is not None and identifier is not None:
        raise refuse("exactly-one", these="residentId, identifier")
    if id is not None:
        return Whom(id=read_resident_id(id, "residentId"))
    if identifier is None:
        return None
    systems, number = read_number(identifier, context.means.kinds)
    return Whom(systems=systems, number=number)


def _clients(context: Context, input: SignAgreementInput) -> Clients:
    first = _whom(context, input.resident_id, input.identifier)
    if first is None:
        raise refuse("exactly-one", these="residentId, identifier")
    return Clients(
        first=first,
        members=tuple(Whom(id=read_resident_id(one, "memberIds")) for one in input.member_ids),
        household=read_text(input.household.strip(), "household"),
        organisation=read_text(input.organisation_id or "", "organisationId"),
    )


def _signing(input: SignAgreementInput) -> Signing:
    return Signing(
        kind=Kind(cast(str, input.kind.value)),
        packages=tuple(_text(one, "packages") for one in input.packages),
        combination=tuple(read_text(one, "combination") for one in input.combination),
        begins_on=_day(input.begins_on, "beginsOn"),
        ends_on=_day(input.ends_on, "endsOn"),
        signed_by=_text(input.signed_by, "signedBy"),
        deviation=_text(input.deviation, "deviation"),
        number=read_text(input.number.strip(), "number"),
    )


def _transfer(context: Context, input: TransferAgreementInput) -> Transfer:
    return Transfer(
        agreement_id=read_agreement_id(input.agreement_id, "agreementId") if input.agreement_id is not None else None,
        whom=_whom(context, input.resident_id, input.identifier),
        team_id=read_text(input.to_team_id or "", "toTeamId"),
        consent=_text(input.consent, "consent"),
        version=input.version,
    )
