"""A file as rows of read cells (RFC 4180), with every fault found on the way."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone
from typing import Any
from urllib.parse import quote

from adapters.files.columns import FILE_KINDS
from adapters.files.faults import Fault, Reason, bad_file
from adapters.files.form_columns import FORM_KINDS
from adapters.files.kinds import Column, FileKind
from adapters.files.text import decode
from hub.errors import Refusal

_RECOGNISED = 2
"""Columns of a kind that a header must name at least: `id` or `name` alone is anybody's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedFile:
    """A file as it came. `name` is its base name; it stands in refusals."""

    name: str
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row below the header. `line` counts the file's lines from 1, `position` its rows, the header being the first
    (RFC 7111); `values` holds the filled cells by column name."""

    file: str
    line: int
    position: int
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def get(self, column: str, otherwise: Any = None) -> Any:
        """What the cell says; `otherwise` where it is empty."""
        return self.values.get(column, otherwise)

    def refusal(self, reason: Reason, column: str = "") -> Refusal:
        """What is wrong with this row."""
        return bad_file(self.file, Fault(reason, column), self.line)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A file whose kind is known, and what is wrong with it. A row with a fault is not among the rows."""

    kind: FileKind | None
    rows: tuple[Row, ...] = ()
    faults: tuple[Refusal, ...] = ()


def read_sheet(file: NamedFile, zone: timezone) -> Sheet:
    """The rows of a file, told by its header."""
    try:
        lines = _rows(decode(file.raw))
        _, header = next(lines, (1, []))
        kind = _kind_of(header)
    except Fault as fault:
        return Sheet(kind=None, faults=(bad_file(file.name, fault),))
    if misnamed := tuple(bad_file(file.name, fault) for fault in _header_faults(header, kind)):
        return Sheet(kind=kind, faults=misnamed)
    named = kind.named()
    columns = [named[_plain(name).casefold()] for name in header]
    return read_lines(file.name, kind, columns, lines, zone)


def read_lines(
    file: str, kind: FileKind, columns: Sequence[Column], lines: Iterable[tuple[int, Sequence[str]]], zone: timezone
) -> Sheet:
    """The rows of a sheet whose columns are known, from the cells of each numbered line."""
    rows: list[Row] = []
    faults: list[Refusal] = []
    try:
        for position, (line, cells) in enumerate(lines, 2):
            if not any(_plain(cell) for cell in cells):
                continue
            values, wrong = _values(columns, cells, zone)
            faults += [bad_file(file, fault, line) for fault in wrong]
            if not wrong:
                rows.append(Row(file=file, line=line, position=position, values=values))
    except Fault as fault:  # from here on nothing can be read
        faults.append(bad_file(file, fault))
    if not rows and not faults:
        faults.append(bad_file(file, Fault(Reason("has no row below its header", "表头之下没有数据行"))))
    return Sheet(kind=kind, rows=tuple(rows), faults=tuple(faults))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it begins on. Raises Fault where quotes do not close."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            reason = Reason(
                "cannot be split into cells: a quote that does not close, or a stray one", "引号不成对，无法拆分单元格"
            )
            raise Fault(reason, line=line) from None
        if cells is None:
            return
        yield line, cells
        line = reader.line_num + 1


def _plain(cell: str) -> str:
    """A cell without the blanks around it; the blank of Chinese writing and the no-break space are blanks too."""
    return cell.strip()


def _kind_of(header: Sequence[str]) -> FileKind:
    """The kind that knows the most of the columns; among equals, the one that misses the fewest. Raises Fault."""
    names = {_plain(name).casefold() for name in header}

    def fit(kind: FileKind) -> tuple[int, int]:
        named = kind.named()
        known = {named[name].name for name in names if name in named}
        return len(known), -sum(column.required and column.name not in known for column in kind.columns)

    best = max(FILE_KINDS, key=fit)
    if fit(best)[0] < _RECOGNISED:
        kinds, chinese = ", ".join(kind.name for kind in FILE_KINDS), "、".join(kind.zh for kind in FILE_KINDS)
        raise Fault(Reason(f"has a header of none of these: {kinds}", f"表头不属于以下任何一种：{chinese}"))
    alike = [kind for kind in FILE_KINDS if fit(kind) == fit(best)]
    if len(alike) > 1 and best in FORM_KINDS:
        both, chinese = ", ".join(kind.name for kind in alike), "、".join(kind.zh for kind in alike)
        en = f"has a header that fits several forms alike: {both}; add the columns that only the right one has"
        raise Fault(Reason(en, f"表头同时符合多种表单：{chinese}，请补充该表单特有的列"))
    return best


def _header_faults(header: Sequence[str], kind: FileKind) -> Iterator[Fault]:
    named = kind.named()
    seen: set[str] = set()
    for place, name in enumerate(map(_plain, header), 1):
        column = named.get(name.casefold())
        if column is None:
            known = ", ".join(one.name for one in kind.columns)
            en = f"column {place} has a name that {kind.name} does not have; it has {known}"
            yield Fault(Reason(en, f"第 {place} 列的列名不属于{kind.zh}表，可用列名：{known}"))
        elif column.name in seen:
            yield Fault(Reason("stands there twice", "列名重复"), column.name)
        else:
            seen.add(column.name)
    for column in kind.columns:
        if column.required and column.name not in seen:
            yield Fault(Reason(f"is missing from the header of {kind.name}", f"{kind.zh}表缺少此列"), column.name)


def _values(
    columns: Sequence[Column], cells: Sequence[str], zone: timezone
) -> tuple[Mapping[str, Any], Sequence[Fault]]:
    if len(cells) != len(columns):
        en = f"has {len(cells)} cells where the header has {len(columns)}"
        return {}, [Fault(Reason(en, f"有 {len(cells)} 个单元格，表头有 {len(columns)} 个"))]
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column, cell in zip(columns, map(_plain, cells), strict=True):
        try:
            if (value := _value(column, cell, zone)) is not None:
                values[column.name] = value
        except Fault as fault:
            faults.append(Fault(fault.reason, column.name))
    return values, faults


def _value(column: Column, cell: str, zone: timezone) -> Any:
    if not cell and column.required:
        raise Fault(Reason("is empty", "为空"))
    return column.read(cell, zone) if cell else None


def positions_of(rows: Sequence[Row]) -> str:
    """Where rows stand, as RFC 7111 writes it: ``agreements.csv#row=2-4``; several files apart by blanks."""
    by_file: dict[str, list[int]] = {}
    for row in rows:
        by_file.setdefault(row.file, []).append(row.position)
    return " ".join(f"{quote(file)}#row={';'.join(_spans(places))}" for file, places in by_file.items())


def _spans(places: Sequence[int]) -> Iterator[str]:
    ordered = sorted(places)
    first = last = ordered[0]
    for place in ordered[1:]:
        if place != last + 1:
            yield _span(first, last)
            first = place
        last = place
    yield _span(first, last)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
