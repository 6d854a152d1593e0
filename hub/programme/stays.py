"""Stays as follow-up sees them: what a resident's record says of each, and what belongs to it.

The entries say when a stay began and ended, and how. Which diagnoses and requests belong to it stands in the facts:
each names its encounter, by the visit's number or by the sender's own id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from hub.days import day_of
from hub.followups import Effect, Ending, Ladder, Request, read_request
from hub.merging import Folded, group
from hub.record import Fact
from hub.store.records import Row

KINDS = ("Encounter", "Condition", "ServiceRequest")
_ADMITTED = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
_WRONG = frozenset({"entered-in-error", "refuted"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """One inpatient stay as the record has it now. `ended_at` is None while nobody said that it is over."""

    resident_id: UUID
    key: str
    is_admitted: bool
    began_at: datetime | None
    ended_at: datetime | None
    disposition: str
    hospital: str
    destination: str
    source: str
    message_id: UUID

    @property
    def discharged_on(self) -> date:
        """The day of the discharge, in China; only of a stay that is over."""
        assert self.ended_at is not None
        return day_of(self.ended_at)


def stay_from(row: Row) -> Stay:
    """A stay out of its entry. Where a finished stay has no end, it ended when that was written."""
    said = _origin_of(row["origins"], "status")
    is_finished = row["status"] == "finished"
    written_at = datetime.fromisoformat(said["sent_at"])
    return Stay(
        resident_id=row["resident_id"],
        key=row["key"],
        is_admitted=row["status"] in _ADMITTED,
        began_at=row["effective_at"],
        ended_at=(row["ended_at"] or written_at) if is_finished else None,
        disposition=row["disposition_code"] or "",
        hospital=row["organisation"] or "",
        destination=row["destination"] or "",
        source=said["source"],
        message_id=UUID(said["message_id"]),
    )


def _origin_of(origins: Sequence[Mapping[str, Any]], element: str) -> Mapping[str, Any]:
    """The message that gave an element, else the latest one."""
    given = (one for one in origins if any(value[0] == element for value in one["values"]))
    return next(given, origins[0])


def ending_of(stay: Stay, stays: Iterable[Stay], ladder: Ladder, *, is_dead: bool) -> Ending | None:
    """Why nothing follows a stay; None where follow-up is owed."""
    if stay.ended_at is None:
        return Ending.VOID
    effect = ladder.disposition(stay.disposition).effect
    if is_dead or effect is Effect.DEATH:
        return Ending.DEATH
    if effect is Effect.NONE:
        return Ending.TRANSFERRED
    if any(_follows(other, stay) for other in stays if other.key != stay.key):
        return Ending.READMITTED
    return None


def _follows(other: Stay, stay: Stay) -> bool:
    """Whether one stay is an admission after the other's discharge."""
    began, ended = other.began_at, stay.ended_at
    return other.is_admitted and began is not None and ended is not None and began >= ended


@dataclass(frozen=True, kw_only=True, slots=True)
class Belongings:
    """What belongs to one stay: the ICD-10 codes of its diagnoses, and what the hospital asked for."""

    diagnoses: tuple[str, ...] = ()
    request: Request | None = None


def belongings_of(facts: Sequence[Fact]) -> dict[str, Belongings]:
    """The belongings of each stay of one resident, by the key of its entry."""
    folded = group(facts)
    stays = _Stays([one for one in folded if one.latest.kind == "Encounter"], facts)
    diagnoses: dict[str, list[str]] = {}
    requests: dict[str, list[Mapping[str, Any]]] = {}
    for one in sorted(folded, key=lambda each: each.latest.order):
        if (key := stays.of(one)) is None:
            continue
        if one.latest.kind == "Condition" and not _is_wrong(one.resource):
            diagnoses.setdefault(key, []).extend(_codes(one.resource))
        elif one.latest.kind == "ServiceRequest":
            requests.setdefault(key, []).append(one.resource)
    return {
        key: Belongings(
            diagnoses=tuple(sorted(set(diagnoses.get(key, ())))), request=read_request(requests.get(key, ()))
        )
        for key in {*diagnoses, *requests}
    }


class _Stays:
    """The stays of a resident, found by what other resources call them."""

    def __init__(self, folded: Sequence[Folded], facts: Sequence[Fact]) -> None:
        self._by_name: dict[tuple[str, str], str] = {}
        self._by_number: dict[tuple[str, str], str] = {}  # a house's systems share the numbers of its visits
        for one in folded:
            names = [str(item["value"]) for item in one.resource.get("identifier") or () if item.get("value")]
            self._by_number |= {(one.latest.organisation, name): one.entry_key for name in names}
            for name in (*names, str(one.resource.get("id", "")), one.latest.key):
                self._by_name.setdefault((one.latest.source, name), one.entry_key)
        self._by_message: dict[UUID, set[str]] = {}
        for fact in facts:
            if fact.kind == "Encounter":
                self._by_message.setdefault(fact.message_id, set()).add(fact.entry_key)

    def of(self, one: Folded) -> str | None:
        """The key of the stay that a resource names; one that names none belongs to the only stay of its message."""
        named = one.resource.get("encounter") or {}
        reference = str(named.get("reference", ""))
        names = (
            str((named.get("identifier") or {}).get("value", "")),
            one.latest.names.get(reference, ""),
            reference.rpartition("/")[2],
        )
        source = one.latest.source
        found = next((self._by_name[source, name] for name in names if name and (source, name) in self._by_name), None)
        found = found or self._by_number.get((one.latest.organisation, names[0]))
        if found is None and not named:
            keys = self._by_message.get(one.latest.message_id, set())
            found = next(iter(keys)) if len(keys) == 1 else None
        return found


def _is_wrong(resource: Mapping[str, Any]) -> bool:
    verification = (resource.get("verificationStatus") or {}).get("coding") or ()
    return any(coding.get("code") in _WRONG for coding in verification)


def _codes(resource: Mapping[str, Any]) -> Iterable[str]:
    codings = (resource.get("code") or {}).get("coding") or ()
    return (str(coding["code"]) for coding in codings if coding.get("code"))
