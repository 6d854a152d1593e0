"""Slot pools over GraphQL: sessions, their slots and their ledger."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, cast
from uuid import UUID

import strawberry

from hub.access import Role
from hub.api.changing import RefusalType, refusal_from
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
    entry_cursor,
    global_id,
    id_cursor,
    info_of,
    page_of,
    read_global_id,
    read_id_cursor,
    read_text,
)
from hub.api.teams import OrganisationType, get_organisation
from hub.care import slots as care
from hub.days import begin_of, check_day
from hub.errors import Refusal, refuse
from hub.slots import Session, SessionState, why_not
from hub.store.pools import Pick
from hub.store.slots import Row


@strawberry.enum(name="SessionKind", description="What a session is of.")
class SessionKind(Enum):
    """`hub.slots.Kind`, each value with its meaning."""

    EXPERT = strawberry.enum_value("expert", description="A specialist's clinic (专家号).")
    GENERAL = strawberry.enum_value("general", description="Any other clinic (普通号).")
    EXAMINATION = strawberry.enum_value("examination", description="A device's or a laboratory's list.")
    BED = strawberry.enum_value("bed", description="Beds of a ward.")


@strawberry.enum(name="SlotPoolState", description="Where a session stands.")
class SlotPoolState(Enum):
    """`hub.slots.SessionState`, each value with its meaning."""

    OPEN = strawberry.enum_value("open", description="It takes place, and the teams' slots are theirs.")
    RELEASED = strawberry.enum_value("released", description="What the teams left free has gone to the public.")
    CANCELLED = strawberry.enum_value("cancelled", description="It does not take place (停诊).")


@strawberry.enum(name="SlotAccount", description="On which account of the ledger a slot stands.")
class SlotAccount(Enum):
    """`hub.slots.Account`, each value with its meaning."""

    NEW = strawberry.enum_value("new", description="Nowhere yet: where the first movement comes from.")
    PUBLIC = strawberry.enum_value("public", description="Anybody's, at the hospital.")
    TEAM = strawberry.enum_value("team", description="The teams', and free.")
    HELD = strawberry.enum_value("held", description="Held by a team for a while.")
    BOOKED = strawberry.enum_value("booked", description="Booked by a team for a resident.")
    WITHDRAWN = strawberry.enum_value("withdrawn", description="Not offered any more.")


@strawberry.type(description="How many slots of a session stand where: what its ledger adds up to.")
class SlotBalance:
    total: int = strawberry.field(description="All that are offered: those below, without the withdrawn ones.")
    public: int = strawberry.field(description="The public's.")
    team: int = strawberry.field(description="The teams', and free.")
    held: int = strawberry.field(description="Held by teams; holds whose time is over count until somebody ends them.")
    booked: int = strawberry.field(description="Booked by teams.")
    withdrawn: int = strawberry.field(description="Not offered any more.")


@strawberry.type(description="One movement of a slot from account to account: a row of the ledger.")
class SlotMovement:
    slot_number: int = strawberry.field(description="Which slot of the session.")
    number: int = strawberry.field(description="Which movement of that slot, from 1.")
    account_from: SlotAccount = strawberry.field(description="Where it stood.")
    account_into: SlotAccount = strawberry.field(description="Where it stands from then on.")
    act: str = strawberry.field(
        description="What was done: publish, reserve, hold, confirm, expire, cancel, release, withdraw."
    )
    by: str = strawberry.field(description="Who did it: an account, a source; hub where its time had come.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(name="SlotPool", description="A session of a hospital, and what of it is the family-doctor teams'.")
class SlotPool(Node):
    session: strawberry.Private[Session]
    number: str = strawberry.field(description="The hospital's own number of it.")
    kind: SessionKind = strawberry.field(description="What it is of.")
    department: str = strawberry.field(description="The department.")
    practitioner: str | None = strawberry.field(description="Whose clinic it is; null where nobody is named.")
    title: str | None = strawberry.field(description="Their professional title (职称).")
    speciality: str | None = strawberry.field(description="What it is for: a disease (专病), a device, a ward.")
    place: str | None = strawberry.field(description="Where it is.")
    fee: str | None = strawberry.field(description="The fee in yuan, as the hospital writes it.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    team_from: datetime = strawberry.field(description="From when teams may book.")
    public_from: datetime = strawberry.field(description="From when the public may book.")
    release_at: datetime = strawberry.field(description="When what teams left free goes to the public.")
    reserved: int = strawberry.field(description="How many slots are the teams' at least.")
    share: str | None = strawberry.field(
        description="The share that the rule asks for, exactly: 1/3; null without one."
    )
    clause: str | None = strawberry.field(
        description="The clause that the share follows: weihai-2023 四(三); null where the hospital reserves by itself."
    )
    opening_clause: str | None = strawberry.field(description="The clause that `teamFrom` follows; null likewise.")
    release_clause: str | None = strawberry.field(description="The clause that `releaseAt` follows; null likewise.")
    state: SlotPoolState = strawberry.field(description="Where it stands.")
    state_reason: str | None = strawberry.field(description="Why it was cancelled; null while it is not.")
    version: int = strawberry.field(description="Counts its changes: give it back to change just this version.")

    @field("The hospital.")
    async def organisation(self, info: Info) -> OrganisationType:
        return await get_organisation(info.context, self.session.organisation_id)

    @field("How many slots stand where, from the ledger alone.")
    async def balance(self, info: Info) -> SlotBalance:
        found = await info.context.loaders.by(care.list_balances).load(self.session.id)
        each = {account: found.get(account, 0) for account in ("public", "team", "held", "booked")}
        return SlotBalance(total=sum(each.values()), withdrawn=found.get("withdrawn", 0), **each)

    @field("Whether the viewer's team can hold a slot of it now; null for a hospital's desk.")
    async def bookable(self, info: Info) -> bool | None:
        if info.context.viewer.role is Role.HOSPITAL_DESK:
            return None
        return await self._why_not(info.context) is None

    @field("Why the viewer's team cannot: the rule, its clause and when that changes; null where it can.")
    async def why_not(self, info: Info) -> RefusalType | None:
        if info.context.viewer.role is Role.HOSPITAL_DESK:
            return None
        refusal = await self._why_not(info.context)
        return refusal_from(refusal) if refusal else None

    @field("Every movement of its slots, for the hospital's desk; null for teams.")
    async def ledger(self, info: Info) -> list[SlotMovement] | None:
        if info.context.viewer.role is not Role.HOSPITAL_DESK:
            return None
        return _ledger(await info.context.loaders.by(care.list_ledgers).load(self.session.id))

    async def _why_not(self, context: Context) -> Refusal | None:
        use = await context.loaders.by(care.list_use).load(self.session.id)
        is_allied = await context.loaders.by(care.list_allied).load(self.session.organisation_id)
        return why_not(self.session, use, context.visit.now, is_allied=is_allied)


@strawberry.type(name="Slot", description="One bookable time of a session.")
class SlotType(Node):
    row: strawberry.Private[Row]
    number: int = strawberry.field(description="Its number in the session.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    account: SlotAccount = strawberry.field(description="On which account it stands.")

    @field("The session that it is of.")
    async def slot_pool(self, info: Info) -> SlotPool:
        return await find_slot_pool(info.context, self.row["session_id"])


# -- pages -----------------------------------------------------------------------------------------------------------


@strawberry.type(description="A page of sessions (Relay).")
class SlotPoolConnection:
    pick: strawberry.Private[Pick]
    edges: list[Edge[SlotPool]] = strawberry.field(description="The sessions of this page, by their begin.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many sessions all pages have together.")
    async def total_count(self, info: Info) -> int:
        return await care.count_pools(info.context.visit, self.pick)


@strawberry.type(description="A page of slots (Relay).")
class SlotConnection:
    session_id: strawberry.Private[UUID]
    is_free: strawberry.Private[bool]
    edges: list[Edge[SlotType]] = strawberry.field(description="The slots of this page, by number.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many slots all pages have together.")
    async def total_count(self, info: Info) -> int:
        return await care.count_slots(info.context.visit, self.session_id, is_free=self.is_free)


Kind = Annotated[SessionKind | None, strawberry.argument(description="Only sessions of this kind.")]
Department = Annotated[str | None, strawberry.argument(description="Only sessions of this department.")]
Hospital = Annotated[strawberry.ID | None, strawberry.argument(description="Only sessions of this organisation.")]
From = Annotated[
    date | None,
    strawberry.argument(name="from", description="Only from this day in China on; without it, what is not over."),
]
Until = Annotated[date | None, strawberry.argument(description="Only until this day in China.")]
PoolId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a SlotPool.")]
Free = Annotated[bool, strawberry.argument(description="Only those that teams can hold now.")]


@strawberry.type
class SlotQuery:
    @field("The sessions that the viewer's team may book at, by their begin; for a hospital's desk, its own.")
    async def slot_pools(
        self,
        info: Info,
        first: First = DEFAULT,
        after: After = None,
        kind: Kind = None,
        department: Department = None,
        organisation_id: Hospital = None,
        from_: From = None,
        until: Until = None,
    ) -> SlotPoolConnection:
        visit = info.context.visit
        pick = Pick(
            kind=cast(str, kind.value) if kind else "",
            department=read_text(department or "", "department"),
            organisation=read_text(organisation_id or "", "organisationId"),
            begin=begin_of(check_day(from_, "from")) if from_ else visit.now,
            end=begin_of(check_day(until, "until") + timedelta(days=1)) if until else None,
        )
        sessions = await care.page_pools(visit, pick, page_of(first, after))
        edges = [
            Edge(node=slot_pool_from(one, visit.now), cursor=entry_cursor(one.starts_at, one.id))
            for one in sessions[:first]
        ]
        return SlotPoolConnection(
            pick=pick, edges=edges, page_info=info_of(edges, after=after, more=len(sessions) > first)
        )

    @field("A session by id. Refused where the viewer has no part in it.")
    async def slot_pool(self, info: Info, id: PoolId) -> SlotPool:
        return await find_slot_pool(info.context, read_id(id, "SlotPool", "id"))

    @field("The slots of a session, by number.")
    async def slots(
        self, info: Info, slot_pool_id: PoolId, free: Free = False, first: First = DEFAULT, after: After = None
    ) -> SlotConnection:
        key = read_id(slot_pool_id, "SlotPool", "slotPoolId")
        behind = read_id_cursor(after) if after is not None else None
        rows = await care.page_slots(info.context.visit, key, is_free=free, most=check_first(first) + 1, after=behind)
        edges = [Edge(node=slot_from(row), cursor=id_cursor(row["id"])) for row in rows[:first]]
        page_info = info_of(edges, after=after, more=len(rows) > first)
        return SlotConnection(session_id=key, is_free=free, edges=edges, page_info=page_info)


# -- from rows -------------------------------------------------------------------------------------------------------


def slot_pool_from(session: Session, now: datetime) -> SlotPool:
    """A session as it is shown at a moment: one whose release has come is released, though nobody kept the clock."""
    is_released = session.state == SessionState.OPEN and session.is_released(now)
    return SlotPool(
        session=session,
        id=global_id("SlotPool", session.id),
        number=session.number,
        kind=SessionKind(session.kind),
        department=session.department,
        practitioner=session.practitioner or None,
        title=session.title or None,
        speciality=session.speciality or None,
        place=session.place or None,
        fee=session.fee or None,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        team_from=session.team_from,
        public_from=session.public_from,
        release_at=session.release_at,
        reserved=session.reserved,
        share=session.share or None,
        clause=session.rule or None,
        opening_clause=session.opening_rule or None,
        release_clause=session.release_rule or None,
        state=SlotPoolState.RELEASED if is_released else SlotPoolState(session.state),
        state_reason=session.state_reason or None,
        version=session.version,
    )


def slot_from(row: Row) -> SlotType:
    """A slot out of its row."""
    return SlotType(
        row=row,
        id=global_id("Slot", row["id"]),
        number=row["number"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        account=SlotAccount(row["account"]),
    )


def _ledger(rows: Sequence[Row]) -> list[SlotMovement]:
    return [
        SlotMovement(
            slot_number=row["slot_number"],
            number=row["number"],
            account_from=SlotAccount(row["account_from"]),
            account_into=SlotAccount(row["account_into"]),
            act=row["act"],
            by=row["by"],
            at=row["at"],
        )
        for row in rows
    ]


# -- by id -----------------------------------------------------------------------------------------------------------


def read_id(text: str, kind: str, where: str) -> UUID:
    """The uuid of an id of this type. Raises Refused (bad-id)."""
    found, key = read_global_id(text, where)
    if found != kind:
        raise refuse("bad-id", where)
    return key


async def find_slot_pool(context: Context, key: UUID) -> SlotPool:
    """A session. Raises Refused (no-such-slot)."""
    session = await context.loaders.by(care.list_pools).load(key)
    if session is None:
        raise refuse("no-such-slot", "id")
    return slot_pool_from(session, context.visit.now)


async def find_slot(context: Context, key: UUID) -> SlotType:
    """A slot. Raises Refused (no-such-slot)."""
    row = await context.loaders.by(care.list_slots).load(key)
    if row is None:
        raise refuse("no-such-slot", "id")
    return slot_from(row)
