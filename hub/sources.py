"""Source profiles: one folder a sending system, its ``source.toml`` read into a `Source`.

A profile says who sends, how, in which character set, and what the source means by its own identifier types.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from hub.errors import refuse
from hub.message import Format, IdentifierRule, Source, Tells, Transport

_KEYS = {
    "name",
    "organisation",
    "organisation_en",
    "format",
    "transports",
    "time_zone",
    "identifiers",
    "organisation_id",
    "tells",
    "hl7v2",
}
_REQUIRED = ("name", "organisation", "format", "transports", "identifiers")
_V2_KEYS = {"sending_application", "sending_facility", "charset"}
_RULE_KEYS = {"type", "kind", "of_patient"}
IsCharset = Callable[[str], bool]
"""Whether a character set's name is one that messages can be decoded by."""

_NAME = re.compile(r"^[a-z][a-z0-9-]{1,40}$")
_FARTHEST = 14 * 60
"""Minutes that FHIR R4B lets a time zone stand from UTC (https://hl7.org/fhir/R4B/datatypes.html#dateTime)."""
_ZONE = re.compile(r"^([+-])(\d{2}):(\d{2})$")


def load_sources(
    folders: Iterable[Path], kinds: Collection[str], is_charset: IsCharset
) -> dict[str, tuple[Source, Path]]:
    """Every ``NAME/source.toml`` below the folders; a later folder's profile replaces an earlier one of that name.

    `kinds` are the identifier kinds that profiles may name, `is_charset` knows the character sets. Raises Refused
    (bad-profile) with file and line.
    """
    found: dict[str, tuple[Source, Path]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/source.toml")):
            source = read_source(file, kinds, is_charset)
            found[source.name] = (source, file.parent)
    _check_apart([source for source, _ in found.values()])
    return found


def read_source(file: Path, kinds: Collection[str], is_charset: IsCharset) -> Source:
    """One profile. Raises Refused (bad-profile) with file and line."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise refuse("bad-profile", str(file), reason=f"is not UTF-8 (byte {fault.start + 1})") from None
    except OSError as fault:
        raise refuse("bad-profile", str(file), reason=f"cannot be read ({fault.strerror})") from None
    try:
        profile = tomllib.loads(text)
        source = _source(profile, file.parent.name, kinds)
        if source.charset and not is_charset(source.charset):
            raise _Fault("charset", f"charset {source.charset!r} is not known")
        return source
    except tomllib.TOMLDecodeError as fault:
        raise refuse("bad-profile", str(file), reason=str(fault)) from None
    except _Fault as fault:
        raise refuse("bad-profile", f"{file}:{_line_of(text, fault.key)}", reason=fault.reason) from None
    except (TypeError, ValueError, AttributeError):
        raise refuse("bad-profile", str(file), reason="a value is of another type than its key takes") from None


class SourceBook:
    """The sources by name, and by what their v2 messages say of themselves."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.by_name = dict(sources)
        self._by_header = {
            (source.sending_application, source.sending_facility): source
            for source in sources.values()
            if source.format is Format.HL7V2
        }

    def find_sender(self, application: str, facility: str) -> Source:
        """The source of a v2 header (MSH-3.1, MSH-4.1). Raises Refused (unknown-source)."""
        source = self._by_header.get((application, facility)) or self._by_header.get((application, ""))
        if source is None:
            raise refuse("unknown-source", "MSH-3" if application else "MSH-4")
        return source

    def get(self, name: str, transport: Transport) -> Source:
        """The source of that name, if it may send that way. Raises Refused (unknown-source, not-allowed)."""
        source = self.by_name.get(name)
        if source is None:
            raise refuse("unknown-source", "source")
        if transport not in source.transports:
            raise refuse("not-allowed", what=f"{transport} / 以 {transport} 发送")
        return source


class _Fault(Exception):  # noqa: N818 - carried to where the line is known
    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key, self.reason = key, reason


def _source(profile: Mapping[str, Any], folder: str, kinds: Collection[str]) -> Source:
    _check_keys(profile, _KEYS, "")
    for key in _REQUIRED:
        if not profile.get(key):
            raise _Fault(key, f"{key} is missing")
    if profile["name"] != folder or not _NAME.match(profile["name"]):
        raise _Fault("name", "name must be that of the folder: small letters, digits and hyphens")
    v2 = profile.get("hl7v2", {})
    _check_keys(v2, _V2_KEYS, "hl7v2.")
    if profile["format"] == Format.HL7V2 and not v2.get("sending_application"):
        raise _Fault("hl7v2", "an hl7v2 source needs hl7v2.sending_application (MSH-3.1)")
    _check_ways(profile["format"], profile["transports"])
    return Source(
        name=profile["name"],
        organisation=profile["organisation"],
        organisation_en=profile.get("organisation_en", ""),
        format=_one_of(Format, profile["format"], "format"),
        transports=frozenset(_one_of(Transport, name, "transports") for name in profile["transports"]),
        time_zone=_zone(profile.get("time_zone", "+08:00")),
        identifiers=tuple(_rule(rule, kinds) for rule in profile["identifiers"]),
        sending_application=v2.get("sending_application", ""),
        sending_facility=v2.get("sending_facility", ""),
        charset=v2.get("charset", ""),
        organisation_id=str(profile.get("organisation_id", "")),
        tells=frozenset(_one_of(Tells, name, "tells") for name in profile.get("tells", [Tells.RECORD])),
    )


def _rule(rule: Mapping[str, Any], kinds: Collection[str]) -> IdentifierRule:
    _check_keys(rule, _RULE_KEYS, "identifiers.")
    if rule.get("kind") not in kinds:
        raise _Fault("identifiers", f"kind {rule.get('kind')!r} is not one of {', '.join(sorted(kinds))}")
    return IdentifierRule(type=rule.get("type", ""), kind=rule["kind"], of_patient=bool(rule.get("of_patient")))


def _check_keys(table: Mapping[str, Any], known: Collection[str], prefix: str) -> None:
    for key in table:
        if key not in known:
            raise _Fault(key, f"unknown key {prefix}{key}")


def _check_ways(format_: str, transports: Collection[str]) -> None:
    strange = {Format.HL7V2: (Transport.FHIR, Transport.FILE), Format.FHIR: (Transport.MLLP,)}
    for other in strange[_one_of(Format, format_, "format")]:
        if other in transports:
            raise _Fault("transports", f"{format_} messages do not come by {other}")


def _one_of(choices: type[Any], value: str, key: str) -> Any:
    try:
        return choices(value)
    except ValueError:
        raise _Fault(key, f"{value!r} is not one of {', '.join(str(choice) for choice in choices)}") from None


def _zone(text: str) -> timezone:
    found = _ZONE.match(text)
    if found is None:
        raise _Fault("time_zone", f"{text!r} is not written as +08:00")
    sign, hours, minutes = -1 if found[1] == "-" else 1, int(found[2]), int(found[3])
    if hours * 60 + minutes > _FARTHEST or minutes > 59:
        raise _Fault("time_zone", f"{text!r} is no time zone of the earth: -14:00 to +14:00")
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def _check_apart(sources: Iterable[Source]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for source in sources:
        header = (source.sending_application, source.sending_facility)
        if source.format is Format.HL7V2 and header in seen:
            raise refuse("ambiguous-source", f"{source.name}, {seen[header]}: MSH-3/MSH-4")
        seen[header] = source.name


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf"^\s*\[?\[?{re.escape(key)}\b|\b{re.escape(key)}\s*=")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)), 1)
