"""The directory over GraphQL: organisations, practitioners, teams."""

from datetime import date
from enum import Enum
from typing import Annotated

import strawberry

from hub.agreements import most_of
from hub.api.context import Context, Info
from hub.api.fields import field
from hub.api.paging import check_text
from hub.care import teams as care
from hub.days import day_of
from hub.errors import refuse
from hub.policy import Operator
from hub.store.teams import Row


@strawberry.enum(description="What an organisation is.")
class OrganisationKind(Enum):
    """`hub.programme.directory.ORGANISATION_KINDS`, each with its meaning."""

    HOSPITAL = strawberry.enum_value("hospital", description="A hospital.")
    COMMUNITY_HEALTH_CENTRE = strawberry.enum_value(
        "community-health-centre", description="A community health centre or township health centre, with its teams."
    )
    CLINIC = strawberry.enum_value("clinic", description="A clinic, village clinics among them.")
    ALLIANCE = strawberry.enum_value("alliance", description="An alliance of others (医联体, 医共体).")
    OTHER = strawberry.enum_value("other", description="Any other: a functional community (功能社区), an office.")


@strawberry.enum(description="Whose an organisation is.")
class Authority(Enum):
    """`hub.programme.directory.AUTHORITIES`, each with its meaning."""

    COUNTY = strawberry.enum_value("county", description="The county's.")
    DISTRICT = strawberry.enum_value("district", description="The district's.")
    CITY = strawberry.enum_value("city", description="The city's.")
    PROVINCE = strawberry.enum_value("province", description="The province's.")


@strawberry.enum(description="What somebody does at an organisation.")
class PractitionerRole(Enum):
    """`hub.programme.directory.PRACTITIONER_ROLES`, each with its meaning."""

    FAMILY_DOCTOR = strawberry.enum_value("family-doctor", description="A family doctor.")
    NURSE = strawberry.enum_value("nurse", description="A nurse.")
    PUBLIC_HEALTH_PHYSICIAN = strawberry.enum_value("public-health-physician", description="A public-health physician.")
    SPECIALIST = strawberry.enum_value("specialist", description="A specialist.")
    VILLAGE_DOCTOR = strawberry.enum_value("village-doctor", description="A village doctor.")
    ASSISTANT = strawberry.enum_value("assistant", description="An assistant.")


@strawberry.enum(description="What somebody is in a team.")
class TeamRole(Enum):
    """`hub.programme.directory.MEMBER_ROLES`, each with its meaning."""

    LEADER = strawberry.enum_value("leader", description="The leader, a family doctor as a rule.")
    FAMILY_DOCTOR = strawberry.enum_value("family-doctor", description="A further family doctor.")
    NURSE = strawberry.enum_value("nurse", description="A nurse.")
    PUBLIC_HEALTH_PHYSICIAN = strawberry.enum_value("public-health-physician", description="A public-health physician.")
    SPECIALIST = strawberry.enum_value("specialist", description="A specialist who supports the team.")
    VILLAGE_DOCTOR = strawberry.enum_value("village-doctor", description="A village doctor.")
    ASSISTANT = strawberry.enum_value("assistant", description="An assistant.")


# -- what is shown ---------------------------------------------------------------------------------------------------


@strawberry.type(name="Organisation", description="A hospital, a community health centre, an alliance of them.")
class OrganisationType:
    row: strawberry.Private[Row]
    id: strawberry.ID = strawberry.field(description="Its short code in the directory.")
    name: str = strawberry.field(description="What it is called.")
    name_en: str | None = strawberry.field(description="Its name in English; null where none was told.")
    kind: OrganisationKind = strawberry.field(description="What it is.")
    level: int | None = strawberry.field(description="1 primary, 2 secondary, 3 tertiary (医院等级); null without one.")
    authority: Authority | None = strawberry.field(description="Whose it is; null where that was not told.")
    credit_code: str | None = strawberry.field(description="统一社会信用代码 (GB 32100); null where it was not told.")
    phone: str | None = strawberry.field(description="Its telephone number; null where none was told.")

    @field("The alliance (医联体) that it belongs to; null where it belongs to none.")
    async def alliance(self, info: Info) -> "OrganisationType | None":
        key = self.row["alliance_id"]
        return await find_organisation(info.context, key) if key else None

    @field("Its family-doctor teams, by id.")
    async def teams(self, info: Info) -> list["TeamType"]:
        rows = await info.context.loaders.by(care.list_teams_of).load(self.row["id"])
        return [team_from(row) for row in rows]


@strawberry.type(name="Practitioner", description="Somebody who works at an organisation.")
class PractitionerType:
    row: strawberry.Private[Row]
    id: strawberry.ID = strawberry.field(description="Their id in the directory.")
    name: str = strawberry.field(description="The name.")
    role: PractitionerRole = strawberry.field(description="What they do there.")
    title: str | None = strawberry.field(description="The professional title (职称); null where none was told.")

    @field("Where they work.")
    async def organisation(self, info: Info) -> OrganisationType:
        return await get_organisation(info.context, self.row["organisation_id"])


@strawberry.type(description="Somebody who belongs to a team today.")
class TeamMember:
    practitioner: PractitionerType = strawberry.field(description="Who it is.")
    role: TeamRole = strawberry.field(description="What they are in the team.")
    since: date | None = strawberry.field(description="Since when; null where that was not told.")


@strawberry.type(description="A grid area (网格) that a team looks after.")
class Area:
    id: strawberry.ID = strawberry.field(description="Its code.")
    name: str = strawberry.field(description="Its name, as it stands in addresses.")


@strawberry.type(description="How many residents the region's policy gives one team.")
class TeamRatio:
    least: int | None = strawberry.field(description="At least; null where the policy gives no least number.")
    most: int = strawberry.field(description="At most; signing counts against it.")
    clause: str = strawberry.field(description="Where it stands: baodi-2017 二(一)3.")


@strawberry.type(name="Team", description="A family-doctor team (家庭医生团队).")
class TeamType:
    row: strawberry.Private[Row]
    id: strawberry.ID = strawberry.field(description="Its id in the directory.")
    name: str = strawberry.field(description="What it is called.")
    name_en: str | None = strawberry.field(description="Its name in English; null where none was told.")
    phone: str | None = strawberry.field(description="Its telephone number; null where none was told.")

    @field("The organisation that it belongs to.")
    async def organisation(self, info: Info) -> OrganisationType:
        return await get_organisation(info.context, self.row["organisation_id"])

    @field("Who belongs to it today, the leader first.")
    async def members(self, info: Info) -> list[TeamMember]:
        rows = await info.context.loaders.by(care.list_members).load(self.row["id"])
        return [
            TeamMember(practitioner=practitioner_from(row), role=TeamRole(row["team_role"]), since=row["since"])
            for row in rows
        ]

    @field("The areas that it looks after, by code.")
    async def areas(self, info: Info) -> list[Area]:
        rows = await info.context.loaders.by(care.list_areas).load(self.row["id"])
        return [Area(id=strawberry.ID(row["id"]), name=row["name"]) for row in rows]

    @field(
        "How many residents have a primary agreement with it today; null for other organisations' teams, which only "
        "the administrator counts."
    )
    async def covered(self, info: Info) -> int | None:
        return await self._count(info, 0)

    @field("How many of its agreements end within 30 days; null likewise.")
    async def ending(self, info: Info) -> int | None:
        return await self._count(info, 1)

    @field("How many residents the region's policy gives it; null where no rule that holds says so.")
    def ratio(self, info: Info) -> TeamRatio | None:
        found = most_of(info.context.means.programme, day_of(info.context.visit.now))
        if found is None:
            return None
        most, rule = found
        least = int(rule.value) if rule.operator is not Operator.AT_MOST else None
        return TeamRatio(least=least, most=most, clause=rule.reference())

    async def _count(self, info: Info, which: int) -> int | None:
        if not care.may_count(info.context.viewer, self.row):
            return None
        counts = await info.context.loaders.by(care.count_covered).load(self.row["id"])
        return counts[which]


def organisation_from(row: Row) -> OrganisationType:
    """An organisation out of its row."""
    return OrganisationType(
        row=row,
        id=strawberry.ID(row["id"]),
        name=row["name"],
        name_en=row["name_en"] or None,
        kind=OrganisationKind(row["kind"]),
        level=row["level"],
        authority=Authority(row["authority"]) if row["authority"] else None,
        credit_code=row["credit_code"] or None,
        phone=row["phone"] or None,
    )


def practitioner_from(row: Row) -> PractitionerType:
    """A practitioner out of their row."""
    return PractitionerType(
        row=row,
        id=strawberry.ID(row["id"]),
        name=row["name"],
        role=PractitionerRole(row["role"]),
        title=row["title"] or None,
    )


def team_from(row: Row) -> TeamType:
    """A team out of its row."""
    return TeamType(
        row=row,
        id=strawberry.ID(row["id"]),
        name=row["name"],
        name_en=row["name_en"] or None,
        phone=row["phone"] or None,
    )


async def find_organisation(context: Context, key: str) -> OrganisationType | None:
    """An organisation of the directory by id."""
    row = await context.loaders.by(care.list_organisations).load(key)
    return organisation_from(row) if row else None


async def get_organisation(context: Context, key: str) -> OrganisationType:
    """An organisation that something of the directory refers to."""
    found = await find_organisation(context, key)
    assert found is not None, "the database lets nothing refer to an organisation that is not there"
    return found


async def find_team(context: Context, key: str) -> TeamType | None:
    """A team of the directory by id."""
    row = await context.loaders.by(care.list_teams).load(key)
    return team_from(row) if row else None


async def find_practitioner(context: Context, key: str) -> PractitionerType | None:
    """A practitioner of the directory by id."""
    row = await context.loaders.by(care.list_practitioners).load(key)
    return practitioner_from(row) if row else None


TeamId = Annotated[
    strawberry.ID | None, strawberry.argument(description="The team's id in the directory; without it, one's own.")
]
OfKind = Annotated[OrganisationKind | None, strawberry.argument(description="Only those of this kind.")]
OfAlliance = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only those that belong to this alliance.")
]


@strawberry.type
class TeamQuery:
    @field("A family-doctor team, by default one's own; null where the directory has none.")
    async def team(self, info: Info, id: TeamId = None) -> TeamType | None:
        key = str(id) if id is not None else info.context.viewer.team
        if not key:
            raise refuse("no-team")
        return await find_team(info.context, check_text(key, "id"))

    @field("The organisations of the directory, by id.")
    async def organisations(
        self, info: Info, kind: OfKind = None, alliance: OfAlliance = None
    ) -> list[OrganisationType]:
        of = check_text(str(alliance or ""), "alliance")
        rows = await care.search_organisations(info.context.visit, str(kind.value) if kind else "", of)
        return [organisation_from(row) for row in rows]
