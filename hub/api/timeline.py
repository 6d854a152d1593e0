"""A resident's record on one line."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from hub.api.context import Context
from hub.api.entries import KINDS, Entry, entry_from
from hub.api.paging import (
    Connection,
    Edge,
    check_first,
    entry_cursor,
    global_id,
    info_of,
    instant_of,
    page_of,
    read_text,
)
from hub.care.charts import Wanted, list_stretches
from hub.store.timeline import Stretch


@strawberry.enum(description="A kind of line of a record.")
class EntryKind(Enum):
    """FHIR's names, under which ``hub.tables.ENTRY_TABLES`` keeps them."""

    ENCOUNTER = strawberry.enum_value("Encounter", description="A stay or a visit / 就诊")
    CONDITION = strawberry.enum_value("Condition", description="A diagnosis or a problem / 诊断")
    OBSERVATION = strawberry.enum_value("Observation", description="A measurement or a result / 检验与测量")
    ALLERGY = strawberry.enum_value("AllergyIntolerance", description="An allergy or an intolerance / 过敏")
    REPORT = strawberry.enum_value("DiagnosticReport", description="A report / 报告")
    PROCEDURE = strawberry.enum_value("Procedure", description="An operation or another procedure / 手术与操作")
    PRESCRIPTION = strawberry.enum_value("MedicationRequest", description="A drug / 用药")
    IMMUNIZATION = strawberry.enum_value("Immunization", description="A vaccination / 预防接种")
    DOCUMENT = strawberry.enum_value("DocumentReference", description="A document / 文书")
    APPOINTMENT = strawberry.enum_value("Appointment", description="An appointment / 预约")


Kinds = Annotated[list[EntryKind] | None, strawberry.argument(description="Only lines of these kinds; null: of all.")]
Organisation = Annotated[
    str | None,
    strawberry.argument(
        description="Only what this organisation did or said: `organisation` of an entry or an origin."
    ),
]
Since = Annotated[
    datetime | None,
    strawberry.argument(name="from", description="Only what was at this instant or later; without the undated."),
]
Until = Annotated[
    datetime | None, strawberry.argument(description="Only what was before this instant; without the undated.")
]
Word = Annotated[
    str | None,
    strawberry.argument(description="Only lines with this in their words, code, value or note, in either case."),
]

_TYPES = {name: kind for kind, name in KINDS.items()}


def stretch_of(
    context: Context,
    first: int,
    after: str | None,
    *,
    kinds: list[EntryKind] | None,
    organisation: str | None,
    since: datetime | None,
    until: datetime | None,
    word: str | None,
) -> Stretch:
    """What of a timeline is asked for, with one line more than `first`. Raises Refused."""
    page = page_of(first, after)
    return Stretch(
        most=page.most,
        after=page.after,
        kinds=tuple(sorted({str(kind.value) for kind in kinds})) if kinds else (),
        organisation=read_text(organisation or "", "organisation"),
        since=instant_of(since, "from"),
        until=instant_of(until, "until"),
        word=read_text(word or "", "text").strip(),
        background=context.wants_background,
        counted=context.wants_total,
    )


async def timeline_of(
    context: Context, resident_id: UUID, stretch: Stretch, first: int, after: str | None
) -> Connection[Entry]:
    """A page of a resident's timeline."""
    lines = await context.loaders.by(list_stretches).load(Wanted(resident_id, stretch))
    owner = global_id("Resident", resident_id)
    edges = [
        Edge[Entry](node=entry_from(_TYPES[kind], row, owner), cursor=entry_cursor(row["effective_at"], row["id"]))
        for kind, row in lines.rows[: check_first(first)]
    ]
    info = info_of(edges, after=after, more=len(lines.rows) > first)
    return Connection(edges=edges, page_info=info, total_count=lines.total)
