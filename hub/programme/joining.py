"""Patients go from one resident to another by a person's decision, and all that hangs on the residents goes along.

    links ---> who stands, who is replaced ---> numbers ---> records ---> agreements, bookings, referrals, plans

The same way leads there and back: a resident who is left without a patient is replaced by the other, one who gets
patients again stands again, and what a merge had taken along is handed back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hub.identity import Reason
from hub.programme import discharges, merged, pools, referrals
from hub.programme.discharges import Discharges
from hub.programme.hand import Hand
from hub.record import Grade
from hub.recording import Touched, rebuild
from hub.store import claims, inbox, log, merges, people, relations


@dataclass(frozen=True, kw_only=True, slots=True)
class Moving:
    """Which patients go from whom to whom, and by which decision."""

    patients: Sequence[UUID]
    before: UUID
    after: UUID
    reason: Reason
    verdict_id: UUID


async def move(hand: Hand, moving: Moving, follow_up: Discharges) -> None:
    """Carry it out. The caller holds `hold_all`; the residents exist."""
    connection, before, after = hand.connection, moving.before, moving.after
    await people.lock_residents(connection, [before, after])
    link = {"grade": Grade.CERTAIN.value, "reason": moving.reason.value, "verdict_id": moving.verdict_id}
    await merges.relink(connection, moving.patients, {**link, "resident_id": after})
    standing = await merges.find_last(connection, after)
    if standing is not None:
        await merges.revive(connection, after, before, hand.now)
    gone = await people.retire(connection, [(before, after)])
    if not gone:
        await merges.part_numbers(connection, before, after)
    changed = await rebuild(connection, sorted({before, after}))
    if gone:
        await merged.follow(hand, before, after)
        await pools.follow(hand, before, after)
        await referrals.follow(hand, before, after)
    elif standing is not None:
        await merges.hand_back(connection, standing.held, before, after, hand.now)
    await discharges.follow(hand, before, after)
    await follow_up.reconcile(hand, [before, after])
    await _publish(hand, changed)


async def hold_all(hand: Hand) -> None:
    """Wait until no message is being merged, and let none begin in this transaction: to move a link touches any
    lane."""
    await claims.hold_alone(hand.connection)


async def _publish(hand: Hand, changed: Touched) -> None:
    """Events of the residents, for whoever has a relation to them now."""
    audiences = await relations.find_audiences(hand.connection, sorted(changed))
    told = [
        {
            "kind": "resident-changed",
            "resident_id": resident,
            "subject": None,
            "message_id": None,
            "entries": sorted({kind for kind, _ in keys}),
            "audience": audiences.get(resident, []),
        }
        for resident, keys in sorted(changed.items())
    ]
    await log.tell(hand.connection, told)
    await inbox.wake(hand.connection, "event")
