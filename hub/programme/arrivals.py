"""Referrals that close themselves: a hospital's admissions and discharges move them, with the message as witness.

    touched residents ---> what the record asks of each referral, until it asks no more ---> referrals down to open

It looks at the record as it now is. So a message that comes twice, late or in another order leads to the same, and a
hospital that sends nothing is missed by the clock (`hub.programme.referral_slots`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from hub.ids import new_id
from hub.programme import referral_slots
from hub.programme.hand import Hand
from hub.programme.happened import SOURCE, Happened, Reaction
from hub.programme.referrals import follow, move, send, take_summary
from hub.record import Json
from hub.referrals import (
    TO_COMMUNITY,
    VOID_DISCHARGE,
    Ask,
    Death,
    Direction,
    Referral,
    State,
    Stay,
    Urgency,
    asked,
    number_of,
    pair,
)
from hub.store import referrals
from hub.store.referrals import Destination, ToldStay
from hub.transitions import Actor

LATEST = timedelta(days=30)
"""How long after a discharge a message of it still sends somebody down: what a hospital loads of earlier years does
not."""

_BY_MESSAGE = frozenset({Actor.MESSAGE})
_ENDS = ("period.end", "hospitalization.dischargeDisposition", "status")


def arrivals(organisations: Mapping[str, str]) -> Reaction:
    """What a batch of messages does to referrals. `organisations` are the directory's ids by the names of sources: a
    source without one moves nothing."""
    here = {source: one for source, one in organisations.items() if one}

    async def react(happened: Happened) -> None:
        await _follow(happened)
        touched = frozenset(happened.touched_of("Encounter"))
        concerned = {resident for resident, _ in touched} | {one for one, _ in happened.touched_of("Patient")}
        await _move_all(happened, sorted(concerned), here)
        for told in await referrals.list_sent_down(happened.connection, touched, TO_COMMUNITY, here):
            is_late = happened.now - (told.stay.ended_at or happened.now) > LATEST
            if told.stay.leads_down and told.stay.organisation_id and not is_late:
                await _send_down(happened, told, here)

    return react


async def _follow(happened: Happened) -> None:
    """Residents who were merged take their referrals along."""
    for before, after in await referrals.list_merged(happened.connection, happened.moves):
        await follow(happened.hand(_cause(happened, after)), before, after)


def _cause(happened: Happened, resident: UUID) -> UUID:
    return happened.causes.get(resident) or next(iter(happened.causes.values()))


# -- what is there already -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Case:
    """One resident's referrals and stays."""

    referrals: list[Referral]
    stays: dict[str, ToldStay] = field(default_factory=dict)
    death: Death | None = None

    def found(self) -> Mapping[UUID, ToldStay]:
        """The stays that referrals newly lead to."""
        stays = [told.stay for told in self.stays.values()]
        up = [one for one in self.referrals if one.direction is Direction.UP]
        down = [one for one in self.referrals if one.direction is Direction.DOWN]
        return {key: self.stays[stay.key] for key, stay in (pair(up, stays) | pair(down, stays)).items()}


async def _move_all(happened: Happened, residents: Sequence[UUID], here: Mapping[str, str]) -> None:
    cases: dict[UUID, _Case] = {}
    for one in await referrals.list_of(happened.connection, residents) if residents else ():
        cases.setdefault(one.resident_id, _Case([])).referrals.append(one)
    if not cases:
        return
    for told in await referrals.list_stays(happened.connection, list(cases), here):
        cases[told.resident_id].stays[told.stay.key] = told
    for resident, death in (await referrals.list_deaths(happened.connection, list(cases))).items():
        cases[resident].death = death
    for resident in sorted(cases):
        await _settle(happened, cases[resident])


async def _settle(happened: Happened, case: _Case) -> None:
    """Move one resident's referrals until the record asks no more of them."""
    is_settled = False
    while not is_settled:
        is_settled = True
        found = case.found()
        for place, one in enumerate(case.referrals):
            own, new = case.stays.get(one.stay_key), found.get(one.id)
            if ask := asked(one, own.stay if own else None, new.stay if new else None, case.death):
                case.referrals[place] = await _obey(happened, one, ask, new or own)
                is_settled = False
                break  # another one's stay may have been taken


async def _obey(happened: Happened, one: Referral, ask: Ask, told: ToldStay | None) -> Referral:
    hand = _hand(happened, one, ask, told)
    if ask.act == "die":
        await referral_slots.give_back(hand, one, "deceased")
    changed: dict[str, Any] = {"outcome": ask.outcome.value if ask.outcome else ""}
    if ask.stay_key is not None:
        changed["stay_key"] = ask.stay_key
    if ask.reason:
        changed["state_reason"] = ask.reason
    after = await move(hand, one.id, ask.act, _BY_MESSAGE, note=ask.reason, **changed)
    if hand.message_id not in happened.senders:
        await hand.write()
    return after


def _hand(happened: Happened, one: Referral, ask: Ask, told: ToldStay | None) -> Hand:
    """The hand of the message that bears witness: of an arrival the first that told of the stay, else the latest that
    told of its end; where the stay is nowhere any more, whatever message it was that changed the record."""
    origin = _witness(ask, told.origins) if told else None
    if origin is None:
        return happened.hand(_cause(happened, one.resident_id))
    key = UUID(origin["message_id"])
    if key in happened.senders:
        return happened.hand(key)
    return Hand(connection=happened.connection, by=origin["source"], role=SOURCE, now=happened.now, message_id=key)


def _witness(ask: Ask, origins: Sequence[Json]) -> Json | None:
    if ask.act == "die":
        return None
    if ask.act in ("arrive", "admit"):
        return min(origins, key=lambda origin: str(origin["sent_at"]))
    told_of_end = (one for one in origins if any(value[0] in _ENDS for value in one["values"]))
    return next(told_of_end, origins[0])


# -- what a discharge opens ------------------------------------------------------------------------------------------


async def _send_down(happened: Happened, told: ToldStay, here: Mapping[str, str]) -> None:
    """One referral down a stay, unless there is one: of the hospital's desk, or of a message that came before."""
    connection, stay = happened.connection, told.stay
    known = await referrals.list_of(connection, [told.resident_id])
    of_stay = [one for one in known if _is_of(one, stay)]
    if any(one.state is not State.WITHDRAWN or one.state_reason != VOID_DISCHARGE for one in of_stay):
        return
    hand = happened.hand(_in_batch(happened, told))
    resident = await referrals.lock_resident(connection, told.resident_id)
    target = await find_destination(hand, told.resident_id, told.destination, here)
    is_known = await referrals.find_kind(connection, stay.organisation_id) is not None
    is_elsewhere = target is not None and target.organisation_id != stay.organisation_id
    if target is None or resident is None or resident["deceased"] or not is_known or not is_elsewhere:
        return
    key = new_id()
    up = next((one for one in known if one.direction is Direction.UP and one.stay_key == stay.key), None)
    referral = Referral(
        id=key,
        number=number_of(key, hand.today),
        direction=Direction.DOWN,
        resident_id=told.resident_id,
        state=State.SENT,
        from_organisation_id=stay.organisation_id,
        to_organisation_id=target.organisation_id,
        to_team_id=target.team_id,
        department=stay.department,
        urgency=Urgency.ROUTINE,
        reason=told.disposition or "医嘱转社区卫生服务机构/乡镇卫生院",
        plan_id=await referrals.find_plan(connection, told.resident_id, stay.key),
        previous_id=up.id if up else None,
        stay_key=stay.key,
        by=hand.by,
        message_id=hand.message_id,
        sent_at=hand.now,
    )
    await send(hand, referral, await take_summary(hand, resident))


def _is_of(one: Referral, stay: Stay) -> bool:
    """Whether a referral down is of a stay; the desk may have sent it before any message told of the stay."""
    if one.direction is Direction.UP or one.stay_key:
        return one.direction is Direction.DOWN and one.stay_key == stay.key
    is_theirs = one.message_id is None and one.from_organisation_id == stay.organisation_id
    return is_theirs and one.sent_at >= (stay.opened_at or stay.told_at)


def _in_batch(happened: Happened, told: ToldStay) -> UUID:
    """The latest message of this batch that told of the stay, else the one that changed the record."""
    told_now = (UUID(origin["message_id"]) for origin in told.origins)
    return next((key for key in told_now if key in happened.senders), None) or _cause(happened, told.resident_id)


async def find_destination(
    hand: Hand, resident_id: UUID, named: str, organisations: Mapping[str, str]
) -> Destination | None:
    """To whom somebody is sent down: the institution that the hospital names (its team, where one of its has the
    agreement), else the team of the agreement, else as offers go: the centre whose own system knows them, else that of
    the area where they live; None where nothing says."""
    team = await referrals.find_team_in_force(hand.connection, resident_id, hand.today)
    centre = await referrals.find_community(hand.connection, named.strip())
    if centre and (team is None or team.organisation_id != centre):
        return Destination(organisation_id=centre)
    return (
        team
        or await referrals.find_centre_by_system(hand.connection, resident_id, organisations)
        or await referrals.find_centre_by_area(hand.connection, resident_id)
    )
