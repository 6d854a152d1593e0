"""Sample messages out of files, for a profile to be proposed from: v2 as it is or as an MLLP capture, FHIR JSON, CDA
and SOAP in XML, CSV. Nothing of them is kept."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
from lxml import etree

from hub.errors import Refused, refuse
from hub.message import Tells, V2Message

Json = dict[str, Any]

_BOM = b"\xef\xbb\xbf"
_FRAME = re.compile(rb"[\x0b\x1c]+")
_HEADER = re.compile(rb"(?:^|(?<=[\r\n]))(?=MSH[^\w\s])")
_LONG = re.compile(rb"[\xe0-\xf4]")  # begins a UTF-8 sequence of three or four bytes, as every hanzi's does
_XML_CHARSET = re.compile(rb"<\?xml[^>]*encoding=[\"']([\w.\-]+)[\"']")


class Written(StrEnum):
    """What the bytes of a text really are."""

    ASCII = "ascii"
    UTF_8 = "utf-8"
    GB_18030 = "gb18030"
    EITHER = "utf-8 or gb18030"
    """Only two-byte characters that both could have written: a short name may pass for either."""
    NEITHER = "neither"


@dataclass(frozen=True, kw_only=True, slots=True)
class Eyes:
    """What samples are looked at with: the v2 tokenizer (raises Refused), the codec behind a character set's name, and
    what a CSV file is by its bytes: its kind and what a source must have a say in to send it, or None."""

    tokenize: Callable[[str], V2Message]
    codec_of: Callable[[str], str | None]
    sheet_of: Callable[[bytes], tuple[str, Tells] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class V2Sample:
    """One v2 message, and what its bytes are."""

    message: V2Message
    written: Written


@dataclass(kw_only=True, slots=True)
class Samples:
    """What files hold. `unreadable` counts messages and files that are none of these."""

    v2: list[V2Sample] = field(default_factory=list)
    resources: list[Json] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    charsets: list[str] = field(default_factory=list)
    """The character sets that XML files declare."""
    sheets: list[tuple[str, Tells]] = field(default_factory=list)
    enveloped: int = 0
    """How many of the v2 messages stood in XML: the sender calls by SOAP."""
    unreadable: int = 0

    @property
    def count(self) -> int:
        """Messages and files that could be read."""
        return len(self.v2) + len(self.resources) + len(self.documents) + len(self.sheets)


def read_samples(files: Mapping[str, bytes], eyes: Eyes) -> Samples:
    """What the files hold, by their content, whatever they are called. Raises Refused (no-samples)."""
    found = Samples()
    for raw in files.values():
        body = raw.removeprefix(_BOM).lstrip(b"\r\n\t ")
        if body[:1] in (b"{", b"["):
            _take_json(body, found)
        elif body[:1] == b"<":
            _take_xml(body, found, eyes)
        elif _HEADER.search(_FRAME.sub(b"\r", body)):
            _take_v2(body, found, eyes)
        elif sheet := eyes.sheet_of(raw):
            found.sheets.append(sheet)
        else:
            found.unreadable += 1
    if not found.count:
        raise refuse("no-samples", ", ".join(files))
    return found


# -- HL7 v2 ----------------------------------------------------------------------------------------------------------


def _take_v2(body: bytes, found: Samples, eyes: Eyes) -> None:
    for raw in v2_messages(body):
        written = written_in(raw)
        codec = "gb18030" if written in (Written.GB_18030, Written.NEITHER) else "utf-8"
        try:
            found.v2.append(V2Sample(message=eyes.tokenize(raw.decode(codec, "replace")), written=written))
        except Refused:
            found.unreadable += 1


def v2_messages(body: bytes) -> Iterator[bytes]:
    """The messages of a file: cut at the marks of MLLP and before each MSH; what is before the first (FHS and BHS, a
    capture's remarks) is passed over, and so is what follows the last segment of a batch."""
    for part in _HEADER.split(_FRAME.sub(b"\r", body)):
        if part.startswith(b"MSH"):
            yield re.split(rb"[\r\n](?=(?:BTS|FTS|FHS|BHS)[^\w\s])", part, maxsplit=1)[0].strip(b"\r\n")


def written_in(raw: bytes) -> Written:
    """What bytes are, by the evidence."""
    if raw.isascii():
        return Written.ASCII
    is_utf_8, is_gb = _decodes(raw, "utf-8"), _decodes(raw, "gb18030")
    if is_utf_8 and (_LONG.search(raw) or not is_gb):
        return Written.UTF_8
    if is_utf_8:
        return Written.EITHER
    return Written.GB_18030 if is_gb else Written.NEITHER


def _decodes(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


# -- FHIR, XML -------------------------------------------------------------------------------------------------------


def _take_json(body: bytes, found: Samples) -> None:
    """One JSON value, or NDJSON: one a line."""
    try:
        values = [orjson.loads(body)]
    except orjson.JSONDecodeError:
        values = list(_lines_of(body, found))
    for value in values:
        if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
            found.resources += _unbundled(value)
        else:
            found.unreadable += 1


def _lines_of(body: bytes, found: Samples) -> Iterator[Any]:
    for line in body.splitlines():
        try:
            if line.strip():
                yield orjson.loads(line)
        except orjson.JSONDecodeError:
            found.unreadable += 1


def _unbundled(resource: Json) -> Iterator[Json]:
    if resource["resourceType"] != "Bundle":
        yield resource
        return
    for entry in resource.get("entry") or ():
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("resourceType"), str):
            yield from _unbundled(inner)


def _take_xml(body: bytes, found: Samples, eyes: Eyes) -> None:
    """A CDA document, or whatever holds one or a v2 message: a SOAP envelope, its payload as text or CDATA. Read
    without entities or network."""
    root = _parsed(body)
    if root is None:
        found.unreadable += 1
        return
    if declared := _XML_CHARSET.search(body[:200]):
        found.charsets.append(declared[1].decode())
    before = found.count
    for element in root.iter("{*}ClinicalDocument"):
        found.documents.append(element)
    for text in root.itertext():
        _take_payload(str(text).strip(), found, eyes)
    if found.count == before:
        found.unreadable += 1


def _take_payload(text: str, found: Samples, eyes: Eyes) -> None:
    if text.startswith("MSH"):
        before = len(found.v2)
        _take_v2(text.encode(), found, eyes)
        found.enveloped += len(found.v2) - before
    elif text.startswith("<") and "ClinicalDocument" in text:
        inner = _parsed(text.encode())
        found.documents += [] if inner is None else inner.iter("{*}ClinicalDocument")


def _parsed(body: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
