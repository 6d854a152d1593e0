"""The parts of what doctors look for first: a problem, a drug, a trend."""

from datetime import datetime
from uuid import UUID

import strawberry

from hub.api.context import Info
from hub.api.entries import KINDS, Comparable, Condition, Encounter, Entry, comparable_from, entry_from
from hub.api.fields import field
from hub.api.labels import Label
from hub.api.paging import global_id
from hub.chart import chapters, medications, problems, trends
from hub.mapping.units import PRESSURE_PANEL, scales
from hub.store.records import Page, Row

_TYPES = {name: kind for kind, name in KINDS.items()}
_MOST_STAYS = 500


@strawberry.type(description="A chapter of ICD-10: the system of the body that a problem is of.")
class Chapter:
    number: str = strawberry.field(description="The chapter's number: IX.")
    categories: str = strawberry.field(description="The categories that it holds: I00-I99.")
    label: Label = strawberry.field(description="What it is called.")


@strawberry.type(description="A problem: what several diagnoses say, as one line.")
class Problem:
    rows: strawberry.Private[tuple[Row, ...]]
    resident: strawberry.Private[UUID]
    as_of: strawberry.Private[datetime | None]
    visits: strawberry.Private[tuple[tuple[str, str], ...]]
    code: str | None = strawberry.field(description="Its code; of ICD-10 without what editions pad it with.")
    code_system: str | None = strawberry.field(description="The system that the code is of, as a URI.")
    display: str | None = strawberry.field(description="What it is, in words: those that were used last.")
    chapter: Chapter | None = strawberry.field(description="The chapter of ICD-10; null where the code is none of it.")
    active: bool = strawberry.field(description="Whether nobody said last that it is over.")
    clinical_status: str | None = strawberry.field(description="FHIR's clinical status as said last; null: never said.")
    since: str | None = strawberry.field(description="The earliest onset, as it was said; null where none was.")
    since_at: datetime | None = strawberry.field(
        description="The first instant that the onset covers; where none was said, when it was first spoken of."
    )
    last_said_at: datetime | None = strawberry.field(description="When it was last spoken of.")
    times: int = strawberry.field(description="How many messages spoke of it.")
    organisations: list[str] = strawberry.field(description="Who spoke of it, the last first.")

    @field("The diagnoses behind it, the last said first, each with its origins.")
    def conditions(self) -> list[Condition]:
        owner = global_id("Resident", self.resident)
        return [entry_from(Condition, row, owner, self.as_of) for row in self.rows]

    @field("The visits on which it was diagnosed, as far as the messages name them, the newest first.")
    async def encounters(self, info: Info) -> list[Encounter]:
        from hub.api.charts import found_of  # a list of lists: it is read after its parts

        if not self.visits:
            return []
        found = await found_of(info.context, self.resident, self.as_of, "Encounter", Page(_MOST_STAYS))
        owner = global_id("Resident", self.resident)
        return [entry_from(Encounter, row, owner, self.as_of) for row in found.rows if _is_of(row, self.visits)]


def _is_of(row: Row, visits: tuple[tuple[str, str], ...]) -> bool:
    """Whether a stay is one of the visits: by its number and whoever gave it."""
    said = {row["organisation"], *(origin["organisation"] for origin in row["origins"])}
    return any(number == row["visit_number"] and organisation in said for organisation, number in visits)


@strawberry.type(description="A drug that is taken now, as far as the record tells.")
class CurrentMedication:
    code_system: str | None = strawberry.field(description="The system that the code is of, as a URI.")
    code: str | None = strawberry.field(description="The drug's code.")
    display: str | None = strawberry.field(description="The drug, in words.")
    since_at: datetime | None = strawberry.field(description="Since when it is known of.")
    last_at: datetime | None = strawberry.field(description="When it was last asked for or spoken of.")
    doses: list[str] = strawberry.field(description="How it is to be taken: more than one where the lines disagree.")
    entries: list[Entry] = strawberry.field(description="The lines of the record behind it, the newest first.")


@strawberry.type(description="A reference range as numbers, in the unit in which its kind is compared.")
class Bounds:
    low: float | None = strawberry.field(description="The lower end; null where it is open.")
    high: float | None = strawberry.field(description="The upper end; null where it is open.")
    unit: str = strawberry.field(description="The unit, as UCUM writes it.")


@strawberry.type(description="One value of a trend.")
class TrendPoint:
    value: str | None = strawberry.field(description="The value as it was sent; of a blood pressure both: 128/78.")
    unit: str | None = strawberry.field(description="The unit as it was sent.")
    normalised: list[Comparable] = strawberry.field(
        description="The number in the unit in which its kind is compared; two of a blood pressure; empty where it is "
        "no number, or nobody follows it."
    )
    reference_range: str | None = strawberry.field(description="The range that the laboratory calls normal, as sent.")
    bounds: Bounds | None = strawberry.field(
        description="The same as numbers, of a range by sex or age the resident's part; null where it is no range of "
        "numbers, or not for them."
    )
    interpretation: str | None = strawberry.field(description="How the laboratory reads the value, in words.")
    interpretation_code: str | None = strawberry.field(description="How the laboratory reads it: H, L, N, A.")
    status: str | None = strawberry.field(description="FHIR's status of the result: final, corrected.")
    effective: str | None = strawberry.field(description="When it was so, as it was said.")
    effective_at: datetime | None = strawberry.field(description="The first instant that `effective` covers.")
    organisation: str | None = strawberry.field(description="Who measured it.")
    observation_ids: list[strawberry.ID] = strawberry.field(
        description="The observations that it is read from: two where a pressure came as two results."
    )


@strawberry.type(description="How one measurement moves.")
class Trend:
    code: str = strawberry.field(description="The code that was asked for.")
    display: str | None = strawberry.field(description="What it is, in the words of its newest value.")
    label: Label | None = strawberry.field(description="What it is called, where doctors follow it; else null.")
    unit: str | None = strawberry.field(
        description="The unit that the normalised numbers share, as UCUM writes it; null where there is none."
    )
    points: list[TrendPoint] = strawberry.field(description="The values, the newest first.")


@strawberry.type(description="The last value of one measurement.")
class Latest:
    code: str = strawberry.field(description="The code that it is of.")
    display: str | None = strawberry.field(description="What it is, in words.")
    label: Label | None = strawberry.field(description="What it is called, where doctors follow it; else null.")
    point: TrendPoint = strawberry.field(description="The value.")


def problem_from(one: problems.Problem, resident_id: UUID, as_of: datetime | None) -> Problem:
    """A problem as `hub.chart.problems` has it."""
    return Problem(
        rows=one.rows,
        resident=resident_id,
        as_of=as_of,
        visits=one.visits,
        code=one.code,
        code_system=one.code_system,
        display=one.display,
        chapter=_chapter(one.chapter) if one.chapter else None,
        active=one.is_active,
        clinical_status=one.clinical_status,
        since=one.since,
        since_at=one.since_at,
        last_said_at=one.last_said_at,
        times=one.times,
        organisations=list(one.organisations),
    )


def _chapter(one: chapters.Chapter) -> Chapter:
    return Chapter(number=one.number, categories=one.categories, label=Label(zh=one.zh, en=one.en))


def current_from(one: medications.Current, resident_id: UUID, as_of: datetime | None) -> CurrentMedication:
    """A drug as `hub.chart.medications` has it."""
    owner = global_id("Resident", resident_id)
    return CurrentMedication(
        code_system=one.code_system,
        code=one.code,
        display=one.display,
        since_at=one.since_at,
        last_at=one.last_at,
        doses=list(one.doses),
        entries=[entry_from(_TYPES[kind], row, owner, as_of) for kind, row in one.lines],
    )


def trend_from(one: trends.Trend) -> Trend:
    """A trend as `hub.chart.trends` has it."""
    units = {number.unit for point in one.points for number in point.normalised}
    return Trend(
        code=one.code,
        display=one.display,
        label=_label(one.code),
        unit=units.pop() if len(units) == 1 else None,
        points=[_point(point) for point in one.points],
    )


def _label(code: str) -> Label | None:
    if code == PRESSURE_PANEL:
        return Label(zh="血压", en="blood pressure")
    scale = scales().get(code)
    return Label(zh=scale.zh, en=scale.name) if scale else None


def _point(point: trends.Point) -> TrendPoint:
    row, bounds = point.row, point.bounds
    return TrendPoint(
        value=point.value,
        unit=point.unit,
        normalised=[comparable_from(number) for number in point.normalised],
        reference_range=row["reference_range"],
        bounds=Bounds(low=bounds.low, high=bounds.high, unit=bounds.unit) if bounds else None,
        interpretation=row["interpretation"],
        interpretation_code=row["interpretation_code"],
        status=row["status"],
        effective=row["effective"],
        effective_at=row["effective_at"],
        organisation=row["organisation"],
        observation_ids=[global_id("Observation", one["id"]) for one in point.rows],
    )
