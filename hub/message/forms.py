"""The forms of public health, as data: ``mappings/forms/NAME.toml``, one line an item, and the answers that they offer
in ``choices.csv``.

An item is a column of a file and a linkId of a FHIR QuestionnaireResponse; both doors read the same definition. What is
wrong with a definition is refused at start with file and line.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from hub.errors import refuse
from hub.toml import NotToml, read_toml

Folder = Traversable | Path

KINDS = ("number", "whole", "choice", "choices", "day", "text")
"""What an answer may be. `choices` are several of one list."""
_NUMBERS = ("number", "whole")
_FORM_KEYS = frozenset({"zh", "en", "title", "document", "day", "result", "items"})
_ITEM_KEYS = frozenset(
    {"name", "zh", "as", "required", "choices", "unit", "low", "high", "loinc", "panel", "observed", "day", "also"}
)
_ITEM_LINE = re.compile(r"^\s*\{")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """A list of answers: their words by code, and the codes of their words and of other spellings."""

    name: str
    words: Mapping[str, str]
    also: Mapping[str, str]

    def find(self, text: str) -> str | None:
        """The code of an answer that is given by code, words or another spelling; None where it is none of them."""
        said = text.strip()
        return said if said in self.words else self.also.get(said)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item. `kind` is one of `KINDS`; `low` and `high` bound what is plausible, in `unit`. One with `loinc` is a
    measurement, one that is `observed` an observation under the hub's own code. Items of one `panel` are its
    components; `day` names the item that says when it was measured, where that is not the form's own day."""

    name: str
    zh: str
    kind: str
    required: bool = False
    choices: Choices | None = None
    unit: str = ""
    low: float = 0
    high: float = 0
    loinc: str = ""
    panel: str = ""
    observed: bool = False
    day: str = ""
    also: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether an answer is a number."""
        return self.kind in _NUMBERS

    @property
    def is_observation(self) -> bool:
        """Whether an answer becomes an observation of its own."""
        return bool(self.loinc) or self.observed


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form. `day` names the item that says when, `result` the one that classifies, "" where none does; `document`
    is the code of its shared document (WS/T 483), "" where it is not known."""

    name: str
    zh: str
    en: str
    title: str
    day: str
    items: tuple[Item, ...]
    result: str = ""
    document: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """The items by every name that they go by, without regard to case."""
        return {name.casefold(): item for item in self.items for name in (item.name, item.zh, *item.also)}

    @cached_property
    def panels(self) -> Mapping[str, tuple[Item, ...]]:
        """The items of each blood pressure, by its name."""
        names = dict.fromkeys(item.panel for item in self.items if item.panel)
        return {name: tuple(item for item in self.items if item.panel == name) for name in names}


@cache
def forms() -> Mapping[str, Form]:
    """The hub's own forms by name. Raises Refused (bad-mapping) with file and line."""
    return load_forms(Path(str(files("mappings"))) / "forms")


def load_forms(folder: Folder) -> dict[str, Form]:
    """Every form of a folder. Raises Refused (bad-mapping) with file and line for anything that is not understood."""
    choices = _choices(folder / "choices.csv")
    listed = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {form.name: form for form in (_form(file, choices) for file in listed)}


def _choices(file: Folder) -> dict[str, Choices]:
    words: dict[str, dict[str, str]] = {}
    also: dict[str, dict[str, str]] = {}
    with file.open(encoding="utf-8") as text:
        reader = csv.DictReader(text)
        for row in reader:
            codes = words.setdefault(row["choices"], {})
            if None in row.values() or not row["zh"] or row["code"] in codes:
                raise refuse("bad-mapping", f"{file.name}:{reader.line_num}", reason="repeated or short row")
            codes[row["code"]] = row["zh"]
            others = {word: row["code"] for word in row["also"].split("|") if word}
            also.setdefault(row["choices"], {}).update(others)
    return {
        name: Choices(name=name, words=codes, also=also[name] | {word: code for code, word in codes.items()})
        for name, codes in words.items()
    }


def _form(file: Folder, choices: Mapping[str, Choices]) -> Form:
    try:
        text, table = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(file.name), reason=fault.en) from None
    if set(table) - _FORM_KEYS or {"zh", "en", "title", "day", "items"} - set(table):
        raise refuse("bad-mapping", file.name, reason=f"a form has the keys {', '.join(sorted(_FORM_KEYS))}")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _ITEM_LINE.match(line)]
    items: list[Item] = []
    for line, row in zip(lines, table.pop("items"), strict=True):
        try:
            items.append(_item(row, choices))
        except ValueError as fault:
            raise refuse("bad-mapping", f"{file.name}:{line}", reason=str(fault)) from None
    form = Form(name=file.name.removesuffix(".toml"), items=tuple(items), **table)
    if faults := list(_form_faults(form)):
        raise refuse("bad-mapping", file.name, reason=faults[0])
    return form


def _item(row: Mapping[str, Any], choices: Mapping[str, Choices]) -> Item:
    if unknown := set(row) - _ITEM_KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if missing := {"name", "zh", "as"} - set(row):
        raise ValueError(f"missing keys {sorted(missing)}")
    if row["as"] not in KINDS:
        raise ValueError(f"'as' is none of {', '.join(KINDS)}")
    if row["as"].startswith("choice") != (row.get("choices") in choices):
        raise ValueError("'choices' names a list of choices.csv where 'as' is choice or choices, and only there")
    if row["as"] in _NUMBERS and not row.get("low", 0) < row.get("high", 0):
        raise ValueError("a number has the bounds low and high")
    if row.get("loinc") and row["as"] in _NUMBERS and not row.get("unit"):
        raise ValueError("a measurement has a unit")
    if not _NAME.fullmatch(row["name"]):
        raise ValueError("'name' is small letters, digits and underscores")
    kept = {key: value for key, value in row.items() if key not in ("as", "choices", "also")}
    return Item(kind=row["as"], choices=choices.get(row.get("choices", "")), also=tuple(row.get("also", ())), **kept)


def _form_faults(form: Form) -> Iterator[str]:
    names = [name.casefold() for item in form.items for name in (item.name, item.zh, *item.also)]
    if len(names) != len(set(names)):
        yield f"{sorted({name for name in names if names.count(name) > 1})} name two items"
    by_name = {item.name: item for item in form.items}
    for name in (form.day, *(item.day for item in form.items if item.day)):
        if name not in by_name or by_name[name].kind != "day":
            yield f"{name!r} is no item that says a day"
    if form.result and (form.result not in by_name or by_name[form.result].kind != "choice"):
        yield f"{form.result!r} is no item that is one choice"
