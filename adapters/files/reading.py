"""Files to bundles: all of them, or every fault of all of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.files.agreements import IsNumber, agreement_bundles, agreement_faults
from adapters.files.bundles import FileBundle
from adapters.files.columns import (
    AGREEMENTS,
    AREAS,
    DISCHARGES,
    FILE_KINDS,
    MEMBERS,
    ORGANISATIONS,
    PRACTITIONERS,
    SESSIONS,
    TEAMS,
)
from adapters.files.directory import organisation_bundles, practitioner_bundles, team_bundles
from adapters.files.discharges import discharge_bundles, discharge_faults
from adapters.files.faults import Fault, Reason, bad_file
from adapters.files.filled_forms import form_bundles, form_faults
from adapters.files.form_columns import FORM_KINDS
from adapters.files.kinds import FileKind
from adapters.files.sessions import session_bundles, session_faults
from adapters.files.sheet import NamedFile, Row, Sheet, read_lines, read_sheet
from hub.errors import Refusal, Refused
from hub.message import Source
from hub.message.forms import forms


@dataclass(frozen=True, kw_only=True, slots=True)
class Checks:
    """What files are held against besides their columns: `is_number` knows persons' numbers, `validate` FHIR (it
    raises Refused)."""

    is_number: IsNumber
    validate: Callable[[bytes], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesRead:
    """What files hold. As `read_files` reads them there are no bundles where there is a fault: of a file with faults
    nothing is sent."""

    bundles: tuple[FileBundle, ...] = ()
    faults: tuple[Refusal, ...] = ()


def read_files(files: Sequence[NamedFile], source: Source, checks: Checks) -> FilesRead:
    """The bundles of files that one source sends together, in the order in which they are to be taken in."""
    sheets = [(file, read_sheet(file, source.time_zone)) for file in files]
    faults = [fault for file, sheet in sheets for fault in _sheet_faults(file.name, sheet, source)]
    rows = _rows_of([sheet for _, sheet in sheets])
    faults += [fault for kind in FILE_KINDS for fault in _row_faults(kind, rows[kind.name], source, checks)]
    if not any(sheet.faults for _, sheet in sheets):  # else the missing row may be there, with a fault
        faults += _parted_teams(rows)
    if faults:
        return FilesRead(faults=_in_order(faults, files))
    bundles = tuple(_bundles(rows, source))
    invalid = [fault for one in bundles for fault in _invalid(one, checks)]
    return FilesRead(faults=_in_order(invalid, files)) if invalid else FilesRead(bundles=bundles)


def read_singly(file: NamedFile, source: Source, checks: Checks) -> FilesRead:
    """The bundles of one file and the faults of its other rows, where each of its rows says all that there is to say of
    its thing; of another file as `read_files`."""
    sheet = read_sheet(file, source.time_zone)
    if sheet.kind is None or not sheet.kind.single:
        return read_files([file], source, checks)
    found = read_rows(sheet, source, checks)
    return FilesRead(bundles=found.bundles, faults=_in_order(found.faults, [file]))


def read_each(
    name: str,
    kind: str,
    columns: Sequence[str],
    lines: Sequence[tuple[int, Sequence[str]]],
    source: Source,
    checks: Checks,
) -> list[FilesRead]:
    """What each line of a table holds by itself: a bundle or its faults. `kind` and `columns` are named as in a file;
    two lines may tell of one thing, as a view does whose row was written again."""
    sheet = next(one for one in FILE_KINDS if one.name == kind)
    named = sheet.named()
    wanted = [named[column.casefold()] for column in columns]
    return [read_rows(read_lines(name, sheet, wanted, [line], source.time_zone), source, checks) for line in lines]


def read_rows(sheet: Sheet, source: Source, checks: Checks) -> FilesRead:
    """The bundles of a sheet's sound rows, and the faults of the others. `sheet` is of a `single` kind.

    Of rows that share what no two may share all are faulty: which of them holds is not ours to say.
    """
    assert sheet.kind is not None
    kind = sheet.kind
    if kind.tells not in source.tells:
        where = sheet.rows[0].file if sheet.rows else kind.name
        return FilesRead(faults=tuple(_may_not_tell(where, kind)))
    faults = [*sheet.faults]
    sound: list[Row] = []
    seen: dict[tuple[str | None, ...], int] = {}
    for row in sheet.rows:
        key = tuple(row.get(name) for name in kind.key)
        seen[key] = seen.get(key, 0) + 1
    for row in sheet.rows:
        wrong = [*_row_faults(kind, [row], source, checks)]
        if seen[tuple(row.get(name) for name in kind.key)] > 1:
            wrong.append(row.refusal(Reason("stands in several rows", "在多行中重复"), kind.key[-1]))
        faults += wrong
        sound += [] if wrong else [row]
    bundles: list[FileBundle] = []
    for one in _bundles(_rows_of([Sheet(kind=kind, rows=tuple(sound))]), source):
        invalid = [*_invalid(one, checks)]
        faults += invalid
        bundles += [] if invalid else [one]
    return FilesRead(bundles=tuple(bundles), faults=tuple(faults))


def _rows_of(sheets: Sequence[Sheet]) -> dict[str, list[Row]]:
    return {kind.name: [row for sheet in sheets if sheet.kind is kind for row in sheet.rows] for kind in FILE_KINDS}


def _sheet_faults(file: str, sheet: Sheet, source: Source) -> Iterator[Refusal]:
    if sheet.kind is not None and sheet.kind.tells not in source.tells:
        yield from _may_not_tell(file, sheet.kind)
    yield from sheet.faults


def _may_not_tell(file: str, kind: FileKind) -> Iterator[Refusal]:
    yield Refusal(code="may-not-tell", where=file, given={"kind": kind.name, "tells": kind.tells.value})


def _row_faults(kind: FileKind, rows: Sequence[Row], source: Source, checks: Checks) -> Iterator[Refusal]:
    if kind.key:
        yield from _doubles(kind, rows)
    if kind is MEMBERS:
        yield from _member_faults(rows)
    elif kind is AGREEMENTS:
        yield from agreement_faults(rows, source, checks.is_number)
    elif kind is SESSIONS:
        yield from session_faults(rows)
    elif kind is DISCHARGES:
        yield from discharge_faults(rows, source, checks.is_number)
    elif kind in FORM_KINDS:
        yield from form_faults(forms()[kind.name], rows, source, checks.is_number)


def _doubles(kind: FileKind, rows: Sequence[Row]) -> Iterator[Refusal]:
    seen: dict[tuple[str | None, ...], Row] = {}
    for row in rows:
        first = seen.setdefault(tuple(row.get(name) for name in kind.key), row)
        if first is not row:
            place = f"{first.file}:{first.line}"
            yield row.refusal(Reason(f"stands in {place} already", f"与 {place} 重复"), kind.key[-1])


def _member_faults(rows: Sequence[Row]) -> Iterator[Refusal]:
    for row in rows:
        if "since" in row.values and row.get("until", row["since"]) < row["since"]:
            yield row.refusal(Reason("is before since", "早于加入日期"), "until")


def _parted_teams(rows: dict[str, list[Row]]) -> Iterator[Refusal]:
    """Teams are told as a whole, so their files are loaded together: a team without its members would lose them."""
    teams = {row["id"] for row in rows[TEAMS.name]}
    staffed = {row["team"] for row in rows[MEMBERS.name]}
    for row in (*rows[MEMBERS.name], *rows[AREAS.name]):
        if row["team"] not in teams:
            reason = Reason("has no row in a file of teams that is loaded with it", "在同时导入的团队表中没有该团队")
            yield row.refusal(reason, "team")
    for row in rows[TEAMS.name]:
        if row["id"] not in staffed:
            reason = Reason(
                "has no row in a file of members that is loaded with it", "在同时导入的团队成员表中没有成员"
            )
            yield row.refusal(reason, "id")


def _bundles(rows: dict[str, list[Row]], source: Source) -> Iterator[FileBundle]:
    yield from organisation_bundles(rows[ORGANISATIONS.name])
    yield from practitioner_bundles(rows[PRACTITIONERS.name])
    yield from team_bundles(rows[TEAMS.name], rows[MEMBERS.name], rows[AREAS.name])
    yield from agreement_bundles(rows[AGREEMENTS.name], source)
    yield from session_bundles(rows[SESSIONS.name])
    yield from discharge_bundles(rows[DISCHARGES.name], source)
    for kind in FORM_KINDS:
        yield from form_bundles(forms()[kind.name], kind, rows[kind.name], source)


def _invalid(one: FileBundle, checks: Checks) -> Iterator[Refusal]:
    """What FHIR has against a bundle though the columns had nothing: a fault of ours, told at the row it comes from."""
    try:
        checks.validate(one.body)
    except Refused as refused:
        row = one.rows[0]
        reason = Reason(
            f"makes no valid FHIR: {refused.refusal.message('en')}",
            f"无法写成有效的 FHIR：{refused.refusal.message('zh')}",
        )
        yield bad_file(row.file, Fault(reason), row.line)


def _in_order(faults: Iterable[Refusal], files: Sequence[NamedFile]) -> tuple[Refusal, ...]:
    """File by file as they were given, line by line."""
    places = {file.name: at for at, file in reversed(list(enumerate(files)))}

    def place(fault: Refusal) -> tuple[int, int]:
        file, _, rest = fault.where.partition(" [")[0].rpartition(":")
        return (places[file], int(rest)) if file in places and rest.isdigit() else (places.get(fault.where, 0), 0)

    return tuple(sorted(faults, key=place))
