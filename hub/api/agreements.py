"""Agreements over GraphQL: who serves whom, and what of it the viewer can change."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date, datetime
from enum import Enum
from typing import Annotated, cast
from uuid import UUID

import strawberry

from hub.agreements import STANDING, Client, State, Term, in_order
from hub.api.context import Context, Info
from hub.api.fields import field, subscription
from hub.api.following import Cursor, follow
from hub.api.labels import Label
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
    read_global_id,
    read_id_cursor,
)
from hub.api.queries import find_resident
from hub.api.residents import Resident
from hub.api.teams import (
    OrganisationType,
    PractitionerType,
    TeamType,
    find_organisation,
    find_practitioner,
    find_team,
)
from hub.care import agreements as care
from hub.days import day_of
from hub.errors import Refused, refuse
from hub.store.agreements import Asked, Row, agreement_from

CHANGED = "agreement-changed"


@strawberry.enum(description="The life of an agreement.")
class AgreementState(Enum):
    """`hub.agreements.State`, each value with its meaning."""

    SIGNED = strawberry.enum_value("signed", description="Signed; its first day has not come.")
    IN_FORCE = strawberry.enum_value("in-force", description="It stands: who signed serves whom it covers.")
    LAPSED = strawberry.enum_value("lapsed", description="Its term is over and it was not renewed.")
    ENDED = strawberry.enum_value("ended", description="It was ended, or the resident went to another team.")


STATE_LABELS: dict[str, Label] = {
    State.SIGNED: Label(zh="已签约，待生效", en="Signed, not begun"),
    State.IN_FORCE: Label(zh="履约中", en="In force"),
    State.LAPSED: Label(zh="已到期", en="Lapsed"),
    State.ENDED: Label(zh="已终止", en="Ended"),
}


@strawberry.enum(description="What an agreement is for.")
class AgreementKind(Enum):
    """`hub.agreements.Kind`, each value with its meaning."""

    PRIMARY = strawberry.enum_value("primary", description="Who serves the resident. One at a time stands.")
    SUPPLEMENTARY = strawberry.enum_value(
        "supplementary", description="For one disease and one course of treatment, beside a primary one."
    )


@strawberry.enum(description="Who signs to serve.")
class ProviderKind(Enum):
    """`hub.agreements.Provider`, each value with its meaning."""

    TEAM = strawberry.enum_value("team", description="A family-doctor team.")
    PRACTITIONER = strawberry.enum_value("practitioner", description="One practitioner, in their own name.")
    ALLIANCE = strawberry.enum_value("alliance", description="An alliance: any team of its organisations serves.")


@strawberry.enum(description="Whom an agreement is made with.")
class ClientKind(Enum):
    """`hub.agreements.Client`, each value with its meaning."""

    RESIDENT = strawberry.enum_value("resident", description="One resident.")
    HOUSEHOLD = strawberry.enum_value("household", description="A household; it covers its members.")
    ORGANISATION = strawberry.enum_value(
        "organisation", description="A functional community (功能社区); it covers the people who were named."
    )


@strawberry.enum(description="What can be done with an agreement.")
class AgreementAction(Enum):
    """The acts of `hub.agreements.MACHINE` that people do, each with its mutation."""

    RENEW = strawberry.enum_value("renew", description="Sign a further term: renewAgreement.")
    TRANSFER = strawberry.enum_value("transfer", description="Let the residents go to another team: transferAgreement.")
    END = strawberry.enum_value("end", description="End it for a reason: endAgreement.")


@strawberry.type(description="One term of an agreement: the first, or a renewal.")
class AgreementTerm:
    number: int = strawberry.field(description="Which term it is, from 1.")
    begins_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day.")
    signed_at: datetime = strawberry.field(description="When it was signed.")
    signed_by: str = strawberry.field(description="Who signed: as it was said, else the account or source.")
    rule: str | None = strawberry.field(
        description="The rule that its length follows: agreement-first-term; null where no document says anything, for "
        "a course of treatment, and for what was signed elsewhere."
    )
    clause: str | None = strawberry.field(description="Where the rule stands: weihai-2023 五(一); null likewise.")
    deviation: str | None = strawberry.field(description="Why it departs from a rule of principle; null where not.")


@strawberry.type(description="A signed agreement of a team, a practitioner or an alliance (签约服务协议).")
class Agreement(Node):
    row: strawberry.Private[Row]
    number: str = strawberry.field(description="Its number.")
    kind: AgreementKind = strawberry.field(description="What it is for.")
    state: AgreementState = strawberry.field(description="Where it is in its life today.")
    state_label: Label = strawberry.field(description="The state in words.")
    provider_kind: ProviderKind = strawberry.field(description="Who signed to serve.")
    client_kind: ClientKind = strawberry.field(description="Whom it is made with.")
    household: str | None = strawberry.field(description="The household's number; null where it is with none.")
    packages: list[str] = strawberry.field(description="The service packages (服务包) that were promised.")
    term: int = strawberry.field(description="Which term is the present one, from 1.")
    begins_on: date = strawberry.field(description="The first day of the present term; it may lie ahead.")
    ends_on: date = strawberry.field(description="The last day of the present term.")
    ended_on: date | None = strawberry.field(description="The day on which it ended or lapsed; null while it stands.")
    end_reason: str | None = strawberry.field(description="Why it was ended; null where it was not.")
    version: int = strawberry.field(description="Counts its changes: give it back to change just this version.")
    changed_at: datetime = strawberry.field(description="When it last changed.")

    @field("The team that serves; null where an alliance does.")
    async def team(self, info: Info) -> TeamType | None:
        key = self.row["team_id"]
        return await find_team(info.context, key) if key else None

    @field("The organisation of who serves: the centre, or the alliance.")
    async def organisation(self, info: Info) -> OrganisationType | None:
        return await find_organisation(info.context, self.row["organisation_id"])

    @field("The practitioner who signed in their own name; null where a team or an alliance did.")
    async def practitioner(self, info: Info) -> PractitionerType | None:
        is_one = self.row["provider_kind"] == "practitioner"
        return await find_practitioner(info.context, self.row["provider_id"]) if is_one else None

    @field("The functional community that signed; null where no organisation did.")
    async def client_organisation(self, info: Info) -> OrganisationType | None:
        is_one = self.row["client_kind"] == Client.ORGANISATION
        return await find_organisation(info.context, self.row["client_id"]) if is_one else None

    @field("The hospitals of the combination (1+1, 1+1+1) that the residents chose.")
    async def combination(self, info: Info) -> list[OrganisationType]:
        found = await asyncio.gather(*(find_organisation(info.context, key) for key in self.row["combination"]))
        return [one for one in found if one is not None]

    @field("Its terms, the first first.")
    async def terms(self, info: Info) -> list[AgreementTerm]:
        terms = in_order(await info.context.loaders.by(care.list_terms).load(self.row["id"]))
        return [_term(number, term) for number, term in enumerate(terms, 1)]

    @field("Whom it covers, while it stands, for who serves under it; none for others.")
    async def residents(self, info: Info) -> list[Resident]:
        context = info.context
        if self.state is not AgreementState.IN_FORCE or not care.actors_of(context.viewer, self.row):
            return []
        keys = await context.loaders.by(care.list_covered).load(self.row["id"])
        return await asyncio.gather(*(find_resident(context, key) for key in keys))

    @field("What the viewer can do with it now.")
    async def available_actions(self, info: Info) -> list[AgreementAction]:
        terms = await info.context.loaders.by(care.list_terms).load(self.row["id"])
        acts = care.acts_of(info.context.viewer, self.row, terms, info.context.visit.now)
        return [AgreementAction(act) for act in acts]


@strawberry.type(description="A page of agreements, in the order of their signing (Relay).")
class AgreementConnection:
    asked: strawberry.Private[Asked]
    edges: list[Edge[Agreement]] = strawberry.field(description="The agreements of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many agreements there are. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await care.count_agreements(info.context.visit, self.asked)


def agreement_shown(context: Context, row: Row) -> Agreement:
    """An agreement out of its row, as the day has it. The audit row names the resident whom it is with."""
    one = agreement_from(row)
    if one.client_kind is Client.RESIDENT:
        context.visit.touch(UUID(one.client_id))
    state = one.state_on(day_of(context.visit.now))
    return Agreement(
        row=row,
        id=global_id("Agreement", one.id),
        number=one.number,
        kind=AgreementKind(one.kind),
        state=AgreementState(state),
        state_label=STATE_LABELS[state],
        provider_kind=ProviderKind(one.provider_kind),
        client_kind=ClientKind(one.client_kind),
        household=one.client_id if one.client_kind is Client.HOUSEHOLD else None,
        packages=list(one.packages),
        term=one.term,
        begins_on=one.begins_on,
        ends_on=one.ends_on,
        ended_on=one.ended_on if state in STANDING or one.ended_on else one.ends_on,
        end_reason=one.end_reason or None,
        version=one.version,
        changed_at=row["changed_at"],
    )


def _term(number: int, term: Term) -> AgreementTerm:
    rule, _, clause = term.rule.partition(" ")
    return AgreementTerm(
        number=number,
        begins_on=term.begins_on,
        ends_on=term.ends_on,
        signed_at=term.signed_at,
        signed_by=term.signed_by,
        rule=rule or None,
        clause=clause or None,
        deviation=term.deviation or None,
    )


async def find_agreement(context: Context, key: UUID) -> Agreement:
    """An agreement of the viewer's team or alliance. Raises Refused (no-agreement)."""
    row = await context.loaders.by(care.list_agreements).load(key)
    return agreement_shown(context, care.check_own(context.visit, row))


async def own_agreement(context: Context, key: UUID) -> Agreement | None:
    """An agreement, if it is the viewer's team's or alliance's."""
    row = await context.loaders.by(care.list_agreements).load(key)
    return agreement_shown(context, row) if row and care.actors_of(context.viewer, row) else None


async def standing_agreement(context: Context, resident: UUID) -> Agreement | None:
    """The primary agreement that a resident has today. Raises Refused (no-relation)."""
    row = await context.loaders.by(care.list_standing).load(resident)
    return agreement_shown(context, row) if row else None


def read_agreement_id(text: str, where: str) -> UUID:
    """An agreement by its id. Raises Refused (bad-id)."""
    kind, key = read_global_id(text, where)
    if kind != "Agreement":
        raise refuse("bad-id", where)
    return key


OfState = Annotated[AgreementState | None, strawberry.argument(description="Only those in this state today.")]
Within = Annotated[
    int | None, strawberry.argument(description="Only those in force that end within so many days from today.")
]
AgreementId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of an Agreement.")]


@strawberry.type
class AgreementQuery:
    @field("An agreement of one's own team or alliance.")
    async def agreement(self, info: Info, id: AgreementId) -> Agreement:
        return await find_agreement(info.context, read_agreement_id(id, "id"))

    @field("The agreements of one's own team or alliance, in the order of their signing.")
    async def agreements(
        self,
        info: Info,
        first: First = DEFAULT,
        after: After = None,
        state: OfState = None,
        ending_within_days: Within = None,
    ) -> AgreementConnection:
        context = info.context
        asked = care.asked_for(context.visit, State(cast(str, state.value)) if state else None, ending_within_days)
        behind = read_id_cursor(after) if after is not None else None
        rows = await care.page_agreements(context.visit, asked, check_first(first) + 1, behind)
        edges = [Edge(node=agreement_shown(context, row), cursor=id_cursor(row["id"])) for row in rows[:first]]
        return AgreementConnection(
            asked=asked, edges=edges, page_info=info_of(edges, after=after, more=len(rows) > first)
        )


@strawberry.type(description="An agreement changed: it was signed, renewed, transferred or ended, began or lapsed.")
class AgreementChange:
    cursor: str = strawberry.field(description="Where to resume after this change: give it as `after`.")
    at: datetime = strawberry.field(description="When it changed.")
    agreement: Agreement = strawberry.field(description="The agreement as it now is.")


@strawberry.type
class AgreementSubscription:
    @subscription("Changes of the agreements of one's own team or alliance. It resumes behind `after` without a gap.")
    async def agreement_changed(self, info: Info, after: Cursor = None) -> AsyncGenerator[AgreementChange, None]:
        context = info.context
        async with aclosing(follow(context, after, [CHANGED])) as events:
            async for event in events:
                assert event.subject is not None
                try:
                    one = await find_agreement(context, event.subject)
                except Refused:
                    await context.visit.abandon()
                    continue
                yield AgreementChange(cursor=event.cursor, at=event.at, agreement=one)
