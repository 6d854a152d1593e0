"""What can be asked of the record."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from hub.access import Viewer
from hub.api.context import Context, Info
from hub.api.fields import field
from hub.api.paging import (
    DEFAULT,
    After,
    Edge,
    First,
    check_first,
    check_text,
    id_cursor,
    info_of,
    read_id_cursor,
    read_resident_id,
)
from hub.api.residents import Resident, ResidentConnection, resident_from
from hub.errors import refuse
from hub.identifiers import normalise
from hub.mapping.codes import IdentifierKind
from hub.matching.numbers import CITIZEN_KINDS, number_of
from hub.store import log


@strawberry.enum(name="Role", description="What somebody is to the hub.")
class ViewerRole(Enum):
    """`hub.access.Role`, each value with its meaning."""

    FAMILY_DOCTOR = strawberry.enum_value("family-doctor", description="A doctor of a family-doctor team.")
    NURSE = strawberry.enum_value("nurse", description="A nurse of a family-doctor team.")
    HOSPITAL_DESK = strawberry.enum_value("hospital-desk", description="The desk of a hospital that takes referrals.")
    ADMINISTRATOR = strawberry.enum_value("administrator", description="Somebody who keeps the directory of the site.")
    HOSPITAL_SOURCE = strawberry.enum_value("hospital-source", description="A system that sends to the hub.")
    ENGINEER = strawberry.enum_value("engineer", description="Somebody who connects systems and reads no records.")


@strawberry.type(name="Viewer", description="Who asks, by their token.")
class ViewerType:
    id: str = strawberry.field(description="The account.")
    name: str = strawberry.field(description="What the account is called.")
    role: ViewerRole = strawberry.field(description="What they are to the hub.")
    organisation: str | None = strawberry.field(description="Where they work; null where it was not said.")
    team: str | None = strawberry.field(description="Their family-doctor team; null for those without one.")
    source: str | None = strawberry.field(description="The source that a service account sends for; null for people.")


@strawberry.input(description="A number of a person. Only numbers that lead across sources find a resident.")
class IdentifierInput:
    value: str = strawberry.field(description="The number; width, spaces, hyphens and case do not matter.")
    kind: str | None = strawberry.field(
        default=None, description="What it is: citizen-id, residence-permit, health-record-number."
    )
    system: str | None = strawberry.field(
        default=None, description="Who gives such numbers, as a URI, instead of `kind`."
    )


ResidentId = Annotated[
    strawberry.ID | None, strawberry.argument(description="The `id` of a Resident, or the uuid that the tools show.")
]
ByNumber = Annotated[IdentifierInput | None, strawberry.argument(description="A number of the resident.")]


@strawberry.type
class RecordQuery:
    @field("Who asks.")
    def viewer(self, info: Info) -> ViewerType:
        return _viewer(info.context.viewer)

    @field(
        "Where the event log stands at the moment of this answer. Follow it `after` this cursor, and no change is "
        "missed between what was listed here and the subscription."
    )
    async def cursor(self, info: Info) -> str:
        return await info.context.visit.ask(log.end)

    @field(
        "A resident by id or by a number, exactly one of them. Refused where there is no relation to them, and alike "
        "where nobody is known. One who was merged into another is found as the one that stays."
    )
    async def resident(self, info: Info, id: ResidentId = None, identifier: ByNumber = None) -> Resident | None:
        if (id is None) == (identifier is None):
            raise refuse("exactly-one", these="id, identifier")
        if id is not None:
            return await find_resident(info.context, read_resident_id(id, "id"))
        assert identifier is not None
        found = await info.context.visit.resident_by_number(*read_number(identifier, info.context.means.kinds))
        if found is None:
            raise refuse("no-relation")
        return await find_resident(info.context, found)

    @field("The residents to whom there is a relation, in the order in which they became known.")
    async def residents(self, info: Info, first: First = DEFAULT, after: After = None) -> ResidentConnection:
        context = info.context
        behind = read_id_cursor(after) if after is not None else None
        rows = await context.visit.page_residents(check_first(first) + 1, behind)
        now = context.means.now()
        edges = [Edge(node=resident_from(row, now), cursor=id_cursor(row["id"])) for row in rows[:first]]
        return ResidentConnection(edges=edges, page_info=info_of(edges, after=after, more=len(rows) > first))


async def find_resident(context: Context, key: UUID) -> Resident:
    """A resident by uuid, or the one that stays in their place. Raises Refused (no-relation)."""
    return resident_from(await context.loaders.residents.load(key), context.means.now())


def _viewer(viewer: Viewer) -> ViewerType:
    return ViewerType(
        id=viewer.id,
        name=viewer.name,
        role=ViewerRole(viewer.role),
        organisation=viewer.organisation or None,
        team=viewer.team or None,
        source=viewer.source or None,
    )


def read_number(asked: IdentifierInput, kinds: Mapping[str, IdentifierKind]) -> tuple[Sequence[str], str]:
    """The systems in which a number may stand, and the number as it is kept.

    Raises Refused (exactly-one, weak-number, bad-argument). Citizen ID numbers and residence permits share one shape
    and are taken for each other by people, so either is looked for under both; a 15-digit one is found by its 18
    digits.
    """
    if (asked.kind is None) == (asked.system is None):
        raise refuse("exactly-one", these="identifier.kind, identifier.system")
    strong = {kind.kind: kind for kind in kinds.values() if kind.strength == "strong"}
    kind = next((one for one in strong.values() if asked.kind == one.kind or asked.system == one.system), None)
    if kind is None:
        raise refuse("weak-number", "identifier", known=", ".join(strong))
    value = check_text(asked.value, "identifier.value")
    found = number_of(kind.kind, value, kinds)
    systems = [strong[one].system for one in CITIZEN_KINDS] if kind.kind in CITIZEN_KINDS else [kind.system]
    return systems, found.value if found else normalise(value)
