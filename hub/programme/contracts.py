"""Agreements that a signing system keeps (FHIR Contract): facts of the past, whatever the region's rules say of them.

A contract is known by its number. Its versions may come in any order and again: each period is a term, the terms
together say how long it runs, and one that was terminated stays so. Only whom it covers and what it promises is taken
from its newest version. A contract that another provider's standing agreement contradicts is refused, whichever of the
two came second, so that a person decides; its message waits and can be replayed when that is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from hub.agreements import (
    MACHINE,
    STANDING,
    Agreement,
    Client,
    Kind,
    Provider,
    Seen,
    State,
    Term,
    Wish,
    as_of,
    run_on,
    term_fault,
)
from hub.days import begin_of, day_of
from hub.errors import refuse
from hub.ids import new_id
from hub.policy import Programme
from hub.programme.agreements import Party, check_free, close, hold, lock_present
from hub.programme.elements import code_in, extensions, listed, reference_of, texts
from hub.programme.hand import Hand
from hub.programme.happened import Happened, Reaction, Told
from hub.programme.terms import AGREEMENT, settle, stand_again
from hub.record import Shared
from hub.store import agreements, people, teams
from hub.transitions import Actor

_STATUSES = ("executed", "terminated", "cancelled")
_BY_MESSAGE = frozenset({Actor.MESSAGE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """One version of a contract, understood. `residents` are those of its people who are known here."""

    number: str
    kind: Kind
    party: Party
    client_kind: Client
    client_id: str
    residents: tuple[UUID, ...]
    packages: tuple[str, ...]
    combination: tuple[str, ...]
    term: Term
    ended: bool
    end_reason: str
    told_at: datetime
    where: str


def contracts(programme: Programme) -> Reaction:
    """Keeps the agreements that signing systems tell."""

    async def react(happened: Happened) -> None:
        await take_contracts(happened, programme)

    return react


async def take_contracts(happened: Happened, programme: Programme) -> None:
    """Keep the contracts of a batch, message by message.

    Raises Refused: already-signed, contract-status, contract-incomplete, directory-unknown, unknown-people.
    """
    for message_id, said in groupby(happened.told_of("Group", "Contract"), key=lambda told: told.message_id):
        together = list(said)
        groups = {told.shared.key: told for told in together if told.shared.kind == "Group"}
        hand = happened.hand(message_id)
        for told in together:
            if told.shared.kind == "Contract":
                await take_contract(hand, programme, await _read(hand, told, groups))


async def take_contract(hand: Hand, programme: Programme, said: Contract) -> None:
    """Keep one version of a contract. Raises Refused (already-signed, number-taken)."""
    said = replace(said, residents=await lock_present(hand, said.residents))
    known = await agreements.find_numbered(hand.connection, said.number, lock=True)
    if known is None:
        await _open(hand, programme, said)
    else:
        await _learn(hand, programme, known, said)


async def _open(hand: Hand, programme: Programme, said: Contract) -> None:
    """A contract that was not known."""
    made = Agreement(
        id=new_id(),
        number=said.number,
        kind=said.kind,
        provider_kind=said.party.kind,
        provider_id=said.party.id,
        team_id=said.party.team_id,
        organisation_id=said.party.organisation_id,
        client_kind=said.client_kind,
        client_id=said.client_id or str(said.residents[0]),
        packages=said.packages,
        combination=said.combination,
        state=State.SIGNED,
        term=1,
        begins_on=said.term.begins_on,
        ends_on=said.term.ends_on,
        told_at=said.told_at,
    )
    if not said.ended:
        await _check_free(hand, programme, made, said.residents, [said.term])
    if not await agreements.add(hand.connection, made, hand.message_id):
        raise refuse("number-taken", said.where, number=said.number)
    await agreements.add_term(hand.connection, made.id, 1, said.term)
    await hold(hand, programme, made, said.residents, None)
    hand.step(AGREEMENT, made.id, "sign", "", made.state, note=_remark(programme, said.term, None))
    if said.ended:
        await _end(hand, made, said)
    else:
        await settle(hand, made)


async def _learn(hand: Hand, programme: Programme, known: Agreement, said: Contract) -> None:
    """A further version of a contract, newer or older than what is known of it."""
    if said.party.id != known.provider_id or said.kind is not known.kind:
        raise refuse("number-taken", said.where, number=said.number)
    if known.state_on(hand.today) is not known.state:
        known = await settle(hand, known)
    terms = (await agreements.list_terms(hand.connection, [known.id]))[known.id]
    now = as_of(known, [*terms, said.term], hand.today)
    is_new_term = not _holds(terms, said.term)
    is_newer, differs = known.told_at is None or said.told_at > known.told_at, is_new_term
    if not is_new_term and not is_newer and not (said.ended and known.state is not State.ENDED):
        return
    if is_new_term:
        now = await _add_term(hand, programme, now, terms, said)
    if is_newer:
        now = replace(now, packages=said.packages, combination=said.combination, told_at=said.told_at)
        differs |= await _cover_only(hand, programme, now, said, [*terms, said.term]) or _differs(known, now)
    if said.ended and known.state is not State.ENDED:
        await _end(hand, now, said)
    elif not differs:
        await agreements.note_telling(hand.connection, now.id, said.told_at)
    elif known.state is State.ENDED:
        await agreements.save(hand.connection, now, hand.message_id)
    else:
        await settle(hand, now)


def _holds(terms: Sequence[Term], said: Term) -> bool:
    """Whether a term is known, or is a shorter telling of one that is."""
    return any(term.begins_on == said.begins_on and term.ends_on >= said.ends_on for term in terms)


def _differs(known: Agreement, now: Agreement) -> bool:
    return replace(known, told_at=None) != replace(now, told_at=None)


async def _add_term(
    hand: Hand, programme: Programme, now: Agreement, terms: Sequence[Term], said: Contract
) -> Agreement:
    """A term that was not known. It renews the agreement where that now runs longer."""
    covered = (await agreements.list_covered(hand.connection, [now.id]))[now.id]
    if now.state is not State.ENDED and not said.ended:
        await _check_free(hand, programme, now, {*covered, *said.residents}, [*terms, said.term])
    await agreements.add_term(hand.connection, now.id, len(terms) + 1, said.term)
    seen = Seen(agreement=now, terms=(*terms, said.term), today=hand.today)
    note = _remark(programme, said.term, run_on(seen.terms, hand.today)[0].begins_on)
    is_longer = now.ends_on > as_of(now, terms, hand.today).ends_on
    if not is_longer or "renew" not in MACHINE.acts(seen, _BY_MESSAGE):
        hand.step(AGREEMENT, now.id, "learn-term", now.state, now.state, note=note)
        return now
    after = State(MACHINE.check("renew", seen, _BY_MESSAGE))
    hand.step(AGREEMENT, now.id, "renew", now.state, after, note=note)
    renewed = replace(now, state=after)
    return await stand_again(hand, renewed) if after is not now.state else renewed


async def _check_free(hand: Hand, programme: Programme, one: Agreement, residents: Any, terms: Sequence[Term]) -> None:
    """Insist that nobody else holds these residents in the present run of terms. Raises Refused (already-signed)."""
    run = run_on(terms, hand.today)
    ends_on = max(term.ends_on for term in run)
    if one.kind is Kind.PRIMARY and ends_on >= hand.today:
        await check_free(hand, programme, sorted(residents), run[0].begins_on, ends_on, but=one.id)


async def _cover_only(hand: Hand, programme: Programme, now: Agreement, said: Contract, terms: Sequence[Term]) -> bool:
    """Let an agreement that holds somebody hold just the people of its newest version. Returns whether they differ."""
    if now.state not in STANDING:
        return False
    covered = (await agreements.list_covered(hand.connection, [now.id]))[now.id]
    if more := [one for one in said.residents if one not in covered]:
        await _check_free(hand, programme, now, more, terms)
        since = run_on(terms, hand.today)[0].begins_on if now.state is State.IN_FORCE else None
        await hold(hand, programme, now, more, since)
    if gone := [one for one in covered if one not in said.residents]:
        await agreements.uncover(hand.connection, now.id, now.begins_on, hand.today, gone)
    if more or gone:
        hand.step(AGREEMENT, now.id, "cover", now.state, now.state)
    return bool(more or gone)


async def _end(hand: Hand, one: Agreement, said: Contract) -> None:
    """A contract was terminated: on the last day that it tells, or else today."""
    await close(hand, one, "end", said.end_reason or "terminated", _BY_MESSAGE, on=said.term.ends_on)


def _remark(programme: Programme, term: Term, since: date | None) -> str:
    """What the rules here would have said to a term that was signed elsewhere; "" where nothing."""
    since = since if since is not None and since < term.begins_on else None
    wish = Wish(signs_on=day_of(term.signed_at), begins_on=term.begins_on, ends_on=term.ends_on, since=since)
    fault = term_fault(programme, wish)
    return f"signed elsewhere; {fault.code}: {fault.given.get('clause', '')}" if fault else ""


# -- reading ---------------------------------------------------------------------------------------------------------


async def _read(hand: Hand, told: Told, groups: Mapping[str, Told]) -> Contract:
    """A version of a contract out of its resource."""
    resource, where = told.shared.resource, told.shared.path
    status = str(resource.get("status", ""))
    if status not in _STATUSES:
        raise refuse("contract-status", f"{where}.status", known=", ".join(_STATUSES))
    kind = code_in(resource.get("type"), "urn:hub:agreement-kind") or Kind.PRIMARY
    if kind not in set(Kind):
        raise refuse("directory-code", f"{where}.type", element="type", known=", ".join(Kind))
    if len(told.shared.key) > _LONGEST:
        raise refuse("number-too-long", f"{where}.identifier", most=str(_LONGEST))
    client, whose, numbers = _client(told, groups)
    if client is Client.ORGANISATION and whose not in await teams.find_organisations(hand.connection, [whose]):
        raise refuse("directory-unknown", f"{where}.subject", kind="Organization", key=whose)
    term = _term(told)
    return Contract(
        number=told.shared.key,
        kind=Kind(kind),
        party=await _party(hand, told, day_of(term.signed_at)),
        client_kind=client,
        client_id=whose,
        residents=await _residents(hand, told, numbers),
        packages=tuple(texts(resource, "urn:hub:package")),
        combination=await _combination(hand, told),
        term=term,
        ended=status != "executed",
        end_reason=next(iter(texts(resource, "urn:hub:end-reason")), ""),
        told_at=told.sent_at,
        where=where,
    )


def _term(told: Told) -> Term:
    resource, where = told.shared.resource, told.shared.path
    period = resource.get("applies") or {}
    begins, ends = _day(period.get("start")), _day(period.get("end"))
    issued = resource.get("issued")
    signed_at = _moment(issued)
    found = {"applies.start": begins, "applies.end": ends, "issued": signed_at if issued else True}
    if faults := [element for element, value in found.items() if value is None]:
        raise refuse("contract-incomplete", where, element=", ".join(faults))
    assert begins is not None
    assert ends is not None
    if ends < begins:
        raise refuse("term-order", f"{where}.applies")
    signed_at = signed_at or begin_of(begins)
    return Term(begins_on=begins, ends_on=ends, signed_at=signed_at, signed_by=told.source.name)


_LONGEST = 200
"""Characters of a contract's number: it is kept in an index."""
_YEARS = range(1900, 2200)
"""Years in which somebody can have signed. Many systems write 9999-12-31 for an agreement without an end, which the
programme does not know: every term has its last day."""


def _day(said: Any) -> date | None:
    """The day that an element names; None where it names none of the calendar's, or none that can be meant."""
    try:
        day = date.fromisoformat(str(said or "")[:10])
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def _moment(said: Any) -> datetime | None:
    day = _day(said)
    if day is None:
        return None
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return at if at.tzinfo else begin_of(day)


_Numbers = list[tuple[str, str]]


def _client(told: Told, groups: Mapping[str, Told]) -> tuple[Client, str, _Numbers]:
    """Who the contract is with, its key ("" for a resident), and its people by the source's numbers.

    Raises Refused (contract-incomplete, unknown-people).
    """
    shared, where = told.shared, f"{told.shared.path}.subject"
    subjects = [reference_of(one) for one in listed(shared.resource.get("subject"))]
    numbers = _numbers(shared, subjects, where)
    rest = [one for one in subjects if one not in shared.people]
    group = next((groups[key] for one in rest if (key := shared.refers.get(one, "")) in groups), None)
    organisations = [key for one in rest if (key := shared.refers.get(one, "")) and key not in groups]
    if group is not None:
        members = [reference_of(one.get("entity")) for one in listed(group.shared.resource.get("member"))]
        numbers += _numbers(group.shared, members, group.shared.path)
    elif any(one.startswith("Group/") for one in rest):
        raise refuse("directory-unknown", where, kind="Group", key=shared.refers.get(rest[0], ""))
    if not numbers:
        raise refuse("contract-incomplete", where, element="subject: Patient")
    if organisations:
        return Client.ORGANISATION, organisations[0], numbers
    if group is None and len(numbers) == 1:
        return Client.RESIDENT, "", numbers
    return Client.HOUSEHOLD, group.shared.key if group else shared.key, numbers


def _numbers(shared: Shared, references: Sequence[str], where: str) -> _Numbers:
    """The first of the source's numbers of each person who is referred to."""
    found = []
    for reference in references:
        if reference in shared.people:
            number = shared.people[reference][0]
            found.append((number.system, number.value))
        elif reference.startswith("Patient/"):
            raise refuse("unknown-people", where)
    return found


async def _residents(hand: Hand, told: Told, numbers: _Numbers) -> tuple[UUID, ...]:
    """The residents whom the source's numbers lead to. Raises Refused (unknown-people)."""
    asked = [(told.source.name, system, value) for system, value in numbers]
    known = await people.find_patients(hand.connection, asked)
    if not all(one in known for one in asked):
        raise refuse("unknown-people", f"{told.shared.path}.subject")
    return tuple(dict.fromkeys(known[one].resident_id for one in asked))


async def _party(hand: Hand, told: Told, on: date) -> Party:
    """Who signs to serve: a team, a practitioner or an alliance of the directory. Raises Refused (directory-unknown,
    contract-incomplete, not-an-alliance)."""
    where = f"{told.shared.path}.term[0].action[0].performer"
    actions = [one for term in listed(told.shared.resource.get("term")) for one in listed(term.get("action"))]
    performers = [one["performer"] for one in actions if one.get("performer")]
    if not performers:
        raise refuse("contract-incomplete", where, element="performer")
    reference = reference_of(performers[0])
    key = told.shared.refers.get(reference, "")
    kind = str(performers[0].get("type", "")) or reference.partition("/")[0]
    party = await find_party(hand, kind if "/" in reference or performers[0].get("type") else "", key, on)
    if party is None:
        raise refuse("directory-unknown", where, kind="CareTeam, Practitioner, Organization", key=key)
    return party


async def find_party(hand: Hand, kind: str, key: str, on: date) -> Party | None:
    """A team, a practitioner or an alliance by its key. `kind` is its FHIR resource; "" looks for any of them."""
    if kind in ("", "CareTeam") and (team := (await teams.find_teams(hand.connection, [key])).get(key)):
        return Party(kind=Provider.TEAM, id=key, team_id=key, organisation_id=team["organisation_id"])
    if kind in ("", "Practitioner") and (one := (await teams.find_practitioners(hand.connection, [key])).get(key)):
        own = await teams.teams_of(hand.connection, key, on)
        first = own[0] if own else None
        return Party(kind=Provider.PRACTITIONER, id=key, team_id=first, organisation_id=one["organisation_id"])
    if kind in ("", "Organization") and (found := (await teams.find_organisations(hand.connection, [key])).get(key)):
        if found["kind"] != "alliance":
            raise refuse("not-an-alliance", "performer", key=key)
        return Party(kind=Provider.ALLIANCE, id=key, team_id=None, organisation_id=key)
    return None


async def _combination(hand: Hand, told: Told) -> tuple[str, ...]:
    """The hospitals of 1+1 and 1+1+1. Raises Refused (directory-unknown)."""
    said = [one.get("valueReference") for one in extensions(told.shared.resource, "urn:hub:combination")]
    keys = tuple(dict.fromkeys(told.shared.refers.get(reference_of(one), "") for one in said))
    known = await teams.find_organisations(hand.connection, keys)
    for key in keys:
        if key not in known:
            raise refuse("directory-unknown", told.shared.path, kind="Organization", key=key)
    return keys
