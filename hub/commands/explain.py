"""``hub explain FILE``: what would become of a message, without taking it in."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands import shown
from hub.commands.parts import open_site, print_json, read_file
from hub.commands.show import anatomy_lines
from hub.errors import Language
from hub.explaining import Answered, Person, Tried, explain
from hub.message import Format
from hub.settings import Settings
from hub.site import Database
from hub.store.database import open_engine

_SAID: dict[Language, dict[str, str]] = {
    "zh": {
        "source": "来源：{name}（{organisation}）",
        "no-source": "来源：无法确定",
        "answer": "接收端应答：{answer}",
        "refused": "将在接收端被拒绝并搁置",
        "parked": "将被搁置",
        "merged": "将被合并",
        "repeat": "与已有消息 {id} 内容相同，将不再保存；以下按新消息说明",
        "new": "新建居民",
        "known": "居民 {id}",
        "before": "此前已关联",
        "people": "身份判定",
        "review": "将请人工核对：是否与居民 {id} 为同一人",
        "changes": "将改变",
        "nothing": "未写入任何内容。",
    },
    "en": {
        "source": "Source: {name} ({organisation})",
        "no-source": "Source: none fits",
        "answer": "The door would answer: {answer}",
        "refused": "It would be refused at the door, and parked",
        "parked": "It would be parked",
        "merged": "It would be merged",
        "repeat": "Message {id} says the same already: nothing would be stored. Explained as if it were new",
        "new": "a new resident",
        "known": "resident {id}",
        "before": "linked before",
        "people": "Who it is about",
        "review": "A person would be asked whether this is resident {id}",
        "changes": "What would change",
        "nothing": "Nothing was written.",
    },
}


def explain_file(
    file: Annotated[Path, typer.Argument(help="A file of HL7 v2 messages, FHIR JSON, CDA or CSV.")],
    source: Annotated[str, typer.Option(help="The source that would send it; v2 messages name theirs.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Explain what would become of a file: its source and character set, the door's answer, what each field becomes by
    which mapping row, whom it is about and why. Nothing is written. Status 1 if any of it would be parked."""
    raw = read_file(file)
    with open_site() as (settings, database):
        answered = asyncio.run(_explained(settings, database, file.name, raw, source))
    if as_json:
        print_json([_as_json(one, settings.locale) for one in answered])
    else:
        print("\n".join(line for one in answered for line in _lines(one, settings.locale)))
        print(_SAID[settings.locale]["nothing"], file=sys.stderr)
    if any(_fails(one) for one in answered):
        raise typer.Exit(1)


async def _explained(settings: Settings, database: Database, name: str, raw: bytes, source: str) -> list[Answered]:
    # The owner's: the application's role may make no table, and the trial needs one that hides the event log from it.
    engine = open_engine(database.owner, size=1, role="")
    try:
        return await explain(settings, engine, name, raw, source)
    finally:
        await engine.dispose()


def _fails(one: Answered) -> bool:
    return one.refusal is not None or one.status >= 400 or any(tried.refusal for tried in one.tried)


# -- telling ---------------------------------------------------------------------------------------------------------


def _lines(one: Answered, language: Language) -> Iterator[str]:
    said = _SAID[language]
    if one.source:
        yield said["source"].format(name=one.source.name, organisation=one.source.organisation)
    else:
        yield said["no-source"]
    if one.refusal:
        yield from shown.problem_lines([one.refusal], language)
        return
    yield said["answer"].format(answer=one.status)
    yield from (f"  {line}" for line in _answer(one).splitlines())
    for tried in one.tried:
        yield from _tried_lines(tried, language)


def _answer(one: Answered) -> str:
    """The body of an answer: an acknowledgement by segments, an outcome without its Narrative."""
    text = one.body.decode("utf-8", "replace")
    return text.replace("\r", "\n").strip() if one.format is Format.HL7V2 else text


def _tried_lines(tried: Tried, language: Language) -> Iterator[str]:
    said, message = _SAID[language], tried.message
    yield f"{message.kind or '?'}  {message.control_id}".rstrip()
    if tried.repeats:
        yield "  " + said["repeat"].format(id=tried.repeats)
    verdict = "merged" if tried.refusal is None else "refused" if tried.at_the_door else "parked"
    yield f"  {said[verdict]}"
    refusals = [*([tried.refusal] if tried.refusal else []), *tried.findings]
    yield from shown.problem_lines(refusals, language)
    yield from anatomy_lines(tried.anatomy, language)
    if tried.people:
        yield said["people"]
        yield from (line for person in tried.people for line in _person_lines(person, language))
    for row in tried.reviews:
        yield "  " + said["review"].format(id=row["other_resident_id"])
        yield from _weight_lines(row["weights"], language)
    if tried.changes or tried.steps:
        yield said["changes"]
        yield from (f"  {kind}" for kind in _changed(tried))


def _person_lines(person: Person, language: Language) -> Iterator[str]:
    said = _SAID[language]
    whom = said["new"] if person.is_new else said["known"].format(id=person.resident_id)
    before = "" if person.is_decided else f"  ({said['before']})"
    yield f"  {whom}  {person.grade}{before}"
    yield f"    {shown.reason_of(person.reason, language)}"
    yield from _weight_lines(person.weights, language)


def _weight_lines(weights: Sequence[Mapping[str, Any]], language: Language) -> Iterator[str]:
    yield from (f"    {weight['bits']:+6.1f}  {weight[language]}" for weight in weights)


def _changed(tried: Tried) -> Sequence[str]:
    entries = sorted({kind for row in tried.changes for kind in row["entries"]})
    steps = [
        f"{row['kind']} {row['act']}" + (f": {row['before']} > {row['after']}" if row["before"] != row["after"] else "")
        for row in tried.steps
    ]
    return [*entries, *steps]


def _as_json(one: Answered, language: Language) -> dict[str, Any]:
    return {
        "source": one.source.name if one.source else None,
        "organisation": one.source.organisation if one.source else None,
        "format": one.format.value,
        "refusal": shown.refusal_shown(one.refusal, language) if one.refusal else None,
        "status": one.status or None,
        "answer": _answer(one) or None,
        "messages": [_tried_json(tried, language) for tried in one.tried],
    }


def _tried_json(tried: Tried, language: Language) -> dict[str, Any]:
    return {
        "kind": tried.message.kind,
        "control_id": tried.message.control_id,
        "fate": "parked" if tried.refusal else "merged",
        "at_the_door": tried.at_the_door,
        "repeats": str(tried.repeats) if tried.repeats else None,
        **shown.refusal_shown(tried.refusal, language),
        "findings": [shown.refusal_shown(finding, language) for finding in tried.findings],
        **shown.anatomy_json(tried.anatomy, language),
        "people": [
            {
                "resident_id": None if person.is_new else str(person.resident_id),
                "is_new": person.is_new,
                "is_decided": person.is_decided,
                "grade": person.grade,
                "reason": person.reason,
                "sentence": shown.reason_of(person.reason, language),
                "weights": list(person.weights),
            }
            for person in tried.people
        ],
        "reviews": [
            {
                "resident_id": str(row["other_resident_id"]),
                "grade": row["grade"],
                "score": row["score"],
                "weights": row["weights"],
            }
            for row in tried.reviews
        ],
        "changes": list(_changed(tried)),
    }
