"""What people do with agreements: sign, renew, transfer, end, and read those of their team."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from hub.access import TEAM, Decision, Role, Viewer, may_act, team_of
from hub.agreements import MACHINE, Agreement, Client, Provider, Seen, State, Term
from hub.care.deed import Deed
from hub.care.visit import Visit
from hub.days import day_of
from hub.errors import Refusal, refuse
from hub.policy import Programme
from hub.programme import agreements as programme_of
from hub.programme.agreements import Party, Renewal, Signing
from hub.programme.served import agreement_of
from hub.store import agreements, records, teams
from hub.store.agreements import Asked, Row
from hub.transitions import Actor

_NOT_YOURS = Decision(rule="not-your-agreement", refusal=Refusal(code="no-agreement", where="id"))
_SIGNERS = (Role.FAMILY_DOCTOR, Role.NURSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Whom:
    """A resident by id, or by a number and the systems in which it may stand."""

    id: UUID | None = None
    systems: Sequence[str] = ()
    number: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """Who signs to serve: the viewer's team, somebody of it, or the alliance of its organisation. A team that is not
    the viewer's own may only be given where a resident goes to it."""

    kind: Provider = Provider.TEAM
    id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clients:
    """Whom an agreement is to cover: one resident, or several with the number of their household or the id of their
    organisation."""

    first: Whom
    members: tuple[Whom, ...] = ()
    household: str = ""
    organisation: str = ""


# -- changing --------------------------------------------------------------------------------------------------------


async def sign(deed: Deed, programme: Programme, signer: Signer, clients: Clients, signing: Signing) -> UUID:
    """Sign for the viewer's own team. Nothing of the residents is read but that they are known.

    Raises Refused: may-not-change, no-team, client-unclear, nobody-to-sign, not-a-member, no-alliance, and what
    `programme.agreements.sign` refuses.
    """
    deed.check_role("sign agreements", *_SIGNERS)
    party = await _party(deed, signer)
    kind, key = await _client(deed, clients)
    residents = [await _find(deed, one, "resident") for one in (clients.first, *clients.members)]
    deed.touch(*residents)
    await _check_organisations(deed, "combination", signing.combination)
    whom = programme_of.Whom(residents=tuple(residents), kind=kind, id=key)
    return await programme_of.sign(deed.hand, programme, party, whom, signing)


async def _client(deed: Deed, clients: Clients) -> tuple[Client, str]:
    if clients.household and clients.organisation:
        raise refuse("client-unclear", "household, organisation")
    if clients.household:
        return Client.HOUSEHOLD, clients.household
    if clients.organisation:
        await _check_organisations(deed, "organisation", [clients.organisation])
        return Client.ORGANISATION, clients.organisation
    if clients.members:
        raise refuse("client-unclear", "members")
    return Client.RESIDENT, ""


async def _check_organisations(deed: Deed, where: str, keys: Sequence[str]) -> None:
    known = await teams.find_organisations(deed.connection, keys)
    for key in keys:
        if key not in known:
            raise refuse("directory-unknown", where, kind="Organization", key=key)


async def _find(deed: Deed, whom: Whom, where: str) -> UUID:
    """A resident who is known and lives. Raises Refused (nobody-to-sign): of both alike, and before anything else is
    asked of the input, so that the order of refusals tells no stranger of a death."""
    key = whom.id
    if key is None:
        key = await records.find_by_number(deed.connection, whom.systems, whom.number)
    if key is None or key not in (present := await agreements.present_of(deed.connection, [key])):
        raise refuse("nobody-to-sign", where)
    if await agreements.list_deceased(deed.connection, [present[key]]):
        raise refuse("nobody-to-sign", where)
    return present[key]


async def _party(deed: Deed, signer: Signer) -> Party:
    """The viewer's own side. Raises Refused (no-team, not-a-member, no-alliance, directory-unknown)."""
    own = team_of(deed.viewer)
    home = await _team(deed, own)
    match signer.kind:
        case Provider.TEAM if signer.id not in ("", own):
            raise refuse("not-a-member", "providerId", key=signer.id)
        case Provider.TEAM:
            return home
        case Provider.PRACTITIONER:
            if own not in await teams.teams_of(deed.connection, signer.id, deed.hand.today):
                raise refuse("not-a-member", "providerId", key=signer.id)
            return replace(home, kind=Provider.PRACTITIONER, id=signer.id)
    return await _alliance(deed, home)


async def _team(deed: Deed, key: str) -> Party:
    found = (await teams.find_teams(deed.connection, [key])).get(key)
    if found is None:
        raise refuse("directory-unknown", "team", kind="CareTeam", key=key)
    return Party(kind=Provider.TEAM, id=key, team_id=key, organisation_id=found["organisation_id"])


async def _alliance(deed: Deed, home: Party) -> Party:
    found = await teams.find_organisations(deed.connection, [home.organisation_id])
    alliance = found[home.organisation_id]["alliance_id"]
    if alliance is None:
        raise refuse("no-alliance", "provider")
    return Party(kind=Provider.ALLIANCE, id=alliance, team_id=None, organisation_id=alliance)


async def renew(deed: Deed, programme: Programme, key: UUID, renewal: Renewal, version: int | None) -> UUID:
    """Renew an agreement of the viewer's team.

    Raises Refused: may-not-change, no-agreement, changed-meanwhile, and what `programme.agreements.renew` refuses.
    """
    deed.check_role("renew agreements", *_SIGNERS)
    one, actors = await _own(deed, key)
    programme_of.check_version(one, version)
    return (await programme_of.renew(deed.hand, programme, one, renewal, actors)).id


async def end(deed: Deed, key: UUID, reason: str, version: int | None) -> UUID:
    """End an agreement of the viewer's team. Raises Refused likewise."""
    deed.check_role("end agreements", *_SIGNERS)
    one, actors = await _own(deed, key)
    programme_of.check_version(one, version)
    return (await programme_of.end(deed.hand, one, reason, actors)).id


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """Who goes where: an agreement of the viewer's team by its id, or a resident whom the viewer's team takes over.
    Without `team_id` it is the viewer's own team that takes them."""

    agreement_id: UUID | None = None
    whom: Whom | None = None
    team_id: str = ""
    consent: str = ""
    version: int | None = None


async def transfer(deed: Deed, programme: Programme, asked: Transfer, signing: Signing) -> tuple[UUID, UUID]:
    """Let residents go to another team: the agreement that ended, and the one that began.

    Raises Refused: may-not-change, no-team, exactly-one, no-agreement, no-agreement-to-transfer, nobody-to-sign,
    changed-meanwhile, and what `programme.agreements.transfer` refuses.
    """
    deed.check_role("transfer agreements", *_SIGNERS)
    party = await _team(deed, asked.team_id or team_of(deed.viewer))
    key, only = await _whose(deed, asked)
    one, actors = await _held(deed, key)
    if only is not None and party.id == deed.viewer.team:
        actors |= {Actor.RECEIVER}  # who takes somebody over names them, and not a paper that is none of theirs
    if not actors:
        deed.decide(_NOT_YOURS)
    programme_of.check_version(one, asked.version)
    begun = await programme_of.transfer(
        deed.hand, programme, one, party, signing, actors, consent=asked.consent, only=only
    )
    return one.id, begun


async def _whose(deed: Deed, asked: Transfer) -> tuple[UUID, UUID | None]:
    """The agreement that is transferred, and the resident who goes where one is named."""
    if (asked.agreement_id is None) == (asked.whom is None):
        raise refuse("exactly-one", these="agreementId, resident")
    if asked.agreement_id is not None:
        return asked.agreement_id, None
    assert asked.whom is not None
    resident = await _find(deed, asked.whom, "resident")
    standing = await agreement_of(deed.connection, resident, deed.hand.today)
    if standing is None:
        raise refuse("no-agreement-to-transfer", "resident")
    return standing.agreement_id, resident


async def _own(deed: Deed, key: UUID) -> tuple[Agreement, frozenset[Actor]]:
    """An agreement of the viewer's team or alliance, held. Raises Refused (no-agreement)."""
    one, actors = await _held(deed, key)
    if not actors:
        deed.decide(_NOT_YOURS)
    return one, actors


async def _held(deed: Deed, key: UUID) -> tuple[Agreement, frozenset[Actor]]:
    shown = (await agreements.find_shown(deed.connection, [key])).get(key)
    if shown is None:
        raise refuse("no-agreement", "id")
    one = await programme_of.get(deed.hand, key)
    deed.touch(*(await agreements.list_covered(deed.connection, [key]))[key])
    return one, actors_of(deed.viewer, shown)


# -- reading ---------------------------------------------------------------------------------------------------------


def actors_of(viewer: Viewer, row: Row) -> frozenset[Actor]:
    """What the viewer is to an agreement: the team that serves, by name or as one of the alliance, or nothing."""
    is_theirs = bool(row["team_id"]) and row["team_id"] == viewer.team
    is_allied = bool(viewer.organisation) and viewer.organisation in row["allied"]
    return frozenset({Actor.TEAM} if viewer.role in TEAM and (is_theirs or is_allied) else ())


def acts_of(viewer: Viewer, row: Row, terms: Sequence[Term], now: datetime) -> list[str]:
    """What the viewer can do with an agreement now."""
    one, today = agreements.agreement_from(row), day_of(now)
    one = replace(one, state=one.state_on(today))
    seen = Seen(agreement=one, terms=tuple(terms), today=today)
    return list(MACHINE.acts(seen, actors_of(viewer, row)))


async def list_agreements(visit: Visit, keys: Sequence[UUID]) -> list[Row | None]:
    """Agreements by id, in the order asked."""
    found = await visit.ask(agreements.find_shown, keys)
    return [found.get(key) for key in keys]


def check_own(visit: Visit, row: Row | None) -> Row:
    """Insist that an agreement is the viewer's team's. Raises Refused (no-agreement); so one that there is not looks
    like one that is somebody else's."""
    if row is None or not actors_of(visit.viewer, row):
        visit.decide(_NOT_YOURS)
        raise refuse("no-agreement", "id")
    visit.decide(Decision(rule="own-agreement"))
    return row


async def list_terms(visit: Visit, keys: Sequence[UUID]) -> list[list[Term]]:
    """The terms of each agreement."""
    found = await visit.ask(agreements.list_terms, keys)
    return [found[key] for key in keys]


async def list_covered(visit: Visit, keys: Sequence[UUID]) -> list[list[UUID]]:
    """Whom each agreement covers."""
    found = await visit.ask(agreements.list_covered, keys)
    return [found[key] for key in keys]


async def list_standing(visit: Visit, residents: Sequence[UUID]) -> list[Row | None]:
    """The primary agreement that each resident has today. Raises Refused (no-relation)."""
    await visit.check(residents)
    found = await visit.ask(agreements.find_standing, residents, day_of(visit.now))
    return [found.get(one) for one in residents]


def asked_for(visit: Visit, state: State | None, ending_within_days: int | None) -> Asked:
    """The viewer's team's agreements of a state, or that end soon. Raises Refused (may-not-change, no-team)."""
    visit.decide(may_act(visit.viewer, "list a team's agreements", _SIGNERS))
    today = day_of(visit.now)
    return Asked(
        team=team_of(visit.viewer),
        organisation=visit.viewer.organisation,
        today=today,
        state=state,
        ends_by=_ahead(today, ending_within_days),
    )


def _ahead(today: date, days: int | None) -> date | None:
    if days is None:
        return None
    if not 0 <= days <= _FARTHEST:
        raise refuse("bad-argument", "endingWithinDays", reason=f"0-{_FARTHEST}")
    return today + timedelta(days=days)


_FARTHEST = 3660


async def page_agreements(visit: Visit, asked: Asked, most: int, after: UUID | None) -> list[Row]:
    """A page of a team's agreements, in the order of their signing."""
    return await visit.ask(agreements.page, asked, most, after)


async def count_agreements(visit: Visit, asked: Asked) -> int:
    """How many agreements of a team are asked for."""
    return await visit.ask(agreements.count, asked)
