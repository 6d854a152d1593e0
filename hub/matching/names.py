"""Names as they are compared. A Chinese name is whole: nobody can tell where its family name ends."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from hub.matching.spelling import folded
from hub.record import Json

_DOTS = re.compile(r"[·•・．‧∙⋅●.]")
_BRACKETS = re.compile(r"[(\[【〔]([^)\]】〕]*)[)\]】〕]")
_FORMERLY = re.compile(r"^(?:曾用名|又名|原名|别名|小名|乳名)[:：]?")
_NEWBORN = re.compile(
    r"(?:(?P<mother>[^之]{2,})之(?P<order>[大小长次二三ab甲乙]?)(?P<child>[子女婴])(?P<count>[a-z\d]*)"
    r"|(?P<last>.{1,2}?)(?:婴儿?|某某?|毛毛|宝宝|(?P<which>[大小])[毛宝])(?P<number>[a-z\d]*))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StandIn:
    """What a ward calls a newborn who has no name yet. `mother` is her name, else `surname` a parent's; `sex` is
    ``male``, ``female`` or ``""``; `order` tells twins apart, ``""`` where there is no need to."""

    mother: str = ""
    surname: str = ""
    sex: str = ""
    order: str = ""


def plain(name: str) -> str:
    """A name as it is compared: in one spelling (`folded`), case folded, without spaces and middle dots where it is
    Chinese, and with single spaces where it is of letters."""
    text = _DOTS.sub(" ", folded(name)).casefold()
    return " ".join(text.split()) if text.isascii() else "".join(text.split())


def name_in(name: Json) -> str:
    """A FHIR HumanName in one piece: its text, else family name and given names in the order of their script."""
    if name.get("text"):
        return str(name["text"])
    family = str(name.get("family") or "")
    givens = [str(part) for part in name.get("given") or () if part]
    parts = [part for part in (family, *givens) if part]
    return " ".join(parts) if all(part.isascii() for part in parts) else "".join(parts)


def alone(name: str) -> Iterable[str]:
    """A name, and after it those that stand in brackets behind it: 张三(曾用名:张山)."""
    text = unicodedata.normalize("NFKC", name)
    yield _BRACKETS.sub("", text)
    for found in _BRACKETS.findall(text):
        yield _FORMERLY.sub("", found)


def is_newborn(name: str) -> bool:
    """Whether a plain name is what a ward calls a newborn who has none yet: by its mother's."""
    return stand_in(name) is not None


def stand_in(name: str) -> StandIn | None:
    """A newborn's stand-in for a name, read; None for any other name."""
    found = _NEWBORN.fullmatch(name)
    if found is None:
        return None
    said = found.groupdict(default="")
    return StandIn(
        mother=said["mother"],
        surname=said["last"] or said["mother"][:1],
        sex={"子": "male", "女": "female"}.get(said["child"], ""),
        order=said["order"] or said["count"] or said["which"] or said["number"],
    )
