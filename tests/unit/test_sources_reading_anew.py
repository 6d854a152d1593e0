"""The library of profiles: what is in force, whatever is written, dropped in, broken, mended or taken away."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hub.errors import Refused
from hub.message import Format
from hub.profiles import Known, Library, Places, Profile, Profiles, read_library
from hub.profiles.checking import faults_of, remarks_on
from tests.desk import is_charset, kinds
from tests.unit.test_sources_rows import base

PROFILE = """\
name = "{name}"
organisation = "{organisation}"
format = "hl7v2"
transports = ["mllp"]
identifiers = [
  {{ type = "BLH", kind = "inpatient-number", of_patient = true }},
  {{ type = "SFZ", kind = "citizen-id" }},
]

[hl7v2]
sending_application = "HIS"
sending_facility = "{facility}"
"""
BROKEN = "name = \n"


def write(site: Path, name: str, facility: str, organisation: str = "医院") -> Path:
    text = PROFILE.format(name=name, facility=facility, organisation=organisation)
    return write_text(site, name, text)


def write_text(site: Path, name: str, text: str) -> Path:
    """Written so that the change is seen, however fast the test is."""
    file = site / name / "source.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text, encoding="utf-8")
    later = max(file.stat().st_mtime_ns, before + 1_000)
    os.utime(file, ns=(later, later))
    return file


def places(*folders: Path) -> Places:
    known = Known(
        kinds=kinds(),
        is_charset=is_charset,
        is_version=lambda text: text == "2.4",
        is_sheet=lambda name: name == "sessions",
    )
    return Places(base=base(), folders=folders, home=Path("var"), known=known)


def in_force(library: Library) -> dict[str, str]:
    """The facility by which each source is known."""
    return {name: source.sending_facility for name, source in library.book.by_name.items()}


def refused(library: Library) -> list[str]:
    return [profile.name for profile in library.faults]


def test_one_broken_profile_keeps_no_other_from_loading(tmp_path: Path) -> None:
    write(tmp_path, "good-his", "GOOD")
    file = write_text(tmp_path, "bad-his", BROKEN)
    library = read_library(places(tmp_path))
    assert in_force(library) == {"good-his": "GOOD"}
    (fault,) = library.faults
    assert fault.refusal is not None
    assert (fault.name, fault.refusal.code, fault.refusal.where) == ("bad-his", "bad-profile", f"{file}:1")


def test_a_broken_edit_leaves_the_last_good_one_until_it_is_mended(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    library = read_library(places(tmp_path))
    write_text(tmp_path, "a-his", BROKEN)
    library = read_library(places(tmp_path), library)
    assert (in_force(library), refused(library)) == ({"a-his": "ONE"}, ["a-his"])
    library = read_library(places(tmp_path), library)
    assert (in_force(library), refused(library)) == ({"a-his": "ONE"}, ["a-his"]), "it stays, look by look"
    write(tmp_path, "a-his", "TWO")
    library = read_library(places(tmp_path), library)
    assert (in_force(library), refused(library)) == ({"a-his": "TWO"}, [])


def test_a_broken_table_beside_the_profile_leaves_the_last_good_tables(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    table = tmp_path / "a-his" / "codes" / "administrative-sex.csv"
    table.parent.mkdir()
    table.write_text("from,to,display\nX,other,其他\n", encoding="utf-8")
    library = read_library(places(tmp_path))
    table.write_text("from,to,display\nX,other,其他\nX,male,男\n", encoding="utf-8")
    library = read_library(places(tmp_path), library)
    assert library.profiles["a-his"].refusal is not None
    assert library.profiles["a-his"].refusal.where == f"{table}:3"
    code = library.mappings.v2["a-his"].tables["administrative-sex"].find("X")
    assert code is not None
    assert code.to == "other"


def test_what_has_not_changed_is_not_read_anew(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    write(tmp_path, "b-his", "TWO")
    before = read_library(places(tmp_path))
    write(tmp_path, "b-his", "THREE")
    after = read_library(places(tmp_path), before)
    assert after.mappings.v2["a-his"] is before.mappings.v2["a-his"]
    assert after.mappings.v2["b-his"].source.sending_facility == "THREE"
    assert before.mappings.v2["b-his"].source.sending_facility == "TWO", "who took the old one still has it whole"


def test_the_hubs_own_profile_stands_where_a_sites_of_that_name_is_broken(tmp_path: Path) -> None:
    write(tmp_path / "own", "a-his", "OWN")
    write_text(tmp_path / "site", "a-his", BROKEN)
    library = read_library(places(tmp_path / "own", tmp_path / "site"))
    assert (in_force(library), refused(library)) == ({"a-his": "OWN"}, ["a-his"])


def test_whoever_comes_to_claim_a_header_is_refused_and_comes_in_once_it_is_free(tmp_path: Path) -> None:
    write(tmp_path, "z-his", "ONE")
    library = read_library(places(tmp_path))
    file = write(tmp_path, "a-his", "ONE")
    library = read_library(places(tmp_path), library)
    assert in_force(library) == {"z-his": "ONE"}
    refusal = library.profiles["a-his"].refusal
    assert refusal is not None
    assert refusal.where == f"{file}:11"
    assert "z-his" in refusal.message()
    write(tmp_path, "z-his", "TWO")
    assert in_force(read_library(places(tmp_path), library)) == {"a-his": "ONE", "z-his": "TWO"}


def test_two_that_claim_one_header_from_the_start_are_both_refused(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    write(tmp_path, "b-his", "ONE")
    write(tmp_path, "c-his", "TWO")
    library = read_library(places(tmp_path))
    assert (in_force(library), refused(library)) == ({"c-his": "TWO"}, ["a-his", "b-his"])


def test_two_may_change_headers_in_one_step(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    write(tmp_path, "b-his", "TWO")
    library = read_library(places(tmp_path))
    write(tmp_path, "a-his", "TWO")
    write(tmp_path, "b-his", "ONE")
    assert in_force(read_library(places(tmp_path), library)) == {"a-his": "TWO", "b-his": "ONE"}


STEPS = st.lists(
    st.tuples(st.sampled_from(["a-his", "b-his", "c-his"]), st.sampled_from(["ONE", "TWO", "broken", "gone"])),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_whatever_is_written_no_two_share_a_header_and_no_good_one_is_lost(
    steps: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = tmp_path_factory.mktemp("site")
    library = read_library(places(site))
    for name, what in steps:
        before = in_force(library)
        if what == "gone":
            shutil.rmtree(site / name, ignore_errors=True)
        elif what == "broken":
            write_text(site, name, BROKEN)
        else:
            write(site, name, what)
        library = read_library(places(site), library)
        now = in_force(library)
        assert len(set(now.values())) == len(now)
        assert before.keys() - now.keys() <= {name}, "only what is taken away goes"
        assert what == "gone" or name in now or name not in before, "an edit never ends what was in force"
        wanted = {file.parent.name for file in site.glob("*/source.toml")}
        assert wanted == set(now) | set(refused(library))


def test_a_drop_folder_is_below_the_hubs_home(tmp_path: Path) -> None:
    text = PROFILE.format(name="a-his", facility="ONE", organisation="医院").replace('["mllp"]', '["mllp", "folder"]')
    write_text(tmp_path, "a-his", f'{text}[folder]\npath = "drop/a-his"\n')
    folder = read_library(places(tmp_path)).book.by_name["a-his"].folder
    assert folder is not None
    assert folder.path == str(Path("var").absolute() / "drop" / "a-his")


# -- the watch -------------------------------------------------------------------------------------------------------


async def test_a_change_is_taken_once_it_has_stood_still_for_a_look(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    profiles = Profiles(places(tmp_path))
    assert not await profiles.look()
    write(tmp_path, "a-his", "TWO")
    assert not await profiles.look()
    write(tmp_path, "a-his", "THREE")
    assert not await profiles.look(), "it has changed again"
    assert await profiles.look()
    assert in_force(profiles.now) == {"a-his": "THREE"}
    assert not await profiles.look()


async def test_what_is_made_of_a_library_is_made_once_for_each(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    profiles = Profiles(places(tmp_path))
    made = profiles.made(in_force)
    known_by = made.calling(lambda made, name: made[name])
    assert made() is made()
    write(tmp_path, "a-his", "TWO")
    await profiles.look(at_once=True)
    assert made() == {"a-his": "TWO"}
    assert known_by("a-his") == "TWO"


async def test_each_change_is_told_once_with_file_and_line_and_nothing_of_a_person(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    profiles = Profiles(places(tmp_path))
    with capture_logs() as logs:
        file = write_text(tmp_path, "a-his", BROKEN)
        for _ in range(4):
            await profiles.look()
        write(tmp_path, "a-his", "TWO")
        await profiles.look(at_once=True)
        shutil.rmtree(tmp_path / "a-his")
        await profiles.look(at_once=True)
    assert [one["event"] for one in logs] == ["profile-refused", "profile-loaded", "profile-removed"]
    assert (logs[0]["where"], logs[0]["in_force"]) == (f"{file}:1", "the last good one")


async def test_what_an_older_library_refuses_is_asked_again_of_a_newer_one(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    profiles = Profiles(places(tmp_path))
    asked: list[Library] = []

    def sender() -> str:
        asked.append(profiles.now)
        return profiles.now.book.find_sender("HIS", "TWO").name

    with pytest.raises(Refused):
        profiles.retried(sender)
    assert len(asked) == 1, "nothing has changed: nothing to ask again"
    write(tmp_path, "b-his", "TWO")
    assert profiles.retried(sender) == "b-his"
    assert len(asked) == 3


async def test_it_looks_by_itself_and_at_once_when_it_is_told_to(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    profiles = Profiles(places(tmp_path), look_seconds=0.02)
    profiles.start()
    try:
        write(tmp_path, "a-his", "TWO")
        await until(lambda: in_force(profiles.now) == {"a-his": "TWO"})
        assert profiles.is_alive
    finally:
        await profiles.stop()
    slow = Profiles(places(tmp_path), look_seconds=3600)
    slow.start()
    try:
        await asyncio.sleep(0)
        write(tmp_path, "a-his", "THREE")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: in_force(slow.now) == {"a-his": "THREE"})
    finally:
        await slow.stop()
    assert not slow.is_alive


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


# -- what check says -------------------------------------------------------------------------------------------------


def said(profile: Profile, *folders: Path) -> list[str]:
    return [remark.en for remark in remarks_on(profile, places(*folders))]


def test_all_faults_of_a_file_are_named_and_those_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path, "a-his", 'name = "b"\nformat = "hl7v3"\n')
    write(tmp_path, "b-his", "ONE")
    (tmp_path / "b-his" / "hl7v2").mkdir()
    (tmp_path / "b-his" / "hl7v2" / "pid-patient.toml").write_text("rows = 1", encoding="utf-8")
    found = read_library(places(tmp_path)).profiles
    assert len(faults_of(found["a-his"], places(tmp_path).known)) > 2
    (beside,) = faults_of(found["b-his"], places(tmp_path).known)
    assert beside.code == "bad-mapping"


def test_a_sound_and_ordinary_profile_gets_no_remark(tmp_path: Path) -> None:
    write(tmp_path, "a-his", "ONE")
    assert said(read_library(places(tmp_path)).profiles["a-his"], tmp_path) == []


def test_what_is_sound_and_odd_is_remarked(tmp_path: Path) -> None:
    text = PROFILE.format(name="a-his", facility="ONE", organisation="医院")
    text = text.replace(", of_patient = true", "").replace('  { type = "SFZ", kind = "citizen-id" },\n', "")
    text = text.replace("\n[hl7v2]", 'kinds = ["ADT^A01", "ADT^Z99"]\n[hl7v2]')
    write_text(tmp_path, "a-his", f'{text}[outbound]\nhost = "h"\nport = 1\ntls = true\nca = "no.pem"\n')
    for name, content in {
        "codes/mine.csv": "from,to\nA,B\n",
        "hl7v2/zzz-note.toml": 'segment = "ZZZ"\nresource = "Observation"\nrows = []\n',
        "code/administrative-sex.csv": "from,to\nA,B\n",
        "us.pem": "",
    }.items():
        file = tmp_path / "a-his" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
    remarks = said(read_library(places(tmp_path)).profiles["a-his"], tmp_path)
    assert [remark.split(":")[0] for remark in remarks] == [
        "no identifier is of_patient",
        "no citizen-id or other strong number",
        "ADT^Z99 is mapped by nobody, and refused",
        f"there is no file {tmp_path}/a-his/no.pem",
        "it is not read",
        "no row reads this table",
        "no message type is read by it",
    ]


def test_views_that_cannot_be_read_here_are_remarked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PROFILE.format(name="a-his", facility="ONE", organisation="医院")
    text = text.replace('["mllp"]', '["mllp", "view"]\nalso = ["fhir"]')
    view = '[[views]]\nname = "v1"\nurl_from = "A_HIS_URL"\ntable = "t"\nwatermark = "w"\nsheet = "{sheet}"\n'
    write_text(tmp_path, "a-his", text + view.format(sheet="beds"))
    profile = read_library(places(tmp_path)).profiles["a-his"]
    assert profile.in_force is not None
    assert profile.in_force.source.also == {Format.FHIR}
    monkeypatch.delenv("A_HIS_URL", raising=False)
    assert said(profile, tmp_path) == ["the environment has no A_HIS_URL here", "no kind of file is called beds"]
    monkeypatch.setenv("A_HIS_URL", "sqlite://")
    assert said(profile, tmp_path) == ["no kind of file is called beds"]
