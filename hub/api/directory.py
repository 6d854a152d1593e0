"""What the administrator keeps of the directory over GraphQL."""

from datetime import date
from typing import Annotated, Any

import strawberry

from hub.api.changing import RefusalType, change
from hub.api.context import Info
from hub.api.fields import field, mutation
from hub.api.paging import check_text
from hub.api.teams import (
    Authority,
    OrganisationKind,
    OrganisationType,
    PractitionerRole,
    PractitionerType,
    TeamRole,
    TeamType,
    find_organisation,
    find_practitioner,
    find_team,
)
from hub.care import teams as care
from hub.care.deed import Deed
from hub.programme.directory import Member, Organisation, Practitioner, Team


@strawberry.input(description="An organisation as it now is: what is left out does not hold any longer.")
class SaveOrganisationInput:
    id: strawberry.ID = strawberry.field(description="Its short code.")
    name: str = strawberry.field(description="What it is called.")
    kind: OrganisationKind = strawberry.field(description="What it is.")
    name_en: str = strawberry.field(default="", description="Its name in English.")
    level: int | None = strawberry.field(default=None, description="1 primary, 2 secondary, 3 tertiary (医院等级).")
    authority: Authority | None = strawberry.field(default=None, description="Whose it is.")
    alliance_id: strawberry.ID | None = strawberry.field(default=None, description="The alliance it belongs to.")
    credit_code: str = strawberry.field(default="", description="统一社会信用代码 (GB 32100).")
    phone: str = strawberry.field(default="", description="Its telephone number.")


@strawberry.input(description="A practitioner as they now are.")
class SavePractitionerInput:
    id: strawberry.ID = strawberry.field(description="Their id.")
    organisation_id: strawberry.ID = strawberry.field(description="Where they work.")
    name: str = strawberry.field(description="The name.")
    role: PractitionerRole = strawberry.field(description="What they do there.")
    title: str = strawberry.field(default="", description="The professional title (职称).")


@strawberry.input(description="Somebody who belongs to a team.")
class TeamMemberInput:
    practitioner_id: strawberry.ID = strawberry.field(description="Who it is.")
    role: TeamRole = strawberry.field(description="What they are in the team.")
    since: date | None = strawberry.field(default=None, description="Since when.")


@strawberry.input(description="A grid area.")
class AreaInput:
    id: strawberry.ID = strawberry.field(description="Its code.")
    name: str = strawberry.field(description="Its name, as it stands in addresses.")


@strawberry.input(description="A team as it now is: members and areas that are left out belong to it no longer.")
class SaveTeamInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    organisation_id: strawberry.ID = strawberry.field(description="The organisation that it belongs to.")
    name: str = strawberry.field(description="What it is called.")
    name_en: str = strawberry.field(default="", description="Its name in English.")
    phone: str = strawberry.field(default="", description="Its telephone number.")
    members: list[TeamMemberInput] = strawberry.field(default_factory=list, description="Who belongs to it.")
    areas: list[AreaInput] = strawberry.field(default_factory=list, description="The areas that it looks after.")


@strawberry.type(description="The organisation that was saved.")
class SaveOrganisationPayload:
    key: strawberry.Private[str]

    @field("The organisation as it now is.")
    async def organisation(self, info: Info) -> OrganisationType | None:
        return await find_organisation(info.context, self.key)


@strawberry.type(description="The practitioner who was saved.")
class SavePractitionerPayload:
    key: strawberry.Private[str]

    @field("The practitioner as they now are.")
    async def practitioner(self, info: Info) -> PractitionerType | None:
        return await find_practitioner(info.context, self.key)


@strawberry.type(description="The team that was saved.")
class SaveTeamPayload:
    key: strawberry.Private[str]

    @field("The team as it now is.")
    async def team(self, info: Info) -> TeamType | None:
        return await find_team(info.context, self.key)


SaveOrganisationResult = Annotated[
    SaveOrganisationPayload | RefusalType,
    strawberry.union("SaveOrganisationResult", description="The organisation, or why it was not saved."),
]
SavePractitionerResult = Annotated[
    SavePractitionerPayload | RefusalType,
    strawberry.union("SavePractitionerResult", description="The practitioner, or why they were not saved."),
]
SaveTeamResult = Annotated[
    SaveTeamPayload | RefusalType,
    strawberry.union("SaveTeamResult", description="The team, or why it was not saved."),
]


def _checked(**texts: Any) -> dict[str, str]:
    """Texts that can stand in a database. Raises Refused (bad-argument)."""
    return {name: check_text(str(text), f"input.{name}") for name, text in texts.items()}


@strawberry.type
class DirectoryMutation:
    @mutation("Keep an organisation of the directory. For administrators.")
    async def save_organisation(
        self,
        info: Info,
        input: Annotated[SaveOrganisationInput, strawberry.argument(description="The organisation as it now is.")],
    ) -> SaveOrganisationResult:
        async def do(deed: Deed) -> str:
            said = _checked(id=input.id, name=input.name, name_en=input.name_en, phone=input.phone)
            more = _checked(credit_code=input.credit_code, alliance_id=input.alliance_id or "")
            one = Organisation(
                **said,
                credit_code=more["credit_code"],
                alliance_id=more["alliance_id"] or None,
                kind=str(input.kind.value),
                level=input.level,
                authority=str(input.authority.value) if input.authority else "",
            )
            return await care.save_organisation(deed, one)

        return await change(info, do, lambda key: SaveOrganisationPayload(key=key))

    @mutation("Keep a practitioner of the directory. For administrators.")
    async def save_practitioner(
        self,
        info: Info,
        input: Annotated[SavePractitionerInput, strawberry.argument(description="The practitioner as they now are.")],
    ) -> SavePractitionerResult:
        async def do(deed: Deed) -> str:
            said = _checked(id=input.id, name=input.name, title=input.title, organisation_id=input.organisation_id)
            return await care.save_practitioner(deed, Practitioner(**said, role=str(input.role.value)))

        return await change(info, do, lambda key: SavePractitionerPayload(key=key))

    @mutation("Keep a team of the directory with its members and areas. For administrators.")
    async def save_team(
        self,
        info: Info,
        input: Annotated[SaveTeamInput, strawberry.argument(description="The team as it now is.")],
    ) -> SaveTeamResult:
        async def do(deed: Deed) -> str:
            said = _checked(id=input.id, name=input.name, name_en=input.name_en, phone=input.phone)
            members = tuple(
                Member(
                    practitioner_id=check_text(str(one.practitioner_id), "input.members"),
                    role=str(one.role.value),
                    since=one.since,
                )
                for one in input.members
            )
            areas = {check_text(str(one.id), "input.areas"): check_text(one.name, "input.areas") for one in input.areas}
            home = _checked(organisation_id=input.organisation_id)
            return await care.save_team(deed, Team(**said, **home, members=members, areas=areas))

        return await change(info, do, lambda key: SaveTeamPayload(key=key))
