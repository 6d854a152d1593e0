"""The cells of a profile: each read into a value, or noted as a fault at its key, in both languages."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from hub.sources.lines import Path

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a key, without a full stop: it ends a sentence that begins with file and line."""

    path: Path
    en: str
    zh: str


def spelled(path: Path) -> str:
    """A path as people write it: ``outbound.port``, ``identifiers[2].kind`` (the second)."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


class Cells:
    """One table of a profile while it is read. What cannot be taken is noted in `faults`, and a harmless value given in
    its place, so that one reading finds every fault."""

    def __init__(self, table: Mapping[str, Any], faults: list[Fault], path: Path = ()) -> None:
        self._table = table
        self.faults = faults
        self.path = path

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def fault(self, key: str, en: str, zh: str) -> None:
        """Note what is wrong with a key; the sentence goes on after the key's name."""
        path = (*self.path, key) if key else self.path
        self.faults.append(Fault(path, f"{spelled(path)} {en}", f"{spelled(path)} {zh}"))

    def is_faulty(self, key: str) -> bool:
        """Whether a fault is noted at a key, or below it."""
        path = (*self.path, key)
        return any(fault.path[: len(path)] == path for fault in self.faults)

    def check_keys(self, known: Collection[str]) -> None:
        """Note every key that is none."""
        for key in self._table:
            if key not in known:
                path = (*self.path, key)
                self.faults.append(Fault(path, f"unknown key {spelled(path)}", f"没有 {spelled(path)} 这个键"))

    def text(self, key: str, otherwise: str = "", *, required: bool = False) -> str:
        """A text of one line."""
        value = self._table.get(key, otherwise)
        if not isinstance(value, str):
            self.fault(key, "is a text, in quotes", "应为带引号的文本")
            return otherwise
        if not value.isprintable():
            self.fault(key, "is a text of one line", "应为一行文本")
            return otherwise
        if required and not value.strip():
            self.fault(key, "is missing", "缺失")
        return value

    def matching(self, key: str, pattern: re.Pattern[str], en: str, zh: str, *, required: bool = True) -> str:
        """A text that a pattern fits wholly."""
        before = len(self.faults)
        value = self.text(key, required=required)
        if value and len(self.faults) == before and not pattern.fullmatch(value):
            self.fault(key, en, zh)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, none of them blank."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            self.fault(key, "is a list of texts", "应为文本的列表")
            return ()
        return tuple(value)

    def flag(self, key: str) -> bool:
        """True or false, without quotes."""
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, "is true or false, without quotes", "应为不带引号的 true 或 false")
            return False
        return value

    def whole(self, key: str, otherwise: int, least: int, most: int, *, required: bool = False) -> int:
        """A whole number between the two."""
        value = self._table.get(key, None if required else otherwise)
        if value is None:
            self.fault(key, "is missing", "缺失")
            return otherwise
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if key in self._table and not (is_whole and least <= value <= most):
            self.fault(key, f"is a whole number from {least} to {most}", f"应为 {least} 到 {most} 的整数")
            return otherwise
        return int(value)

    def seconds(self, key: str, otherwise: float, least: float, most: float) -> float:
        """A duration in seconds, whole or not."""
        value = self._table.get(key, otherwise)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and least <= value <= most):
            self.fault(key, f"is a number of seconds from {least:g} to {most:g}", f"应为 {least:g} 到 {most:g} 的秒数")
            return otherwise
        return float(value)

    def choice(self, choices: type[E], key: str, otherwise: E, *, required: bool = False) -> E:
        """One value of an enumeration."""
        before = len(self.faults)
        text = self.text(key, "" if required else otherwise.value, required=required)
        if len(self.faults) > before:
            return otherwise
        return self._one_of(choices, key, text) or otherwise

    def choices(self, choices: type[E], key: str, otherwise: Collection[E] = ()) -> frozenset[E]:
        """Values of an enumeration."""
        if key not in self._table:
            return frozenset(otherwise)
        found = (self._one_of(choices, key, text) for text in self.texts(key))
        return frozenset(one for one in found if one is not None)

    def table(self, key: str) -> "Cells":
        """The table of that key; an empty one where it is not written."""
        value = self._table.get(key, {})
        if not isinstance(value, Mapping):
            self.fault(key, f"is a table: [{key}]", f"应为一个表：[{key}]")
            value = {}
        return Cells(value, self.faults, (*self.path, key))

    def tables(self, key: str) -> "list[Cells]":
        """The tables of a list, in their order."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
            self.fault(key, "is a list of tables", "应为表的列表")
            return []
        return [Cells(one, self.faults, (*self.path, key, at)) for at, one in enumerate(value)]

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of texts, as pairs in their order."""
        value = self._table.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
            self.fault(key, "is a table of texts", "应为文本的表")
            return ()
        return tuple(value.items())

    def _one_of(self, choices: type[E], key: str, text: str) -> E | None:
        if text in set(choices):
            return choices(text)
        names = ", ".join(choices)
        self.fault(key, f"{text!r} is not one of {names}", f"的值 {text!r} 不在以下取值中：{names}")
        return None
