"""A FHIR Composition as a document that people read: its sections' narratives as text (FHIR R4 3.3.1, 2.14.5)."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from hub.mapping.converters.reader import filled
from hub.record import Mapped, Trace

KIND = "Composition"
ROW = "fhir/composition"
_BLOCKS = frozenset({"p", "div", "br", "li", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})
_CELLS = frozenset({"td", "th"})
_DOC_STATUS = frozenset({"preliminary", "final", "amended", "entered-in-error"})


def document_of(composition: Mapping[str, Any], where: str, key: str) -> Mapped:
    """The document that a Composition is. `key` is the Composition's own, so that a newer version takes its place."""
    text = "\n".join(_told(composition)).strip()
    data = b64encode(text.encode()).decode("ascii")
    status = str(composition.get("status", ""))
    resource = filled(
        {
            "resourceType": "DocumentReference",
            "status": "entered-in-error" if status == "entered-in-error" else "current",
            "docStatus": status if status in _DOC_STATUS else None,
            "masterIdentifier": composition.get("identifier"),
            "type": composition.get("type"),
            "category": composition.get("category") or None,
            "subject": composition.get("subject"),
            "date": _instant(composition.get("date")),
            "author": composition.get("author"),
            "custodian": composition.get("custodian"),
            "description": composition.get("title"),
            "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}],
        }
    )
    given = [name for name in resource if name not in ("resourceType", "content", "subject", "status")]
    sent = {"masterIdentifier": "identifier", "description": "title", "docStatus": "status"}
    traces = [Trace(name, f"{where}.{sent.get(name, name)}", ROW) for name in given]
    return Mapped(
        kind="DocumentReference",
        key=key,
        resource=resource,
        path=where,
        row=ROW,
        traces=(*traces, Trace("content", f"{where}.section", ROW)),
        whole=True,
    )


def _instant(date: Any) -> str | None:
    """DocumentReference.date is an instant; a day alone is none."""
    return str(date) if date and "T" in str(date) else None


def _told(part: Mapping[str, Any]) -> Iterator[str]:
    """What a Composition or a section of it says, and the sections within it."""
    if text := narrative(str((part.get("text") or {}).get("div", ""))):
        yield text
    for section in part.get("section") or ():
        if title := section.get("title") or (section.get("code") or {}).get("text"):
            yield f"【{title}】"
        yield from _told(section)


def narrative(div: str) -> str:
    """The text of an XHTML narrative, line by line."""
    if not div:
        return ""
    reader = _Narrative()
    reader.feed(div)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).splitlines())
    return "\n".join(line for line in lines if line)


class _Narrative(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        self._part(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def _part(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.said.append("\n")
        elif tag in _CELLS:
            self.said.append(" ")
