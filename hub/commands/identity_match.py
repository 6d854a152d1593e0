"""``hub identity match``: whom the hub would take somebody for, and why. Nothing is linked by asking."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hub.access import Role, Viewer
from hub.care.candidates import Candidate, Sought, find_by_person, resource_of
from hub.care.visit import Visit, of_one_moment
from hub.commands.parts import open_site, print_json, read_file
from hub.errors import Language, refuse
from hub.likeness import Matcher, weights_json
from hub.record import Json
from hub.settings import Settings
from hub.site import Database
from hub.store.database import open_engine
from hub.wiring import open_matcher

_SAID: dict[str, dict[Language, str]] = {
    "none": {"zh": "没有相似的人员。", "en": "Nobody resembles this person."},
    "one": {
        "zh": "居民 {resident}  患者 {patient}（{source}）",
        "en": "resident {resident}  patient {patient} ({source})",
    },
}


def match(
    viewer: Annotated[str, typer.Option("--as", help="Who asks, as the audit trail will call them.")],
    file: Annotated[Path | None, typer.Argument(help="A FHIR Patient resource as JSON, instead of options.")] = None,
    name: Annotated[str, typer.Option(help="The whole name.")] = "",
    born: Annotated[str, typer.Option(help="The birth date: 1956-03-12, 1956-03 or 1956.")] = "",
    sex: Annotated[str, typer.Option(help="male or female.")] = "",
    phone: Annotated[str, typer.Option(help="A telephone number.")] = "",
    address: Annotated[str, typer.Option(help="Where they live.")] = "",
    number: Annotated[list[str] | None, typer.Option(help="KIND=VALUE: citizen-id=...; may be given again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Try whom the hub would take somebody for, as an administrator: the likeliest first, with what speaks for and
    against it. Nothing but the audit row is written."""
    sought = Sought(
        name=name,
        birth_date=born,
        sex=sex,
        phone=phone,
        address=address,
        numbers=[_number(one) for one in number or ()],
    )
    told = _read(file) if file else None
    who = Viewer(id=viewer, name=viewer, role=Role.ADMINISTRATOR)
    with open_site() as (settings, database):
        found = asyncio.run(_found(settings, database, who, told, sought))
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    print("\n".join(_lines(found, settings.locale)) or _SAID["none"][settings.locale])


def _number(said: str) -> tuple[str, str]:
    kind, _, value = said.partition("=")
    if not value:
        raise refuse("bad-argument", "--number", reason="KIND=VALUE")
    return kind, value


def _read(file: Path) -> Json:
    try:
        told = orjson.loads(read_file(file))
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or told.get("resourceType") != "Patient":
        raise refuse("bad-argument", "FILE", reason="FHIR Patient (JSON)")
    return told


async def _found(
    settings: Settings, database: Database, viewer: Viewer, told: Json | None, sought: Sought
) -> Sequence[Candidate]:
    """The answer, once its audit row is committed."""
    engine = open_engine(database.application, size=1)
    try:
        matcher: Matcher = await open_matcher(settings, engine)
        visit = Visit(
            of_one_moment(engine),
            viewer,
            operation="hub identity match",
            now=datetime.now(UTC),
            address="command line",
        )
        try:
            return await find_by_person(visit, matcher, told or resource_of(sought, matcher.kinds))
        finally:
            await visit.close()
    finally:
        await engine.dispose()


def _lines(found: Sequence[Candidate], language: Language) -> Iterator[str]:
    for one in found:
        source = one.side.source if one.side else ""
        said = _SAID["one"][language]
        yield f"{one.comparison.grade.value:9} {one.comparison.score:6.1f}  " + said.format(
            resident=one.resident_id, patient=one.patient_id, source=source
        )
        for weight in weights_json(one.comparison):
            yield f"    {weight['bits']:+6.1f}  {weight[language]}"


def _as_json(one: Candidate) -> dict[str, Any]:
    return {
        "grade": one.comparison.grade.value,
        "score": one.comparison.score,
        "weights": weights_json(one.comparison),
        "patient_id": str(one.patient_id),
        "resident_id": str(one.resident_id),
        "source": one.side.source if one.side else None,
    }
