"""The part of a summary that people read: XHTML tables, as FHIR's narrative allows them (FHIR R4 2.4)."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from hub.record import Json


def table(heads: Sequence[str], rows: Iterable[Sequence[str | None]], left_out: int = 0) -> Json:
    """A narrative: a table with a line for each row, and how many are not shown."""
    lines = [_row("td", cells) for cells in rows]
    more = f"<p>另有 {left_out} 条未列出 / {left_out} more not shown</p>" if left_out else ""
    body = f"<table><thead>{_row('th', heads)}</thead><tbody>{''.join(lines)}</tbody></table>{more}"
    return _narrative(body)


def sentence(text: str) -> Json:
    """A narrative of one sentence."""
    return _narrative(f"<p>{_plain(text)}</p>")


def _row(cell: str, texts: Iterable[str | None]) -> str:
    cells = "".join(f"<{cell}>{_plain(text or '')}</{cell}>" for text in texts)
    return f"<tr>{cells}</tr>"


def _narrative(body: str) -> Json:
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml" lang="zh-CN" xml:lang="zh-CN">{body}</div>',
    }


def _plain(text: str) -> str:
    """Text for XHTML: without the control characters that XML 1.0 has no place for."""
    return escape(_NO_XML.sub("", text), quote=False)


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
