"""Acknowledgements of original and of enhanced mode (HL7 v2.5.1 chapter 2.9.2 and 2.9.3), written from a template."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache

from adapters.hl7v2.header import Header, delimiters_of
from hub.errors import Language, Refusal
from hub.message import Acknowledging, Delimiters

_STANDARD = "^~\\&"
_DEFAULT_VERSION = "2.5.1"  # answered to a message whose header names none
_POSITION = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+)(?:\.(\d+))?)?)?")

# Refusals of the message as such; everything else is about its content and may succeed once that is
# corrected.
_REJECTED = frozenset(
    {
        "unreadable-frame",
        "broken-frame",
        "stray-bytes",
        "frame-too-large",
        "wide-charset",
        "unknown-source",
        "ambiguous-source",
        "unknown-message-type",
        "query-not-answered",
        "kind-not-declared",
        "address-not-allowed",
        "certificate-not-allowed",
        "too-many-segments",
    }
)


class Level(StrEnum):
    """What an acknowledgement speaks of; the value is what MSA-1 begins with (HL7 table 0008)."""

    APPLICATION = "A"
    """What has become of the message. The only level of original mode."""
    ACCEPT = "C"
    """That it is kept: the first answer of enhanced mode."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a sender wants each acknowledgement of enhanced mode: `AL`, `NE`, `ER`, `SU` (HL7 table 0155)."""

    accept: str
    application: str

    def wants(self, level: Level, refusal: Refusal | None) -> bool:
        """Whether that acknowledgement, with this to say, is to be sent."""
        condition = self.accept if level is Level.ACCEPT else self.application
        return condition == "AL" or condition == ("SU" if refusal is None else "ER")


_CONDITION_CODES = frozenset({"AL", "NE", "ER", "SU"})


def conditions_of(header: Header, acknowledging: Acknowledging) -> Conditions | None:
    """The conditions that hold for a message, or None in original mode.

    Enhanced mode is asked for by a value in MSH-15 or MSH-16 (chapter 2.9.3); beside the one that is valued an empty
    one asks for nothing. What is no code of the table counts as `AL`: an answer too many does less harm than silence.
    A profile that says enhanced gets both answers for a header that asks for neither.
    """
    accept, application = (_condition(text) for text in (header.accept_ack, header.application_ack))
    if acknowledging is Acknowledging.ENHANCED:
        unsaid = "NE" if accept or application else "AL"
    elif acknowledging is Acknowledging.AS_ASKED and (accept or application):
        unsaid = "NE"
    else:
        return None
    return Conditions(accept or unsaid, application or unsaid)


def _condition(text: str) -> str:
    code = text.upper()
    return code if not code or code in _CONDITION_CODES else "" if code == '""' else "AL"


# HL7 table 0357, message error condition codes.
_CONDITIONS: Mapping[str, str] = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
_CONDITION_OF: Mapping[str, str] = {
    "unreadable-frame": "100",
    "broken-frame": "100",
    "stray-bytes": "100",
    "missing-field": "101",
    "no-merged-patient": "101",
    "mapped-resource-invalid": "101",
    "impossible-date": "102",
    "wrong-check-digit": "102",
    "wrong-charset": "102",
    "wide-charset": "102",
    "unknown-charset": "103",
    "unknown-message-type": "200",
    "query-not-answered": "200",
    "kind-not-declared": "200",
    "unknown-source": "204",
    "ambiguous-source": "204",
    "address-not-allowed": "204",
    "certificate-not-allowed": "204",
    "control-id-reused": "205",
    "no-patient": "204",
}


def is_rejection(refusal: Refusal) -> bool:
    """Whether the message as such is refused, not its content."""
    return refusal.code in _REJECTED or (refusal.code == "missing-field" and refusal.where.startswith("MSH"))


def code_for(refusal: Refusal | None, level: Level = Level.APPLICATION) -> str:
    """MSA-1: AA without a refusal, AR where the message as such is refused, AE where its content is; CA, CR, CE."""
    if refusal is None:
        return f"{level}A"
    return f"{level}R" if is_rejection(refusal) else f"{level}E"


def condition_for(refusal: Refusal) -> str:
    """ERR-3: the code of HL7 table 0357 that comes nearest to a refusal."""
    if refusal.code == "unknown-message-type":
        family = refusal.given.get("type", "").split("^")[0]
        known = refusal.given.get("known", "").split(", ")
        return "201" if any(kind.split("^")[0] == family for kind in known) else "200"
    return _CONDITION_OF.get(refusal.code, "207")


ANSWERED_IN = {"utf-8": "UNICODE UTF-8", "gb18030": "GB 18030-2000"}
"""The codecs of answers, and how MSH-18 names them (HL7 table 0211)."""


def acknowledge(
    header: Header | None,
    *,
    at: datetime,
    control_id: str,
    refusal: Refusal | None = None,
    language: Language = "en",
    level: Level = Level.APPLICATION,
    is_last: bool = False,
    codec: str = "utf-8",
) -> bytes:
    """The answer to a message, unframed, in a codec that a sender can read; MSH-18 names it where it holds more than
    ASCII. Another codec than those of `ANSWERED_IN` becomes UTF-8.

    Without a refusal MSA-1 is AA (CA). With one: MSA-3 its message in `language`, and an ERR segment in the layout
    of the sender's version, whose user message (from 2.5 on) is Chinese and English with the next step.
    `control_id` is the answer's own (MSH-10); `at` needs a zone. Without a header there is nothing to
    correlate: MSA-2 stays empty. `is_last` asks, in MSH-15 and MSH-16, for no acknowledgement of this one: the
    application acknowledgement of enhanced mode is a message of its own, and some senders would answer it.
    """
    text = _Text(header.delimiters if header else delimiters_of("|", _STANDARD))
    version = (header.version if header else "") or _DEFAULT_VERSION
    tail = _msa(header, text, refusal, language, level)
    if refusal is not None:
        tail.append(_err(text, refusal) if _number(version) >= (2, 5) else _err_before_25(text, refusal))
    codec = codec if codec in ANSWERED_IN else "utf-8"
    segments = [_msh(header, version, at, control_id, tail, is_last=is_last, charset=ANSWERED_IN[codec]), *tail]
    return "".join(f"{segment}\r" for segment in segments).encode(codec, "replace")


class _Text:
    """Writes fields with the sender's own separators, so that it can echo the sender's fields as they
    came."""

    def __init__(self, delimiters: Delimiters) -> None:
        self.delimiters = delimiters

    def escaped(self, text: str) -> str:
        return text.translate(_escapes(self.delimiters))

    def segment(self, *fields: str) -> str:
        return self.delimiters.field.join(fields)

    def components(self, *parts: str) -> str:
        return self.delimiters.component.join(parts).rstrip(self.delimiters.component)

    def subcomponents(self, *parts: str) -> str:
        return self.delimiters.subcomponent.join(parts)


@lru_cache(maxsize=64)
def _escapes(delimiters: Delimiters) -> dict[int, str]:
    """Separators to escape sequences; control characters, which could end a segment or a frame, to blanks."""
    mark = delimiters.escape
    named = {
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
        mark: "E",
    }
    table = dict.fromkeys(range(32), " ")
    for character, letter in named.items():
        # A sender that names no escape character cannot read an escape sequence either.
        table[ord(character)] = f"{mark}{letter}{mark}" if mark.isprintable() else " "
    return table


def _msh(
    header: Header | None,
    version: str,
    at: datetime,
    control_id: str,
    tail: list[str],
    *,
    is_last: bool,
    charset: str,
) -> str:
    sent_at = _stamp(at.replace(microsecond=0, tzinfo=None), at.utcoffset() or timedelta())
    if header is None:
        kind = _kind("", version, "^")
        fields = ["MSH", _STANDARD, "", "", "", "", sent_at, "", kind, control_id, "P", version]
        separator = "|"
    else:
        kind = _kind(header.kind, version, header.delimiters.component)
        separator = header.delimiters.field
        fields = ["MSH", header.encoding_characters]
        fields += [header.receiving_application, header.receiving_facility]
        fields += [header.sending_application, header.sending_facility]
        fields += [sent_at, "", kind, control_id, header.processing_id or "P", version]
    asked = ["NE", "NE"] if is_last else ["", ""]
    if not "".join((*fields, *tail)).isascii():
        fields += ["", "", *asked, "", charset]
    elif is_last:
        fields += ["", "", *asked]
    return separator.join(fields)


@lru_cache(maxsize=64)
def _stamp(at: datetime, offset: timedelta) -> str:
    """A time as v2 writes it: once for all the answers of a second."""
    return at.replace(tzinfo=timezone(offset)).strftime("%Y%m%d%H%M%S%z")


def _kind(answered: str, version: str, component: str) -> str:
    """MSH-9: the event came with 2.3.1, the structure with 2.4."""
    event = answered.partition("^")[2]
    number = _number(version)
    if not event or number < (2, 3, 1):
        return "ACK"
    return component.join(("ACK", event) if number < (2, 4) else ("ACK", event, "ACK"))


def _msa(header: Header | None, text: _Text, refusal: Refusal | None, language: Language, level: Level) -> list[str]:
    """MSA-3 is deprecated from 2.4 on; it is filled for refusals because many senders show nothing else.

    The next step stands there too: before 2.5 there is no other field for it.
    """
    code = code_for(refusal, level) if refusal or header else "AR"  # what cannot be correlated is never accepted
    fields = ["MSA", code, header.control_id if header else ""]
    if refusal is not None:
        gap = " " if language == "en" else ""
        fields.append(text.escaped(f"{refusal.message(language)}{gap}{refusal.next_step(language)}"))
    return [text.segment(*fields)]


def _err(text: _Text, refusal: Refusal) -> str:
    """ERR from 2.5 on (chapter 2.15.5): location, condition, severity, our own code, diagnostic, user
    message."""
    condition = condition_for(refusal)
    return text.segment(
        "ERR",
        "",
        text.components(*_location(refusal.where)),
        text.components(condition, _CONDITIONS[condition], "HL70357"),
        "E",
        text.components(text.escaped(refusal.code), "", "L"),
        "",
        text.escaped(refusal.message()),
        text.escaped(f"{refusal.message('zh')}{refusal.next_step('zh')} / {refusal}"),
    )


def _err_before_25(text: _Text, refusal: Refusal) -> str:
    """ERR up to 2.4: one field, ``PID^1^7^102&Data type error&HL70357``."""
    condition = condition_for(refusal)
    where = [*_location(refusal.where)[:3], "", "", ""][:3]
    coded = text.subcomponents(condition, _CONDITIONS[condition], "HL70357")
    return text.segment("ERR", text.components(*where, coded))


def _location(where: str) -> list[str]:
    """ERL: segment, its occurrence, field, its repetition, component, subcomponent; [] for what is no v2
    position."""
    match = _POSITION.match(where)
    if match is None:
        return []
    segment, ordinal, field, repetition, component, subcomponent = match.groups()
    parts = [segment, ordinal or "1"]
    if field:
        parts += [field, repetition or "1"]
    if component:
        parts.append(component)
    if subcomponent:
        parts.append(subcomponent)
    return parts


@lru_cache(maxsize=64)
def _number(version: str) -> tuple[int, ...]:
    """A version to compare with; what is no version counts as 2.5.1."""
    if re.fullmatch(r"\d{1,2}(\.\d{1,2})*", version) is None:
        version = _DEFAULT_VERSION
    return tuple(int(part) for part in version.split("."))
