"""Sessions as FHIR tells them: a Schedule with all of its Slots."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.errors import refuse
from hub.mapping.times import instant_of
from hub.programme.elements import code_in, extensions, listed, reference_of, text_of, texts
from hub.programme.happened import Told
from hub.slots import Kind, Offered, Published

_TAKEN_BY_OTHERS = ("busy", "busy-tentative")
"""Still slots of the session (FHIR: "one or more events have been scheduled"); what else is not free is none."""


def read_sessions(told: Sequence[Told]) -> Iterator[Published]:
    """The sessions of one message. Raises Refused (slot-without-session, session-incomplete, session-code)."""
    schedules = {one.shared.key: one for one in told if one.shared.kind == "Schedule"}
    slots: dict[str, list[Told]] = {key: [] for key in schedules}
    for one in told:
        if one.shared.kind == "Slot":
            of = one.shared.refers.get(reference_of(one.shared.resource.get("schedule")), "")
            if of not in slots:
                raise refuse("slot-without-session", one.shared.path)
            slots[of].append(one)
    for key, schedule in schedules.items():
        yield _session(schedule, slots[key])


def _session(told: Told, slots: Sequence[Told]) -> Published:
    resource, path = told.shared.resource, told.shared.path
    horizon = resource.get("planningHorizon") or {}
    starts_at, ends_at = _needed(told, horizon, "start"), _needed(told, horizon, "end")
    is_active = resource.get("active", True) is not False
    public_from = _extension_time(told, "public-from") or (None if is_active else starts_at)
    department = text_of(resource.get("serviceType"))
    missing = {
        "extension(urn:hub:public-from)": public_from,
        "serviceType.text": department,
        "identifier": told.shared.key,
    }
    for element, found in missing.items():
        if not found:
            raise refuse("session-incomplete", path, element=element)
    if is_active and not slots:
        raise refuse("session-incomplete", path, element="Slot")
    assert public_from is not None
    return Published(
        number=told.shared.key,
        kind=_kind(told),
        department=department,
        starts_at=starts_at,
        ends_at=ends_at,
        public_from=public_from,
        team_from=_extension_time(told, "team-from"),
        release_at=_extension_time(told, "release-at"),
        reserved=_reserved(resource),
        is_active=is_active,
        reason=str(resource.get("comment") or ""),
        slots=tuple(_slots(slots)),
        told_at=told.sent_at,
        **_described(resource),
    )


def _described(resource: Mapping[str, Any]) -> dict[str, str]:
    """Whose clinic it is, what for, and where."""
    actors = listed(resource.get("actor"))
    doctors = [one for one in actors if one.get("type") != "Location" and not reference_of(one).startswith("Location/")]
    places = [one for one in actors if one not in doctors]
    return {
        "practitioner": next((str(one["display"]) for one in doctors if one.get("display")), ""),
        "speciality": text_of(resource.get("specialty")),
        "title": _text(resource, "title"),
        "place": _text(resource, "place") or next((str(one["display"]) for one in places if one.get("display")), ""),
        "fee": _text(resource, "fee"),
    }


def _text(resource: Mapping[str, Any], name: str) -> str:
    return next(iter(texts(resource, f"urn:hub:{name}")), "")


def _kind(told: Told) -> str:
    code = code_in(told.shared.resource.get("serviceCategory"), "urn:hub:session-kind")
    if code not in tuple(Kind):
        raise refuse("session-code", told.shared.path, element="serviceCategory", known=", ".join(Kind))
    return code


def _reserved(resource: Mapping[str, Any]) -> int | None:
    found = next(extensions(resource, "urn:hub:reserved"), {})
    return int(found["valueInteger"]) if "valueInteger" in found else None


def _slots(told: Sequence[Told]) -> Iterator[Offered]:
    for one in told:
        resource = one.shared.resource
        status = resource.get("status")
        if status != "free" and status not in _TAKEN_BY_OTHERS:
            continue
        begins, ends = _needed(one, resource, "start"), _needed(one, resource, "end")
        marks = [str(mark.get("valueCode", "")) for mark in extensions(resource, "urn:hub:pool")]
        yield Offered(
            number=_number(resource),
            starts_at=begins,
            ends_at=ends,
            is_free=status == "free",
            is_for_team="team" in marks,
        )


def _number(resource: Mapping[str, Any]) -> int:
    """A slot's number in its session; 0 where the hospital gives none, or names of another kind."""
    first = next((str(one.get("value", "")) for one in listed(resource.get("identifier"))), "")
    return int(first) if first.isascii() and first.isdigit() and len(first) <= len("9999") else 0


def _needed(told: Told, element: Mapping[str, Any], name: str) -> datetime:
    found = _instant(told, element.get(name), name)
    if found is None:
        raise refuse("session-incomplete", told.shared.path, element=name)
    return found


def _extension_time(told: Told, name: str) -> datetime | None:
    found = next(extensions(told.shared.resource, f"urn:hub:{name}"), {})
    return _instant(told, found.get("valueDateTime"), name)


def _instant(told: Told, said: Any, name: str) -> datetime | None:
    """A time, None where none is said. Raises Refused (session-incomplete) where it cannot be read: what a session
    opens or is released by is not to be left out in silence."""
    found = instant_of(str(said), told.source.time_zone) if said else None
    if said and found is None:
        raise refuse("session-incomplete", told.shared.path, element=name)
    return found
