"""What sample messages say of their sender: counts and positions, never a value of a person."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.bundles import SUPPORTED
from hub.mapping.library import Base
from hub.message import Format, V2Message, plain
from hub.profiles.samples import Eyes, Samples
from hub.profiles.shapes import Shape, guess_kind, shape_of

_OFFSET = re.compile(r"\d([+-]\d{4})$")
_TYPE = re.compile(r"[\w.:/ \-]{0,80}")
_MANY_DIGITS = re.compile(r"(?<![\d.])\d{6,}")  # a shifted field may hold a number where the type should stand
_KIND = re.compile(r"[A-Z0-9]{2,4}(\^[A-Z0-9]{2,4})?")
_POSITION = re.compile(r"\b([A-Z][A-Z0-9]{2})-(\d+)\b")
_COMMENT = re.compile(r"#[^\n\"]*$", re.MULTILINE)
_READ_ANYHOW = frozenset({"PID-2", "PID-3", "PID-19", "MRG-1", "EVN-1", "EVN-2", "EVN-6", "OBX-2", "OBX-6"})
"""What the walk and its converters read besides what rows name."""
_TIMES = (("MSH", 7), ("EVN", 2), ("EVN", 6), ("PV1", 44), ("PV1", 45))
_NUMBERS_IN = 3
_SEPARATE = (2, 19)
UNREADABLE_TYPE = "?"


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeFound:
    """One identifier type of a sender: in how many messages it stands, and what its numbers look like."""

    type: str
    messages: int
    shape: Shape
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A segment or field with values that no row reads; `name` as the standard calls it."""

    position: str
    name: str
    messages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """All that a profile is proposed from. Counters count messages."""

    format: Format
    also: frozenset[Format] = frozenset()
    messages: int = 0
    unreadable: int = 0
    enveloped: int = 0
    senders: Counter[tuple[str, str]] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    declared: Counter[str] = field(default_factory=Counter)
    """``MSH-18 UNICODE``: where a character set is named, and which."""
    mismatched: int = 0
    """Messages whose bytes are not what they declare."""
    versions: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    unmapped_kinds: tuple[str, ...] = ()
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """MSH-15 and MSH-16."""
    offsets: Counter[str] = field(default_factory=Counter)
    """The time zones that times carry; "" for those that name none."""
    identifiers: tuple[TypeFound, ...] = ()
    elsewhere: tuple[TypeFound, ...] = ()
    """Numbers in PID-2 and PID-19, the position being the type."""
    unread: tuple[Unread, ...] = ()
    resources: Counter[str] = field(default_factory=Counter)
    unmapped_resources: tuple[str, ...] = ()
    sheets: Counter[str] = field(default_factory=Counter)
    tells: frozenset[str] = frozenset()


def find(samples: Samples, base: Base, eyes: Eyes) -> Findings:
    """What the samples say. Most of them decide the format, the others are what it sends besides."""
    counts = {
        Format.HL7V2: len(samples.v2),
        Format.FHIR: len(samples.resources) + len(samples.sheets),
        Format.CDA: len(samples.documents),
    }
    main = max(counts, key=lambda one: counts[one])
    messages = [one.message for one in samples.v2]
    kinds = Counter(_kind(one) for one in messages)
    resources = Counter(plain(one["resourceType"], 40) for one in samples.resources)
    return Findings(
        format=main,
        also=frozenset(one for one, count in counts.items() if count and one is not main),
        messages=samples.count,
        unreadable=samples.unreadable,
        enveloped=samples.enveloped,
        senders=Counter((_named(one, 3), _named(one, 4)) for one in messages),
        written=Counter(one.written.value for one in samples.v2),
        declared=Counter(said for one in messages if (said := _declared(one, eyes))),
        mismatched=sum(_is_mismatched(one.message, one.written.value, eyes) for one in samples.v2),
        versions=Counter(_named(one, 12) for one in messages),
        kinds=kinds,
        unmapped_kinds=tuple(sorted(kind for kind in kinds if kind not in base.plans)),
        asked=Counter((_named(one, 15), _named(one, 16)) for one in messages),
        offsets=Counter(_offset(one) for one in messages),
        identifiers=_types([*_of_v2(messages), *_of_fhir(samples), *_of_cda(samples)], base),
        elsewhere=_types(_of_fields(messages), base),
        unread=tuple(_unread(messages, base)),
        resources=resources,
        unmapped_resources=tuple(sorted(set(resources) - set(SUPPORTED))),
        sheets=Counter(name for name, _ in samples.sheets),
        tells=frozenset(tells.value for _, tells in samples.sheets),
    )


def _named(message: V2Message, number: int) -> str:
    """A header's field, fit to be shown: a name, not a sentence."""
    return plain(message.segments[0].component(number).strip(), 60)


def _kind(message: V2Message) -> str:
    return message.kind if _KIND.fullmatch(message.kind) else "?"


# -- character sets and times ----------------------------------------------------------------------------------------


def _declared(message: V2Message, eyes: Eyes) -> str:
    if charset := message.segments[0].component(18).strip(' "'):
        return f"MSH-18 {plain(charset, 30)}"
    country = message.segments[0].component(17).strip(' "')
    return f"MSH-17 {country}" if country and eyes.codec_of(country) else ""


def _is_mismatched(message: V2Message, written: str, eyes: Eyes) -> bool:
    declared = _declared(message, eyes)[len("MSH-18 ") :]
    codec = eyes.codec_of(declared) if declared else None
    return codec is not None and written != "ascii" and codec not in written


def _offset(message: V2Message) -> str:
    for name, number in _TIMES:
        segment = message.first(name)
        if segment and (found := _OFFSET.search(segment.component(number).strip())):
            return found[1]
    return ""


# -- numbers of patients ---------------------------------------------------------------------------------------------

Numbers = Iterator[tuple[str, int, str]]
"""(type, which message, number)."""


def _of_v2(messages: Iterable[V2Message]) -> Numbers:
    for at, message in enumerate(messages):
        for pid in message.all("PID"):
            for repetition in pid.repetitions(_NUMBERS_IN):
                parts = repetition.split(pid.delimiters.component)
                if parts[0].strip(' "'):
                    yield (parts[4].strip() if len(parts) > 4 else ""), at, parts[0]


def _of_fields(messages: Iterable[V2Message]) -> Numbers:
    for at, message in enumerate(messages):
        for pid in message.all("PID"):
            for number in _SEPARATE:
                if text := pid.component(number).strip(' "'):
                    yield f"PID-{number}", at, text


def _of_fhir(samples: Samples) -> Numbers:
    for at, resource in enumerate(samples.resources):
        said = resource.get("identifier") if resource["resourceType"] == "Patient" else None
        for one in said if isinstance(said, list) else ():
            if isinstance(one, dict) and isinstance(one.get("value"), str):
                yield str(one.get("system") or ""), at, one["value"]


def _of_cda(samples: Samples) -> Numbers:
    for at, document in enumerate(samples.documents):
        for role in document.iter("{*}patientRole"):
            for one in role.iterfind("{*}id"):
                if one.get("extension"):
                    yield f"urn:oid:{one.get('root', '')}", at, one.get("extension")


def _types(numbers: Iterable[tuple[str, int, str]], base: Base) -> tuple[TypeFound, ...]:
    """By type, the most frequent first. Case is ignored, as it is when messages are read."""
    found: dict[str, tuple[str, set[int], list[str]]] = {}
    for type_, at, number in numbers:
        shown = type_ if _TYPE.fullmatch(type_) and not _MANY_DIGITS.search(type_) else UNREADABLE_TYPE
        _, seen, values = found.setdefault(shown.casefold(), (shown, set(), []))
        seen.add(at)
        values.append(number)
    made = [_type(shown, seen, values, base) for shown, seen, values in found.values()]
    return tuple(sorted(made, key=lambda one: (-one.messages, one.type)))


def _type(shown: str, seen: set[int], values: list[str], base: Base) -> TypeFound:
    shape = shape_of(values)
    return TypeFound(type=shown, messages=len(seen), shape=shape, kind=guess_kind(shown, shape, base.kinds))


# -- what no row reads -----------------------------------------------------------------------------------------------


def _unread(messages: Iterable[V2Message], base: Base) -> Iterator[Unread]:
    """Fields with values, and whole segments, that no row of the message's type reads; in order of the standard."""
    read = {
        name: _positions(base, name) for plan in base.plans.values() for name in (one.name for one in plan.row_sets)
    }
    missed: Counter[tuple[str, int]] = Counter()
    for message in messages:
        plan = base.plans.get(message.kind)
        if plan is not None:
            known = _READ_ANYHOW.union(*(read[row_set.name] for row_set in plan.row_sets))
            missed.update(_missed(message, known))
    for (segment, number), count in sorted(missed.items()):
        position = f"{segment}-{number}" if number else segment
        definition = base.dictionary.find(position) if number else None
        yield Unread(position=position, name=definition.name if definition else "", messages=count)


def _missed(message: V2Message, known: frozenset[str]) -> set[tuple[str, int]]:
    segments = {position.partition("-")[0] for position in known}
    found: set[tuple[str, int]] = set()
    for segment in message.segments:
        if segment.name in ("MSH", "EVN"):
            continue
        if segment.name not in segments:
            found.add((plain(segment.name, 3), 0))
            continue
        for number, text in enumerate(segment.fields):
            if number > 1 and text.strip('"^~& ') and f"{segment.name}-{number}" not in known:
                found.add((segment.name, number))
    return found


def _positions(base: Base, row_set: str) -> frozenset[str]:
    """The fields that a file of rows names, in its rows, conditions and keys."""
    text = _COMMENT.sub("", (base.folder / "hl7v2" / f"{row_set}.toml").read_text(encoding="utf-8"))
    return frozenset(f"{segment}-{number}" for segment, number in _POSITION.findall(text))


def as_json(findings: Findings) -> Mapping[str, Any]:
    """The findings as JSON, for ``--json``."""
    return {
        "format": findings.format,
        "also": sorted(findings.also),
        "messages": findings.messages,
        "unreadable": findings.unreadable,
        "enveloped": findings.enveloped,
        "senders": [
            {"application": application, "facility": facility, "messages": count}
            for (application, facility), count in findings.senders.most_common()
        ],
        "charsets": {"written": dict(findings.written), "declared": dict(findings.declared)},
        "mismatched": findings.mismatched,
        "versions": dict(findings.versions),
        "kinds": dict(findings.kinds),
        "unmapped_kinds": list(findings.unmapped_kinds),
        "asked": [
            {"accept": accept, "application": application, "messages": count}
            for (accept, application), count in findings.asked.most_common()
        ],
        "offsets": dict(findings.offsets),
        "identifiers": [_type_json(one) for one in findings.identifiers],
        "elsewhere": [_type_json(one) for one in findings.elsewhere],
        "unread": [{"position": one.position, "name": one.name, "messages": one.messages} for one in findings.unread],
        "resources": dict(findings.resources),
        "unmapped_resources": list(findings.unmapped_resources),
        "sheets": dict(findings.sheets),
    }


def _type_json(found: TypeFound) -> Mapping[str, Any]:
    return {
        "type": found.type,
        "messages": found.messages,
        "numbers": found.shape.numbers,
        "valid_citizen_ids": found.shape.citizen_ids,
        "lengths": found.shape.lengths,
        "guess": found.kind,
    }
