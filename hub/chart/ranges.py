"""Reference ranges that say for whom they hold: ``男:130-175;女:115-150``, ``≥60岁:<8.0``.

Which words mean whom stands in ``mappings/codes/range-groups.csv``. What was sent is shown as it was sent; this finds
the part that is the resident's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from unicodedata import normalize

from hub.mapping.codes import load_table

SIGNS = "--|-|~|～|—|–|至|<=|>=|<|>|≤|≥"
RANGE = rf"(?:[+-]?\d+(?:\.\d+)?)?\s*(?:{SIGNS})\s*\d+(?:\.\d+)?"
_WHOLE = re.compile(rf"\s*(?:(?P<whom>.*[^\s\d.<>≤≥])\s*[:：\s]\s*|(?P<bare>[^\d<>≤≥]*))(?P<range>{RANGE})\s*")
_SEVERAL = re.compile(rf"\s*(?P<whom>[^\d\s:：<>≤≥]+)\s*[:：]?\s*(?P<range>{RANGE})(?=\s|$)")
_SPLIT = re.compile(r"[;；,，\n]")
_YEARS = (
    re.compile(r"(?P<from>\d+)\s*岁?\s*[-~～至]\s*(?P<to>\d+)\s*(岁|y|years?)"),
    re.compile(r"(≥|>=)\s*(?P<from>\d+)\s*(岁|y|years?)|(?P<from2>\d+)\s*岁(及|或)?以上"),
    re.compile(r"(<|＜)\s*(?P<to>\d+)\s*(岁|y|years?)|(?P<to2>\d+)\s*岁以下"),
)
_MARKS = re.compile(r"[\s()（）\[\]【】、:：]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Whose:
    """Whose result it is. `birth_date` is a FHIR date; what is not known is None."""

    sex: str | None = None
    birth_date: str | None = None

    def years_at(self, at: datetime | None) -> int | None:
        """The full years of age at an instant; None where the day of birth or the instant is not known."""
        try:
            born = date.fromisoformat(self.birth_date or "")
        except ValueError:
            return None
        if at is None:
            return None
        return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def applying(said: str | None, whose: Whose, at: datetime | None) -> str | None:
    """Of a reference range the one that holds for somebody at an instant: the whole of it where it names nobody; None
    where it names others only, or it cannot be told."""
    clauses = list(_clauses(said or ""))
    if not clauses:
        return said
    years = whose.years_at(at)
    held = {limits for whom, limits in clauses if whom and _holds(whom, whose.sex, years)}
    open_to_all = {limits for whom, limits in clauses if not whom}
    found = held or open_to_all
    return found.pop() if len(found) == 1 else None


def _clauses(said: str) -> Iterator[tuple[str, str]]:
    """For whom, and which range; nothing where the text is anything else than such clauses."""
    found: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in _SPLIT.split(said))):
        several = list(_SEVERAL.finditer(part))
        if len(several) > 1 and "".join("".join(one[0] for one in several).split()) == "".join(part.split()):
            found += [(one["whom"], one["range"].strip()) for one in several]
        elif whole := _WHOLE.fullmatch(part):
            found.append(((whole["whom"] or whole["bare"] or "").strip(), whole["range"].strip()))
        else:
            return
    yield from found


def _holds(whom: str, sex: str | None, years: int | None) -> bool:
    """Whether every condition that a label names is met; a word that nobody knows is a condition that is not."""
    rest = normalize("NFKC", whom)
    for pattern in _YEARS:
        if found := pattern.search(rest):
            ends = found.groupdict()
            if not _is_between(years, ends.get("from") or ends.get("from2"), ends.get("to") or ends.get("to2")):
                return False
            rest = rest[: found.start()] + rest[found.end() :]
    for word in sorted(_groups(), key=len, reverse=True):
        if re.search(rf"\b{word}\b" if word.isascii() else word, rest, re.IGNORECASE):
            if not _is_in(_groups()[word], sex, years):
                return False
            rest = re.sub(word, "", rest, count=1, flags=re.IGNORECASE)
    return not _MARKS.sub("", rest)


def _is_in(group: str, sex: str | None, years: int | None) -> bool:
    if "-" not in group:
        return sex == group
    low, _, high = group.partition("-")
    return _is_between(years, low, high)


def _is_between(years: int | None, low: str | None, high: str | None) -> bool:
    return years is not None and (not low or years >= int(low)) and (not high or years < int(high))


@cache
def _groups() -> Mapping[str, str]:
    table = load_table(files("mappings") / "codes" / "range-groups.csv")
    return {word: code.to for word, code in table.codes.items()}
