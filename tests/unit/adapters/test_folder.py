"""A drop folder: a file is taken once it stands still, nothing is lost or doubled, and its fate lies beside it."""

import errno
import gzip
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.folder import drop as drop_module
from adapters.folder.drop import Drop
from adapters.folder.watching import FolderWatch, NotKept
from hub.errors import Refused
from hub.message import Arrival, DropFolder, Format, Kept, Transport
from tests.unit.adapters.drop_folder import SOURCE, Dropped, Inbox, Killed, door_of


def v2(number: int, name: str = "测试甲", control_id: str | None = None) -> bytes:
    given = f"A{number}" if control_id is None else control_id
    text = f"MSH|^~\\&|HIS|ZYY|||20260105||ADT^A01|{given}|P|2.4\rPID|1||{number}||{name}\r"
    return text.encode("gb18030")


def patient(number: int, **more: Any) -> bytes:
    numbers = [{"system": "urn:his:number", "value": str(number)}]
    return orjson.dumps({"resourceType": "Patient", "identifier": numbers, "name": [{"text": "测试甲"}], **more})


@pytest.fixture
def dropped(tmp_path: Path) -> Dropped:
    return Dropped(tmp_path / "drop")


async def test_a_file_is_taken_once_it_stood_still_for_two_looks(dropped: Dropped) -> None:
    dropped.put("a.hl7", v2(1))
    assert await dropped.look(1) == 0
    with (dropped.path / "a.hl7").open("ab") as file:
        file.write(v2(2))
    assert await dropped.look(1) == 0, "it was written to meanwhile"
    assert await dropped.look(1) == 1
    assert [arrival.control_id for arrival in dropped.inbox.arrivals] == ["A1", "A2"]
    assert {arrival.transport for arrival in dropped.inbox.arrivals} == {Transport.FOLDER}
    assert dropped.files("done") == ["a.hl7"]
    assert dropped.files("taking") == []
    assert dropped.files(".") == ["done", "failed", "taking"]


async def test_a_file_whose_sender_writes_on_after_it_was_put_away_is_taken_again_as_a_whole(dropped: Dropped) -> None:
    with (dropped.path / "a.hl7").open("wb") as file:
        file.write(v2(1))
        file.flush()
        assert await dropped.look(2) == 1
        assert dropped.files("done") == ["a.hl7"]
        file.write(v2(2))
        file.flush()
        assert await dropped.look(1) == 0
        assert dropped.files("done") == []
        file.write(v2(3))
    assert await dropped.look(2) == 1
    assert [arrival.control_id for arrival in dropped.inbox.arrivals] == ["A1", "A2", "A3"]
    assert dropped.files("done") == ["a.hl7"]
    assert await dropped.look(3) == 0


async def test_a_file_that_was_written_on_waits_for_the_one_of_its_name(dropped: Dropped) -> None:
    with (dropped.path / "a.hl7").open("wb") as file:
        file.write(v2(1))
        file.flush()
        assert await dropped.look(2) == 1
        file.write(v2(2))
    dropped.put("a.hl7", v2(3))
    assert await dropped.look(4) == 2
    assert sorted(arrival.control_id for arrival in dropped.inbox.arrivals) == ["A1", "A2", "A3"]
    (dropped.path / "done" / "a.hl7").unlink()
    assert await dropped.look(2) == 0


@pytest.mark.parametrize("suffix", [".tmp", ".part", ".TMP"])
async def test_an_unfinished_name_is_left_alone_and_taken_at_once_when_it_is_renamed(
    dropped: Dropped, suffix: str
) -> None:
    file = dropped.put(f"a.hl7{suffix}", v2(1))
    assert await dropped.look(3) == 0
    file.rename(dropped.path / "a.hl7")
    assert await dropped.look(1) == 1


async def test_hidden_files_folders_and_other_names_than_the_pattern_are_left_alone(tmp_path: Path) -> None:
    dropped = Dropped(tmp_path / "drop")
    dropped.source = replace(SOURCE, folder=DropFolder(path="drop", pattern="*.hl7"))
    (dropped.path / "sub").mkdir()
    dropped.put("sub/a.hl7", v2(1))
    dropped.put(".a.hl7", v2(2))
    dropped.put("a.doc", v2(3))
    assert await dropped.look(3) == 0
    assert dropped.inbox.arrivals == []


async def test_the_report_says_what_became_of_each_message_and_no_name(dropped: Dropped) -> None:
    dropped.put("a.hl7", v2(1) + v2(2).replace(b"ADT^A01", b"ADT^A99") + v2(1))
    await dropped.look()
    report = dropped.report("a.hl7")
    assert (report["messages"], report["kept"], report["repeat"], report["refused"]) == (3, 1, 1, 1)
    refused = report["listed"][0]
    assert (refused["where"], refused["became"], refused["code"]) == ("#2 (line 3)", "refused", "unknown-message-type")
    assert refused["message"], "what is refused is kept and parked"
    assert all(refused[name] for name in ("zh", "en", "nextZh", "nextEn"))
    text = (dropped.path / "done" / "a.hl7.report.txt").read_text("utf-8")
    assert "共 3 条消息：已保存 1，重复 1，被拒绝 1" in text
    assert "3 messages: 1 kept, 1 repeats, 1 refused" in text
    assert "测试甲" not in text + orjson.dumps(report).decode()


async def test_a_file_with_nothing_good_in_it_fails_and_is_kept_all_the_same(dropped: Dropped) -> None:
    dropped.put("a.hl7", b"MSH|^~\\&|HIS|ZYY|||20260105||ADT^A01||P|2.4\r")
    await dropped.look()
    assert dropped.files("failed") == ["a.hl7"]
    [arrival] = dropped.inbox.arrivals
    assert arrival.refusal is not None
    assert arrival.refusal.where == "MSH-10"
    dropped.put("a.hl7", arrival.raw)
    await dropped.look()
    assert len(dropped.inbox.arrivals) == 1, "the same rubbish again says nothing new"
    assert len(dropped.files("failed")) == 2, "no file is overwritten"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.hl7", b"\r\n", "file-empty"),
        ("broken.hl7.gz", gzip.compress(v2(1), mtime=0)[:-5], "file-not-unpackable"),
        ("large.hl7", b"MSH|" + b"x" * (1 << 20), "file-too-large"),
        ("bomb.hl7.gz", gzip.compress(bytes(2 << 20), mtime=0), "file-too-large"),
    ],
)
async def test_what_cannot_be_read_at_all_fails_with_its_reason(
    dropped: Dropped, name: str, content: bytes, code: str
) -> None:
    dropped.put(name, content)
    dropped.put("good.hl7", v2(1))
    await dropped.look()
    assert [fault["code"] for fault in dropped.report(name, "failed")["faults"]] == [code]
    assert dropped.files("done") == ["good.hl7"], "and holds up nobody"


async def test_no_link_and_no_pipe_is_followed(dropped: Dropped, tmp_path: Path) -> None:
    secret = tmp_path / "secret.hl7"
    secret.write_bytes(v2(1))
    (dropped.path / "link.hl7").symlink_to(secret)
    os.mkfifo(dropped.path / "pipe.hl7")
    await dropped.look()
    assert dropped.inbox.arrivals == []
    assert dropped.files("failed") == ["link.hl7", "pipe.hl7"]
    assert dropped.report("link.hl7", "failed")["faults"][0]["code"] == "file-not-regular"
    assert secret.exists()


async def test_a_done_that_leads_elsewhere_is_refused(dropped: Dropped, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (dropped.path / "done").symlink_to(tmp_path / "elsewhere")
    dropped.put("a.hl7", v2(1))
    with pytest.raises(Refused) as refused:
        await dropped.look()
    assert refused.value.refusal.code == "folder-not-usable"
    assert dropped.inbox.arrivals == []


async def test_what_a_source_does_not_speak_is_not_taken(tmp_path: Path) -> None:
    dropped = Dropped(tmp_path / "drop")
    dropped.source = replace(SOURCE, also=frozenset())
    dropped.put("a.json", patient(1))
    await dropped.look()
    assert dropped.report("a.json", "failed")["faults"][0]["code"] == "file-format-not-declared"


async def test_chinese_and_gbk_names_are_put_away_and_shown(dropped: Dropped) -> None:
    dropped.put("出院病人.hl7", v2(1))
    raw = os.fsencode(dropped.path) + b"/" + "出院二".encode("gbk") + b".hl7"
    Path(os.fsdecode(raw)).write_bytes(v2(2))
    long = "长" * 83 + ".hl7"
    dropped.put(long, v2(3))
    await dropped.look()
    assert len(dropped.inbox.arrivals) == 3
    assert dropped.report("出院病人.hl7")["file"] == "出院病人.hl7"
    done = [os.fsencode(file.name) for file in (dropped.path / "done").iterdir()]
    assert "出院二.hl7".encode("gbk") in done
    assert os.fsencode(long) in done
    shown = {
        orjson.loads((dropped.path / "done" / os.fsdecode(name)).read_bytes())["file"]
        for name in done
        if name.endswith(b".report.json")
    }
    assert shown == {"出院病人.hl7", "出院二.hl7", long}


async def test_a_packed_batch_a_capture_and_fhir_are_taken_side_by_side(dropped: Dropped) -> None:
    dropped.put("batch.hl7.gz", gzip.compress(b"BHS|^~\\&\r" + v2(1) + v2(2) + b"BTS|3\r", mtime=0))
    dropped.put("patients.ndjson", patient(1, id="p1") + b"\n{broken\n" + patient(2))
    await dropped.look()
    assert dropped.report("batch.hl7.gz")["faults"][0]["code"] == "batch-count-differs"
    fhir = [arrival for arrival in dropped.inbox.arrivals if arrival.format is Format.FHIR]
    assert [(one.kind, one.refusal is None) for one in fhir] == [
        ("PUT Patient", True),
        ("unreadable", False),
        ("Patient", True),
    ]
    assert fhir[0].lanes == ("his|fhir-id|p1", "his|local-number|1")
    assert dropped.report("patients.ndjson")["refused"] == 1


async def test_a_state_that_is_told_again_on_another_day_counts_again(dropped: Dropped) -> None:
    for content in (patient(1), patient(1, gender="male"), patient(1)):
        dropped.put("patients.json", content)
        await dropped.look()
    assert len(dropped.inbox.arrivals) == 3, "the third takes the second back"
    assert len(dropped.files("done")) == 3


async def test_sound_rows_are_taken_and_the_others_are_told_with_their_line(dropped: Dropped) -> None:
    good = "7,测试甲,V1,2026-06-01 08:00,2026-06-05 10:00"
    bad = "8,测试乙,V2,2026-06-05 08:00,2026-06-01 10:00"
    dropped.put("出院.csv", f"患者号,姓名,住院流水号,入院时间,出院时间\n{good}\n{bad}\n".encode("gb18030"))
    await dropped.look()
    report = dropped.report("出院.csv")
    assert (report["kept"], report["refused"], report["listed"][0]["code"]) == (1, 1, "bad-row")
    assert report["listed"][0]["where"] == "出院.csv:3"
    [arrival] = dropped.inbox.arrivals
    assert (arrival.numbers, arrival.names, arrival.lanes) == (("7",), ("测试甲",), ("his|local-number|7",))


async def test_nothing_is_lost_while_the_inbox_is_away(dropped: Dropped, capsys: pytest.CaptureFixture[str]) -> None:
    dropped.put("a.hl7", v2(1) + v2(2))
    dropped.inbox.is_away = True
    await dropped.look(1)
    for _ in range(3):
        with pytest.raises(NotKept) as fault:
            await dropped.look(1)
        assert "secret" not in str(fault.value)
    dropped.inbox.is_away = False
    assert await dropped.look(1) == 1
    assert len(dropped.inbox.arrivals) == 2
    assert "secret" not in capsys.readouterr().out


async def test_a_message_that_the_inbox_never_takes_holds_up_no_other_file(dropped: Dropped) -> None:
    keep = dropped.inbox.keep

    async def choosy(arrival: Arrival) -> Kept:
        if arrival.control_id == "A1":
            raise ValueError("never")
        return await keep(arrival)

    dropped.watch = FolderWatch(dropped.path, door_of(dropped.inbox, keep=choosy))
    dropped.put("a.hl7", v2(1))
    with pytest.raises(NotKept):
        await dropped.look()
    for number in (2, 3):
        dropped.put(f"{number}.hl7", v2(number))
    with pytest.raises(NotKept):
        await dropped.look(1)
    assert await dropped.look(1) == 2
    assert len(dropped.files("taking")) == 1, "it waits, and is not lost"


async def test_a_full_disk_loses_the_report_and_not_the_file(dropped: Dropped, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(drop_module, "_write", full)
    dropped.put("a.hl7", v2(1))
    assert await dropped.look() == 1
    assert dropped.files("done") == ["a.hl7"]
    assert len(dropped.inbox.arrivals) == 1


async def test_of_two_processes_at_one_folder_one_works_and_the_other_takes_over(tmp_path: Path) -> None:
    inbox = Inbox()
    one = Dropped(tmp_path / "drop", inbox)
    two = Dropped(tmp_path / "drop", inbox)
    one.put("a.hl7", v2(1))
    assert await one.look() == 1
    one.put("b.hl7", v2(2))
    assert await two.look(3) == 0
    await one.watch.close()
    assert await two.look() == 1
    assert len(inbox.arrivals) == 2


STEPS = ("mkdir", "rename", "rmdir", "fsync", "stat", "open", "unlink")


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 60), st.integers(1, 5), st.booleans())
async def test_a_kill_between_any_two_lines_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, at: int, messages: int, is_sheet: bool
) -> None:
    inbox = Inbox()
    dropped = Dropped(tmp_path_factory.mktemp("site") / "drop", inbox)
    if is_sheet:
        rows = [f"{number},测试甲,V{number},2026-06-0{number} 10:00" for number in range(1, messages + 1)]
        dropped.put("a.csv", "\n".join(["患者号,姓名,住院流水号,出院时间", *rows]).encode())
    else:
        dropped.put("a.hl7", b"".join(v2(number) for number in range(1, messages + 1)))
    await _look_until_killed(dropped, at)
    await dropped.watch.close()  # as the kernel does: the lock goes with the process
    after = Dropped(dropped.path, inbox)
    await after.look(3)
    assert len(inbox.arrivals) == messages
    [name] = after.files("done")
    assert name in ("a.csv", "a.hl7")
    assert after.files("taking") == []
    assert after.files("failed") == []
    await after.watch.close()


async def _look_until_killed(dropped: Dropped, at: int) -> None:
    """Two looks, of which the process does not survive its step `at` on disk or in the inbox."""
    left = at
    real = {name: getattr(os, name) for name in STEPS}
    keep = dropped.inbox.keep

    def counted(name: str) -> Any:
        def step(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return real[name](*given, **named)

        return step

    async def kept(arrival: Any) -> Any:
        nonlocal left
        found = await keep(arrival)
        left -= 1
        if left < 0:
            raise Killed
        return found

    dropped.watch = FolderWatch(dropped.path, door_of(dropped.inbox, keep=kept))
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counted(name))
        with suppress(Killed, NotKept):
            await dropped.look(2)


async def test_a_folder_that_another_one_replaces_is_noticed(dropped: Dropped) -> None:
    await dropped.look()
    dropped.path.rename(dropped.path.parent / "old")
    dropped.path.mkdir()
    with pytest.raises(Refused) as refused:
        await dropped.look(1)
    assert refused.value.refusal.code == "folder-not-usable"
    dropped.put("a.hl7", v2(1))
    assert await dropped.look() == 1


def test_a_missing_folder_is_made_only_where_it_is_the_hubs_own(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        Drop.open(tmp_path / "mount" / "drop")
    found = Drop.open(tmp_path / "own" / "drop", make=True)
    assert found is not None
    found.close()
