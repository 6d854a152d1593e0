"""Policy files: ``REGION.toml`` with ``[[rule]]`` tables is a document, one with ``[[set]]`` tables is what a site has
set over it. ``hub/docs/policies.md`` lists the keys. Whatever is wrong is refused with its file and line.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from hub.errors import Refusal, Refused, refuse
from hub.policy.cells import (
    Fault,
    check_keys,
    one_of,
    read_date,
    read_list,
    read_range,
    read_scope,
    read_text,
    read_topic,
    read_unit,
    read_words,
)
from hub.policy.programme import Policy, Programme
from hub.policy.rules import Binding, Operator, Rule, SiteValue, Standing, Topic, Unit
from hub.toml import NotToml, read_toml

T = TypeVar("T")

_HEADER = {"region", "division", "name", "title", "number", "issued", "issuers", "rule"}
_SCOPE = {"kinds", "authorities", "from", "until"}
_FIGURE = {"operator", "value", "upper", "unit", "denominator"}
_RULE = {"id", "standing", "binding", "clause", "printed", "zh", "en", "source", *_SCOPE, *_FIGURE}
_SET = {"rule", "value", "upper", "unit", "by", "on", "why", *_SCOPE}


def policy_folders(config_dir: Path | None) -> list[Path]:
    """Where policies lie: the hub's own, then the site's, which is laid over it."""
    own = Path(str(files("mappings"))) / "policies"
    return [own, *([config_dir / "policies"] if config_dir else [])]


def load_policies(folders: Iterable[Path]) -> Mapping[str, Policy]:
    """Every document by its region; a later folder's replaces an earlier one. Raises Refused (bad-policy)."""
    found: dict[str, Policy] = {}
    for file in _files(folders):
        sheet = _open(file)
        if not sheet.is_overlay:
            policy = _policy(sheet)
            sheet.check()
            assert policy is not None
            found[policy.region] = policy
    return found


def load_programme(region: str, folders: Sequence[Path], named_by: str = "HUB_REGION") -> Programme:
    """A region's rules with what the site has set over them; the empty programme for the region "".

    `named_by` says what picked the region. Raises Refused (bad-policy, unknown-region).
    """
    policies = load_policies(folders)
    if region and region not in policies:
        raise refuse("unknown-region", named_by, region=region, known=", ".join(sorted(policies)))
    values: list[SiteValue] = []
    for sheet in map(_open, _files(folders)):
        if sheet.is_overlay and sheet.file.stem not in policies:
            sheet.faults.append(_no_policy(sheet.file))
        elif sheet.is_overlay and sheet.file.stem == region:
            values += _values(sheet, policies[region], values)
        sheet.check()
    return Programme(policy=policies.get(region), values=tuple(values))


def find_faults(file: Path, folders: Sequence[Path]) -> list[Refusal]:
    """Everything that is wrong with one file, in the order of its lines; nothing where it may be used."""
    try:
        sheet = _open(file)
    except Refused as refused:
        return [refused.refusal]
    if not sheet.is_overlay:
        _policy(sheet)
    elif policy := _policy_named(file.stem, folders):
        _values(sheet, policy, [])
    else:
        sheet.faults.append(_no_policy(file))
    return sheet.refusals()


@dataclass(slots=True)
class _Sheet:
    """One file while it is read, with the faults found so far."""

    file: Path
    text: str
    content: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_overlay(self) -> bool:
        return "set" in self.content

    def attempt(self, make: Callable[[Mapping[str, Any]], T], part: Any, table: str = "", index: int = 0) -> T | None:
        """What `make` gives of a part; None, and the fault noted, where it finds one."""
        try:
            if not isinstance(part, Mapping):
                raise Fault("", f"{table} is written as [[{table}]]")
            return make(part)
        except Fault as fault:
            self.faults.append(Fault(fault.key, fault.reason, table, index))
            return None

    def each(self, table: str, make: Callable[[Mapping[str, Any]], T]) -> list[tuple[int, T]]:
        """What `make` gives of every ``[[table]]`` that has no fault, with its place among them."""
        parts = self.content.get(table, [])
        if not isinstance(parts, list):
            parts = [None]
        made = [(index, self.attempt(make, part, table, index)) for index, part in enumerate(parts)]
        return [(index, one) for index, one in made if one is not None]

    def refusals(self) -> list[Refusal]:
        found = [(_line_of(self.text, fault), fault.reason) for fault in self.faults]
        return [
            Refusal(code="bad-policy", where=f"{self.file}:{line}", given={"reason": reason})
            for line, reason in sorted(found)
        ]

    def check(self) -> None:
        """Insist that no fault was found. Raises Refused (bad-policy) with the first one."""
        if self.faults:
            raise Refused(self.refusals()[0])


def _no_policy(file: Path) -> Fault:
    return Fault("", f"there is no sound policy named {file.stem} to set anything over")


_LADDER = "follow-up.toml"
"""What lies beside the policies and is none: `hub.followups.load_ladder` reads it."""


def _files(folders: Iterable[Path]) -> list[Path]:
    return [file for folder in folders for file in sorted(folder.glob("*.toml")) if file.name != _LADDER]


def _open(file: Path) -> _Sheet:
    try:
        return _Sheet(file, *read_toml(file))
    except NotToml as fault:
        raise refuse("bad-policy", fault.place(file), reason=fault.en) from None


def _policy_named(region: str, folders: Sequence[Path]) -> Policy | None:
    """A region's policy whatever becomes of the others; None where it cannot be read."""
    found: Policy | None = None
    for file in _files(folders):
        if file.stem == region:
            with suppress(Refused):
                sheet = _open(file)
                found = _policy(sheet) if not sheet.is_overlay else found
                sheet.check()
    return found


# -- a document ------------------------------------------------------------------------------------------------------


def _policy(sheet: _Sheet) -> Policy | None:
    """The document, as far as it has no fault; the sheet notes what it has."""
    head = sheet.attempt(lambda table: _head(table, sheet.file.stem), sheet.content)
    issued_on = head.issued_on if head else date.min
    found = sheet.each("rule", lambda table: _rule(table, sheet.file.stem, issued_on))
    rules: list[Rule] = []
    for index, rule in found:
        if any(rule.id == other.id and rule.scope.meets(other.scope) for other in rules):
            reason = f"{rule.id} stands here twice for the same time, kinds and authorities"
            sheet.faults.append(Fault("id", reason, "rule", index))
        rules.append(rule)
    return replace(head, rules=tuple(rules)) if head else None


def _head(table: Mapping[str, Any], stem: str) -> Policy:
    check_keys(table, _HEADER)
    if not table.get("rule"):
        raise Fault("rule", "there is no [[rule]] in it")
    if read_text(table, "region") != stem:
        raise Fault("region", "region must be the name of the file")
    if not re.fullmatch(r"[1-9]\d{5}", read_text(table, "division")):
        raise Fault("division", "division is a code of six digits (GB/T 2260)")
    return Policy(
        region=stem,
        division=read_text(table, "division"),
        name=read_words(table, "name"),
        title=read_words(table, "title"),
        number=read_text(table, "number") if "number" in table else "",
        issued_on=read_date(table, "issued"),
        issuers=read_list(table, "issuers"),
        rules=(),
    )


def _rule(table: Mapping[str, Any], region: str, issued_on: date) -> Rule:
    check_keys(table, _RULE)
    topic = read_topic(table, "id")
    standing = one_of(Standing, table, "standing", Standing.STATED, Standing.OPEN, Standing.HEARSAY)
    if ("source" in table) != (standing is Standing.HEARSAY):
        raise Fault("source", "a rule known by hearsay names its source, and no other does")
    return Rule(
        id=table["id"],
        region=region,
        standing=standing,
        binding=one_of(Binding, table, "binding", *Binding),
        scope=read_scope(table, issued_on),
        clause=read_text(table, "clause"),
        printed=read_text(table, "printed"),
        zh=read_text(table, "zh"),
        en=read_text(table, "en"),
        source=read_words(table, "source") if "source" in table else None,
        **_asked(table, topic, standing),
    )


def _asked(table: Mapping[str, Any], topic: Topic, standing: Standing) -> dict[str, Any]:
    """Operator, unit, figure, upper and denominator of a rule."""
    if topic.is_duty:
        if given := _FIGURE & set(table):
            raise Fault(min(given), f"{table['id']} is a duty and takes no {min(given)}")
        return {}
    operator = one_of(Operator, table, "operator", *Operator)
    unit = read_unit(table, topic, table["id"])
    if standing is Standing.OPEN:
        if "value" in table or "upper" in table:
            raise Fault("value", "what is open has no value: the site sets it")
    elif "value" not in table:
        raise Fault("value", f"what is {standing} has a value; without one it is open")
    elif ("upper" in table) != (operator is Operator.BETWEEN):
        raise Fault("upper", "upper is the end of between: one needs the other")
    figure, upper = read_range(table, unit)
    return {
        "operator": operator,
        "unit": unit,
        "figure": figure,
        "upper": upper,
        "denominator": read_words(table, "denominator") if unit is Unit.SHARE or "denominator" in table else None,
    }


# -- what a site sets ------------------------------------------------------------------------------------------------


def _values(sheet: _Sheet, policy: Policy, before: Sequence[SiteValue]) -> list[SiteValue]:
    """What a site sets over a policy, as far as it has no fault."""
    sheet.attempt(lambda table: check_keys(table, {"set"}), sheet.content)
    values: list[SiteValue] = []
    for index, value in sheet.each("set", lambda table: _value(table, policy)):
        if any(value.rule == other.rule and value.scope.meets(other.scope) for other in (*before, *values)):
            reason = f"{value.rule} is set twice for the same time, kinds and authorities: end the older with until"
            sheet.faults.append(Fault("rule", reason, "set", index))
        values.append(value)
    return values


def _value(table: Mapping[str, Any], policy: Policy) -> SiteValue:
    check_keys(table, _SET)
    topic = read_topic(table, "rule")
    if topic.is_duty:
        raise Fault("rule", f"{table['rule']} is a duty: there is no figure to set")
    if "value" not in table:
        raise Fault("value", "value is missing")
    unit = read_unit(table, topic, table["rule"])
    figure, upper = read_range(table, unit)
    assert figure is not None
    decided_on = read_date(table, "on")
    value = SiteValue(
        rule=table["rule"],
        value=figure,
        upper=upper,
        unit=unit,
        scope=read_scope(table, decided_on),
        by=read_text(table, "by"),
        on=decided_on,
        why=read_text(table, "why"),
    )
    _check_against(value, policy)
    return value


def _check_against(value: SiteValue, policy: Policy) -> None:
    """A site may set what is open or hearsay, and tighten what is stated; it does not undo a clause."""
    for rule in policy.rules:
        if rule.id == value.rule and rule.standing is Standing.STATED and rule.scope.meets(value.scope):
            ends = [value.value] if value.upper is None else [value.value, value.upper]
            if not all(rule.allows(end, value.unit) for end in ends):
                reason = f"{value.asks()} contradicts {rule.reference()} ({rule.printed}), which asks for {rule.asks()}"
                raise Fault("value", reason)


def _line_of(text: str, fault: Fault) -> int:
    """The line of a fault's key in its table; else where the table begins."""
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[", line)]
    own = [number for number in heads if re.match(rf"\s*\[\[\s*{fault.table}\s*\]\]", lines[number])]
    if fault.table and fault.index >= len(own):
        return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*{fault.table}\b", line)), 1)
    begin = own[fault.index] if fault.table else 0
    end = min((number for number in heads if number > begin), default=len(lines))
    key = re.compile(rf"\s*(\[.*\.)?{re.escape(fault.key)}\s*[\].=]")
    return next((number + 1 for number in range(begin, end) if fault.key and key.match(lines[number])), begin + 1)
