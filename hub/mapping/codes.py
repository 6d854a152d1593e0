"""Code tables: one CSV a table, read one way, ``from`` to ``to``. An unknown code is the caller's to keep and flag."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from hub.errors import refuse
from hub.record import Json

Folder = Traversable | Path

_COLUMNS = ("from", "to", "display", "system")


@dataclass(frozen=True, slots=True)
class Code:
    """What a sender's code means: a code of a standard, its label, and the standard's URI where it has one."""

    to: str
    display: str = ""
    system: str = ""

    def coding(self) -> Json:
        """This code as a FHIR Coding."""
        coding = {"system": self.system, "code": self.to, "display": self.display}
        return {name: text for name, text in coding.items() if text}


@dataclass(frozen=True, slots=True)
class CodeTable:
    """One code table by the name of its file."""

    name: str
    codes: Mapping[str, Code]

    def find(self, code: str) -> Code | None:
        """The meaning of a sender's code, or None where the table does not know it."""
        return self.codes.get(code.strip())

    def under(self, overlay: "CodeTable") -> "CodeTable":
        """This table with a source's own rows laid over it."""
        return CodeTable(self.name, {**self.codes, **overlay.codes})


def load_tables(folder: Folder) -> dict[str, CodeTable]:
    """Every ``*.csv`` of a folder by name; a fault is refused with file and line."""
    if not folder.is_dir():
        return {}
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".csv")), key=lambda file: file.name)
    return {table.name: table for table in map(load_table, files)}


def load_table(file: Folder) -> CodeTable:
    """One file of codes; a fault is refused with file and line."""
    return CodeTable(file.name.removesuffix(".csv"), dict(_rows(file)))


def load_kinds(folder: Folder) -> dict[str, "IdentifierKind"]:
    """``identifier-kinds.csv``: what each kind of number is, and how far it leads."""
    with (folder / "identifier-kinds.csv").open(encoding="utf-8-sig") as text:
        return {row["kind"]: IdentifierKind(**row) for row in csv.DictReader(text)}


@dataclass(frozen=True, slots=True)
class IdentifierKind:
    """A kind of number. `strength`: ``strong`` leads across sources, ``comparable`` speaks for a person and proves
    nothing, ``local`` leads within one source, ``none`` nowhere. `shape` is the regular expression that a number has to
    fit to lead anywhere, its first group what is compared; ``""``: any."""

    kind: str
    system: str
    type: str
    strength: str
    zh: str
    en: str
    shape: str = ""


def _rows(file: Folder) -> Iterator[tuple[str, Code]]:
    with file.open(encoding="utf-8-sig") as text:
        reader = csv.DictReader(text)
        if file.name == "identifier-kinds.csv":
            return
        names = reader.fieldnames or []
        if unknown := [name for name in names if name not in _COLUMNS] or not {"from", "to"} <= set(names):
            raise refuse(
                "bad-mapping",
                f"{file.name}:1",
                reason=f"columns must be {', '.join(_COLUMNS)}, not {unknown}",
            )
        seen: set[str] = set()
        for row in reader:
            if row["from"] in seen or None in row.values():
                raise refuse("bad-mapping", f"{file.name}:{reader.line_num}", reason="repeated or short row")
            seen.add(row["from"])
            yield row["from"], Code(row["to"], row.get("display") or "", row.get("system") or "")
