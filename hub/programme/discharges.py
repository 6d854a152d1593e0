"""After a discharge: one plan for the team of who has an agreement, one offer for the others.

Nothing here asks what a message said. It looks at a resident's stays, agreements, plans and offers as they now are,
and brings the last two up to the others:

    stays + agreement ---> what is owed ---> deliver, replan, hand over, cancel, deliver again, offer, withdraw

So a discharge that comes twice, late, before its admission or after its cancellation ends in the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from hub.days import day_of
from hub.errors import Refused, places_of
from hub.followups import Discharge, Ending, Ladder, OfferState, PlanState, plan_for
from hub.programme import offering, planning
from hub.programme.hand import Hand
from hub.programme.happened import Happened
from hub.programme.served import agreements_of
from hub.programme.setbacks import Setbacks
from hub.programme.stays import KINDS, Belongings, Stay, belongings_of, ending_of, stay_from
from hub.record import Fact
from hub.store import facts, followups, people
from hub.store.followups import Cover, Directory
from hub.store.records import Row

logger = structlog.get_logger()

_CONCERNS = frozenset({*KINDS, "Patient"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Discharges:
    """What a site follows up by: its ladder, and the directory's id of the organisation behind each source."""

    ladder: Ladder
    organisations: Mapping[str, str]
    setbacks: Setbacks = field(default_factory=Setbacks)

    async def react(self, happened: Happened) -> None:
        """What a batch of messages means for follow-up."""
        for before, after in happened.moves:
            cause = happened.causes.get(after) or happened.causes[before]
            await follow(happened.hand(cause), before, after)
        touched = [
            resident for resident, keys in happened.touched.items() if any(kind in _CONCERNS for kind, _ in keys)
        ]
        seen = await self._look(happened.hand(happened.causes[touched[0]]), touched) if touched else None
        for resident in sorted(touched):
            if seen is not None and resident in seen.concerned:
                await self._bring_up(happened.hand(happened.causes[resident]), resident, seen)

    async def reconcile(self, hand: Hand, residents: Collection[UUID]) -> None:
        """Bring residents' plans and offers up to their records and agreements: after one was signed, ended or handed
        over. Takes the residents' locks."""
        await people.lock_residents(hand.connection, sorted(residents))
        seen = await self._look(hand, sorted(residents))
        for resident in sorted(residents):
            if resident in seen.concerned:
                await self._bring_up(hand, resident, seen)

    async def catch_up(self, hand: Hand, most: int = 200) -> int:
        """What the clock does: plans and offers of residents whose agreement lapsed, ended or was signed meanwhile.

        Takes a batch, and returns with how many it went well; call it again until that is 0. With whom it fails is
        reported and tried again later, and keeps nobody else from it.
        """
        adrift = await followups.find_adrift(hand.connection, hand.today, most, self.setbacks.waiting(hand.now))
        if not adrift or await self._try(hand, adrift) is None:
            self.setbacks.forget(*adrift)
            return len(adrift)
        done = 0
        for resident in adrift:
            if (fault := await self._try(hand, [resident])) is None:
                self.setbacks.forget(resident)
                done += 1
            else:
                again_at = self.setbacks.add(resident, hand.now).until.isoformat()
                _report(resident, fault, again_at)
        return done

    async def _try(self, hand: Hand, residents: Sequence[UUID]) -> Exception | None:
        """Bring residents' plans and offers up to date, or leave them as they are and return the fault."""
        own = Hand(connection=hand.connection, by=hand.by, role=hand.role, now=hand.now, message_id=hand.message_id)
        try:
            async with hand.connection.begin_nested():
                await self.reconcile(own, residents)
                await own.write()
        except Exception as fault:  # whatever it is, the others are due as well
            if hand.connection.invalidated:  # nothing can be done for anybody, and nobody is the cause of it
                raise
            return fault
        return None

    # -- looking -----------------------------------------------------------------------------------------------------

    async def _look(self, hand: Hand, residents: Sequence[UUID]) -> "_Seen":
        """All that is to be known of these residents, in a statement each and whoever they are."""
        connection = hand.connection
        stays = {
            resident: [stay_from(row) for row in rows]
            for resident, rows in (await followups.find_stays(connection, residents)).items()
        }
        plans = await followups.find_plans_of(connection, residents)
        offers = await followups.find_offers_of(connection, residents)
        known = {(row["resident_id"], row["encounter_key"]) for row in (*plans, *offers)}
        fresh = {
            resident
            for resident, of in stays.items()
            if any((resident, one.key) not in known and self._is_fresh(one, hand) for one in of)
        }
        concerned = sorted(fresh | {resident for resident, _ in known})
        seen = _Seen(concerned=frozenset(concerned), stays=stays)
        if not concerned:
            return seen
        seen.people = await followups.find_people(connection, concerned)
        standing = await agreements_of(connection, concerned, hand.today)
        seen.covers = {
            resident: Cover(agreement_id=one.agreement_id, team_id=one.team_id)
            for resident, one in standing.items()
            if one.team_id
        }
        seen.plans = {(row["resident_id"], row["encounter_key"]): row for row in plans}
        seen.offers = {(row["resident_id"], row["encounter_key"]): row for row in offers}
        seen.follow_ups = await followups.list_follow_ups_of(connection, [row["id"] for row in plans])
        tried = [row["id"] for rows in seen.follow_ups.values() for row in rows]
        seen.contacts = await followups.list_contacts_of(connection, tried) if tried else {}
        unfinished = {row["resident_id"] for row in plans if row["state"] != PlanState.COMPLETED}
        lively = {resident for resident, of in stays.items() if any(self._is_fresh(one, hand) for one in of)}
        lively |= unfinished  # of the others nothing can be owed, so what belongs to their stays need not be read
        owners = await people.list_patients_of(connection, sorted(lively)) if lively else {}
        said: dict[UUID, list[Fact]] = {}
        for fact in await facts.list_of_kinds(connection, sorted(owners), KINDS):
            said.setdefault(owners[fact.patient_id], []).append(fact)
        seen.belongings = {resident: belongings_of(of) for resident, of in said.items()}
        seen.directory = await followups.read_directory(connection)
        return seen

    def _is_fresh(self, stay: Stay, hand: Hand) -> bool:
        return stay.ended_at is not None and not self.ladder.is_stale(stay.discharged_on, hand.today)

    # -- bringing up -------------------------------------------------------------------------------------------------

    async def _bring_up(self, hand: Hand, resident: UUID, seen: "_Seen") -> None:
        stays = {one.key: one for one in seen.stays.get(resident, ())}
        known = {key for of, key in (*seen.plans, *seen.offers) if of == resident}
        for key in sorted({*stays, *known}):
            await self._settle(hand, resident, key, seen, stays)

    async def _settle(self, hand: Hand, resident: UUID, key: str, seen: "_Seen", stays: Mapping[str, Stay]) -> None:
        """One stay: what it asks for, against what there is."""
        stay, plan, offer = stays.get(key), seen.plans.get((resident, key)), seen.offers.get((resident, key))
        is_dead = bool(seen.people[resident]["deceased"])
        ending = ending_of(stay, stays.values(), self.ladder, is_dead=is_dead) if stay else Ending.VOID
        if stay is None or ending is not None:
            await self._end(hand, plan, offer, seen, ending or Ending.VOID)
            return
        if plan is None and not self._is_fresh(stay, hand):
            await self._end(hand, None, offer, seen, Ending.STALE)
            return
        if (cover := seen.covers.get(resident)) is not None:
            owed = self._owed(hand, stay, plan, seen.belongings.get(resident, {}).get(key, Belongings()))
            await self._plan(hand, plan, cover, owed, seen)
            if offer is not None and offer["state"] in (OfferState.OPEN, OfferState.DECLINED):
                await offering.take(hand, offer, seen.directory)
            return
        if plan is not None and plan["ended_at"] is None:
            await planning.cancel(hand, plan, seen.follow_ups.get(plan["id"], []), Ending.UNSIGNED)
        if plan is None or plan["state"] != PlanState.COMPLETED:
            await self._offer(hand, stay, offer, seen)

    async def _end(self, hand: Hand, plan: Row | None, offer: Row | None, seen: "_Seen", ending: Ending) -> None:
        if plan is not None and (plan["ended_at"] is None or _is_void(plan, ending)):
            await planning.cancel(hand, plan, seen.follow_ups.get(plan["id"], []), ending)
        if offer is not None and offer["state"] == OfferState.OPEN:
            await offering.withdraw(hand, offer, seen.directory, ending)

    def _owed(self, hand: Hand, stay: Stay, plan: Row | None, belongings: Belongings) -> planning.Wanted:
        """What a stay asks for. A plan's windows are counted from the day of its delivery, whenever it is looked at."""
        begun = plan is not None and not planning.is_over(plan, stay)
        known_on = day_of(plan["delivered_at"]) if plan is not None and begun else hand.today
        discharge = Discharge(
            on=stay.discharged_on,
            known_on=known_on,
            disposition=stay.disposition,
            diagnoses=belongings.diagnoses,
        )
        return planning.Wanted(
            stay=stay,
            hospital_id=self.organisations.get(stay.source),
            owed=plan_for(discharge, self.ladder, belongings.request),
            request=belongings.request.json() if belongings.request else None,
        )

    async def _plan(self, hand: Hand, plan: Row | None, cover: Cover, wanted: planning.Wanted, seen: "_Seen") -> None:
        wanted = replace(wanted, hospital_id=seen.directory.known(wanted.hospital_id))
        if plan is None:
            if wanted.owed.windows:
                await planning.deliver(hand, wanted, cover)
            return
        lines = seen.follow_ups.get(plan["id"], [])
        touched = any(planning.is_touched(line) or seen.contacts.get(line["id"]) for line in lines)
        if planning.is_over(plan, wanted.stay):
            await planning.deliver_again(hand, plan, lines, wanted, cover, keep=touched)
        elif plan["ended_at"] is None:
            await planning.hand_over(hand, plan, lines, cover)
            await planning.keep_up(hand, plan, lines, wanted, cover, keep=touched)

    async def _offer(self, hand: Hand, stay: Stay, offer: Row | None, seen: "_Seen") -> None:
        hospital_id = seen.directory.known(self.organisations.get(stay.source))
        choice = offering.centre_for(stay, seen.people[stay.resident_id], seen.directory, self.organisations)
        if offer is None:
            await offering.make(hand, stay, hospital_id, choice, seen.directory)
        elif offer["state"] in (OfferState.TAKEN, OfferState.WITHDRAWN):
            await offering.reopen(hand, offer, stay, choice, seen.directory)
        elif offer["state"] == OfferState.OPEN:
            await offering.keep_up(hand, offer, stay, choice, seen.directory)


def _is_void(plan: Row, ending: Ending) -> bool:
    """Whether even what was completed is undone: the discharge that it followed was none."""
    return plan["state"] == PlanState.COMPLETED and ending is Ending.VOID


@dataclass(kw_only=True, slots=True)
class _Seen:
    """What is known of some residents; `concerned` are those for whom follow-up has anything to do."""

    concerned: frozenset[UUID]
    stays: Mapping[UUID, Sequence[Stay]]
    people: Mapping[UUID, Row] = field(default_factory=dict)
    covers: Mapping[UUID, Cover] = field(default_factory=dict)
    plans: Mapping[tuple[UUID, str], Row] = field(default_factory=dict)
    offers: Mapping[tuple[UUID, str], Row] = field(default_factory=dict)
    follow_ups: Mapping[UUID, list[Row]] = field(default_factory=dict)
    contacts: Mapping[UUID, list[Row]] = field(default_factory=dict)
    belongings: Mapping[UUID, Mapping[str, Belongings]] = field(default_factory=dict)
    directory: Directory = field(default_factory=lambda: Directory(organisations={}, areas=()))


def _report(resident: UUID, fault: Exception, again_at: str) -> None:
    """Say with whom the clock failed, and where; a fault's text may quote a record, and goes into no log."""
    kind = fault.refusal.code if isinstance(fault, Refused) else type(fault).__name__
    logger.error("follow-up-not-brought-up", resident=str(resident), fault=kind, at=places_of(fault), again_at=again_at)


async def follow(hand: Hand, before: UUID, after: UUID) -> None:
    """Plans and offers go where their stays went: `before` was found to be `after`, in whole or in part.

    Where both had one for the same stay, that of `after` stands, and the other one is ended.
    """
    connection = hand.connection
    await people.lock_residents(connection, [before, after])
    stays = await followups.find_stays(connection, [before, after])
    gone = {row["key"] for row in stays.get(after, ())} - {row["key"] for row in stays.get(before, ())}
    plans = await followups.find_plans_of(connection, [before, after])
    offers = await followups.find_offers_of(connection, [before, after])
    await planning.follow(hand, [row for row in plans if row["encounter_key"] in gone], before, after)
    directory = await followups.read_directory(connection)
    await offering.follow(hand, [row for row in offers if row["encounter_key"] in gone], before, after, directory)
