"""Who serves whom on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import agreements


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Who serves a resident. `team_id` is None where an alliance does: any team of it may."""

    agreement_id: UUID
    number: str
    team_id: str | None
    organisation_id: str
    provider_kind: str
    provider_id: str
    combination: tuple[str, ...]
    ends_on: date


async def agreements_of(connection: AsyncConnection, residents: Sequence[UUID], today: date) -> dict[UUID, Standing]:
    """Who serves each of these residents on a day, by their primary agreement; who has none is absent."""
    rows = await agreements.find_standing(connection, residents, today)
    return {
        resident: Standing(
            agreement_id=row["id"],
            number=row["number"],
            team_id=row["team_id"],
            organisation_id=row["organisation_id"],
            provider_kind=row["provider_kind"],
            provider_id=row["provider_id"],
            combination=tuple(row["combination"]),
            ends_on=row["ends_on"],
        )
        for resident, row in rows.items()
    }


async def agreement_of(connection: AsyncConnection, resident: UUID, today: date) -> Standing | None:
    """Who serves a resident on a day."""
    return (await agreements_of(connection, [resident], today)).get(resident)
