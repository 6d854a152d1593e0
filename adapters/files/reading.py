"""Files to bundles: all of them, or every fault of all of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.files.agreements import IsNumber, agreement_bundles, agreement_faults
from adapters.files.bundles import FileBundle
from adapters.files.columns import (
    AGREEMENTS,
    AREAS,
    FILE_KINDS,
    MEMBERS,
    ORGANISATIONS,
    PRACTITIONERS,
    SESSIONS,
    TEAMS,
    FileKind,
)
from adapters.files.directory import organisation_bundles, practitioner_bundles, team_bundles
from adapters.files.faults import Fault, Reason, bad_file
from adapters.files.sessions import session_bundles, session_faults
from adapters.files.sheet import NamedFile, Row, Sheet, read_sheet
from hub.errors import Refusal, Refused
from hub.message import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Checks:
    """What files are held against besides their columns: `is_number` knows persons' numbers, `validate` FHIR (it
    raises Refused)."""

    is_number: IsNumber
    validate: Callable[[bytes], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesRead:
    """What files hold. Where there is a fault there are no bundles: of a file with faults nothing is sent."""

    bundles: tuple[FileBundle, ...] = ()
    faults: tuple[Refusal, ...] = ()


def read_files(files: Sequence[NamedFile], source: Source, checks: Checks) -> FilesRead:
    """The bundles of files that one source sends together, in the order in which they are to be taken in."""
    sheets = [(file, read_sheet(file, source.time_zone)) for file in files]
    faults = [fault for file, sheet in sheets for fault in _sheet_faults(file, sheet, source)]
    rows = {kind.name: [row for _, sheet in sheets if sheet.kind is kind for row in sheet.rows] for kind in FILE_KINDS}
    faults += [fault for kind in FILE_KINDS for fault in _row_faults(kind, rows[kind.name], source, checks)]
    if not any(sheet.faults for _, sheet in sheets):  # else the missing row may be there, with a fault
        faults += _parted_teams(rows)
    if faults:
        return FilesRead(faults=_in_order(faults, files))
    bundles = tuple(_bundles(rows, source))
    invalid = [fault for one in bundles for fault in _invalid(one, checks)]
    return FilesRead(faults=_in_order(invalid, files)) if invalid else FilesRead(bundles=bundles)


def _sheet_faults(file: NamedFile, sheet: Sheet, source: Source) -> Iterator[Refusal]:
    if sheet.kind is not None and sheet.kind.tells not in source.tells:
        given = {"kind": sheet.kind.name, "tells": sheet.kind.tells.value}
        yield Refusal(code="may-not-tell", where=file.name, given=given)
    yield from sheet.faults


def _row_faults(kind: FileKind, rows: Sequence[Row], source: Source, checks: Checks) -> Iterator[Refusal]:
    if kind.key:
        yield from _doubles(kind, rows)
    if kind is MEMBERS:
        yield from _member_faults(rows)
    elif kind is AGREEMENTS:
        yield from agreement_faults(rows, source, checks.is_number)
    elif kind is SESSIONS:
        yield from session_faults(rows)


def _doubles(kind: FileKind, rows: Sequence[Row]) -> Iterator[Refusal]:
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        first = seen.setdefault(tuple(row[name] for name in kind.key), row)
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
