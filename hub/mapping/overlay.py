"""A source's own rows, laid over the hub's: ``sources/NAME/hl7v2/*.toml`` replaces or adds rows by their target.

A file that is named as one of the hub's is laid over it: its rows of a target stand in place of all the hub's rows of
that target, rows of other targets are added. A file of another name is a row set of the source's own.
``messages.toml`` says which row sets read which message types; a type that it names is read as it says, the others as
before.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from hub.errors import Refused, refuse
from hub.mapping.codes import CodeTable, Folder
from hub.mapping.ignoring import FILE
from hub.mapping.rows import MessagePlan, RowSet, load_row_set, plan_of
from hub.message import V2Dictionary
from hub.toml import NotToml, read_toml

Plans = Mapping[str, MessagePlan]

_LISTING = "messages.toml"
_NO_ROWS = frozenset({_LISTING, FILE})
_KIND = re.compile(r"[A-Z]{3}\^[A-Z]\w{2}")
_WAYS = ("merge", "link", "unlink", "move", "share", "behind")
_KEYS = frozenset({"events", "rows", "needs", *_WAYS})
_ROW_LINE = re.compile(r"^\s*\{", re.MULTILINE)


def lay_over(
    plans: Plans, folder: Folder, source: str, tables: Mapping[str, CodeTable], dictionary: V2Dictionary
) -> Plans:
    """The plans with a source's own rows and message types. Raises Refused (bad-mapping) with file and line."""
    if not folder.is_dir():
        return plans
    base = {row_set.name: row_set for plan in plans.values() for row_set in plan.row_sets}
    sets = base | _own_sets(folder, source, base, tables, dictionary)
    laid = {
        kind: replace(plan, row_sets=tuple(sets[row_set.name] for row_set in plan.row_sets))
        for kind, plan in plans.items()
    }
    return {**laid, **_listed(folder / _LISTING, sets, tables)}


def _own_sets(
    folder: Folder,
    source: str,
    base: Mapping[str, RowSet],
    tables: Mapping[str, CodeTable],
    dictionary: V2Dictionary,
) -> dict[str, RowSet]:
    owners = {name: row_set.resource for name, row_set in base.items()}
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    own: dict[str, RowSet] = {}
    for is_part in (False, True):  # a part needs the row set that it is a part of
        for file in files:
            if file.name in _NO_ROWS or ("part_of" in _parsed(file)) != is_part:
                continue
            found = _row_set(file, source, tables, dictionary, owners)
            own[found.name] = _over(base[found.name], found, file) if found.name in base else found
            owners[found.name] = found.resource
    return own


def _row_set(
    file: Folder,
    source: str,
    tables: Mapping[str, CodeTable],
    dictionary: V2Dictionary,
    owners: Mapping[str, str],
) -> RowSet:
    """One file, as the hub's own are read; its rows are named after the source, as origins show them."""
    try:
        found = load_row_set(file, tables, dictionary, owners)
    except Refused as refused:
        refusal = refused.refusal
        _, _, line = refusal.where.partition(f"{file.name}:")
        raise refuse("bad-mapping", f"{file}:{line}" if line else str(file), **refusal.given) from None
    except KeyError as fault:
        raise refuse("bad-mapping", str(file), reason=f"missing keys [{fault}]") from None
    except ValueError as fault:
        rows, lines = len(_parsed(file)["rows"]), len(_ROW_LINE.findall(file.read_text(encoding="utf-8")))
        reason = str(fault) if rows == lines else "each row is a line of its own, beginning with {"
        raise refuse("bad-mapping", str(file), reason=reason) from None
    except (TypeError, AttributeError):
        raise refuse("bad-mapping", str(file), reason="a value is of another type than its key takes") from None
    return replace(found, rows=tuple(replace(row, id=f"sources/{source}/{row.id}") for row in found.rows))


def _over(base: RowSet, own: RowSet, file: Folder) -> RowSet:
    """The hub's row set with a source's rows: each target's where the hub's first row of it stood, new ones at the end.

    Raises Refused where the file is about another segment or resource: a row set of its own needs a name of its own.
    """
    for key in ("segment", "resource", "part_of", "into"):
        if (said := getattr(own, key)) != (meant := getattr(base, key)):
            reason = f"{key} is {said or 'missing'}, and that of the hub's {base.name} is {meant}"
            raise refuse("bad-mapping", str(file), reason=reason)
    said = _parsed(file)
    return replace(
        base,
        rows=tuple(by_target(base.rows, own.rows)),
        key=own.key if "key" in said else base.key,
        condition=own.condition if "when" in said else base.condition,
        joins=own.joins if "joins" in said else base.joins,
        result_of=own.result_of if "result_of" in said else base.result_of,
    )


class Targeting(Protocol):
    """A row, as far as it says what it fills."""

    @property
    def target(self) -> str:
        """The FHIR element."""


T = TypeVar("T", bound=Targeting)


def by_target(base: Iterable[T], own: Iterable[T]) -> Iterator[T]:
    """Rows with others laid over them: each target's where the first row of it stood, new ones at the end."""
    laid: dict[str, list[T]] = {}
    for row in own:
        laid.setdefault(row.target, []).append(row)
    placed: set[str] = set()
    for row in base:
        if row.target not in laid:
            yield row
        elif row.target not in placed:
            placed.add(row.target)
            yield from laid[row.target]
    yield from (row for target, added in laid.items() if target not in placed for row in added)


# -- message types ---------------------------------------------------------------------------------------------------


def _listed(file: Folder, sets: Mapping[str, RowSet], tables: Mapping[str, CodeTable]) -> dict[str, MessagePlan]:
    """The plans that a source's own ``messages.toml`` gives. Raises Refused (bad-mapping) with file and line."""
    if not file.is_file():
        return {}
    said = _parsed(file)
    entries = said.get("message")
    if set(said) != {"message"} or not isinstance(entries, list):
        raise refuse("bad-mapping", str(file), reason="it holds [[message]] tables and nothing else")
    text = file.read_text(encoding="utf-8")
    lines = [at for at, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[message]]")]
    plans: dict[str, MessagePlan] = {}
    for at, entry in enumerate(entries):
        if reason := _entry_fault(entry, sets, plans):
            raise refuse("bad-mapping", f"{file}:{lines[at]}" if at < len(lines) else str(file), reason=reason)
        plans.update(dict.fromkeys(entry["events"], plan_of(entry, sets, tables)))
    return plans


def _entry_fault(entry: Any, sets: Mapping[str, RowSet], before: Plans) -> str:
    """What is wrong with one ``[[message]]``; "" if nothing."""
    if not isinstance(entry, Mapping) or not {"events", "rows"} <= set(entry) or set(entry) - _KEYS:
        return "a [[message]] has events and rows, and may have merge, link, move, share, behind or needs"
    if not all(isinstance(entry.get(way, False), bool) for way in _WAYS):
        return "merge, link, move, share and behind are true or false"
    for key in ("events", "rows"):
        if not isinstance(entry[key], list) or not all(isinstance(one, str) for one in entry[key]) or not entry[key]:
            return f"{key} is a list of texts"
    if bad := [event for event in entry["events"] if not _KIND.fullmatch(event)]:
        return f"{bad} are no message types"
    if twice := [event for event in entry["events"] if event in before]:
        return f"{twice} stand here twice"
    if missing := [name for name in entry["rows"] if name not in sets]:
        return f"there is no row set {missing[0]}.toml, neither here nor among the hub's"
    return ""


def _parsed(file: Folder) -> Mapping[str, Any]:
    try:
        return read_toml(file)[1]
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(file), reason=fault.en) from None
