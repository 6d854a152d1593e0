"""The chapter of ICD-10 that a diagnosis is of: for doctors the system of the body (``codes/icd10-chapters.csv``)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from hub.mapping.codes import load_table

_CATEGORY = re.compile(r"[A-Z]\d\d")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """One chapter: its number (``IX``), the range of its categories (``I00-I99``), and its names."""

    number: str
    categories: str
    zh: str
    en: str


def chapter_of(code: str) -> Chapter | None:
    """The chapter of an ICD-10 code, of whichever edition; None where it is none of ICD-10."""
    category = code[:3].upper()
    if not _CATEGORY.fullmatch(category):
        return None
    return next((one for one in chapters() if _holds(one.categories, category)), None)


def _holds(categories: str, category: str) -> bool:
    first, _, last = categories.partition("-")
    return first <= category <= last


@cache
def chapters() -> Sequence[Chapter]:
    """All chapters, in their order."""
    table = load_table(Path(str(files("mappings"))) / "codes" / "icd10-chapters.csv")
    names = {said: code.display.partition(" / ") for said, code in table.codes.items()}
    return [
        Chapter(number=code.to, categories=said, zh=names[said][0], en=names[said][2])
        for said, code in table.codes.items()
    ]
