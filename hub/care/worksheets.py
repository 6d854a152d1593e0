"""Follow-up as people read it: plans, contacts that are due, offers; each as what the viewer can do with it now."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from hub.access import TEAM, Decision, Viewer, may_act, may_read, organisation_of, team_of
from hub.care.visit import Visit
from hub.days import day_of
from hub.errors import Refusal, refuse
from hub.followups import (
    FOLLOW_UP_MACHINE,
    OFFER_MACHINE,
    PLAN_MACHINE,
    FollowUp,
    Ladder,
    Offer,
    Plan,
    attempts_of,
)
from hub.store import followups, worksheets
from hub.store.records import Row
from hub.transitions import Actor

KIND = "FollowUp"
"""What the audit trail calls it."""
_FOR_PLANS = frozenset({"accept"})
_FOR_FOLLOW_UPS = frozenset({"contact", "complete", "reschedule", "lose"})
_FOR_OFFERS = frozenset({"decline"})
"""The acts that people ask for by name; the others follow from what the record and the agreements say."""

# -- values ----------------------------------------------------------------------------------------------------------


def actors_of(viewer: Viewer, team_id: str) -> frozenset[Actor]:
    """As whom somebody acts on what is a team's."""
    return frozenset({Actor.TEAM} if viewer.role in TEAM and viewer.team == team_id else ())


def follow_up_from(row: Row, tried: Sequence[Row], ladder: Ladder, today: date) -> FollowUp:
    """A follow-up as it is seen on a day."""
    return FollowUp(
        id=row["id"],
        state=row["state"],
        due_from=row["due_from"],
        due_until=row["due_until"],
        planned_until=row["planned_until"],
        seen_on=today,
        limits=ladder.limits,
        attempts=attempts_of((day_of(one["at"]), one["way"], one["is_reached"]) for one in tried),
    )


def centre_of(viewer: Viewer) -> str:
    """The centre for which somebody answers offers: whoever has no team signs nobody, and is offered nobody's contact
    data. Raises Refused (no-team, no-organisation)."""
    team_of(viewer)
    return organisation_of(viewer)


def offer_from(row: Row) -> Offer:
    """An offer out of its row."""
    return Offer(id=row["id"], state=row["state"], organisation=row["organisation_id"] or "")


# -- reading ---------------------------------------------------------------------------------------------------------

_NO_OFFER = Decision(rule="not-your-offer", refusal=Refusal(code="no-offer", where="id"))


async def plans_by_id(visit: Visit, keys: Sequence[UUID]) -> list[Row]:
    """Plans by id. Raises Refused (no-relation) where there is none to one of their residents."""
    found = await visit.ask(worksheets.find_plans, keys)
    await _check(visit, [found.get(key) for key in keys])
    return [found[key] for key in keys]


async def follow_ups_by_id(visit: Visit, keys: Sequence[UUID]) -> list[Row]:
    """Follow-ups by id. Raises Refused (no-relation) likewise."""
    found = await visit.ask(worksheets.find_follow_ups, keys)
    await _check(visit, [found.get(key) for key in keys])
    return [found[key] for key in keys]


async def _check(visit: Visit, rows: Sequence[Row | None]) -> None:
    if any(row is None for row in rows):
        visit.decide(may_read(visit.viewer, [None]))
        raise refuse("no-relation")
    await visit.check({row["resident_id"] for row in rows if row is not None})
    visit.touch(kinds=[KIND])


async def follow_ups_of_plans(visit: Visit, plans: Sequence[UUID]) -> list[list[Row]]:
    """The follow-ups of plans that were read before, in their order."""
    found = await visit.ask(followups.list_follow_ups_of, plans)
    return [found.get(one, []) for one in plans]


async def contacts_of(visit: Visit, keys: Sequence[UUID]) -> list[list[Row]]:
    """The attempts of follow-ups that were read before, in their order."""
    found = await visit.ask(followups.list_contacts_of, keys)
    return [found.get(one, []) for one in keys]


async def follow_ups_of_residents(visit: Visit, residents: Sequence[UUID]) -> list[list[Row]]:
    """All follow-ups of residents, the next one first. Raises Refused (no-relation)."""
    await visit.check(residents)
    visit.touch(kinds=[KIND])
    found = await visit.ask(worksheets.list_of_residents, residents)
    return [found.get(one, []) for one in residents]


async def page_plans(visit: Visit, wanted: worksheets.WantedPlans) -> list[Row]:
    """The team's plans, in the order of their delivery. Raises Refused (may-not-change, no-team)."""
    rows: list[Row] = await visit.ask(worksheets.page_plans, _team(visit), wanted)
    return _touched(visit, rows)


async def page_follow_ups(visit: Visit, wanted: worksheets.WantedFollowUps) -> list[Row]:
    """The team's follow-ups, what is due first first. Raises Refused likewise."""
    rows: list[Row] = await visit.ask(worksheets.page_follow_ups, _team(visit), day_of(visit.now), wanted)
    return _touched(visit, rows)


async def count_plans(visit: Visit, wanted: worksheets.WantedPlans) -> int:
    """How many plans all pages have together."""
    return await visit.ask(worksheets.count_plans, _team(visit), wanted)


async def count_follow_ups(visit: Visit, wanted: worksheets.WantedFollowUps) -> int:
    """How many follow-ups all pages have together."""
    return await visit.ask(worksheets.count_follow_ups, _team(visit), day_of(visit.now), wanted)


async def page_offers(visit: Visit, most: int, after: UUID | None) -> list[Row]:
    """What is offered to the viewer's centre and still open: contact data, and nothing of anybody's health.

    Raises Refused (may-not-change, no-team, no-organisation).
    """
    rows: list[Row] = await visit.ask(worksheets.page_offers, _centre(visit), most, after)
    visit.touch(*(row["resident_id"] for row in rows))
    return rows


async def offers_by_id(visit: Visit, keys: Sequence[UUID]) -> list[Row]:
    """Offers to the viewer's centre by id, whatever became of them. Raises Refused (no-offer, and as
    `page_offers`)."""
    found = await visit.ask(worksheets.find_offers, _centre(visit), keys)
    if any(key not in found for key in keys):
        visit.decide(_NO_OFFER)
    visit.touch(*(row["resident_id"] for row in found.values()))
    return [found[key] for key in keys]


def _team(visit: Visit) -> str:
    visit.decide(may_act(visit.viewer, "follow up discharges", TEAM))
    return team_of(visit.viewer)


def _centre(visit: Visit) -> str:
    visit.decide(may_act(visit.viewer, "read offers", TEAM))
    return centre_of(visit.viewer)


def _touched(visit: Visit, rows: list[Row]) -> list[Row]:
    visit.touch(*(row["resident_id"] for row in rows), kinds=[KIND])
    return rows


def available_for_plan(viewer: Viewer, row: Row) -> list[str]:
    """What the viewer can do with a plan now."""
    plan = Plan(id=row["id"], state=row["state"])
    return [act for act in PLAN_MACHINE.acts(plan, actors_of(viewer, row["team_id"])) if act in _FOR_PLANS]


def available_for_follow_up(viewer: Viewer, row: Row, seen: FollowUp) -> list[str]:
    """What the viewer can do with a follow-up now."""
    return [act for act in FOLLOW_UP_MACHINE.acts(seen, actors_of(viewer, row["team_id"])) if act in _FOR_FOLLOW_UPS]


def available_for_offer(viewer: Viewer, row: Row) -> list[str]:
    """What the viewer can do with an offer now."""
    actors = frozenset({Actor.CENTRE} if viewer.role in TEAM else ())
    return [act for act in OFFER_MACHINE.acts(offer_from(row), actors) if act in _FOR_OFFERS]
