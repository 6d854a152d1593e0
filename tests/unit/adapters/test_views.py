"""A view is read in the order of its watermark: each row once, none lost at the edge of a page, and no word of its URL
anywhere."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.files.columns import DISCHARGES, SESSIONS
from adapters.files.reading import Checks, FilesRead, read_each
from adapters.views.cells import Reached, ViewRow, cell_of, written
from adapters.views.database import ask
from adapters.views.polling import Lines, ViewDoor
from hub.errors import Refused
from hub.message import Arrival, Kept, Source, Tells, Transport, View
from tests.unit.adapters.drop_folder import SOURCE, Inbox, Killed

VIEW = View(
    name="discharges",
    url_from="HIS_URL",
    table="v_discharges",
    watermark="changed",
    sheet="discharges",
    columns=(("patient", "PBID"), ("住院流水号", "serial"), ("discharged_at", "out_time")),
    most=3,
)
BEIJING = timezone(timedelta(hours=8))


class Hospital:
    """A hospital's database in a file, its view, and how far it has been read."""

    def __init__(self, path: Path, **changes: Any) -> None:
        self.path, self.inbox = path, Inbox()
        self.view = replace(VIEW, **changes)
        self.watermarks: dict[tuple[str, str], str] = {}
        self.variables = {"HIS_URL": f"sqlite:///{path}"}
        self.run("create table v_discharges (PBID text, name text, serial text, out_time text, 性别 text, changed)")
        self.door = ViewDoor(
            read=self.read,
            keep_all=self.keep_all,
            load_watermark=self.load,
            save_watermark=self.save,
            environment=self.variables.get,
        )

    def run(self, statement: str, *rows: Sequence[Any]) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)

    def add(self, *rows: tuple[int, Any], name: str = "测试甲") -> None:
        """Rows by the number of their visit, and their watermark."""
        values = [(f"P{number}", name, f"V{number}", "2026-06-19 09:30:00.000", "1", mark) for number, mark in rows]
        self.run("insert into v_discharges values (?,?,?,?,?,?)", *values)

    async def read(
        self, name: str, kind: str, columns: tuple[str, ...], lines: Lines, source: Source
    ) -> Sequence[FilesRead]:
        return read_each(name, kind, columns, lines, source, Checks(is_number=lambda *_: True, validate=lambda _: None))

    async def keep_all(self, arrivals: Sequence[Arrival]) -> Sequence[Kept]:
        return [await self.inbox.keep(arrival) for arrival in arrivals]

    async def load(self, source: str, view: str) -> str | None:
        return self.watermarks.get((source, view))

    async def save(self, source: str, view: str, value: str) -> None:
        self.watermarks[source, view] = value

    async def poll(self, times: int = 1) -> int:
        """Rows of so many polls."""
        return sum([(await self.door.poll(SOURCE, self.view)).rows for _ in range(times)])

    @property
    def visits(self) -> list[str]:
        """The visits that were kept, each as often as it was."""
        bundles = [orjson.loads(arrival.raw) for arrival in self.inbox.arrivals]
        encounters = [entry["resource"] for bundle in bundles for entry in bundle.get("entry", ())]
        found = [one["identifier"][0]["value"] for one in encounters if one["resourceType"] == "Encounter"]
        return sorted(found, key=lambda visit: int(visit[1:]))


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path / "his.db")


async def code_of(hospital: Hospital) -> str:
    with pytest.raises(Refused) as refused:
        await hospital.poll()
    told = str(refused.value.refusal) + refused.value.refusal.message("zh") + refused.value.refusal.next_step("zh")
    assert "secret" not in told
    assert str(hospital.path) not in told
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    return refused.value.refusal.code


async def test_each_row_becomes_one_message_with_its_patient(hospital: Hospital) -> None:
    hospital.add((1, "2026-06-19 10:00:00"))
    assert await hospital.poll() == 1
    [arrival] = hospital.inbox.arrivals
    assert (arrival.transport, arrival.kind, arrival.lanes) == (Transport.VIEW, "transaction", ("his|local-number|P1",))
    patient, encounter = (entry["resource"] for entry in orjson.loads(arrival.raw)["entry"])
    assert (patient["gender"], patient["name"]) == ("male", [{"text": "测试甲"}])
    assert encounter["period"] == {"end": "2026-06-19T09:30:00+08:00"}


async def test_what_was_read_is_not_read_again_and_what_is_new_is(hospital: Hospital) -> None:
    hospital.add((1, 10), (2, 20))
    assert await hospital.poll() == 2
    assert await hospital.poll() == 0
    hospital.add((3, 30))
    assert await hospital.poll() == 1
    assert hospital.visits == ["V1", "V2", "V3"]


async def test_a_row_that_was_committed_a_moment_later_with_the_same_time_is_found(hospital: Hospital) -> None:
    hospital.add((1, 10), (2, 10))
    await hospital.poll()
    hospital.add((3, 10))
    assert await hospital.poll() == 1
    assert hospital.visits == ["V1", "V2", "V3"]


async def test_a_row_that_is_written_anew_is_told_again_also_when_it_goes_back(hospital: Hospital) -> None:
    for mark, name in ((10, "测试甲"), (20, "测试乙"), (30, "测试甲")):
        hospital.run("delete from v_discharges")
        hospital.add((1, mark), name=name)
        assert await hospital.poll() == 1
    assert [arrival.names for arrival in hospital.inbox.arrivals] == [("测试甲",), ("测试乙",), ("测试甲",)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 6), max_size=12), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(0, 30),
)
async def test_every_row_is_kept_once_whatever_shares_a_watermark_and_whenever_it_ends(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], most: int, dies_after: int
) -> None:
    hospital = Hospital(tmp_path_factory.mktemp("his") / "his.db", most=most)
    number, base = 0, 0
    for marks in batches:
        rows = [(number + at, base + mark) for at, mark in enumerate(marks)]
        number += len(rows)
        base += max(marks, default=0)
        if rows:
            hospital.add(*rows)
        hospital.inbox.dies_after = dies_after
        with suppress(Killed):  # the process ends between keeping and noting
            await hospital.poll(2)
        hospital.inbox.dies_after = None
    while (await hospital.door.poll(SOURCE, hospital.view)).rows:
        pass
    assert hospital.visits == [f"V{one}" for one in range(number)]


async def test_a_poll_is_bounded_and_says_that_there_is_more(hospital: Hospital) -> None:
    hospital.add(*((number, number) for number in range(1, 101)))
    polled = await hospital.door.poll(SOURCE, hospital.view)
    assert (polled.rows, polled.is_more) == (60, True)
    polled = await hospital.door.poll(SOURCE, hospital.view)
    assert (polled.rows, polled.is_more) == (40, False)


async def test_a_row_that_cannot_be_read_is_parked_and_the_others_go_on(hospital: Hospital) -> None:
    hospital.add((1, 10), (2, 20), (3, 30))
    hospital.run("update v_discharges set out_time = '昨天' where serial = 'V2'")
    polled = await hospital.door.poll(SOURCE, hospital.view)
    assert (polled.rows, polled.refused) == (3, 1)
    [parked] = [arrival for arrival in hospital.inbox.arrivals if arrival.refusal]
    assert parked.refusal is not None
    assert (parked.refusal.code, parked.refusal.where) == ("bad-row", "discharges:2 [discharged_at]")
    assert "昨天" not in str(parked.refusal)
    assert orjson.loads(parked.raw)["row"]["out_time"] == "昨天"
    assert await hospital.poll() == 0


async def test_rows_without_a_watermark_wait_for_one(hospital: Hospital) -> None:
    hospital.add((1, None), (2, 20))
    await hospital.poll()
    assert hospital.visits == ["V2"]


async def test_what_is_wrong_is_refused_before_anything_is_read(hospital: Hospital, tmp_path: Path) -> None:
    hospital.add((1, 10))
    for changes, code in (
        ({"watermark": "other"}, "view-column-missing"),
        ({"columns": VIEW.columns[1:]}, "view-column-missing"),
        ({"columns": (*VIEW.columns, ("phone", "tel"))}, "view-column-missing"),
        ({"columns": (*VIEW.columns, ("colour", "name"))}, "view-column-unknown"),
        ({"sheet": "agreements"}, "view-sheet"),
        ({"table": "nowhere"}, "view-away"),
    ):
        hospital.view = replace(VIEW, **changes)
        assert await code_of(hospital) == code, changes
    hospital.view = VIEW
    for url, code in (
        (None, "view-url-missing"),
        ("not a url secret", "view-url-bad"),
        ("nosuch://u:secret@h/d", "view-driver-missing"),
        ("oracle+oracledb://u:secret@h/d", "view-driver-missing"),
        ("postgresql://u:secret@127.0.0.1:1/d", "view-away"),
        (f"sqlite:///{tmp_path}/secret/none.db", "view-away"),
    ):
        hospital.variables["HIS_URL"] = url  # type: ignore[assignment]
        assert await code_of(hospital) == code, url
    assert hospital.inbox.arrivals == []
    assert hospital.watermarks == {}


async def test_a_source_without_a_say_in_it_is_refused(hospital: Hospital) -> None:
    with pytest.raises(Refused) as refused:
        await hospital.door.poll(replace(SOURCE, tells=frozenset({Tells.SESSIONS})), hospital.view)
    assert refused.value.refusal.code == "may-not-tell"


async def test_a_watermark_that_is_none_of_ours_is_refused(hospital: Hospital) -> None:
    hospital.watermarks["his", "discharges"] = "2026-01-01"
    assert await code_of(hospital) == "view-watermark-unreadable"


async def test_a_database_that_does_not_answer_is_given_up_and_holds_nobody(hospital: Hospital) -> None:
    released = threading.Event()
    try:
        with pytest.raises(Refused) as refused:
            await ask(hospital.variables["HIS_URL"], VIEW, lambda _: released.wait(30), 0.2)
        assert refused.value.refusal.code == "view-slow"
    finally:
        released.set()
    await asyncio.sleep(0)


MARKS = st.one_of(
    st.integers(),
    st.text(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.binary(max_size=8),
)


@given(MARKS)
def test_a_watermark_is_the_same_value_after_it_was_stored(mark: Any) -> None:
    reached = Reached.of([ViewRow(cells=("a",), watermark=mark)], 10)
    again = Reached.read(reached.text(), "v")
    assert again == reached
    assert type(again.watermark) is type(mark)


def test_a_watermark_without_an_order_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        written(True)
    assert refused.value.refusal.code == "view-watermark-type"


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("birth_date", datetime(1956, 3, 12), "1956-03-12"),  # noqa: DTZ001 - a DATE has no zone
        ("birth_date", "1956-03-12 00:00:00", "1956-03-12"),
        ("birth_date", datetime(1956, 3, 11, 16, tzinfo=UTC), "1956-03-12"),
        ("discharged_at", datetime(2026, 6, 19, 9, 30, 5, 123), "2026-06-19T09:30:05"),  # noqa: DTZ001
        ("discharged_at", "2026-06-19 09:30:05.123", "2026-06-19 09:30:05"),
        ("discharged_at", date(2026, 6, 19), "2026-06-19"),
        ("patient", Decimal("42.00"), "42"),
        ("patient", 42.0, "42"),
        ("patient", Decimal("4.5"), "4.5"),
        ("diagnosis", " 脑梗死\r\n后遗症 ", "脑梗死 后遗症"),
        ("diagnosis", None, ""),
    ],
)
def test_a_value_of_a_database_is_written_as_a_cell(column: str, value: Any, text: str) -> None:
    assert cell_of(DISCHARGES.named()[column], value, BEIJING) == text


def test_a_flag_of_a_database_is_a_yes_or_a_no() -> None:
    assert cell_of(SESSIONS.named()["active"], True, BEIJING) == "true"
