"""Whom to ask about somebody, and how they pay: contacts and guardians, and coverages, out of what the sources say.

A contact stands in the Patient itself (``Patient.contact``, NK1) or in a RelatedPerson of its own; a coverage in a
Coverage (IN1). Somebody of whom several sources tell is one contact.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from hub.concepts import Resource, code_of, name_in, shown_as
from hub.identity import name_of
from hub.record import Fact

PERSON = "RelatedPerson"
PAYMENT = "Coverage"
OF_PERSON = ("Patient", PERSON, PAYMENT)
"""The kinds of facts that tell who somebody is, whom to ask and how they pay."""
_GUARDIANS = frozenset({"GUARD", "GUADLTM", "SPOWATT", "HPOWATT", "GRD"})
"""Those who decide for somebody, in v3-RoleCode and HL7's table 0063."""
_GUARDIAN = "监护"
_ENDED = frozenset({"cancelled", "entered-in-error", "draft"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Whom to ask. `since` and `until` are FHIR dates."""

    relation: str | None
    relation_code: str | None
    is_guardian: bool
    name: str | None
    phone: str | None
    since: str | None
    until: str | None
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How somebody pays. Of the number only its kind is shown: nobody needs it to know who pays."""

    type: str | None
    type_code: str | None
    payor: str | None
    number_kind: str | None
    since: str | None
    until: str | None
    source: str


def contacts_in(said: Iterable[tuple[Resource, Fact]]) -> list[dict[str, Any]]:
    """The contacts that Patient and RelatedPerson resources tell of, what counts first first: each once, with what any
    of them says."""
    found: dict[str, Contact] = {}
    for resource, fact in said:
        for one in _told(resource):
            contact = _contact(one, fact)
            if key := "".join((contact.name or contact.phone or "").split()).casefold():
                found[key] = _filled(found[key], contact) if key in found else contact
    return [asdict(one) for one in found.values()]


def _told(resource: Resource) -> Iterable[Resource]:
    if resource.get("resourceType") != PERSON:
        return resource.get("contact") or ()
    return () if resource.get("active") is False else (resource,)


def _contact(one: Resource, fact: Fact) -> Contact:
    said = one.get("name") or []
    relations = one.get("relationship") or []
    codes = {coding.get("code") for relation in relations for coding in relation.get("coding") or ()}
    period = one.get("period") or {}
    phones = (way for way in one.get("telecom") or () if way.get("system", "phone") in ("phone", "sms"))
    return Contact(
        relation=next((shown for relation in relations if (shown := shown_as(relation))), None),
        relation_code=code_of(relations[0]) if relations else None,
        is_guardian=bool(codes & _GUARDIANS) or any(_GUARDIAN in (shown_as(one) or "") for one in relations),
        name=name_of({"name": said if isinstance(said, list) else [said]}) or None,
        phone=next((str(way["value"]) for way in phones if way.get("value")), None),
        since=period.get("start"),
        until=period.get("end"),
        source=fact.source,
    )


def _filled(one: Contact, other: Contact) -> Contact:
    """A contact with what another source says of the same person, where this one leaves it open."""
    if one.relation is None:
        one = replace(one, relation=other.relation, relation_code=other.relation_code)
    guards = one.is_guardian or other.is_guardian
    return replace(one, phone=one.phone or other.phone, name=one.name or other.name, is_guardian=guards)


def coverages_in(said: Iterable[tuple[Resource, Fact]]) -> list[dict[str, Any]]:
    """How somebody pays, as Coverage resources tell, each way once; what has ended by its status, or is a draft, is
    left out."""
    found: dict[tuple[str | None, ...], Coverage] = {}
    for one in _coverages(said):
        found.setdefault((one.type_code, one.type, one.payor, one.since, one.until), one)
    return [asdict(one) for one in found.values()]


def _coverages(said: Iterable[tuple[Resource, Fact]]) -> Iterable[Coverage]:
    for resource, fact in said:
        if resource.get("status") in _ENDED:
            continue
        period = resource.get("period") or {}
        payors = (name_in(payor, fact) for payor in resource.get("payor") or ())
        yield Coverage(
            type=shown_as(resource.get("type")),
            type_code=code_of(resource.get("type")),
            payor=next((payor for payor in payors if payor), None),
            number_kind=_number_kind(resource),
            since=period.get("start"),
            until=period.get("end"),
            source=fact.source,
        )


def _number_kind(resource: Resource) -> str | None:
    """What the number of a coverage is called: by its type, its system, or FHIR's own name of the insured's number."""
    for number in resource.get("identifier") or ():
        if number.get("value"):
            return shown_as(number.get("type")) or number.get("system") or "identifier"
    return "subscriberId" if resource.get("subscriberId") else None
