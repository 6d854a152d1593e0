"""How a page that is made from the code is written."""

from collections.abc import Iterable, Sequence

NOTICE = "<!-- Made by `python -m hub.docs.generate`; a change made here is lost. -->"

Rows = Iterable[Sequence[str]]


def page(title: str, *paragraphs: str) -> str:
    """A page with its title and the notice that it is made."""
    return "\n\n".join((f"# {title}", NOTICE, *paragraphs)) + "\n"


def table(heads: Sequence[str], rows: Rows) -> str:
    """A table; whatever stands in a cell stays in it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
