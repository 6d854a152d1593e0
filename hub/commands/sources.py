"""``hub source``: profiles proposed from samples, checked, and listed."""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from hub.commands.parts import print_json, read_file
from hub.commands.source_figures import UNKNOWN, figures_table, read_figures
from hub.commands.source_figures import as_json as figures_json
from hub.errors import Language, Refusal, refuse
from hub.profiles import Places, Profile, read_library
from hub.profiles.checking import Remark, chosen, faults_of, remarks_on, shown
from hub.profiles.findings import as_json, find
from hub.profiles.proposing import Proposal
from hub.profiles.samples import read_samples
from hub.settings import load_settings
from hub.wiring import profile_places, sample_eyes

sources = typer.Typer(no_args_is_help=True, help="The systems that send: their profiles, checked and proposed.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_SAID: dict[str, dict[Language, str]] = {
    "checked": {
        "en": "Profiles read: {count}, faults: {faults}, remarks: {remarks}",
        "zh": "已读取配置 {count} 个，错误 {faults} 处，提示 {remarks} 处",
    },
    "written": {
        "en": "{file} proposes a profile. Confirm what is marked with ?, then move its folder to the `sources` "
        "folder of HUB_CONFIG_DIR: a running hub takes it from there.",
        "zh": "已在 {file} 写出建议配置。请核实标有 ? 的内容，然后将其文件夹移入 HUB_CONFIG_DIR 下的 sources，"
        "运行中的平台会自动加载。",
    },
}
_HEADS: dict[Language, Sequence[str]] = {
    "en": ("source", "organisation", "format", "transports", "MSH-3|MSH-4", "state", "fault"),
    "zh": ("来源", "机构", "格式", "传输方式", "MSH-3|MSH-4", "状态", "错误"),
}
_STATES: dict[Language, dict[tuple[bool, bool], str]] = {
    "en": {(True, False): "in force", (True, True): "refused, an earlier one holds", (False, True): "refused"},
    "zh": {(True, False): "生效", (True, True): "被拒绝，沿用其他版本", (False, True): "被拒绝"},
}


@sources.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the source and of its folder.")],
    more: Annotated[list[Path] | None, typer.Argument(help="More files of samples.")] = None,
    samples: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Files of sample messages: v2, MLLP captures, FHIR JSON, CDA or SOAP XML, CSV."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the folder NAME is made, with source.toml in it.")] = Path(),
    as_json_: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, and write nothing.")] = False,
) -> None:
    """Propose a commented profile from sample messages.

    It says what was seen (character set, versions, message types, identifier types, acknowledgements), marks what is
    guessed, and lists what no row reads. No value of a person is written. It is not put into force: move it there.
    """
    settings = load_settings()
    if not _NAME.fullmatch(name):
        raise refuse("bad-argument", "NAME", reason="small letters, digits and hyphens, a letter first")
    paths = [*(samples or []), *(more or [])]
    if not paths:
        raise refuse("bad-argument", "--from", reason="name files of sample messages")
    places, eyes = profile_places(settings), sample_eyes()
    findings = find(read_samples({str(path): read_file(path) for path in paths}, eyes), places.base, eyes)
    if as_json_:
        print_json(as_json(findings))
        return
    file = out / name / "source.toml"
    if file.exists():
        raise refuse("profile-exists", str(file))
    proposal = Proposal(
        name=name,
        files=[path.name for path in paths],
        language=settings.locale,
        is_version=places.known.is_version,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(proposal.propose(findings), encoding="utf-8")
    print(_SAID["written"][settings.locale].format(file=file))
    _report([file.parent.name], replace(places, folders=(out,)), settings.locale)


@sources.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Sources by name, or folders with a source.toml; none: all of the site.")
    ] = None,
    as_json_: Json = False,
) -> None:
    """Read profiles with their rows and tables and name every fault with file and line; status 1 if there is any."""
    settings = load_settings()
    places = profile_places(settings)
    folders = [Path(name) for name in names or [] if (Path(name) / "source.toml").is_file()]
    beside = tuple(dict.fromkeys(folder.resolve().parent for folder in folders))
    wanted = [Path(name).resolve().name if Path(name) in folders else name for name in names or []]
    _report(wanted, replace(places, folders=(*places.folders, *beside)), settings.locale, as_json=as_json_)


@sources.command("list")
def list_sources(
    profiles: Annotated[bool, typer.Option("--profiles", help="Only the profiles; needs no database.")] = False,
    as_json_: Json = False,
) -> None:
    """List the site's profiles as their files are now: who sends, how, what is refused; and how each source does:
    messages of the last hour, failures, what waits and how long, when it last sent."""
    settings = load_settings()
    library = read_library(profile_places(settings))
    rows = [shown(profile, settings.locale) for profile in chosen(library, [])]
    figures = {} if profiles else dict(read_figures([*(str(row["name"]) for row in rows), UNKNOWN]))
    if UNKNOWN in figures and not figures[UNKNOWN].of.is_any:
        del figures[UNKNOWN]  # every message had a profile
    if as_json_:
        own: dict[str, dict[str, Any]] = {name: {"figures": figures_json(one)} for name, one in figures.items()}
        unknown = [{"name": UNKNOWN} | own[UNKNOWN]] if UNKNOWN in own else []
        print_json([row | own.get(str(row["name"]), {}) for row in rows] + unknown)
        return
    console = Console(markup=False, highlight=False)
    console.print(_table(rows, settings.locale))
    if figures:
        console.print(figures_table(figures, settings.locale))


def _report(names: Sequence[str], places: Places, language: Language, *, as_json: bool = False) -> None:
    """Print the faults and remarks of profiles. Raises typer.Exit where there is a fault."""
    library = read_library(places)
    if missing := [name for name in names if name not in library.profiles]:
        raise refuse("unknown-source", missing[0])
    profiles = chosen(library, names)
    faults = [fault for profile in profiles for fault in faults_of(profile, places.known)]
    remarks = [remark for profile in profiles for remark in remarks_on(profile, places)]
    if as_json:
        print_json(
            {"profiles": len(profiles), "faults": _faults(faults, language), "remarks": _said(remarks, language)}
        )
    else:
        _tell(profiles, faults, remarks, language)
    if faults:
        raise typer.Exit(1)


def _tell(
    profiles: Sequence[Profile], faults: Sequence[Refusal], remarks: Sequence[Remark], language: Language
) -> None:
    for fault in faults:
        print(fault.message(language), file=sys.stderr)
    for step in dict.fromkeys(fault.next_step(language) for fault in faults):
        print(step, file=sys.stderr)
    for remark in remarks:
        print(remark.said(language))
    print(_SAID["checked"][language].format(count=len(profiles), faults=len(faults), remarks=len(remarks)))


def _faults(faults: Sequence[Refusal], language: Language) -> list[dict[str, str]]:
    return [
        {
            "code": fault.code,
            "where": fault.where,
            "reason": fault.message(language),
            "next_step": fault.next_step(language),
        }
        for fault in faults
    ]


def _said(remarks: Sequence[Remark], language: Language) -> list[dict[str, str]]:
    return [{"where": remark.where, "said": remark.said(language)} for remark in remarks]


def _table(rows: Sequence[dict[str, Any]], language: Language) -> Table:
    first, *rest = _HEADS[language]
    table = Table(Column(first, no_wrap=True), *(Column(head, overflow="fold") for head in rest))
    for row in rows:
        formats = ", ".join([row["format"], *row["also"]])
        state = _STATES[language][row["in_force"], bool(row["code"])]
        transports = ", ".join(row["transports"])
        table.add_row(row["name"], row["organisation"], formats, transports, row["sender"], state, row["reason"] or "-")
    return table
