"""Agreements: the signed papers, their terms, and whom they cover."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Date,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.agreements import STANDING, Agreement, Client, Kind, Provider, State, Term
from hub.tables import agreement, agreement_term, coverage, organisation, resident, team

Row = Mapping[str, Any]

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_TODAY = bindparam("today", type_=Date)
_OWN = [agreement.c[name] for name in Agreement.__dataclass_fields__]
_ALLIED = (
    select(func.coalesce(func.array_agg(organisation.c.id), text("'{}'::text[]")))
    .where(organisation.c.alliance_id == agreement.c.provider_id)
    .where(agreement.c.provider_kind == Provider.ALLIANCE)
    .scalar_subquery()
    .label("allied")
)
"""The organisations of the alliance that signed; none of other providers."""
_SHOWN = select(agreement, _ALLIED)

# -- changing --------------------------------------------------------------------------------------------------------


async def add(connection: AsyncConnection, made: Agreement, message_id: UUID | None) -> bool:
    """Write a new agreement. Returns False where one of its number is there already."""
    row = {**asdict(made), "message_id": message_id}
    again = upsert(agreement).values(row).on_conflict_do_nothing(index_elements=[agreement.c.number])
    return await connection.scalar(again.returning(agreement.c.id)) is not None


async def add_term(connection: AsyncConnection, key: UUID, number: int, term: Term) -> None:
    """Write a term, under the number in which it became known."""
    await connection.execute(insert(agreement_term).values(agreement_id=key, number=number, **asdict(term)))


async def save(connection: AsyncConnection, changed: Agreement, message_id: UUID | None) -> None:
    """Write an agreement as it now is, and count its version up."""
    row = {name: value for name, value in asdict(changed).items() if name not in ("id", "version")}
    if message_id is not None:
        row["message_id"] = message_id
    upward = update(agreement).where(agreement.c.id == changed.id)
    await connection.execute(upward.values(**row, version=agreement.c.version + 1, changed_at=func.now()))


async def note_telling(connection: AsyncConnection, key: UUID, told_at: datetime) -> None:
    """Note when the newest version of an agreement was written, which changes nothing of it."""
    await connection.execute(update(agreement).where(agreement.c.id == key).values(told_at=told_at))


async def cover(
    connection: AsyncConnection, key: UUID, kind: Kind, residents: Sequence[UUID], since: date | None
) -> list[UUID]:
    """Let an agreement cover residents from a day on; without one, from its first day, which has not come.

    Returns those whom it does not cover because another primary agreement was faster. Ask `find_blocked` before it,
    and hold the residents.
    """
    if not residents:
        return []
    again = update(coverage).where(coverage.c.agreement_id == key, coverage.c.resident_id == func.any(_IDS))
    again = again.where(or_(coverage.c.until.is_not(None), coverage.c.since.is_(None)))
    await connection.execute(again.values(since=since, until=null()), {"ids": list(residents)})
    rows = [{"agreement_id": key, "resident_id": one, "kind": kind, "since": since} for one in residents]
    await connection.execute(upsert(coverage).on_conflict_do_nothing(), rows)
    reached = set((await list_covered(connection, [key]))[key])
    return [one for one in residents if one not in reached]


_mine, _other = coverage.alias("mine"), coverage.alias("other")
_BLOCKED = (
    select(_mine.c.resident_id)
    .join(_other, and_(_other.c.resident_id == _mine.c.resident_id, _other.c.agreement_id != _mine.c.agreement_id))
    .where(_mine.c.agreement_id == bindparam("key", type_=Uuid), _mine.c.kind == Kind.PRIMARY, _mine.c.until.is_(None))
    .where(_other.c.kind == Kind.PRIMARY, _other.c.until.is_(None), _other.c.since.is_not(None))
)


async def find_blocked(connection: AsyncConnection, key: UUID) -> list[UUID]:
    """Whom an agreement is to cover and another primary agreement covers still."""
    return list(await connection.scalars(_BLOCKED, {"key": key}))


_OVER = (
    select(agreement.c.id)
    .where(agreement.c.ended_on.is_(None), agreement.c.ends_on < _TODAY)
    .where(
        agreement.c.id.in_(
            select(coverage.c.agreement_id).where(coverage.c.resident_id == func.any(_IDS), coverage.c.until.is_(None))
        )
    )
    .order_by(agreement.c.id)
    .with_for_update()
)


async def list_over(connection: AsyncConnection, residents: Sequence[UUID], today: date) -> list[UUID]:
    """Agreements of residents whose last day is over and which nobody has closed, held for this transaction."""
    return list(await connection.scalars(_OVER, {"ids": list(residents), "today": today}))


async def uncover(
    connection: AsyncConnection, key: UUID, since: date, until: date, residents: Sequence[UUID] | None = None
) -> None:
    """Let an agreement cover residents no longer: these, or all of them. `since` is when it began to, where that was
    never written because it was over before it was known."""
    left = update(coverage).where(coverage.c.agreement_id == key, coverage.c.until.is_(None))
    if residents is not None:
        left = left.where(coverage.c.resident_id.in_(residents))
    began = func.coalesce(coverage.c.since, since if since <= until else None)
    await connection.execute(left.values(since=began, until=until))


async def move_coverage(connection: AsyncConnection, before: UUID, after: UUID) -> None:
    """A resident was replaced by another: whatever covers the one covers the other. Where an agreement covered both,
    the one row that stands is kept."""
    theirs, ours = coverage.alias("theirs"), coverage.alias("ours")
    ended = (
        select(ours.c.agreement_id)
        .join(theirs, and_(theirs.c.agreement_id == ours.c.agreement_id, theirs.c.resident_id == before))
        .where(ours.c.resident_id == after)
    )
    weaker = ended.where(ours.c.until.is_not(None), theirs.c.until.is_(None))
    for given_up, which in ((after, weaker), (before, ended)):
        keys = list(await connection.scalars(which))
        await connection.execute(
            delete(coverage).where(coverage.c.resident_id == given_up, coverage.c.agreement_id.in_(keys))
        )
    await connection.execute(update(coverage).where(coverage.c.resident_id == before).values(resident_id=after))
    signed = update(agreement).where(agreement.c.client_kind == Client.RESIDENT, agreement.c.client_id == str(before))
    await connection.execute(signed.values(client_id=str(after)))


# -- deciding --------------------------------------------------------------------------------------------------------


async def find(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> Agreement | None:
    """An agreement by id, held for this transaction where it is to be changed."""
    return await _one(connection, select(*_OWN).where(agreement.c.id == key), lock)


async def find_numbered(connection: AsyncConnection, number: str, *, lock: bool = False) -> Agreement | None:
    """An agreement by its number."""
    return await _one(connection, select(*_OWN).where(agreement.c.number == number), lock)


async def _one(connection: AsyncConnection, asked: Select[Any], lock: bool) -> Agreement | None:
    row = (await connection.execute(asked.with_for_update() if lock else asked)).one_or_none()
    return agreement_from(row._asdict()) if row else None


def agreement_from(row: Row) -> Agreement:
    """An agreement out of its row; what else stands in the row is left out."""
    known = {name: row[name] for name in Agreement.__dataclass_fields__}
    kinds = {"kind": Kind(row["kind"]), "state": State(row["state"])}
    parties = {"provider_kind": Provider(row["provider_kind"]), "client_kind": Client(row["client_kind"])}
    lists = {"packages": tuple(row["packages"]), "combination": tuple(row["combination"])}
    return Agreement(**{**known, **kinds, **parties, **lists})


async def list_terms(connection: AsyncConnection, keys: Sequence[UUID]) -> dict[UUID, list[Term]]:
    """The terms of each agreement, in the order in which they became known."""
    asked = select(agreement_term).where(agreement_term.c.agreement_id == func.any(_IDS))
    found: dict[UUID, list[Term]] = {key: [] for key in keys}
    for row in await connection.execute(asked.order_by(agreement_term.c.number), {"ids": list(keys)}):
        known = {name: getattr(row, name) for name in Term.__dataclass_fields__}
        found[row.agreement_id].append(Term(**known))
    return found


async def list_covered(connection: AsyncConnection, keys: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Whom each agreement covers, or will cover from its first day."""
    asked = select(coverage.c.agreement_id, coverage.c.resident_id).where(
        coverage.c.agreement_id == func.any(_IDS), coverage.c.until.is_(None)
    )
    found: dict[UUID, list[UUID]] = {key: [] for key in keys}
    for row in await connection.execute(asked.order_by(coverage.c.resident_id), {"ids": list(keys)}):
        found[row.agreement_id].append(row.resident_id)
    return found


async def list_left_on(connection: AsyncConnection, key: UUID, day: date) -> list[UUID]:
    """Whom an agreement covered until a day."""
    asked = select(coverage.c.resident_id).where(coverage.c.agreement_id == key, coverage.c.until == day)
    return list(await connection.scalars(asked.order_by(coverage.c.resident_id)))


async def present_of(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, UUID]:
    """Who stands now for each of these residents: themselves, or the one that a merge left in their place."""
    asked = select(resident.c.id, resident.c.replaced_by).where(resident.c.id == func.any(_IDS))
    rows = await connection.execute(asked, {"ids": list(residents)})
    return {row.id: row.replaced_by or row.id for row in rows}


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A primary agreement that holds a resident. `provider` is the team, or else who signed; `name` what the team or
    organisation is called."""

    resident_id: UUID
    agreement_id: UUID
    provider: str
    name: str
    client_kind: Client
    starts_on: date
    ends_on: date
    signed: Any


_SIGNED = (
    select(func.max(agreement_term.c.signed_at))
    .where(agreement_term.c.agreement_id == agreement.c.id)
    .scalar_subquery()
    .label("signed")
)
_FIRST = (
    select(func.min(agreement_term.c.begins_on))
    .where(agreement_term.c.agreement_id == agreement.c.id, agreement_term.c.ends_on >= _TODAY)
    .scalar_subquery()
)
_STARTS = func.coalesce(coverage.c.since, _FIRST, agreement.c.begins_on)
_HELD = (
    select(
        coverage.c.resident_id,
        agreement.c.id.label("agreement_id"),
        func.coalesce(agreement.c.team_id, agreement.c.provider_id).label("provider"),
        func.coalesce(team.c.name, organisation.c.name).label("name"),
        agreement.c.client_kind,
        _STARTS.label("starts_on"),
        agreement.c.ends_on,
        _SIGNED,
    )
    .join(agreement, agreement.c.id == coverage.c.agreement_id)
    .join(organisation, organisation.c.id == agreement.c.organisation_id)
    .outerjoin(team, team.c.id == agreement.c.team_id)
    .where(coverage.c.resident_id == func.any(_IDS), coverage.c.until.is_(None))
    .where(agreement.c.kind == Kind.PRIMARY, agreement.c.state.in_(STANDING), agreement.c.ends_on >= _TODAY)
    .order_by(agreement.c.id)
)


async def list_held(connection: AsyncConnection, residents: Sequence[UUID], today: date) -> list[Held]:
    """The primary agreements that hold residents on a day or later; one that has lapsed holds nobody."""
    rows = await connection.execute(_HELD, {"ids": list(residents), "today": today})
    return [Held(**{**row._asdict(), "client_kind": Client(row.client_kind)}) for row in rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alike:
    """What makes two supplementary agreements of a resident the same."""

    provider_id: str
    packages: tuple[str, ...]
    begins_on: date
    ends_on: date


async def find_alike(connection: AsyncConnection, alike: Alike, residents: Sequence[UUID]) -> Row | None:
    """A standing supplementary agreement (number, ends_on) that is the same for one of these residents."""
    asked = (
        select(agreement.c.number, agreement.c.ends_on)
        .join(coverage, coverage.c.agreement_id == agreement.c.id)
        .where(coverage.c.resident_id == func.any(_IDS), coverage.c.until.is_(None))
        .where(agreement.c.kind == Kind.SUPPLEMENTARY, agreement.c.state.in_(STANDING))
        .where(agreement.c.provider_id == alike.provider_id, agreement.c.packages == list(alike.packages))
        .where(agreement.c.begins_on <= alike.ends_on, agreement.c.ends_on >= alike.begins_on)
        .limit(1)
    )
    row = (await connection.execute(asked, {"ids": list(residents)})).one_or_none()
    return row._asdict() if row else None


async def list_deceased(connection: AsyncConnection, residents: Sequence[UUID]) -> list[UUID]:
    """Which of these residents have died, as a source reported."""
    asked = select(resident.c.id).where(resident.c.id == func.any(_IDS), resident.c.deceased)
    return list(await connection.scalars(asked, {"ids": list(residents)}))


# -- showing ---------------------------------------------------------------------------------------------------------

_STANDING = (
    select(coverage.c.resident_id, *_SHOWN.selected_columns)
    .join(agreement, agreement.c.id == coverage.c.agreement_id)
    .where(coverage.c.resident_id == func.any(_IDS), coverage.c.until.is_(None), coverage.c.since <= _TODAY)
    .where(agreement.c.kind == Kind.PRIMARY, agreement.c.ended_on.is_(None), agreement.c.ends_on >= _TODAY)
)


async def find_standing(connection: AsyncConnection, residents: Sequence[UUID], today: date) -> dict[UUID, Row]:
    """The primary agreement that each resident has on a day, as it is shown; who has none is absent."""
    rows = await connection.execute(_STANDING, {"ids": list(residents), "today": today})
    return {row.resident_id: row._asdict() for row in rows}


async def find_shown(connection: AsyncConnection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Agreements by id, as they are shown."""
    rows = await connection.execute(_SHOWN.where(agreement.c.id == func.any(_IDS)), {"ids": list(keys)})
    return {row.id: row._asdict() for row in rows}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which of a team's agreements are asked for: those of a state on a day, those that end by a day. An alliance's
    are those of its organisations."""

    team: str
    organisation: str
    today: date
    state: State | None = None
    ends_by: date | None = None


def _asked(asked: Asked) -> list[Any]:
    allied = select(organisation.c.alliance_id).where(organisation.c.id == asked.organisation)
    own: list[Any] = [
        or_(
            agreement.c.team_id == asked.team,
            and_(agreement.c.provider_kind == Provider.ALLIANCE, agreement.c.provider_id.in_(allied)),
        )
    ]
    over = agreement.c.ends_on < asked.today
    match asked.state:
        case State.IN_FORCE:
            own += [agreement.c.state == State.IN_FORCE, ~over]
        case State.LAPSED:
            own.append(or_(agreement.c.state == State.LAPSED, and_(agreement.c.state == State.IN_FORCE, over)))
        case State.SIGNED | State.ENDED:
            own.append(agreement.c.state == asked.state)
    if asked.ends_by is not None:
        own += [agreement.c.state == State.IN_FORCE, agreement.c.ends_on.between(asked.today, asked.ends_by)]
    return own


async def page(connection: AsyncConnection, asked: Asked, most: int, after: UUID | None) -> list[Row]:
    """A page of a team's agreements in the order of their signing, behind one of them."""
    statement = _SHOWN.where(*_asked(asked)).order_by(agreement.c.id).limit(most)
    if after is not None:
        statement = statement.where(agreement.c.id > after)
    return [row._asdict() for row in await connection.execute(statement)]


async def count(connection: AsyncConnection, asked: Asked) -> int:
    """How many agreements of a team are asked for."""
    return int(await connection.scalar(select(func.count()).select_from(agreement).where(*_asked(asked))) or 0)


_ALLIES = select(organisation.c.id).where(organisation.c.alliance_id == bindparam("of", type_=Text)).order_by("id")


async def list_allied(connection: AsyncConnection, alliance: str) -> list[str]:
    """The organisations of an alliance."""
    return list(await connection.scalars(_ALLIES, {"of": alliance}))
