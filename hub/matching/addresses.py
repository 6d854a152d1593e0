"""Addresses as they are compared: words and numbers apart, because one is left out as often as the other."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rapidfuzz.fuzz import partial_ratio, token_set_ratio

_REGION = re.compile(r"^[^\d]{2,8}?(?:省|自治区)|^[^\d]{2,5}?市|^[^\d]{2,5}?[县区旗]")
_UNITS = re.compile(r"号楼|单元|[号室栋幢座户楼层#\-]|社区|居委会|村委会|[镇乡村]|街道")
_DIGITS = re.compile(r"\d+")
_ALIKE, _WORDS_ALIKE = 80.0, 70.0


class Place(StrEnum):
    """How two addresses relate."""

    SAME = "same"
    NEAR = "near"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """An address: its `words` without province, county and units, and its `numbers` in their order."""

    words: str
    numbers: tuple[str, ...]


@lru_cache(maxsize=65536)
def read_address(text: str) -> House:
    """An address as `person.place` makes it."""
    rest = text
    if not text.isascii():
        for _ in range(3):
            rest = _REGION.sub("", rest)
        rest = _UNITS.sub(" ", rest) if len(_UNITS.sub("", rest)) > 1 else rest
    words = _DIGITS.sub(" ", rest)
    glue = " " if text.isascii() else ""
    return House(words=glue.join(words.split()), numbers=tuple(_DIGITS.findall(rest)))


def compare_places(one: str, other: str) -> Place:
    """Same where words agree and a number is shared; near where the words agree and no number contradicts."""
    mine, theirs = read_address(one), read_address(other)
    if one == other:
        return Place.SAME if mine.numbers else Place.NEAR
    if not mine.words or not theirs.words or not _words_agree(mine.words, theirs.words):
        return Place.OTHER
    if not mine.numbers or not theirs.numbers:
        return Place.NEAR
    few, many = sorted((mine.numbers, theirs.numbers), key=len)
    return Place.SAME if _within(few, many) else Place.OTHER


def _words_agree(one: str, other: str) -> bool:
    if one.isascii() and other.isascii():
        return token_set_ratio(one, other) >= _ALIKE
    return partial_ratio(one, other) >= _WORDS_ALIKE


def _within(few: tuple[str, ...], many: tuple[str, ...]) -> bool:
    """Whether numbers occur among others in their order."""
    rest = iter(many)
    return all(one in rest for one in few)
