"""What doctors look for in a record first: its problems, the drugs taken now, and how values move."""

import binascii
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
import strawberry

from hub.api.chart_parts import CurrentMedication, Latest, Problem, Trend, current_from, problem_from, trend_from
from hub.api.context import Context, Info
from hub.api.fields import field
from hub.api.loaders import Wanted
from hub.api.paging import DEFAULT, After, Connection, Edge, First, check_first, check_text, info_of
from hub.care.charts import Moment, Told, Values, list_tellings, list_values, page_in, recall_entries
from hub.chart.medications import RULES, current_of
from hub.chart.problems import problems_of
from hub.chart.ranges import Whose
from hub.chart.trends import codes_read, followed, trends_of
from hub.errors import refuse
from hub.store.records import Found, Page, Row

MOST_READ = 2_000
"""Conditions, or drugs, of one record that are looked at, the newest first."""
MOST_CODES = 50
MOST_POINTS = 500
DEFAULT_POINTS = 100

Active = Annotated[
    bool | None, strawberry.argument(description="true: only what is active; false: only what is over; null: both.")
]
Codes = Annotated[
    list[str],
    strawberry.argument(description=f"What to follow: LOINC's codes or a hospital's own, 1 to {MOST_CODES}."),
]
Followed = Annotated[
    list[str] | None,
    strawberry.argument(description=f"Of what, up to {MOST_CODES} codes; null: of all that doctors follow."),
]
PerCode = Annotated[int, strawberry.argument(description=f"How many values of each code: 1 to {MOST_POINTS}.")]

T = TypeVar("T")


async def found_of(context: Context, resident_id: UUID, as_of: datetime | None, kind: str, page: Page) -> Found:
    """A page of a resident's entries of a kind: as they stand, or as of a moment."""
    if as_of is None:
        return await context.loaders.entries(kind).load(Wanted(resident_id, page))
    rows = await context.loaders.by(recall_entries).load(Moment(resident_id, kind, as_of))
    return page_in(rows, page)


@strawberry.type
class Chart:
    """The part of `Record` that is made of its lists."""

    resident_id: strawberry.Private[UUID]
    as_of: strawberry.Private[datetime | None] = None

    @field(
        "The problem list: diagnoses of one code, whatever its edition, are one problem; active ones first, then "
        "what was said last. A problem is active unless its last word says that it is over."
    )
    async def problems(
        self, info: Info, first: First = DEFAULT, after: After = None, active: Active = None
    ) -> Connection[Problem]:
        rows = await self._all(info.context, "Condition")
        told = await info.context.loaders.by(list_tellings).load(Told(self.resident_id, "Condition", self.as_of))
        listed = [one for one in problems_of(rows, told) if active is None or one.is_active == active]
        page = _page(listed, first, after, lambda one: one.place)
        return _connected(page, first, after, len(listed), lambda one: problem_from(one, self.resident_id, self.as_of))

    @field(
        "The drugs that are taken now, as far as the record tells: neither stopped nor ended, one line a drug, what "
        "was said last first. Two doses of one drug stand in one line."
    )
    async def current_medications(
        self, info: Info, first: First = DEFAULT, after: After = None
    ) -> Connection[CurrentMedication]:
        lines = [(kind, row) for kind in RULES for row in await self._all(info.context, kind)]
        listed = current_of(lines, self.as_of or info.context.visit.now)
        page = _page(listed, first, after, lambda one: one.place)
        return _connected(page, first, after, len(listed), lambda one: current_from(one, self.resident_id, self.as_of))

    @field(
        "How values move, a trend a code in the order asked, each with its newest values first. A blood pressure "
        "(85354-9) is one trend of two numbers, however it came; each of them can be followed alone."
    )
    async def trends(self, info: Info, codes: Codes, per_code: PerCode = DEFAULT_POINTS) -> list[Trend]:
        return await self._trends(info.context, _codes(codes), _points(per_code))

    @field("The last value of each code, of those that have one.")
    async def latest(self, info: Info, codes: Followed = None) -> list[Latest]:
        asked = _codes(codes) if codes is not None else followed()
        return [
            Latest(code=one.code, display=one.display, label=one.label, point=one.points[0])
            for one in await self._trends(info.context, asked, 1)
            if one.points
        ]

    async def _all(self, context: Context, kind: str) -> Sequence[Row]:
        page = Page(MOST_READ)
        return (await found_of(context, self.resident_id, self.as_of, kind, page)).rows

    async def _trends(self, context: Context, codes: Sequence[str], most: int) -> list[Trend]:
        rows = await self._values(context, codes, most)
        person = await context.loaders.residents.load(self.resident_id)
        whose = Whose(sex=person["sex"], birth_date=person["birth_date"])
        return [trend_from(one) for one in trends_of(rows, codes, most, whose)]

    async def _values(self, context: Context, codes: Sequence[str], most: int) -> Sequence[Row]:
        if self.as_of is None:
            asked = Values(self.resident_id, tuple(codes), most)
            return await context.loaders.by(list_values).load(asked)
        rows = await context.loaders.by(recall_entries).load(Moment(self.resident_id, "Observation", self.as_of))
        wanted = set(codes_read(codes))
        return [row for row in rows if row["code"] in wanted and row["status"] not in ("cancelled", "entered-in-error")]


def _codes(codes: Sequence[str]) -> list[str]:
    """Raises Refused (bad-argument, page-too-large)."""
    asked = list(dict.fromkeys(check_text(code, "codes") for code in codes))
    if not asked:
        raise refuse("bad-argument", "codes", reason=f"1-{MOST_CODES}")
    if len(asked) > MOST_CODES:
        raise refuse("page-too-large", "codes", asked=str(len(asked)), most=str(MOST_CODES))
    return asked


def _points(per_code: int) -> int:
    if per_code > MOST_POINTS:
        raise refuse("page-too-large", "perCode", asked=str(per_code), most=str(MOST_POINTS))
    if per_code < 1:
        raise refuse("bad-argument", "perCode", reason=f"1-{MOST_POINTS}")
    return per_code


# -- pages of lists that are at hand -----------------------------------------------------------------------------------

_Listed = list[tuple[T, str]]


def _page(listed: Sequence[T], first: int, after: str | None, place: Callable[[T], Any]) -> "_Listed[T]":
    """The items behind a cursor, one more than `first`, each with its own cursor. Raises Refused."""
    places = [(one, list(place(one))) for one in listed]
    if after is not None:
        behind = _place_in(after)
        if any(list(map(type, at)) != list(map(type, behind)) for _, at in places[:1]):
            raise refuse("bad-cursor", "after")
        places = [(one, at) for one, at in places if at > behind]
    return [(one, b2a_base64(orjson.dumps(at), newline=False).decode()) for one, at in places[: check_first(first) + 1]]


def _place_in(cursor: str) -> list[Any]:
    try:
        found = orjson.loads(a2b_base64(cursor.encode("ascii"), strict_mode=True))
    except (binascii.Error, UnicodeError, orjson.JSONDecodeError):
        raise refuse("bad-cursor", "after") from None
    if not isinstance(found, list):
        raise refuse("bad-cursor", "after")
    return found


def _connected(
    page: "_Listed[T]", first: int, after: str | None, total: int, show: Callable[[T], Any]
) -> Connection[Any]:
    edges: list[Edge[Any]] = [Edge(node=show(one), cursor=cursor) for one, cursor in page[:first]]
    return Connection(edges=edges, page_info=info_of(edges, after=after, more=len(page) > first), total_count=total)
