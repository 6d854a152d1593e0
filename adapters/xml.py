"""XML from outside: decoded, held against limits and parsed, without DTD, entities or network.

A DOCTYPE is refused before anything is parsed: SOAP forbids one (SOAP 1.1 section 3, SOAP 1.2 part 1 section 5), a CDA
document needs none, and without one there are no entities to expand (billion laughs) or to fetch (XXE).
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from adapters.hl7v2.charset import codec_of
from hub.errors import refuse

Element = Any
"""An ``lxml.etree._Element``: lxml has no types."""

DEEPEST = 256
"""Levels of elements; libxml2's own limit, below which neither it nor we run out of stack."""
MOST_MARKUP = 1_000_000
"""Tags and attributes of one document. Each takes some 100 bytes in memory and may take 4 on the wire: without a limit
16 MB become half a gigabyte."""
LONGEST_TEXT = 10_000_000
"""Bytes of one text or attribute value; libxml2's own limit."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_BARE_UTF16 = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
_DECLARATION = re.compile(r"\s*(<\?xml\s[^>]{0,200}?\?>)")
_ENCODING = re.compile(r"""\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,39})["']""")
# libxml2 sorts the attributes of an element in quadratic time.
_HAS_CROWDED = etree.XPath("boolean(descendant-or-self::*[count(@*) > 1000])")
_NO_BREAK = re.compile(r"[^\r\n]")
_ATTRIBUTE = re.compile(r"""=\s*["']""")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LIMIT, _UNFINISHED = "ERR_RESOURCE_LIMIT", "ERR_CDATA_NOT_FINISHED"


def parse(raw: bytes, charset: str = "") -> Element:
    """The root element of a document, without comments and processing instructions. `charset` is that of the
    Content-Type, where one was sent.

    Raises Refused: "xml-unknown-charset", "xml-wrong-charset" (with the first bad byte), "xml-doctype",
    "xml-too-much-markup", "xml-nested-too-deeply", "xml-text-too-long", "xml-not-well-formed" (with line and column,
    both from 1).
    """
    text = _without_declaration(decode(raw, charset))
    _check_prolog(text)
    _check_markup(text)
    return _parsed(text.encode("utf-8", "surrogatepass"))


def decode(raw: bytes, charset: str = "") -> str:
    """The text of a document, without byte-order mark.

    A byte-order mark decides (XML 1.0 appendix F.1). Then what the Content-Type and the XML declaration say: where they
    differ, UTF-8 first, since GB 18030 can be read into almost any bytes. Where nothing is said, UTF-8 if it is valid,
    else GB 18030. Raises Refused (xml-unknown-charset, xml-wrong-charset).
    """
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return _decoded(raw[len(mark) :], [codec], len(mark))
    for start, codec in _BARE_UTF16:
        if raw.startswith(start):
            return _decoded(raw, [codec])
    return _decoded(raw, _said(raw, charset) or ["utf-8", "gb18030"])


def encode(text: str) -> bytes:
    """The bytes of a document that came as text inside another: in the character set that its own declaration names
    where that can write it, else in UTF-8 and without a declaration."""
    declared = _declared_in(text)
    codec = _codec(declared) if declared else "utf-8"
    if codec and not codec.startswith("utf-16"):
        try:
            return text.encode(codec)
        except UnicodeEncodeError:
            pass
    return _without_declaration(text).strip().encode("utf-8", "surrogatepass")


def canonical(root: Element, raw: bytes) -> bytes:
    """What a document says, the same for every way of writing it (Canonical XML 1.0, without comments): quotes, order
    of attributes and character set do not count. A document that has no canonical form, or one that would take seconds
    to make, stands for itself."""
    try:
        return raw if _HAS_CROWDED(root) else bytes(etree.tostring(root, method="c14n", with_comments=False))
    except (etree.C14NError, ValueError):  # relative namespace names have none (Canonical XML 1.0 section 1.3)
        return raw


def written(root: Element) -> bytes:
    """An element as a document of its own, in UTF-8 with declaration."""
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, with_tail=False))


def local_name(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace_of(element: Element) -> str:
    """An element's namespace, or ""."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def text_in(element: Element | None) -> str:
    """All text of an element and what is in it, blanks around it taken off."""
    return "".join(element.itertext()).strip() if element is not None else ""


def children(element: Element, *path: str) -> Iterator[Element]:
    """The elements at a path below an element, in whatever namespace."""
    yield from element.iterfind("/".join(f"{{*}}{name}" for name in path))


def fit(text: str) -> str:
    """Text without the characters that XML 1.0 cannot carry (section 2.2); a blank stands for each."""
    return _ILLEGAL.sub(" ", text)


# -- characters --------------------------------------------------------------------------------------------------------


def _said(raw: bytes, charset: str) -> list[str]:
    """The codecs that the Content-Type and the declaration name, UTF-8 first."""
    codecs: list[str] = []
    for name, where in ((charset, "Content-Type"), (_declared_in(raw[:400].decode("latin-1")), "<?xml?>")):
        if not name:
            continue
        codec = _codec(name)
        if codec is None:
            shown = name if re.fullmatch(r"[A-Za-z0-9._-]{1,40}", name) else "?"
            raise refuse("xml-unknown-charset", where, charset=shown)
        # Who can read "utf-16" as ASCII has it before him that it is none: programs that write XML to a string say so.
        if not codec.startswith("utf-16"):
            codecs.append(codec)
    return sorted(dict.fromkeys(codecs), key=lambda codec: codec != "utf-8")


def _decoded(raw: bytes, codecs: list[str], skipped: int = 0) -> str:
    first: UnicodeDecodeError | None = None
    for codec in codecs:
        try:
            return raw.decode(codec)
        except UnicodeDecodeError as error:
            first = first or error
    position = skipped + first.start if first else skipped
    raise refuse("xml-wrong-charset", "<?xml?>", charset=codecs[0].upper(), position=str(position)) from None


def _declared_in(text: str) -> str:
    declaration = _DECLARATION.match(text)
    encoding = _ENCODING.search(declaration[1]) if declaration else None
    return encoding[1] if encoding else ""


def _codec(name: str) -> str | None:
    if name.upper().replace("_", "-") in ("UTF-16", "UTF-16LE", "UTF-16BE", "UCS-2", "ISO-10646-UCS-2"):
        return "utf-16"
    return codec_of(name.upper().removeprefix("X-"))


# -- limits ------------------------------------------------------------------------------------------------------------


def _without_declaration(text: str) -> str:
    """Text whose XML declaration is blanked out: it has done its work, and lines and columns stay what they are."""
    found = _DECLARATION.match(text)
    if found is None:
        return text
    return text[: found.start(1)] + _NO_BREAK.sub(" ", found[1]) + text[found.end() :]


def _check_prolog(text: str) -> None:
    """Raises Refused (xml-doctype) where a DOCTYPE stands before the root element, the only place for one."""
    at, end = 0, len(text)
    while at < end:
        if text[at].isspace():
            at += 1
        elif text.startswith("<?", at):
            at = _behind(text, "?>", at)
        elif text.startswith("<!--", at):
            at = _behind(text, "-->", at + 4)
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            raise refuse("xml-doctype", "<!DOCTYPE>")
        else:
            return


def _behind(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _check_markup(text: str) -> None:
    if text.count("<") + text.count("=") <= MOST_MARKUP:
        return
    if text.count("<") + sum(1 for _ in _ATTRIBUTE.finditer(text)) > MOST_MARKUP:
        raise refuse("xml-too-much-markup", limit=str(MOST_MARKUP))


def _parsed(raw: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position or (1, 1)
        # The log may hold entries of documents before this one.
        fault = next((entry.type_name for entry in error.error_log if entry.type == error.code), "")
    # The parser's own words quote the document, so they are left out, and the error goes no further.
    given = {"line": str(max(line, 1)), "column": str(max(column, 1))}
    if fault == _LIMIT or (fault == _UNFINISHED and _has_long_section(raw)):
        if fault == _LIMIT and _is_deep(raw):
            raise refuse("xml-nested-too-deeply", limit=str(DEEPEST), **given)
        raise refuse("xml-text-too-long", limit=str(LONGEST_TEXT), **given)
    raise refuse("xml-not-well-formed", fault=fault or "-", **given)


def _has_long_section(raw: bytes) -> bool:
    """Whether a CDATA section is longer than libxml2 takes, which may say that it has no end then."""
    _, *sections = raw.split(b"<![CDATA[")
    return any(len(section.partition(b"]]>")[0]) > LONGEST_TEXT for section in sections)


def _is_deep(raw: bytes) -> bool:
    """Whether a document that a limit has stopped was stopped for its depth: no text in it is as long as the other
    limit."""
    return all(len(piece) < LONGEST_TEXT - 1024 for piece in raw.split(b"<"))
