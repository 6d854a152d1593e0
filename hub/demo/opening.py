"""The first part of the demo: who serves whom, a year of messages, and the record that doctors read of it.

The county speaks through its own senders (``fixtures/``), which share no code with the hub; what is told of the record
is asked over GraphQL, as a front end would. This part is the same each time, so a second run changes nothing.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Column, Table

from fixtures.county import Sending, faults, profiles, sources_folder, story
from fixtures.county.directory import SIGNING, directory_files
from fixtures.senders import send_fhir, send_ingest, send_mllp
from hub.access import Role
from hub.app import Part, Running, interrupted, running, set_up_logs
from hub.commands.load import load_arrivals
from hub.demo.asking import FrontEnd
from hub.demo.cast import base_of, desk, front_ends, members, sender, token_of
from hub.demo.documents import RESIDENTS, SAMPLE
from hub.demo.shown import tell_question
from hub.demo.today import tell_today
from hub.errors import refuse
from hub.message import Fate, Transport
from hub.settings import Settings
from hub.site import Database, open_database
from hub.store import inbox, messages
from hub.store.database import open_engine
from hub.wiring import read_named_files

REGION = "weihai-2023"
"""Whose rules the fictional county follows, with what its own bureau has set over them."""
OWN = "hub"
"""The hub's own source: what teams measured."""
_PATIENCE = 120.0
"""Seconds that all messages may take to be merged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One sending of the story and what the hub answered: an MSA-1 code or an HTTP status."""

    sending: Sending
    answer: str
    said: str = ""


def run(settings: Settings, *, once: bool) -> int:
    """The demo; the exit status: 0 where every message was answered as it should be and ended where it should.

    Without a database of the site's own it lives under ``HUB_HOME/demo``, apart from real data.
    """
    county = Path(str(sources_folder())).parent
    changes: dict[str, Any] = {"home": settings.home / "demo", "config_dir": county, "region": REGION}
    if once:  # beside a hub that is serving
        changes |= {"http_port": 0, "mllp_port": 0}
    settings = settings.model_copy(update=changes)
    set_up_logs("error")
    with open_database(settings) as database:
        database.migrate()
        try:
            return asyncio.run(_tell(settings, database, once=once))
        except (asyncio.CancelledError, KeyboardInterrupt):
            return 130  # interrupted while it told its story


async def _tell(settings: Settings, database: Database, *, once: bool) -> int:
    console = Console(highlight=False)
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await _check_ours(database)
    async with running(settings, database, frozenset(Part)) as up:
        wrong = await _load_directory(console, settings, database)
        sent = [one async for one in _send_all(up, (*story(), *faults()))]
        await _merged(up)
        wrong += await _wrong(up, sent)
        _tell_what_came(console, sent)
        await _tell_the_record(console, up, settings.locale)
        _tell_refusals(console, sent)
        wrong += await tell_today(console, up, settings.locale)
        _tell_addresses(console, up, settings)
        for line in wrong:
            console.print(f"[red]✗ {line}[/red]")
        console.print(_verdict(wrong, len(sent)))
        if once:
            return 1 if wrong else 0
        console.print("\nCtrl-C 结束 · Ctrl-C ends the demo")
        await interrupted()
    return 1 if wrong else 0


async def _check_ours(database: Database) -> None:
    """A database that holds other sources' messages is somebody's own: the fictional county stays out of it."""
    engine = open_engine(database.application, size=1)
    try:
        async with engine.connect() as connection:
            found = await messages.list_sources(connection)
    finally:
        await engine.dispose()
    county = {*profiles(), OWN, ""}
    if foreign := sorted(found - county):
        raise refuse("demo-on-real-data", "HUB_DATABASE_URL", sources=", ".join(foreign))


async def _load_directory(console: Console, settings: Settings, database: Database) -> list[str]:
    """The county's signing system hands over its CSV files, as `hub load` takes them; what was refused, a line each."""
    console.rule("谁为谁服务 · Who serves whom")
    files = directory_files(datetime.now(UTC))
    read, source = read_named_files(settings, SIGNING, files)
    arrivals = [one.arrival(source, Transport.FILE) for one in read.bundles]
    fates = await load_arrivals(database, arrivals, still_seconds=_PATIENCE)  # our worker is up, however busy it is
    table = Table("文件 file", "行 rows")
    for name, raw in files.items():
        table.add_row(name, str(raw.count(b"\n") - 1))
    console.print(table)
    console.print(f"hub load {' '.join(files)} --source {SIGNING}")
    wrong = [str(fault) for fault in read.faults]
    for bundle, fate in zip(read.bundles, fates, strict=True):
        if fate["fate"] != Fate.MERGED:
            wrong.append(f"{bundle.kind} {bundle.positions}: {fate['fate']} {inbox.refusal_from(fate['refusal'])}")
    return wrong


# -- sending ---------------------------------------------------------------------------------------------------------


async def _send_all(up: Running, sendings: Iterable[Sending]) -> Any:
    """Every sending in order; neighbours of one source share a connection, as a hospital's engine would do."""
    tokens = {source: token_of(up, sender(source)) for source in up.hub.sources.by_name}
    async with httpx.AsyncClient(timeout=60) as client:
        for (transport, source), together in groupby(sendings, key=lambda one: (one.transport, one.source)):
            run_ = list(together)
            if transport == "mllp":
                for one in await _over_mllp(up, run_):
                    yield one
                continue
            for sending in run_:
                yield await _over_http(up, sending, tokens[source], client)


async def _over_mllp(up: Running, sendings: Sequence[Sending]) -> list[Sent]:
    bodies = [sending.body for sending in sendings]
    acks = await send_mllp(up.hub.settings.bind, up.mllp_port, bodies)
    return [
        Sent(sending=sending, answer=ack.code, said=ack.text.replace("\\S\\", "^"))
        for sending, ack in zip(sendings, acks, strict=True)
    ]


async def _over_http(up: Running, sending: Sending, token: str, client: httpx.AsyncClient) -> Sent:
    base = base_of(up)
    if sending.transport == "fhir":
        answer = await send_fhir(base, sending.body, token, client=client)
    else:
        answer = await send_ingest(base, sending.source, sending.body, sending.content_type, token, client=client)
    return Sent(sending=sending, answer=str(answer.status), said=_issue(answer.body, up.hub.settings.locale))


def _issue(body: Any, language: str) -> str:
    """The first issue of an OperationOutcome, whose text is Chinese and English."""
    issues = body.get("issue", []) if isinstance(body, dict) else []
    chinese, _, english = str(issues[0].get("details", {}).get("text", "") if issues else "").partition(" / ")
    return english if language == "en" else chinese


async def _merged(up: Running) -> None:
    """Wait until nothing is left to merge. Raises TimeoutError where that takes too long."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with up.hub.engine.connect() as connection:
                if not await inbox.count_waiting(connection):
                    return
            await asyncio.sleep(0.05)


async def _wrong(up: Running, sent: Sequence[Sent]) -> list[str]:
    """Whatever did not go as the county expects, a line each."""
    async with up.hub.engine.connect() as connection:
        fates = await messages.fates_by_bytes(connection, [one.sending.body for one in sent])
    wrong = []
    for one in sent:
        sending = one.sending
        if one.answer != sending.answer:
            wrong.append(f"{sending.slug}: answered {one.answer}, expected {sending.answer}")
        ended = fates.get(sending.body, set())
        if ended != {Fate(sending.ends)}:
            found = ", ".join(sorted(ended)) or "nowhere"
            wrong.append(f"{sending.slug}: ended {found}, expected {sending.ends}")
    return wrong


# -- telling ---------------------------------------------------------------------------------------------------------


def _tell_what_came(console: Console, sent: Sequence[Sent]) -> None:
    console.rule("来了什么 · What came in")
    table = Table("来源 source", "通道 transport", "消息 messages", "应答 answers")
    key = _by_source
    for (source, transport), together in groupby(sorted(sent, key=key), key=key):
        ones = list(together)
        kinds = Counter(_kind(one.sending) for one in ones)
        answers = Counter(one.answer for one in ones)
        table.add_row(source or "?", transport, _counted(kinds), _counted(answers))
    console.print(table)


def _by_source(one: Sent) -> tuple[str, str]:
    return one.sending.source, one.sending.transport


def _kind(sending: Sending) -> str:
    if sending.transport == "fhir":
        return "FHIR"
    first = sending.body.replace(b"\n", b"\r").split(b"\r", 1)[0]
    fields = first.split(b"|")
    kind = fields[8].decode("ascii", "replace") if first.startswith(b"MSH") and len(fields) > 8 else "?"
    return "^".join(kind.split("^")[:2])


def _counted(counts: Counter[str]) -> str:
    return "  ".join(f"{name}×{number}" for name, number in sorted(counts.items()))


async def _tell_the_record(console: Console, up: Running, language: str) -> None:
    """What the doctors of all teams read: each of them their own residents."""
    doctors = front_ends(up, Role.FAMILY_DOCTOR)
    residents = {one["id"]: one for doctor in doctors for one in await _residents(doctor)}
    _tell_who(console, list(residents.values()), language)
    _tell_agreement(console, list(residents.values()))
    await _tell_sample(console, doctors, residents)


async def _residents(doctor: FrontEnd) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await doctor.ask(RESIDENTS, {"after": after}))["residents"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _tell_who(console: Console, residents: Sequence[dict[str, Any]], language: str) -> None:
    console.rule("认出了谁，凭什么 · Who was recognised, and why")
    reasons: dict[tuple[str, str], list[str]] = {}
    for resident in residents:
        for patient in resident["patients"]:
            why = (patient["grade"], patient["reason"][language])
            reasons.setdefault(why, []).append(f"{resident['name']}（{patient['source']}）")
    table = Table("等级 grade", Column("理由 reason", overflow="fold"), "患者 patients", "例 such as")
    for (grade, reason), people in sorted(reasons.items(), key=lambda item: -len(item[1])):
        table.add_row(grade.lower(), reason, str(len(people)), "、".join(people[:3]))
    console.print(table)
    several = sum(1 for resident in residents if len({p["source"] for p in resident["patients"]}) > 1)
    console.print(f"居民 residents: {len(residents)}；来自多个来源 known to several sources: {several}")


def _tell_agreement(console: Console, residents: Sequence[dict[str, Any]]) -> None:
    console.rule("一致与分歧 · Where the hospitals agree and disagree")
    agreed: Counter[str] = Counter()
    table = Table("居民 resident", "条目 entry", "采用 shown", "另一说法 said otherwise", "机构 organisation")
    for resident in residents:
        for conflict in resident["conflicts"]:
            shown = str(resident.get(conflict["element"]) or "")
            table.add_row(resident["name"], conflict["element"], shown, conflict["value"], conflict["organisation"])
        for kind, edges in resident["record"].items():
            for entry in (edge["node"] for edge in edges["edges"]):
                agreed[kind] += len({origin["organisation"] for origin in entry["origins"]}) > 1
                for conflict in entry["conflicts"]:
                    shown = str(entry.get(conflict["element"], ""))
                    what = f"{entry['display']} {conflict['element']}"
                    table.add_row(resident["name"], what, shown, conflict["value"], conflict["organisation"])
    console.print(f"多家机构共同支持的条目 entries that several organisations support: {_counted(agreed)}")
    console.print(table)


async def _tell_sample(console: Console, doctors: Sequence[FrontEnd], residents: Mapping[str, dict[str, Any]]) -> None:
    console.rule("医生的一次查询 · A doctor's query")
    fullest = max(
        residents.values(), key=lambda one: (len({p["source"] for p in one["patients"]}), len(one["conflicts"]))
    )
    for doctor in doctors:
        if any(one["id"] == fullest["id"] for one in await _residents(doctor)):
            tell_question(console, SAMPLE, await doctor.ask(SAMPLE, {"id": fullest["id"]}), most=60)
            return


def _tell_refusals(console: Console, sent: Sequence[Sent]) -> None:
    console.rule("拒绝与原因 · What was refused, and why")
    table = Table("消息 message", "应答 answer", "说明 said")
    for one in sent:
        if one.sending.ends == "parked":
            table.add_row(one.sending.slug, one.answer, one.said)
    console.print(table)


def _tell_addresses(console: Console, up: Running, settings: Settings) -> None:
    console.rule("地址与令牌 · Addresses and tokens")
    base = base_of(up)
    console.print(f"GraphQL   {base}/graphql   （浏览器打开即 GraphiQL · opens GraphiQL in a browser）")
    console.print(f"FHIR      {base}/fhir")
    console.print(f"ingest    {base}/ingest/SOURCE")
    console.print(f"MLLP      {settings.bind}:{up.mllp_port}")
    for viewer in (*members(Role.FAMILY_DOCTOR), *members(Role.NURSE), desk()):
        console.print(f"\n{viewer.name} {viewer.team or viewer.organisation}（{viewer.role.value}）")
        console.print(f"Authorization: Bearer {token_of(up, viewer)}", soft_wrap=True)


def _verdict(wrong: Sequence[str], sent: int) -> str:
    if wrong:
        return f"[red]{len(wrong)} 处与预期不符 · {len(wrong)} things went otherwise than they should[/red]"
    return f"[green]{sent} 条消息均按预期结束 · all {sent} messages ended where they should[/green]"
