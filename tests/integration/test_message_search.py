"""Finding messages: every condition alone and together finds what a plain look at all of them finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.ids import first_id_at
from hub.message import Fate
from hub.store import search
from hub.store.search import Wanted, count_matching, find_figures, find_page, find_words, list_ids
from hub.tables import body, control, fate, message

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
WORDS = ("头孢过敏", "青霉素", "GLU")
COUNT = 400


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was put into the database."""

    id: UUID
    source: str
    kind: str
    fate: str
    code: str
    control_id: str
    numbers: tuple[str, ...]
    names: tuple[str, ...]
    words: str
    at: datetime


def said(number: int, random: Random) -> Said:
    at = BEGAN + timedelta(seconds=number * 10)
    ended = random.choice(["merged", "merged", "parked", "kept"])
    return Said(
        id=UUID(int=first_id_at(at).int | random.getrandbits(60)),
        source=random.choice(["a", "b", ""]),
        kind=random.choice(["ADT^A01", "ORU^R01"]),
        fate=ended,
        code=random.choice(["wrong-charset", "no-patient"]) if ended == "parked" else "",
        control_id=f"C{number // 2}",
        numbers=tuple(random.sample(["P1", "P2", "P10", "Z"], random.randint(0, 2))),
        names=tuple(random.sample(["张伟", "张伟伟", "欧阳"], random.randint(0, 1))),
        words=random.choice(WORDS),
        at=at,
    )


@pytest.fixture
async def filled(engine: AsyncEngine) -> Sequence[Said]:
    """Messages, the newest first."""
    random = Random(20260101)
    all_ = [said(number, random) for number in range(COUNT)]
    came = {"transport": "mllp", "format": "hl7v2", "size": 3}
    async with engine.begin() as connection:
        await connection.execute(
            insert(message),
            [
                {**came, "id": one.id, "source": one.source, "kind": one.kind, "control_id": one.control_id}
                | {"numbers": list(one.numbers), "names": list(one.names), "received_at": one.at}
                for one in all_
            ],
        )
        await connection.execute(
            insert(fate),
            [
                {"message_id": one.id, "fate": one.fate, "refusal": _refusal(one.code), "changed_at": one.at}
                for one in all_
            ],
        )
        codecs = ("utf-8", "gb18030")
        await connection.execute(
            insert(body),
            [
                {"message_id": one.id, "source": one.source, "raw": one.words.encode(codecs[n % 2])}
                for n, one in enumerate(all_)
            ],
        )
    return all_[::-1]


def _refusal(code: str) -> dict[str, Any] | None:
    return {"code": code, "where": "MSH", "given": {}} if code else None


def fits(one: Said, wanted: Wanted) -> bool:
    """What `Wanted` says, in plain words."""
    return (
        (wanted.source is None or one.source == wanted.source)
        and (wanted.since is None or one.at >= wanted.since)
        and (wanted.until is None or one.at < wanted.until)
        and (wanted.fate is None or one.fate == wanted.fate)
        and wanted.kind in ("", one.kind)
        and wanted.control_id in ("", one.control_id)
        and wanted.code in ("", one.code)
        and (not wanted.number or wanted.number in one.numbers)
        and (not wanted.name or wanted.name in one.names)
    )


WANTED = st.builds(
    Wanted,
    source=st.sampled_from([None, None, "a", "", "nobody"]),
    since=st.sampled_from([None, None, BEGAN + timedelta(seconds=1000)]),
    until=st.sampled_from([None, None, BEGAN + timedelta(seconds=3000)]),
    fate=st.sampled_from([None, *Fate]),
    kind=st.sampled_from(["", "ADT^A01", "ADT^A99"]),
    number=st.sampled_from(["", "", "P1", "P"]),
    name=st.sampled_from(["", "", "欧阳", "张伟", "张"]),
    control_id=st.sampled_from(["", "", "", "C7"]),
    code=st.sampled_from(["", "", "wrong-charset", "never"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=WANTED, most=st.sampled_from([1, 7, 1000]))
async def test_every_search_finds_what_a_look_at_all_finds(
    engine: AsyncEngine, filled: Sequence[Said], wanted: Wanted, most: int
) -> None:
    expected = [one.id for one in filled if fits(one, wanted)]
    async with engine.connect() as connection:
        found: list[UUID] = []
        after = None
        while True:
            page = await find_page(connection, wanted, most, after)
            found += [row["id"] for row in page.rows]
            if page.is_last or len(found) > 3 * most:
                break
            after = found[-1]
        assert found == expected[: len(found)]
        assert len(found) == len(expected) or not page.is_last
        assert await count_matching(connection, wanted) == len(expected)
        assert await list_ids(connection, wanted, 3) == expected[:3]


@pytest.mark.parametrize(("words", "wanted"), list(product(WORDS, (Wanted(), Wanted(source="a"), Wanted(since=BEGAN)))))
async def test_words_are_found_in_either_character_set(
    engine: AsyncEngine, filled: Sequence[Said], words: str, wanted: Wanted
) -> None:
    expected = [one.id for one in filled if fits(one, wanted) and one.words == words]
    async with engine.connect() as connection:
        page = await find_words(connection, wanted, words, 1000)
        assert [row["id"] for row in page.rows] == expected
        assert (page.is_last, page.looked) == (True, sum(fits(one, wanted) for one in filled))
        first = await find_words(connection, wanted, words, 3)
        second = await find_words(connection, wanted, words, 1000, first.rows[-1]["id"])
    assert [row["id"] for row in (*first.rows, *second.rows)] == expected
    assert not first.is_last


async def test_a_search_for_words_looks_as_far_as_its_bound_and_says_so(
    engine: AsyncEngine, filled: Sequence[Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BOUND", 25)
    monkeypatch.setattr(search, "_CHUNK", 10)
    async with engine.connect() as connection:
        page = await find_words(connection, Wanted(), "nothing holds this", 5)
        since = await find_words(connection, Wanted(since=BEGAN), "nothing holds this", 5)
    assert (page.looked, page.looked_until, list(page.rows)) == (25, filled[24].at, [])
    assert since.looked == COUNT


async def test_words_that_json_escapes_are_found(engine: AsyncEngine, filled: Sequence[Said]) -> None:
    key = filled[0].id
    async with engine.begin() as connection:
        later = UUID(int=key.int + 1)
        came = {"transport": "fhir", "format": "fhir", "kind": "Patient", "control_id": "", "size": 3, "source": "a"}
        await connection.execute(insert(message).values(id=later, **came))
        await connection.execute(insert(fate).values(message_id=later, fate="merged"))
        raw = b'{"text": "\\u5f20\\u4f1f"}'
        await connection.execute(insert(body).values(message_id=later, source="a", raw=raw))
        page = await find_words(connection, Wanted(), "张伟", 5)
    assert [row["id"] for row in page.rows] == [later]


async def test_figures_count_the_hour_the_queue_and_what_is_parked(engine: AsyncEngine, filled: Sequence[Said]) -> None:
    now = BEGAN + timedelta(hours=2)
    async with engine.connect() as connection:
        found = await find_figures(connection, ["a", "b", "nobody"], now)
    for name in ("a", "b"):
        own = [one for one in filled if one.source == name]
        hour = [one for one in own if one.at >= now - timedelta(hours=1)]
        figures = found[name]
        assert figures.last_hour == len(hour)
        assert figures.failed_last_hour == sum(one.fate == "parked" for one in hour)
        assert figures.queue == sum(one.fate == "kept" for one in own)
        assert figures.parked == sum(one.fate == "parked" for one in own)
        assert figures.last_at == own[0].at
        oldest = min(one.at for one in own if one.fate == "kept")
        assert figures.lag >= datetime.now(UTC) - oldest - timedelta(minutes=1)
    assert found["nobody"] == search.Figures()


async def test_repeats_stand_beside_the_message_that_they_repeat(engine: AsyncEngine, filled: Sequence[Said]) -> None:
    async with engine.begin() as connection:
        row = {"source": "a", "control_id": "C1", "digest": b"x", "message_id": filled[0].id, "repeats": 3}
        await connection.execute(insert(control), [row])
        page = await find_page(connection, Wanted(), 2)
    assert [one["repeats"] for one in page.rows] == [3, 0]


async def test_what_may_stand_in_a_search_is_never_sql(engine: AsyncEngine, filled: Sequence[Said]) -> None:
    evil = "'; drop table message; --"
    async with engine.connect() as connection:
        for wanted in (
            Wanted(source=evil),
            Wanted(kind=evil),
            Wanted(number=evil),
            Wanted(name=evil),
            Wanted(code=evil),
        ):
            assert not (await find_page(connection, wanted, 5)).rows
        assert await connection.scalar(text("select count(*) from message")) == COUNT
