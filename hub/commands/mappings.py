"""``hub mapping``: rows and tables checked, scored against somebody else's, and what they leave unread."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from hub.commands.parts import print_json, read_file
from hub.errors import Language, refuse
from hub.mapping.misses import Class, classed, load_classes
from hub.mapping.scoring import SCORED, Score, Tally
from hub.mapping.standard import Standard, StandardRow, implemented, load_standard
from hub.profiles.samples import v2_messages
from hub.settings import Settings, load_settings
from hub.wiring import profile_places
from hub.wiring.trying import Tried, try_messages

mappings = typer.Typer(
    no_args_is_help=True, help="The hub's rows and tables: checked, scored, and what they leave unread."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_WORST = 20
_WIDE = 100
_MESSAGES = (".hl7", ".er7", ".txt", ".xml", ".json", ".ndjson")
_WHOLE = (".xml", ".json")
_EXPECTED = (".expected.json", ".fhir", ".fhir.json")

_SAID: dict[str, dict[Language, str]] = {
    "pairs": {"zh": "共 {pairs} 对，{refused} 条消息未能读取", "en": "{pairs} pairs, {refused} messages not read"},
    "missed": {"zh": "遗漏最多的元素（次数、元素、首见于）", "en": "Missed most (times, element, first in)"},
    "surplus": {"zh": "多出最多的元素", "en": "Said and not expected"},
    "refused": {"zh": "未能读取", "en": "Not read"},
    "unread": {"zh": "没有映射规则读取的字段（消息数）", "en": "Fields that no row reads (messages)"},
    "clinical": {"zh": "其中属于临床段", "en": "Of them in clinical segments"},
    "read": {"zh": "已读取 {read} 条消息，共 {all} 条", "en": "{read} of {all} messages read"},
    "tabled": {"zh": "HL7 有行者", "en": "where HL7 has a row"},
    "content": {"zh": "且不计名称", "en": "less labels"},
    "classes": {
        "zh": "遗漏的分类（次数、其中 HL7 有行者）",
        "en": "What was missed, by class (times, where HL7 has a row)",
    },
    "none": {"zh": "其余", "en": "the rest"},
    "rows": {"zh": "HL7 映射表的行：已实现 {had} 行，共 {all} 行", "en": "{had} of {all} rows of HL7's tables"},
    "good": {"zh": "映射规则有效：{kinds} 种消息", "en": "The rows are good: {kinds} kinds of messages"},
}
_HEADS: dict[Language, Sequence[str]] = {
    "en": ("resource", "expected", "given", "met", "labels", "recall", "less labels", "precision"),
    "zh": ("资源", "应有", "给出", "相符", "仅名称不同", "召回率", "不计名称", "准确率"),
}


@mappings.command()
def check() -> None:
    """Check the hub's own rows and tables. A fault is named by file and line; a source's own: `hub source check`."""
    settings = load_settings()
    base = profile_places(settings).base
    print(_SAID["good"][settings.locale].format(kinds=len(base.plans)))


@mappings.command()
def score(
    folder: Annotated[Path, typer.Argument(help="Pairs: NAME.hl7 or NAME.xml beside NAME.expected.json or NAME.fhir.")],
    tables: Annotated[
        Path | None,
        typer.Option("--tables", help="HL7's own v2-to-FHIR tables (CSV): which of their rows the hub has."),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option("--classes", help="Classes of misses (TOML): how many of each, and how many of none."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare what messages become with what somebody else expects of them, leaf by leaf."""
    settings = load_settings()
    standard = load_standard(tables) if tables else None
    found = scored(folder, list(find_pairs(folder)), settings, standard)
    had = implemented(standard, profile_places(settings).base.plans) if standard else frozenset()
    known = load_classes(classes) if classes else ()
    if as_json:
        told = _as_json(found) | (_standard_json(standard, had) if standard else {})
        print_json(told | (_classes_json(found, known) if classes else {}))
        return
    _show(found, settings.locale)
    if classes:
        _show_classes(found, known, settings.locale)
    if standard:
        _show_standard(standard, had, settings.locale)


def scored(
    folder: Path, pairs: Sequence[tuple[Path, Path]], settings: Settings, standard: Standard | None = None
) -> Score:
    """The score of a folder of pairs. Raises Refused (bad-argument) where there are none."""
    if not pairs:
        raise refuse("bad-argument", str(folder), reason="NAME.hl7 + NAME.expected.json")
    base = profile_places(settings).base
    samples = {file.stem: read_file(file) for file, _ in pairs}
    tried = {one.name: one for one in try_messages(base, samples)}
    total = Score()
    for file, beside in pairs:
        one = tried[file.stem]
        if one.refused:
            total.refused[file.stem] = one.refused
        measure = standard.of(_lines(samples[file.stem])) if standard else None
        total.add(file.stem, _expected(beside), one.resources, measure)
    return total


def _lines(raw: bytes) -> Sequence[str]:
    return raw.decode("utf-8", "replace").replace("\n", "\r").split("\r")


def find_pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The messages of a folder, each with the file of what it should give."""
    for file in sorted((*folder.glob("*.hl7"), *folder.glob("*.xml"))):
        for ending in _EXPECTED:
            if (beside := file.with_name(f"{file.stem}{ending}")).is_file():
                yield file, beside
                break


def _expected(file: Path) -> list[dict[str, Any]]:
    said = json.loads(read_file(file).decode("utf-8-sig"))
    if said.get("resourceType") == "Bundle":
        return [entry["resource"] for entry in said.get("entry", ()) if "resource" in entry]
    return [said]


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _show(found: Score, language: Language) -> None:
    console = Console(markup=False, highlight=False, width=_WIDE)
    heads = _HEADS[language]
    heads = (*heads, _SAID["tabled"][language], _SAID["content"][language]) if found.asked else heads
    columns = (Column(head, justify="right", min_width=5, overflow="fold") for head in heads[1:])
    table = Table(Column(heads[0], no_wrap=True), *columns, box=None)
    for kind in (*SCORED, ""):
        tally = found.kinds.get(kind, Tally()) if kind else found.whole
        asked = found.asked.get(kind, Tally()) if kind else found.whole_asked
        shares = (tally.recall, tally.content_recall, tally.precision)
        more = (asked.recall, asked.content_recall) if found.asked else ()
        numbers = (tally.wanted, tally.given, tally.met, tally.labels)
        table.add_row(kind or "=", *(str(number) for number in numbers), *(_share(one) for one in (*shares, *more)))
    console.print(table)
    print(_SAID["pairs"][language].format(pairs=found.pairs, refused=len(found.refused)))
    for name, counts in (("missed", found.missed), ("surplus", found.surplus)):
        print(f"\n{_SAID[name][language]}")
        for path, times in counts.most_common(_WORST):
            print(f"  {times:5} {path}  {found.seen_in[path]}")
    if found.refused:
        print(f"\n{_SAID['refused'][language]}")
        for name, why in found.refused.items():
            print(f"  {name}  {why}")


def _show_standard(standard: Standard, had: Collection[StandardRow], language: Language) -> None:
    print(f"\n{_SAID['rows'][language].format(had=len(had), all=len(standard.rows))}")
    for table, rows in groupby(standard.rows, key=lambda row: row.table):
        of = list(rows)
        missing = [f"{row.segment}-{row.field} {row.element}" for row in of if row not in had]
        print(f"  {len(of) - len(missing):3}/{len(of):<3} {table}  {', '.join(missing)}".rstrip())


def _show_classes(found: Score, classes: Sequence[Class], language: Language) -> None:
    said = {one.name: one.zh if language == "zh" else one.en for one in classes} | {"": ""}
    print(f"\n{_SAID['classes'][language]}")
    for name, misses in classed(found.misses, classes).items():
        tabled = sum(miss.tabled for miss in misses)
        print(f"  {len(misses):5} {tabled:5} {name or _SAID['none'][language]}  {said[name]}".rstrip())
        for path, times in Counter(miss.path for miss in misses).most_common(0 if name else _WORST):
            print(f"        {times:5} {path}")


def _classes_json(found: Score, classes: Sequence[Class]) -> dict[str, Any]:
    return {
        "classes": [
            {
                "name": name,
                "times": len(misses),
                "tabled": sum(miss.tabled for miss in misses),
                "elements": dict(Counter(miss.path for miss in misses).most_common(_WORST)),
            }
            for name, misses in classed(found.misses, classes).items()
        ]
    }


def _standard_json(standard: Standard, had: Collection[StandardRow]) -> dict[str, Any]:
    rows = [{**asdict(row), "implemented": row in had} for row in standard.rows]
    return {"tables": {"rows": len(rows), "implemented": len(had), "each": rows}}


def _as_json(found: Score) -> dict[str, Any]:
    kinds = {kind: _tally_json(tally) | _asked_json(found, kind) for kind, tally in found.kinds.items()}
    missed = [{"element": path, "times": times} for path, times in found.missed.most_common()]
    surplus = [{"element": path, "times": times} for path, times in found.surplus.most_common()]
    whole = {"pairs": found.pairs, "all": _tally_json(found.whole), "kinds": kinds}
    return {**whole, "missed": missed, "surplus": surplus, "refused": found.refused}


def _asked_json(found: Score, kind: str) -> dict[str, Any]:
    asked = found.asked.get(kind)
    if asked is None:
        return {}
    counts = {"expected": asked.wanted, "met": asked.met, "labels": asked.labels}
    return {"tabled": {**counts, "recall": asked.recall, "recall_without_labels": asked.content_recall}}


def _tally_json(tally: Tally) -> dict[str, Any]:
    counts = {"expected": tally.wanted, "given": tally.given, "met": tally.met, "labels": tally.labels}
    recall = {"recall": tally.recall, "recall_without_labels": tally.content_recall}
    return {**counts, **recall, "precision": tally.precision}


# -- coverage ----------------------------------------------------------------------------------------------------------


@mappings.command()
def coverage(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files of v2, CDA (.xml) or FHIR (.json, .ndjson), or folders of them."),
    ],
    as_json: Json = False,
) -> None:
    """Tell which fields of messages no row reads. Nothing is written."""
    settings = load_settings()
    tried = list(try_messages(profile_places(settings).base, dict(_samples(paths))))
    fields: Counter[str] = Counter()
    clinical: Counter[str] = Counter()
    for one in tried:
        unread = one.reading.unaccounted if one.reading else ()
        fields.update({each.field for each in unread})
        clinical.update({each.field for each in unread if each.is_clinical})
    if as_json:
        print_json(_coverage_json(tried, fields, clinical))
        return
    language = settings.locale
    print(_SAID["read"][language].format(read=sum(1 for one in tried if one.reading), all=len(tried)))
    for name, counts in (("unread", fields - clinical), ("clinical", clinical)):
        print(f"\n{_SAID[name][language]}")
        for field, times in counts.most_common():
            print(f"  {times:5} {field}")
    refused = Counter(f"{one.kind or '?'}  {one.refused}" for one in tried if one.refused)
    print(f"\n{_SAID['refused'][language]}")
    for why, times in refused.most_common():
        print(f"  {times:5} {why}")


def _samples(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        for file in sorted(filter(_is_sample, path.iterdir())) if path.is_dir() else [path]:
            raw = read_file(file)
            if file.suffix in _WHOLE:
                yield file.name, raw
                continue
            if file.suffix == ".ndjson":
                yield from ((f"{file.name}#{at}", line) for at, line in enumerate(raw.splitlines(), 1) if line.strip())
                continue
            for number, message in enumerate(v2_messages(raw), 1):
                yield f"{file.name}#{number}", message


def _is_sample(file: Path) -> bool:
    """Whether a file of a folder is a message, and not what one is expected to give."""
    return file.suffix in _MESSAGES and not file.name.endswith(_EXPECTED)


def _coverage_json(tried: Sequence[Tried], fields: Counter[str], clinical: Counter[str]) -> dict[str, Any]:
    return {
        "messages": len(tried),
        "read": sum(1 for one in tried if one.reading),
        "unread": [
            {"field": field, "messages": times, "clinical": field in clinical} for field, times in fields.most_common()
        ],
        "refused": {one.name: one.refused for one in tried if one.refused},
    }
