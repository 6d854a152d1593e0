"""One spelling for each name: private-use twins, traditional and variant characters, and how a name sounds.

The tables are data, in ``mappings/names``: ``private-use`` (characters that GBK systems keep at code points of their
own), ``variants`` (one character in two shapes, beyond what OpenCC's t2s knows) and ``surnames`` (characters that are
read otherwise as a surname).
"""

import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from opencc import OpenCC
from pypinyin import Style, lazy_pinyin

from hub.mapping.codes import load_table


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """NFKC, private-use twins as the characters that they stand for, simplified, variants as one."""
    whole = unicodedata.normalize("NFKC", text.translate(_private_use()))
    return whole if whole.isascii() else _simplifier().convert(whole).translate(_variants())


@lru_cache(maxsize=65536)
def sounds(name: str) -> frozenset[str]:
    """How a plain name may sound, without tones and spaces; of Latin letters also with its words in the other order."""
    if name.isascii():
        words = name.split()
        return frozenset(_umlaut("".join(order)) for order in (words, words[::-1]) if words)
    found = set()
    for last, rest in ((name[:2], name[2:]), (name[:1], name[1:])):
        for reading in _surnames().get(last, ()):
            found.add(_umlaut(reading.replace(" ", "") + _read(rest)))
    found.add(_umlaut(_read(name)))
    return frozenset(found)


def _read(text: str) -> str:
    return "".join(lazy_pinyin(text, style=Style.NORMAL))


def _umlaut(sound: str) -> str:
    """Passports write LYU, keyboards lv, most people lu."""
    return sound.replace("yu", "u").replace("v", "u").replace("ü", "u")


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


@cache
def _private_use() -> Mapping[int, str]:
    return {int(code.removeprefix("U+"), 16): row for code, row in _table("private-use").items()}


@cache
def _variants() -> Mapping[int, str]:
    return {ord(one): other for one, other in _table("variants").items()}


@cache
def _surnames() -> Mapping[str, tuple[str, ...]]:
    return {surname: tuple(readings.split("|")) for surname, readings in _table("surnames").items()}


def _table(name: str) -> Mapping[str, str]:
    found = load_table(Path(str(files("mappings"))) / "names" / f"{name}.csv")
    return {one: row.to for one, row in found.codes.items()}
