"""A patient as compared with others, and how a FHIR Patient resource becomes one."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.mapping.codes import IdentifierKind
from hub.mapping.converters.numbers import MOTHERS_NUMBER
from hub.matching.names import alone, is_newborn, name_in, plain
from hub.matching.numbers import is_own, numbers_in
from hub.matching.placeholders import is_nobody, is_placeholder_phone
from hub.message import Source
from hub.record import Identifier, Json

_MOTHERS_NAME = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
_MOTHER = frozenset({"MTH", "NMTH", "GESTM", "母亲", "母"})
_BORN = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_SEXES = frozenset({"male", "female"})
_FORMER = frozenset({"old", "maiden", "nickname", "anonymous"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A patient as compared with others; every value normalised.

    `numbers` are the person's own, strong or comparable; `anothers` are those whose birth date is not theirs: a
    mother's on a newborn. `names` are whole, the one in use first, then aliases and former ones. `birth_date` is an ISO
    date, perhaps partial (``1956``, ``1956-03``); `sex` is ``male``, ``female`` or ``""``; `phones` are digits alone,
    without +86. `mother` is her name, where it was told.
    """

    numbers: tuple[Identifier, ...] = ()
    anothers: tuple[Identifier, ...] = ()
    names: tuple[str, ...] = ()
    birth_date: str = ""
    sex: str = ""
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mother: str = ""
    mothers_numbers: tuple[str, ...] = ()


def person_of(
    patient: Json, source: Source | None, kinds: Mapping[str, IdentifierKind], *, related: Sequence[Json] = ()
) -> Person:
    """What a Patient resource says of a person, as it is compared. `related` are RelatedPerson resources beside it.

    Without a source only numbers of systems that everybody means the same by are read.
    """
    names = _names(patient)
    born = born_on(str(patient.get("birthDate") or ""))
    named_now = names[0] if names else ""
    own: list[Identifier] = []
    anothers: list[Identifier] = []
    for number in numbers_in(patient.get("identifier") or (), source, kinds):
        (own if is_own(number, born, is_newborn(named_now)) else anothers).append(number)
    mothers = [one for one in (*(patient.get("contact") or ()), *related) if _is_mother(one)]
    return Person(
        numbers=once(one for one in own if one.kind != "mothers-number"),
        anothers=once(one for one in anothers if one.kind != "mothers-number"),
        names=names,
        birth_date=born,
        sex=sex if (sex := str(patient.get("gender") or "")) in _SEXES else "",
        phones=once(_phones(patient)),
        addresses=once(_addresses(patient)),
        mother=_mothers_name(patient, mothers),
        mothers_numbers=once(_mothers_numbers(patient, mothers, own, kinds)),
    )


def person_json(person: Person) -> Json:
    """A person as stored: what is empty is left out, and a number is ``[kind, system, value]``."""
    found: Json = {name: getattr(person, name) for name in _TEXTS}
    found |= {name: list(getattr(person, name)) for name in _LISTS}
    found |= {
        name: [[one.kind, one.system, one.value] for one in getattr(person, name)] for name in ("numbers", "anothers")
    }
    return {name: value for name, value in found.items() if value}


def person_from(stored: Json) -> Person:
    """A person as `person_json` stored it."""
    lists: dict[str, Any] = {name: tuple(stored.get(name, ())) for name in _LISTS}
    texts: dict[str, Any] = {name: stored.get(name, "") for name in _TEXTS}
    return Person(
        numbers=tuple(Identifier(kind=k, system=s, value=v) for k, s, v in stored.get("numbers", ())),
        anothers=tuple(Identifier(kind=k, system=s, value=v) for k, s, v in stored.get("anothers", ())),
        **lists,
        **texts,
    )


_TEXTS = ("birth_date", "sex", "mother")
_LISTS = ("names", "phones", "addresses", "mothers_numbers")


def born_on(text: str) -> str:
    """An ISO date of birth, whole or partial; ``""`` for anything else."""
    return text[:10] if _BORN.fullmatch(text[:10]) else ""


def is_whole(born: str) -> bool:
    """Whether a birth date is known to the day."""
    return len(born) == len("2026-01-31")


def phone(text: str) -> str:
    """A telephone number as it is compared: its digits, without China's prefix; ``""`` for what is none."""
    plain_text = unicodedata.normalize("NFKC", text)
    digits = "".join(one for one in plain_text if one.isdigit() and one.isascii())
    for prefix in ("0086", "86", "0"):
        rest = digits.removeprefix(prefix)
        if rest != digits and len(rest) == len("13900000000") and rest.startswith("1"):
            digits = rest
    return digits if len(digits) >= len("5221234") and not is_placeholder_phone(digits) else ""


def once(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values in their order, each once, the empty ones left out."""
    return tuple(dict.fromkeys(value for value in values if value))


def _names(patient: Json) -> tuple[str, ...]:
    """The names of a person, the one in use first; a former name in brackets becomes one of its own."""
    said = sorted(patient.get("name") or (), key=lambda name: name.get("use") in _FORMER)
    whole = (plain(one) for name in said for one in alone(name_in(name)))
    return once(name for name in whole if not is_nobody(name))


def _phones(patient: Json) -> Iterable[str]:
    ways = (way for way in patient.get("telecom") or () if way.get("system", "phone") in ("phone", "sms"))
    return (phone(str(way.get("value") or "")) for way in ways)


def _addresses(patient: Json) -> Iterable[str]:
    for one in patient.get("address") or ():
        parts = [one.get(name) or "" for name in ("state", "city", "district")]
        yield place(str(one.get("text") or "".join((*parts, *(one.get("line") or ())))))


def place(text: str) -> str:
    """An address as it is compared: NFKC, no white space between Chinese characters, case folded."""
    plain_text = unicodedata.normalize("NFKC", text).casefold().strip()
    return " ".join(plain_text.split()) if plain_text.isascii() else "".join(plain_text.split())


def _is_mother(one: Json) -> bool:
    """Whether a contact or a RelatedPerson is the patient's mother."""
    said = one.get("relationship") or ()
    codes = {str(coding.get("code")) for kind in said for coding in kind.get("coding") or ()}
    return bool(codes & _MOTHER) or any(str(kind.get("text") or "") in _MOTHER for kind in said)


def _mothers_name(patient: Json, mothers: Iterable[Json]) -> str:
    for mother in mothers:
        said: Any = mother.get("name") or {}
        if found := plain(name_in(next(iter(said), {}) if isinstance(said, list) else said)):
            return found
    told = (one for one in patient.get("extension") or () if one.get("url") == _MOTHERS_NAME)
    return next((found for one in told if (found := plain(str(one.get("valueString") or "")))), "")


def _mothers_numbers(
    patient: Json, mothers: Iterable[Json], own: Iterable[Identifier], kinds: Mapping[str, IdentifierKind]
) -> Iterable[str]:
    """The mother's numbers: under a type of their own, by PID-21, or on her as a RelatedPerson."""
    told = [one["valueIdentifier"] for one in patient.get("extension") or () if one.get("url") == MOTHERS_NUMBER]
    for mother in mothers:
        told += mother.get("identifier") or ()
    yield from (one.value for one in own if one.kind == "mothers-number")
    yield from (one.value for one in numbers_in(told, None, kinds))
