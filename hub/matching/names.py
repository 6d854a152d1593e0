"""Names as they are compared. A Chinese name is whole: nobody can tell where its family name ends."""

import re
import unicodedata
from collections.abc import Iterable

from hub.record import Json

_DOTS = re.compile(r"[·•・．‧∙⋅●.]")
_BRACKETS = re.compile(r"[(\[【〔]([^)\]】〕]*)[)\]】〕]")
_FORMERLY = re.compile(r"^(?:曾用名|又名|原名|别名|小名|乳名)[:：]?")
_NEWBORN = re.compile(r".+之[子女婴]\d*|.+[婴]\d*|.+[大小][毛宝]\d*")


def plain(name: str) -> str:
    """A name as it is compared: NFKC, case folded, without spaces and middle dots where it is Chinese, and with single
    spaces where it is of letters."""
    text = _DOTS.sub(" ", unicodedata.normalize("NFKC", name)).casefold()
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
    """Whether a name is what a ward calls a newborn who has none yet: by its mother's."""
    return bool(_NEWBORN.fullmatch(name))
