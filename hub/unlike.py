"""Patients whom nothing but resemblance joined, and of whom something is said later that leaves none of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.identity import RESEMBLANCE, Reason
from hub.likeness import Matcher
from hub.matching.person import Person
from hub.record import Grade
from hub.store import candidates, merges, people, verdicts


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlike:
    """A patient who has nothing in common any longer with the others of its resident."""

    patient_id: UUID
    resident_id: UUID


async def find_unlike(connection: AsyncConnection, residents: Collection[UUID], matcher: Matcher) -> list[Unlike]:
    """Of these residents' patients who are there by resemblance, those who resemble none of the others. Who has no name
    or no birth date stays: what is not said is no contradiction. So does whom a person placed."""
    owners = await people.list_patients_of(connection, sorted(residents))
    links = await people.find_links(connection, sorted(owners))
    doubted = [one for one, link in links.items() if link.reason in RESEMBLANCE]
    if not doubted:
        return []
    persons = {one: known.person for one, known in (await candidates.find_known(connection, owners)).items()}
    decided = await verdicts.find_decided(connection, doubted)
    found = []
    for one in sorted(doubted):
        others = [persons[of] for of in owners if of != one and owners[of] == owners[one] and of in persons]
        if one not in decided and one in persons and _is_unlike(persons[one], others, matcher):
            found.append(Unlike(patient_id=one, resident_id=owners[one]))
    return _one_each(found)


def _is_unlike(person: Person, others: Sequence[Person], matcher: Matcher) -> bool:
    whole = [one for one in others if one.names and one.birth_date]
    if not (person.names and person.birth_date and whole and len(whole) == len(others)):
        return False
    return all(matcher.compare(person, other).grade is Grade.NOT for other in others)


def _one_each(found: Sequence[Unlike]) -> list[Unlike]:
    """One patient of a resident at a time: once it has gone, the others may be alike."""
    return list({one.resident_id: one for one in found}.values())


async def part_unlike(
    connection: AsyncConnection, unlike: Sequence[Unlike], messages: Mapping[UUID, UUID]
) -> list[tuple[UUID, UUID]]:
    """They go back to whom they stood for before, or to residents of their own; `messages` are the last that spoke of
    each resident. Returns the moves, as (resident before, resident after)."""
    moves = []
    for one in unlike:
        before = one.resident_id
        after = (await merges.find_earlier(connection, [one.patient_id], before)).get(one.patient_id)
        row = {"grade": Grade.CERTAIN, "reason": Reason.RESEMBLANCE_ENDED, "message_id": messages[before]}
        moves.append((before, await merges.give_back(connection, [one.patient_id], before, after, row)))
    return moves
