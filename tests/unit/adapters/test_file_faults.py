"""Every fault of a file is named at its file, line and column, and where there is one nothing is sent."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.columns import FILE_KINDS, SESSIONS
from adapters.files.reading import Checks, read_files
from adapters.files.sheet import NamedFile
from hub.errors import Language, refuse
from hub.message import Format, Source, Tells, Transport
from tests.unit.adapters.csv_files import (
    AGREEMENT,
    AREA,
    BEIJING,
    CHECKS,
    HOUSEHOLD,
    MEMBER,
    ORGANISATION,
    SAMPLES,
    SECOND,
    SESSION,
    SOURCE,
    TEAM,
    faults_of,
    read,
    written,
)

WRONG_CELLS = [
    ("organisations", {"id": ""}, "id", "is empty"),
    ("organisations", {"id": "人民"}, "id", "is no code"),
    ("organisations", {"kind": "shop"}, "kind", "not one of hospital"),
    ("organisations", {"level": "4"}, "level", "not one of 1, 2, 3"),
    ("organisations", {"credit_code": "12371099499000017"}, "credit_code", "GB 32100"),
    ("organisations", {"name": "人" * 201}, "name", "longer than 200"),
    ("organisations", {"name": "人民\n医院"}, "name", "line break"),
    ("practitioners", {"role": "leader"}, "role", "not one of family-doctor"),
    ("agreements", {"identifier": "371099195603120158"}, "identifier", "check digit"),
    ("agreements", {"identifier_kind": "visit-card"}, "identifier_kind", "none of those"),
    ("agreements", {"birth_date": "1956-02-30"}, "birth_date", "does not exist"),
    ("agreements", {"birth_date": "12/03/56"}, "birth_date", "is no day"),
    ("agreements", {"birth_date": "1756-03-12"}, "birth_date", "before 1900"),
    ("agreements", {"ends_on": "2025-12-31"}, "ends_on", "before begins_on"),
    ("agreements", {"client": "H-1"}, "client", "household"),
    ("agreements", {"client_kind": "household"}, "client", "household"),
    ("agreements", {"combination": "renmin;县 医院"}, "combination", "is no code"),
    ("agreements", {"number": "A 1"}, "number", "is no number"),
    ("sessions", {"starts_at": "2026-03-02"}, "starts_at", "is no time"),
    ("sessions", {"starts_at": "2026-03-02 25:00"}, "starts_at", "time that does not exist"),
    ("sessions", {"ends_at": "2026-03-02 08:00"}, "ends_at", "not after"),
    ("sessions", {"slots": "0"}, "slots", "from 1 to 500"),
    ("sessions", {"slots": "９"}, "slots", "whole number"),
    ("sessions", {"slots": "400", "ends_at": "2026-03-02 08:05"}, "slots", "seconds"),
    ("sessions", {"reserved": "8"}, "reserved", "more than slots"),
    ("sessions", {"public_from": "2026-03-02 09:00"}, "public_from", "after starts_at"),
    ("sessions", {"team_from": "2026-02-24 08:30"}, "team_from", "teams come first"),
    ("sessions", {"release_at": "2026-03-02 08:01"}, "release_at", "after starts_at"),
    ("sessions", {"active": "maybe"}, "active", "neither yes nor no"),
]


@pytest.mark.parametrize(("kind", "change", "column", "said"), WRONG_CELLS)
def test_a_wrong_cell_is_named_with_file_line_and_column(
    kind: str, change: dict[str, str], column: str, said: str
) -> None:
    found = faults_of(SOURCE, **{kind: written(SAMPLES[kind][0] | change)})
    assert [where for where, _ in found] == [f"{kind}.csv:2 [{column}]"]
    assert said in found[0][1]


@pytest.mark.parametrize(("kind", "change", "column", "said"), WRONG_CELLS)
def test_a_fault_repeats_nothing_that_a_cell_holds(kind: str, change: dict[str, str], column: str, said: str) -> None:
    row = SAMPLES[kind][0] | change
    for fault in read(SOURCE, **{kind: written(row)}).faults:
        for language in get_args(Language):
            told = fault.message(language)
            assert not [cell for cell in (row.get("name"), row.get("identifier")) if cell and cell in told]
            assert fault.next_step(language)


def test_all_faults_of_all_files_are_named_at_once_in_their_order() -> None:
    sessions = written(SESSION | {"kind": "x", "slots": "y"}, SESSION, SESSION)
    found = faults_of(sessions=sessions, areas=written(AREA | {"code": ""}), odd="a,b\r\n1,2\r\n")
    assert [where for where, _ in found] == [
        "sessions.csv:2 [kind]",
        "sessions.csv:2 [slots]",
        "sessions.csv:4 [number]",
        "areas.csv:2 [code]",
        "odd.csv:1",
    ]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    rows = [ORGANISATION | {"name": "两\n行"}, ORGANISATION | {"id": "b", "level": "9"}]
    assert [where for where, _ in faults_of(organisations=written(*rows))] == [
        "organisations.csv:2 [name]",
        "organisations.csv:4 [level]",
    ]


@pytest.mark.parametrize(
    ("raw", "where", "said"),
    [
        (b"", "f.csv:1", "header"),
        (b"hello\r\n", "f.csv:1", "none of these"),
        (written(SESSION).splitlines()[0].encode(), "f.csv:1", "no row"),
        ("\ufeff".encode("utf-16-le") + "number".encode("utf-16-le"), "f.csv:1", "UTF-16"),
        (written(SESSION).encode("gb18030") + b"\xff\xff", "f.csv:3", "neither UTF-8 nor GB 18030"),
        (written(SESSION).encode() + b'"S-2', "f.csv:3", "quote"),
        (written(SESSION).encode() + b"S-2,expert\r\n", "f.csv:3", "2 cells where the header has 17"),
        (written(SESSION).replace("speciality", "skill").encode(), "f.csv:1", "column 6"),
        (written(SESSION).replace("reason", "科室").encode(), "f.csv:1 [department]", "twice"),
        (written(SESSION).replace(",department", ",部门").encode(), "f.csv:1", "column 3"),
    ],
)
def test_a_file_that_is_none_is_refused_where_it_begins_to_be_none(raw: bytes, where: str, said: str) -> None:
    found = faults_of(f=raw)
    assert found[0][0] == where
    assert said in found[0][1]


def test_a_missing_column_is_named() -> None:
    row = {name: cell for name, cell in SESSION.items() if name not in ("number", "slots")}
    assert faults_of(sessions=written(row)) == [
        ("sessions.csv:1 [number]", "is missing from the header of sessions"),
        ("sessions.csv:1 [slots]", "is missing from the header of sessions"),
    ]


@pytest.mark.parametrize("name", [kind.name for kind in FILE_KINDS])
def test_a_source_tells_only_what_it_has_a_say_in(name: str) -> None:
    dumb = Source(
        name="others-only",
        organisation="x",
        format=Format.FHIR,
        transports=frozenset({Transport.FILE}),
        time_zone=BEIJING,
        identifiers=SOURCE.identifiers,
        tells=frozenset(Tells) - {next(kind.tells for kind in FILE_KINDS if kind.name == name)},
    )
    found = faults_of(dumb, **{name: written(*SAMPLES[name])})
    assert (f"{name}.csv", "may-not-tell") in found


def test_rows_of_one_household_differ_in_the_person_only() -> None:
    found = faults_of(agreements=written(HOUSEHOLD, SECOND | {"ends_on": "2027-12-31"}, HOUSEHOLD))
    assert found == [
        ("agreements.csv:3 [ends_on]", "differs from line 2, which has the same number"),
        ("agreements.csv:4 [identifier]", "stands in this agreement twice"),
    ]


def test_two_residents_do_not_share_an_agreement() -> None:
    other = AGREEMENT | {"identifier": "371099195303120157"}
    ((where, said),) = faults_of(agreements=written(AGREEMENT, other))
    assert where == "agreements.csv:3 [number]"
    assert "line 2" in said


def test_what_has_one_row_has_no_second_in_another_file() -> None:
    found = faults_of(may=written(SESSION), june=written(SESSION))
    assert found == [("june.csv:2 [number]", "stands in may.csv:2 already")]


def test_a_team_is_not_loaded_without_what_belongs_to_it() -> None:
    assert faults_of(teams=written(TEAM), members=written(MEMBER | {"team": "t2"})) == [
        ("teams.csv:2 [id]", "has no row in a file of members that is loaded with it"),
        ("members.csv:2 [team]", "has no row in a file of teams that is loaded with it"),
    ]


def test_a_member_does_not_leave_before_joining() -> None:
    found = faults_of(teams=written(TEAM), members=written(MEMBER | {"until": "2024-12-31"}))
    assert found == [("members.csv:2 [until]", "is before since")]


def test_what_fhir_would_not_take_is_told_at_its_row() -> None:
    def refusing(_: bytes) -> None:
        raise refuse("invalid-resource", "Bundle.entry[0].resource.name", reason="is wrong")

    checks = Checks(is_number=CHECKS.is_number, validate=refusing)
    found = read_files([NamedFile(name="s.csv", raw=written(SESSION).encode())], SOURCE, checks)
    assert [fault.where for fault in found.faults] == ["s.csv:2"]
    assert not found.bundles


@given(st.binary(max_size=300))
def test_whatever_the_bytes_they_are_read_or_refused(raw: bytes) -> None:
    found = read_files([NamedFile(name="any.csv", raw=raw)], SOURCE, CHECKS)
    assert found.faults
    assert not found.bundles


@given(st.data())
def test_whatever_the_cells_they_are_read_or_refused(data: st.DataObject) -> None:
    cells = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(sorted(set(SESSION.values())))
    row = {column.name: data.draw(cells) for column in SESSIONS.columns}
    found = read_files([NamedFile(name="any.csv", raw=written(SESSION, row).encode())], SOURCE, CHECKS)
    assert bool(found.faults) != bool(found.bundles)
