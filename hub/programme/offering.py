"""Offers: discharged residents without an agreement, to the community centre that is nearest to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.followups import OFFER_MACHINE, Ending, Offer, OfferState
from hub.ids import new_id
from hub.programme.hand import Hand
from hub.programme.planning import actors_of
from hub.programme.stays import Stay
from hub.store import followups
from hub.store.followups import Directory
from hub.store.records import Row

CHANGED = "offer-changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The centre that an offer goes to, and why. None: any centre of the hospital's alliance."""

    organisation_id: str | None
    zh: str
    en: str

    def columns(self) -> dict[str, Any]:
        """The offer's columns that follow from it."""
        return {"organisation_id": self.organisation_id, "reason": {"zh": self.zh, "en": self.en}}


def centre_for(stay: Stay, person: Row, directory: Directory, organisations: Mapping[str, str]) -> Choice:
    """Whose a discharged resident without an agreement is: the centre that the hospital named, else the one whose own
    system knows them, else the one in whose grid area they live."""
    centres = {one["id"]: one for one in directory.centres()}
    for one in centres.values():
        if stay.destination and stay.destination in (one["name"], one["name_en"], one["id"], one["credit_code"]):
            return Choice(
                organisation_id=one["id"],
                zh="医院注明由本中心接收。",
                en="The hospital named this centre as the one that takes over.",
            )
    known = sorted({organisations.get(source, "") for source in person["sources"]} & set(centres))
    if known:
        return Choice(
            organisation_id=known[0],
            zh="本中心的系统中已有该居民。",
            en="This centre's own system knows the resident.",
        )
    for name, organisation in directory.areas:
        if name in person["address"] and organisation in centres:
            return Choice(
                organisation_id=organisation,
                zh=f"居住地属于本中心的网格“{name}”。",
                en=f"The address lies in this centre's grid area {name}.",
            )
    return Choice(
        organisation_id=None,
        zh="未能确定所属中心，由医联体内任一中心接收。",
        en="Nobody could tell which centre: any of the alliance may take over.",
    )


async def make(hand: Hand, stay: Stay, hospital_id: str | None, choice: Choice, directory: Directory) -> None:
    """A new offer."""
    row = {
        "id": new_id(),
        "resident_id": stay.resident_id,
        "encounter_key": stay.key,
        "hospital": stay.hospital,
        "hospital_id": hospital_id,
        "discharged_at": stay.ended_at,
        "state": OfferState.OPEN,
        "message_id": stay.message_id,
        **choice.columns(),
    }
    await followups.add_offer(hand.connection, row)
    hand.step("offer", row["id"], "make", "", OfferState.OPEN)
    tell(hand, row, directory)


async def keep_up(hand: Hand, offer: Row, stay: Stay, choice: Choice, directory: Directory) -> None:
    """Bring an open offer up to what is now known of where the resident belongs."""
    wanted = {**choice.columns(), "discharged_at": stay.ended_at}
    if all(offer[name] == value for name, value in wanted.items()):
        return
    _step(hand, offer, "move")
    await followups.change_offer(hand.connection, offer["id"], **wanted)
    tell(hand, offer, directory)
    tell(hand, {**offer, **wanted}, directory)


async def take(hand: Hand, offer: Row, directory: Directory) -> None:
    """Somebody signed the resident: the offer becomes a plan."""
    await _end(hand, offer, "take", "", directory)


async def withdraw(hand: Hand, offer: Row, directory: Directory, ending: Ending) -> None:
    """There is nothing to offer any more."""
    await _end(hand, offer, "withdraw", ending, directory)


async def decline(hand: Hand, offer: Row, reason: str, directory: Directory) -> None:
    """A centre says no; who may is checked before."""
    after = OfferState.DECLINED
    hand.step("offer", offer["id"], "decline", offer["state"], after, note=reason)
    await followups.change_offer(hand.connection, offer["id"], state=after, ended_at=hand.now, end_reason=reason)
    tell(hand, offer, directory)


async def reopen(hand: Hand, offer: Row, stay: Stay, choice: Choice, directory: Directory) -> None:
    """There is something to offer again: the agreement ended, or what ended the offer proved void."""
    after = _step(hand, offer, "reopen")
    columns = {**choice.columns(), "discharged_at": stay.ended_at}
    await followups.change_offer(hand.connection, offer["id"], **columns, state=after, ended_at=None, end_reason="")
    tell(hand, {**offer, **columns}, directory)


async def follow(hand: Hand, moving: Sequence[Row], before: UUID, after: UUID, directory: Directory) -> None:
    """Offers about `before` are about `after`; one whose stay has an offer there already is withdrawn."""
    there = {row["encounter_key"] for row in moving if row["resident_id"] == after}
    for offer in moving:
        if offer["resident_id"] != before:
            continue
        if offer["encounter_key"] not in there:
            await followups.change_offer(hand.connection, offer["id"], resident_id=after)
            hand.step("offer", offer["id"], "follow", offer["state"], offer["state"])
            tell(hand, {**offer, "resident_id": after}, directory)
        elif offer["state"] == OfferState.OPEN:
            await withdraw(hand, offer, directory, Ending.REPLANNED)


def tell(hand: Hand, offer: Row, directory: Directory) -> None:
    """An event for the centre, or for every centre that may take over."""
    whom: Iterable[str] = (
        [offer["organisation_id"]] if offer["organisation_id"] else directory.centres_near(offer["hospital_id"])
    )
    hand.tell(
        CHANGED,
        offer["id"],
        resident_id=offer["resident_id"],
        audience=[f"centre:{organisation}" for organisation in whom],
    )


async def _end(hand: Hand, offer: Row, act: str, reason: str, directory: Directory) -> None:
    after = _step(hand, offer, act, note=reason)
    await followups.change_offer(hand.connection, offer["id"], state=after, ended_at=hand.now, end_reason=reason)
    tell(hand, offer, directory)


def _step(hand: Hand, row: Row, act: str, *, note: str = "") -> str:
    offer = Offer(id=row["id"], state=row["state"], organisation=row["organisation_id"] or "")
    after = OFFER_MACHINE.check(act, offer, actors_of(hand))
    hand.step("offer", row["id"], act, row["state"], after, note=note)
    return after
