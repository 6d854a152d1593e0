"""``hub policy``: what holds at a site, and whether its files can be read."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding

from hub.commands.parts import print_json
from hub.errors import Language, Refusal, Refused, refuse
from hub.followups import LADDER_FILE, load_ladder
from hub.policy import Programme, Rule, SiteValue, Words, find_faults, load_programme, policy_folders
from hub.settings import load_settings

policies = typer.Typer(no_args_is_help=True, help="The rules of the programme: each region's, and the site's own.")


@policies.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to read; none: the hub's own and the site's.")
    ] = None,
) -> None:
    """Read policy files and name every fault with its line; status 1 if there is any."""
    settings = load_settings()
    folders = policy_folders(settings.config_dir)
    chosen = files or [file for folder in folders for file in sorted(folder.glob("*.toml"))]
    faults = [refusal for file in chosen for refusal in _faults(file, folders)]
    for refusal in faults:
        print(refusal.message(settings.locale), file=sys.stderr)
    if faults:
        print(faults[0].next_step(settings.locale), file=sys.stderr)
        raise typer.Exit(1)
    print(
        {"en": f"Files read: {len(chosen)}, faults: 0", "zh": f"已读取文件 {len(chosen)} 个，错误 0 处"}[
            settings.locale
        ]
    )


def _faults(file: Path, folders: Sequence[Path]) -> Sequence[Refusal]:
    """What is wrong with a policy, or with the ladder of follow-up that lies beside the policies: its first fault."""
    if file.name != LADDER_FILE:
        return find_faults(file, folders)
    try:
        load_ladder([folders[0], file.parent])
    except Refused as refused:
        return [refused.refusal]
    return []


@policies.command()
def show(
    region: Annotated[str, typer.Argument(help="A region's policy; none: that of HUB_REGION.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Show a region's rules: clause, figure as printed, standing, and what the site has set."""
    settings = load_settings()
    folders = policy_folders(settings.config_dir)
    programme = load_programme(region or settings.region, folders, "REGION" if region else "HUB_REGION")
    if programme.policy is None:
        raise refuse("no-region", "HUB_REGION", rule="hub policy show")
    if as_json:
        print_json(_as_json(programme))
        return
    Console(markup=False, highlight=False).print(*_shown(programme, settings.locale), sep="\n")


_NAMES: dict[Language, dict[str, str]] = {
    "en": {"scope": "holds for: ", "set": "set by the site: ", "printed": "printed: "},
    "zh": {"scope": "适用：", "set": "站点设定：", "printed": "原文："},
}
_STANDINGS: dict[Language, dict[str, str]] = {
    "en": {"stated": "stated", "open": "OPEN", "hearsay": "HEARSAY", "site": "the site's own"},
    "zh": {"stated": "已规定", "open": "【未定】", "hearsay": "【传闻】", "site": "站点自定"},
}


def _shown(programme: Programme, language: Language) -> Iterator[RenderableType]:
    """A rule a paragraph: what it asks for in its head, the rest under it; a table of seven columns needs a wall."""
    policy = programme.policy
    assert policy is not None
    title = {"zh": f"{policy.title.zh} {policy.number}", "en": f"{policy.title.en} ({policy.number or 'no number'})"}
    yield f"{title[language]}\n"
    for rule in programme.rules:
        head, *rest = _lines(programme, rule, language)
        yield head
        yield Padding("\n".join(rest), (0, 0, 1, 4))


def _lines(programme: Programme, rule: Rule, language: Language) -> Iterator[str]:
    said = _NAMES[language]
    asks = rule.asks() or ("?" if rule.operator else "-")
    yield f"{rule.id}  {rule.clause or '-'}  {_STANDINGS[language][rule.standing]}  {asks}"
    scope = [*sorted(rule.scope.kinds), *sorted(rule.scope.authorities)]
    if scope:
        yield f"{said['scope']}{', '.join(scope)}"
    for value in programme.values_over(rule):
        yield f"{said['set']}{_set_by(value)}"
    if rule.printed:
        yield f"{said['printed']}{rule.printed}"


def _set_by(value: SiteValue) -> str:
    scope = ", ".join([*sorted(value.scope.kinds), *sorted(value.scope.authorities)])
    return f"{value.asks()}{f' [{scope}]' if scope else ''} ({value.by}, {value.on.isoformat()})"


def _as_json(programme: Programme) -> dict[str, Any]:
    policy = programme.policy
    assert policy is not None
    return {
        "region": policy.region,
        "division": policy.division,
        "name": _words(policy.name),
        "title": _words(policy.title),
        "number": policy.number,
        "issued": policy.issued_on.isoformat(),
        "issuers": list(policy.issuers),
        "rules": [_rule(programme, rule) for rule in programme.rules],
    }


def _rule(programme: Programme, rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "standing": rule.standing,
        "binding": rule.binding,
        "operator": rule.operator,
        "value": _figure(rule.figure),
        "upper": _figure(rule.upper),
        "unit": rule.unit,
        "denominator": _words(rule.denominator),
        "kinds": sorted(rule.scope.kinds),
        "authorities": sorted(rule.scope.authorities),
        "from": rule.scope.starts_on.isoformat(),
        "until": rule.scope.ends_on.isoformat() if rule.scope.ends_on else None,
        "clause": rule.clause,
        "printed": rule.printed,
        "zh": rule.zh,
        "en": rule.en,
        "source": _words(rule.source),
        "set_by_site": [_value(value) for value in programme.values_over(rule)],
    }


def _value(value: SiteValue) -> dict[str, Any]:
    return {
        "value": _figure(value.value),
        "upper": _figure(value.upper),
        "unit": value.unit,
        "kinds": sorted(value.scope.kinds),
        "authorities": sorted(value.scope.authorities),
        "from": value.scope.starts_on.isoformat(),
        "until": value.scope.ends_on.isoformat() if value.scope.ends_on else None,
        "by": value.by,
        "on": value.on.isoformat(),
        "why": value.why,
    }


def _figure(figure: object) -> str | None:
    return None if figure is None else str(figure)


def _words(words: Words | None) -> dict[str, str] | None:
    return {"zh": words.zh, "en": words.en} if words else None
