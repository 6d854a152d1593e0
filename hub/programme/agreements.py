"""Signing, renewing, transferring and ending agreements: whoever asks for it, a person, a message or the clock.

A resident has one primary agreement at a time. Whoever changes one holds its residents first, then the agreement, so
that of two teams that sign one resident at once exactly one wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from hub.agreements import (
    MACHINE,
    TRANSFERRED,
    Agreement,
    Client,
    Kind,
    Provider,
    Seen,
    State,
    Term,
    Wish,
    as_of,
    check_ratio,
    clause_of_one_team,
    most_of,
    run_on,
    term_of,
)
from hub.errors import refuse
from hub.ids import new_id
from hub.policy import Programme
from hub.programme.hand import Hand
from hub.programme.terms import AGREEMENT, close_over, settle, stand_again, tell
from hub.store import agreements, people, teams
from hub.transitions import Actor

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Who signs to serve. `team_id` is the team that will; None where an alliance does, or somebody without a team."""

    kind: Provider
    id: str
    team_id: str | None
    organisation_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Whom:
    """Whom an agreement is with: `residents` are all whom it covers; a household or organisation is named by `id`."""

    residents: tuple[UUID, ...]
    kind: Client = Client.RESIDENT
    id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """What was agreed. Without `begins_on` it begins today; without `number` the hub gives one."""

    kind: Kind = Kind.PRIMARY
    packages: tuple[str, ...] = ()
    combination: tuple[str, ...] = ()
    begins_on: date | None = None
    ends_on: date | None = None
    signed_by: str = ""
    deviation: str = ""
    number: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Renewal:
    """A further term."""

    ends_on: date | None = None
    signed_by: str = ""
    deviation: str = ""


# -- signing ---------------------------------------------------------------------------------------------------------


async def sign(
    hand: Hand, programme: Programme, party: Party, whom: Whom, signing: Signing, *, previous: UUID | None = None
) -> UUID:
    """Sign an agreement; its id.

    Raises Refused: already-signed, signed-twice, begins-in-the-past, nobody-to-sign, number-taken, team-full, and what
    `term_of` refuses.
    """
    begins_on = signing.begins_on or hand.today
    if begins_on < hand.today:
        raise refuse("begins-in-the-past", "beginsOn")
    residents = await lock_present(hand, whom.residents)
    if not residents:
        raise refuse("nobody-to-sign", "members")
    if await agreements.list_deceased(hand.connection, residents):
        raise refuse("nobody-to-sign", "resident")  # as of somebody unknown: who signs may be a stranger to them
    term = _first_term(hand, programme, signing, begins_on)
    if signing.kind is Kind.PRIMARY:
        await check_free(hand, programme, residents, begins_on, term.ends_on)
        await _check_room(hand, programme, party, len(residents), signing.deviation.strip())
    else:
        await _check_once(hand, party, signing, term, residents)
    made = _agreement(party, replace(whom, residents=residents), signing, term, previous)
    if not await agreements.add(hand.connection, made, hand.message_id):
        raise refuse("number-taken", "number", number=made.number)
    await agreements.add_term(hand.connection, made.id, 1, term)
    await hold(hand, programme, made, residents, None)
    hand.step(AGREEMENT, made.id, "sign", "", made.state)
    if (await settle(hand, made)).state is State.SIGNED and begins_on <= hand.today:
        raise refuse("too-busy")
    return made.id


async def lock_present(hand: Hand, residents: Sequence[UUID]) -> tuple[UUID, ...]:
    """Hold residents for this transaction, each as the one that stays in their place."""
    asked = tuple(dict.fromkeys(residents))
    await people.lock_residents(hand.connection, asked)
    stays = await agreements.present_of(hand.connection, asked)
    present = tuple(dict.fromkeys(stays[one] for one in asked if one in stays))
    if more := [one for one in present if one not in asked]:
        await people.lock_residents(hand.connection, more)
    return present


def _first_term(hand: Hand, programme: Programme, signing: Signing, begins_on: date) -> Term:
    """A first term by the rules; one for a course of treatment is as long as both sides say."""
    if signing.kind is Kind.PRIMARY:
        wish = Wish(
            signs_on=hand.today, begins_on=begins_on, ends_on=signing.ends_on, deviation=signing.deviation.strip()
        )
        ends_on, rule = term_of(programme, wish)
    else:
        ends_on, rule = _as_agreed(begins_on, signing.ends_on), ""
    by, why = signing.signed_by or hand.by, signing.deviation.strip()
    return Term(begins_on=begins_on, ends_on=ends_on, signed_at=hand.now, signed_by=by, rule=rule, deviation=why)


def _as_agreed(begins_on: date, ends_on: date | None) -> date:
    if ends_on is None:
        raise refuse("course-needs-an-end", "endsOn")
    if ends_on < begins_on:
        raise refuse("term-order", "endsOn")
    return ends_on


async def check_free(
    hand: Hand,
    programme: Programme,
    residents: Sequence[UUID],
    begins_on: date,
    ends_on: date,
    *,
    but: UUID | None = None,
) -> None:
    """Insist that no other primary agreement holds any of these residents on any of these days.

    Raises Refused (already-signed), which names who does and until when, and nobody else.
    """
    await close_over(hand, residents)
    for held in await agreements.list_held(hand.connection, residents, hand.today):
        if held.agreement_id != but and held.starts_on <= ends_on and begins_on <= held.ends_on:
            raise _already_signed(programme, hand.today, held)


def _already_signed(programme: Programme, today: date, held: agreements.Held) -> Exception:
    given = {"team": held.provider, "name": held.name, "until": held.ends_on.isoformat()}
    if clause := clause_of_one_team(programme, today):
        given["clause"] = clause
    return refuse("already-signed", "resident", **given)


async def _check_once(hand: Hand, party: Party, signing: Signing, term: Term, residents: Sequence[UUID]) -> None:
    """Insist that the party has not signed the very same with one of these residents: who presses twice wants one.

    Raises Refused (signed-twice).
    """
    alike = agreements.Alike(
        provider_id=party.id, packages=signing.packages, begins_on=term.begins_on, ends_on=term.ends_on
    )
    if found := await agreements.find_alike(hand.connection, alike, residents):
        raise refuse("signed-twice", "resident", number=found["number"], until=found["ends_on"].isoformat())


async def _check_room(hand: Hand, programme: Programme, party: Party, more: int, deviation: str) -> None:
    team = party.team_id
    if team is None or most_of(programme, hand.today) is None:
        return
    await teams.lock_team(hand.connection, team)
    counted = await teams.count_covered(hand.connection, [team], hand.today, hand.today)
    check_ratio(programme, hand.today, has=counted[team][0], more=more, deviation=deviation)


def _agreement(party: Party, whom: Whom, signing: Signing, term: Term, previous: UUID | None) -> Agreement:
    key = new_id()
    return Agreement(
        id=key,
        number=signing.number or f"HUB-{key.hex[:8]}-{key.hex[-8:]}".upper(),
        kind=signing.kind,
        provider_kind=party.kind,
        provider_id=party.id,
        team_id=party.team_id,
        organisation_id=party.organisation_id,
        client_kind=whom.kind,
        client_id=str(whom.residents[0]) if whom.kind is Client.RESIDENT else whom.id,
        packages=signing.packages,
        combination=signing.combination,
        state=State.SIGNED,
        term=1,
        begins_on=term.begins_on,
        ends_on=term.ends_on,
        previous_id=previous,
    )


async def hold(
    hand: Hand, programme: Programme, made: Agreement, residents: Sequence[UUID], since: date | None
) -> None:
    """Let an agreement cover residents. Raises Refused (already-signed) where another one was faster."""
    if await agreements.cover(hand.connection, made.id, made.kind, residents, since):
        for held in await agreements.list_held(hand.connection, residents, hand.today):
            if held.agreement_id != made.id:
                raise _already_signed(programme, hand.today, held)
        raise refuse("too-busy")


# -- changing --------------------------------------------------------------------------------------------------------


async def get(hand: Hand, key: UUID) -> Agreement:
    """An agreement with its residents, held for this transaction, as the day has it. Raises Refused (no-agreement)."""
    covered = await agreements.list_covered(hand.connection, [key])
    await people.lock_residents(hand.connection, covered[key])
    one = await agreements.find(hand.connection, key, lock=True)
    if one is None:
        raise refuse("no-agreement", "id")
    return await settle(hand, one) if one.state_on(hand.today) is not one.state else one


async def _check(hand: Hand, one: Agreement, act: str, actors: frozenset[Actor]) -> State:
    terms = tuple((await agreements.list_terms(hand.connection, [one.id]))[one.id])
    return State(MACHINE.check(act, Seen(agreement=one, terms=terms, today=hand.today), actors))


def check_version(one: Agreement, version: int | None) -> None:
    """Insist that nobody changed it since somebody looked. Raises Refused (changed-meanwhile)."""
    if version is not None and version != one.version:
        raise refuse("changed-meanwhile", "version", what=AGREEMENT, found=str(one.version), asked=str(version))


async def renew(
    hand: Hand, programme: Programme, one: Agreement, renewal: Renewal, actors: frozenset[Actor]
) -> Agreement:
    """Sign a further term of an agreement that `get` gave: behind the present one, or from today where that has lapsed.

    Raises Refused: not-in-this-state, not-yours-to-do, agreement-not-begun, renewed-today, resident-deceased,
    already-signed, and what `term_of` refuses.
    """
    after = await _check(hand, one, "renew", actors)
    terms = (await agreements.list_terms(hand.connection, [one.id]))[one.id]
    begins_on = max(one.ends_on + _DAY, hand.today)
    residents = await _whom(hand, one)
    if residents and len(await agreements.list_deceased(hand.connection, residents)) == len(residents):
        raise refuse("resident-deceased", "agreementId")
    term = _next_term(hand, programme, one, terms, renewal, begins_on)
    if one.kind is Kind.PRIMARY:
        await check_free(hand, programme, residents, begins_on, term.ends_on, but=one.id)
    await agreements.add_term(hand.connection, one.id, len(terms) + 1, term)
    hand.step(AGREEMENT, one.id, "renew", one.state, after)
    renewed = as_of(replace(one, state=after), [*terms, term], hand.today)
    if after is not one.state:
        renewed = await stand_again(hand, renewed)
    return await settle(hand, renewed)


async def _whom(hand: Hand, one: Agreement) -> Sequence[UUID]:
    """Whom an agreement covers, or covered when it lapsed; held for this transaction."""
    covered = (await agreements.list_covered(hand.connection, [one.id]))[one.id]
    if one.state is State.LAPSED and one.ended_on is not None:
        covered = await agreements.list_left_on(hand.connection, one.id, one.ended_on)
        await people.lock_residents(hand.connection, covered)
    return covered


def _next_term(
    hand: Hand, programme: Programme, one: Agreement, terms: Sequence[Term], renewal: Renewal, begins_on: date
) -> Term:
    why = renewal.deviation.strip()
    if one.kind is Kind.PRIMARY:
        is_unbroken = begins_on <= one.ends_on + _DAY
        since = run_on(terms, hand.today)[0].begins_on if is_unbroken else None
        wish = Wish(signs_on=hand.today, begins_on=begins_on, ends_on=renewal.ends_on, since=since, deviation=why)
        ends_on, rule = term_of(programme, wish)
    else:
        ends_on, rule = _as_agreed(begins_on, renewal.ends_on), ""
    by = renewal.signed_by or hand.by
    return Term(begins_on=begins_on, ends_on=ends_on, signed_at=hand.now, signed_by=by, rule=rule, deviation=why)


async def end(hand: Hand, one: Agreement, reason: str, actors: frozenset[Actor]) -> Agreement:
    """End an agreement that `get` gave, today.

    Raises Refused: not-in-this-state, not-yours-to-do, agreement-over, needs-a-reason.
    """
    if not reason.strip():
        raise refuse("needs-a-reason", "reason")
    return await close(hand, one, "end", reason.strip(), actors)


async def close(
    hand: Hand,
    one: Agreement,
    act: str,
    reason: str,
    actors: frozenset[Actor],
    *,
    on: date | None = None,
    note: str = "",
) -> Agreement:
    """End an agreement for a reason, on a day that is not to come. Raises Refused where the table does not allow it."""
    after = await _check(hand, one, act, actors)
    day = min(on or hand.today, hand.today)
    hand.step(AGREEMENT, one.id, act, one.state, after, note=note or reason)
    ended = replace(one, state=after, ended_on=day, end_reason=reason)
    await tell(hand, ended)
    await agreements.uncover(hand.connection, one.id, one.begins_on, day)
    await agreements.save(hand.connection, ended, hand.message_id)
    return ended


async def transfer(
    hand: Hand,
    programme: Programme,
    one: Agreement,
    party: Party,
    signing: Signing,
    actors: frozenset[Actor],
    *,
    consent: str = "",
    only: UUID | None = None,
) -> UUID:
    """Residents go to another team: the agreement that `get` gave ends, and another begins; the new one's id.

    `only` is the one who goes where a household or organisation stays. Raises Refused: consent-needed (of the receiving
    team), transfer-primary-only, same-provider, and what `end` and `sign` refuse.
    """
    if Actor.TEAM not in actors and not consent.strip():
        raise refuse("consent-needed", "consent")
    if one.kind is not Kind.PRIMARY:
        raise refuse("transfer-primary-only", "agreementId")
    if (party.kind, party.id) == (one.provider_kind, one.provider_id):
        raise refuse("same-provider", "teamId", team=one.provider_id)
    covered = (await agreements.list_covered(hand.connection, [one.id]))[one.id]
    if only is not None and covered != [only]:
        await _check(hand, one, "transfer", actors)
        await leave(hand, one, only, consent.strip() or TRANSFERRED)
        return await sign(hand, programme, party, Whom(residents=(only,)), signing, previous=one.id)
    await close(hand, one, "transfer", TRANSFERRED, actors, note=consent.strip())
    signing = replace(
        signing,
        packages=signing.packages or one.packages,
        combination=signing.combination or one.combination,
    )
    whom = Whom(residents=tuple(covered), kind=one.client_kind, id=one.client_id)
    return await sign(hand, programme, party, whom, signing, previous=one.id)


async def leave(hand: Hand, one: Agreement, resident: UUID, why: str) -> None:
    """One person leaves an agreement that goes on for the others."""
    hand.step(AGREEMENT, one.id, "leave", one.state, one.state, note=why)
    await agreements.uncover(hand.connection, one.id, one.begins_on, hand.today, [resident])
    await agreements.save(hand.connection, one, hand.message_id)
    await tell(hand, one)
