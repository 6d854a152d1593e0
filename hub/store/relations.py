"""Who stands in what relation to whom: the right to read a resident's record, as SQL."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Given = Mapping[str, Any]
"""Whose relations: `team`, `organisation`, `is_desk`, and `today` in China."""

# An agreement that has lapsed gives no right, whether or not somebody has closed it yet. Each way to a resident is
# asked by itself and by its own index: one question with an OR would read every agreement of the region.
_STANDS = "c.until is null and a.ended_on is null and :today between c.since and a.ends_on and not :is_desk"
_OF_AGREEMENTS = f"""
    select c.resident_id, 'agreement' as relation
    from coverage c join agreement a on a.id = c.agreement_id
    where {_STANDS} and a.team_id = :team
"""  # noqa: S608 - constants of this file
_OF_ALLIANCES = f"""
    select c.resident_id, 'agreement' as relation
    from coverage c join agreement a on a.id = c.agreement_id
    where {_STANDS} and a.provider_kind = 'alliance' and cast(:team as text) is not null and a.provider_id =
          (select o.alliance_id from organisation o where o.id = :organisation)
"""  # noqa: S608 - constants of this file
_OF_FOLLOW_UPS = """
    select p.resident_id, 'follow-up' as relation from follow_up_plan p
    where p.team_id = :team and p.ended_at is null and not :is_desk
"""
_OPEN = "select f.resident_id, 'referral' as relation from referral f where f.ended_at is null"
_OF_REFERRALS = (
    f"{_OPEN} and :is_desk and f.to_organisation_id = :organisation",
    f"{_OPEN} and :is_desk and f.from_organisation_id = :organisation",
    f"{_OPEN} and not :is_desk and f.to_team_id = :team",
    f"{_OPEN} and not :is_desk and f.from_team_id = :team",
    f"{_OPEN} and not :is_desk and cast(:team as text) is not null and f.direction = 'down' and f.to_team_id is null "
    "and f.to_organisation_id = :organisation",
)
_EACH = (_OF_AGREEMENTS, _OF_ALLIANCES, _OF_FOLLOW_UPS, *_OF_REFERRALS)


def _asked(part: str) -> str:
    column = part.split("select ", 1)[1].split(",", 1)[0]
    return f"{part} and {column} = any(cast(:ids as uuid[]))"


_RELATIONS = text(" union all ".join(_asked(part) for part in _EACH))
RELATED = f"select resident_id from ({' union '.join(_EACH)}) as related"  # noqa: S608
_PAGE = text(
    f"""
    select id, name, sex, birth_date, phone, address, marital_status, ethnicity, deceased, deceased_on,
           contacts, coverages,
           origins, conflicts, created_at, changed_at
    from resident where id in ({RELATED}) and replaced_by is null and id > :after
    order by id limit :most
    """  # noqa: S608 - constants of this file
)
_COUNT = text(f"select count(*) from resident where id in ({RELATED}) and replaced_by is null")  # noqa: S608
_FIRST = UUID(int=0)


def given(*, team: str, organisation: str, is_desk: bool, today: date) -> Given:
    """Whose relations are asked for. A token without a team or organisation is related to nobody through it."""
    return {"team": team or None, "organisation": organisation or None, "is_desk": is_desk, "today": today}


async def find_relations(connection: AsyncConnection, whose: Given, residents: Sequence[UUID]) -> dict[UUID, str]:
    """The relation to each of these residents: agreement before follow-up before referral; who has none is absent."""
    rows = await connection.execute(_RELATIONS, {**whose, "ids": list(residents)})
    found: dict[UUID, str] = {}
    for row in rows:
        found[row.resident_id] = min(found.get(row.resident_id, row.relation), row.relation)
    return found


async def page_residents(connection: AsyncConnection, whose: Given, most: int, after: UUID | None) -> list[Any]:
    """The related residents, in the order in which they became known, behind one of them."""
    rows = await connection.execute(_PAGE, {**whose, "most": most, "after": after or _FIRST})
    return [row._asdict() for row in rows]


async def count_residents(connection: AsyncConnection, whose: Given) -> int:
    """How many residents there is a relation to."""
    return int(await connection.scalar(_COUNT, whose) or 0)


_AUDIENCES = text(
    """
    select c.resident_id, 'team:' || a.team_id as audience
    from coverage c join agreement a on a.id = c.agreement_id
    where c.until is null and a.team_id is not null and c.resident_id = any(cast(:ids as uuid[]))
    union
    select p.resident_id, 'team:' || p.team_id from follow_up_plan p
    where p.ended_at is null and p.resident_id = any(cast(:ids as uuid[]))
    union
    select f.resident_id, whose.audience from referral f, lateral (values
        ('organisation:' || f.to_organisation_id), ('organisation:' || f.from_organisation_id),
        ('team:' || f.to_team_id), ('team:' || f.from_team_id)) as whose(audience)
    where f.ended_at is null and whose.audience is not null and f.resident_id = any(cast(:ids as uuid[]))
    union
    select c.resident_id, 'alliance:' || a.provider_id from coverage c join agreement a on a.id = c.agreement_id
    where c.until is null and a.provider_kind = 'alliance' and c.resident_id = any(cast(:ids as uuid[]))
    """
)


async def find_audiences(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Who will want to hear of changes of each of these residents: ``team:ID``, ``organisation:ID``."""
    found: dict[UUID, list[str]] = {}
    for row in await connection.execute(_AUDIENCES, {"ids": list(residents)}):
        found.setdefault(row.resident_id, []).append(row.audience)
    return {resident: sorted(whom) for resident, whom in found.items()}
