"""On which line of a TOML file a key stands: `tomllib` gives values without their places."""

import re
from collections.abc import Iterator, Sequence

_HEADER = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_QUOTED = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|#[^\n]*", re.DOTALL)

Path = tuple[str | int, ...]
"""Where a value stands: ``("outbound", "port")``, ``("identifiers", 1, "kind")``; tables of a list count from 0."""


def find_line(text: str, path: Sequence[str | int]) -> int | None:
    """The line, from 1, of the value at that path; of the nearest table around it where it stands nowhere itself, None
    where there is no such table."""
    if not path:
        return None
    bare = _QUOTED.sub(_blanked, text)
    lines = bare.splitlines()
    name, rest = str(path[0]), path[1:]
    for begin, end in _sections(lines, name, rest):
        inner = _key_line(lines, rest, begin + 1, end)
        return (begin if inner is None else inner) + 1
    top = next((at for at, line in enumerate(lines) if _HEADER.match(line)), len(lines))
    dotted = ".".join(str(part) for part in path)
    found = _assigned(lines, dotted, 0, top)
    if found is None:
        found = _assigned(lines, name, 0, top)
    if found is None:
        return None
    return found + 1 + _item_offset(lines[found:], rest)


def _blanked(found: re.Match[str]) -> str:
    """Quoted text and comments, as so many blanks; line ends stay."""
    return re.sub(r"[^\n]", " ", found[0])


def _sections(lines: Sequence[str], name: str, rest: Sequence[str | int]) -> Iterator[tuple[int, int]]:
    """The ``[name]``, or that of the ``[[name]]`` that `rest` counts to, its first line and the one after it."""
    heads = [(at, found[1]) for at, line in enumerate(lines) if (found := _HEADER.match(line))]
    places = [place for place, (_, head) in enumerate(heads) if head == name]
    wanted = rest[0] if rest and isinstance(rest[0], int) else 0
    for place in places[wanted : wanted + 1]:
        after = heads[place + 1][0] if place + 1 < len(heads) else len(lines)
        yield heads[place][0], after


def _key_line(lines: Sequence[str], rest: Sequence[str | int], begin: int, end: int) -> int | None:
    keys = [part for part in rest if isinstance(part, str)]
    return _assigned(lines, keys[0], begin, end) if keys else None


def _assigned(lines: Sequence[str], key: str, begin: int, end: int) -> int | None:
    pattern = re.compile(rf"^\s*{re.escape(key)}\s*=")
    return next((at for at in range(begin, end) if pattern.match(lines[at])), None)


def _item_offset(lines: Sequence[str], rest: Sequence[str | int]) -> int:
    """How many lines below its key the inline table begins that `rest` counts to."""
    if not rest or not isinstance(rest[0], int):
        return 0
    depth, seen = 0, -1
    for offset, line in enumerate(lines):
        for mark in line:
            if mark == "{":
                seen += depth == 0
                depth += 1
                if seen == rest[0]:
                    return offset
            elif mark == "}":
                depth -= 1
    return 0
