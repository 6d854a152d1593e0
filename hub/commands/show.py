"""``hub message show``: what happened to a message, what is wrong with it, and what each of its fields became."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.anatomy import Anatomist, Anatomy
from hub.audit import Witness
from hub.care.messages import may_see_messages
from hub.commands import shown
from hub.commands.parts import engineer, open_site, print_json
from hub.errors import Language, Refusal, refuse
from hub.message import Message, plain
from hub.settings import Settings
from hub.site import Database
from hub.store import inbox, log, search
from hub.store.database import open_engine
from hub.store.messages import find_message
from hub.wiring import Hub

_LONGEST_REASON = 200
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Whole:
    """All that is known of one message."""

    row: RowMapping
    message: Message
    has_bytes: bool
    steps: Sequence[RowMapping]
    touched: Sequence[RowMapping]


def show(
    id: Annotated[UUID, typer.Argument(help="The message.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print its bytes as they came, and nothing else.")] = False,
    reveal: Annotated[str, typer.Option(help="Why what it says of people is shown; the audit trail keeps it.")] = "",
    as_json: Json = False,
) -> None:
    """Show a message: what happened to it, what is wrong with it, its segments, and what each field became."""
    if raw and not reveal.strip():
        raise refuse("reason-needed", "--reveal")
    reason = plain(reveal.strip(), _LONGEST_REASON)
    with open_site() as (settings, database):
        whole, anatomist = asyncio.run(_looked_at(database, settings, id, reason))
    if raw:
        if not whole.has_bytes:
            raise refuse("bytes-gone", str(id))
        sys.stdout.buffer.write(whole.message.raw)
        return
    anatomy = anatomist.dissect(whole.message, reveal=bool(reason)) if whole.has_bytes else None
    if as_json:
        print_json(_as_json(whole, anatomy, settings.locale))
        return
    print("\n".join(_lines(whole, anatomy, settings.locale, reveals=bool(reason))))


async def _looked_at(database: Database, settings: Settings, key: UUID, reason: str) -> tuple[_Whole, Anatomist]:
    """A message with all that is known of it. What people said in it is read only once the audit row is committed."""
    engine = open_engine(database.application, size=2)
    hub = Hub(settings, engine)
    try:
        async with engine.begin() as connection:
            whole = await _whole(connection, key)
            if reason:
                residents = tuple(dict.fromkeys(row["resident_id"] for row in whole.touched))
                await log.witness(connection, [_witness("hub message show", key, reason, residents).row()])
        return whole, hub.anatomist
    finally:
        hub.close()
        await engine.dispose()


async def _whole(connection: AsyncConnection, key: UUID) -> _Whole:
    rows = await search.list_by_id(connection, [key])
    message = await find_message(connection, key)
    if not rows or message is None:
        raise refuse("no-such-message", "ID")
    return _Whole(
        row=rows[0],
        message=replace(message, findings=_findings(rows[0])),
        has_bytes=bool(message.raw) or not rows[0]["size"],
        steps=(await search.list_steps(connection, [key]))[key],
        touched=(await search.list_touched(connection, [key]))[key],
    )


def _witness(operation: str, key: UUID, reason: str, residents: tuple[UUID, ...]) -> Witness:
    viewer = engineer()
    return Witness(
        viewer=viewer,
        operation=operation,
        decision=may_see_messages(viewer),
        purpose=reason,
        residents=residents,
        kinds=("Message",),
        changes=(f"message {key} revealed",),
        address="command line",
    )


def _findings(row: RowMapping) -> tuple[Refusal, ...]:
    return tuple(refusal for one in row["findings"] or () if (refusal := inbox.refusal_from(one)))


def _as_json(whole: _Whole, anatomy: Anatomy | None, language: Language) -> dict[str, Any]:
    told = shown.timeline(whole.row, whole.steps)
    return {
        **shown.as_listed(whole.row, language),
        "has_bytes": whole.has_bytes,
        "timeline": [{**one, "at": one["at"].isoformat(timespec="milliseconds")} for one in told],
        "wrote": [
            {name: str(row[name]) for name in ("resident_id", "reason", "kind", "path", "row")} for row in whole.touched
        ],
        **(shown.anatomy_json(anatomy, language) if anatomy else {}),
    }


def _lines(whole: _Whole, anatomy: Anatomy | None, language: Language, *, reveals: bool) -> Iterator[str]:
    row = whole.row
    yield from shown.list_lines(shown.as_listed(row, language))
    yield f"  {row['format']}  {row['transport']}  {row['size']} B"
    told = shown.timeline(row, whole.steps)
    yield from _part("timeline", shown.timeline_lines(told, row, language), language)
    problems = [one for one in (inbox.refusal_from(row["refusal"]), *_findings(row)) if one]
    yield from _part("problems", shown.problem_lines(problems, language), language)
    yield from _part("touched", shown.touched_lines(whole.touched, language), language)
    if anatomy is None:
        yield shown.SAID["gone"][language]
        return
    yield from anatomy_lines(anatomy, language)
    if not reveals:
        yield shown.SAID["masked"][language]


def anatomy_lines(anatomy: Anatomy, language: Language) -> Iterator[str]:
    """A message taken apart, at a terminal."""
    segments = list(shown.segment_lines(anatomy.segments))
    if anatomy.evidence:
        segments.insert(0, "  " + shown.evidence_line(anatomy.evidence, language))
    yield from _part("segments", [*segments, *shown.reading_lines(anatomy)], language)
    became = list(shown.became_lines(anatomy.became, language))
    if anatomy.merges:
        became.append("  " + shown.SAID["merges"][language].format(count=anatomy.merges))
    refusals = [*([anatomy.refusal] if anatomy.refusal else []), *anatomy.findings]
    yield from _part("became", [*became, *shown.problem_lines(refusals, language)], language)
    yield from _part("unread", [f"  {where}" for where in anatomy.unread], language)


def _part(name: str, lines: Sequence[str] | Iterator[str], language: Language) -> Iterator[str]:
    """A part with its heading, where it holds anything."""
    said = list(lines)
    if said:
        yield shown.SAID[name][language]
        yield from said
