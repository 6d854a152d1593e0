"""Row sets: one TOML file says how one segment becomes one FHIR resource. Loaded once, refused with file and line.

The columns are those of HL7's own v2-to-FHIR tables: source (`from`), condition (`when`), target (`to`), converter
(`as`), vocabulary (`codes`). Rows of one target (or of one ``value[x]``) are tried in order; the first that gives a
value is the one, except that rows of a repeating element add to it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.errors import Refused, refuse
from hub.mapping.codes import CodeTable, Folder
from hub.mapping.conditions import Condition, Position, positions_in, read_condition, read_position
from hub.mapping.converters import CONVERTERS, Convert
from hub.mapping.targets import Element, elements_of, find_path, required_of
from hub.message import V2Dictionary
from hub.toml import NotToml, read_toml

_ROW_KEYS = frozenset(
    {"from", "to", "as", "when", "codes", "each", "value", "assumed", "clear", "empties", "yields", "comment"}
)
_SET_KEYS = frozenset({"segment", "resource", "key", "part_of", "into", "result_of", "joins", "when", "rows"})
REFUSALS = frozenset({"move-by-hand"})
"""What ``[[refused]]`` may say of messages that nobody could carry out."""
_ROW_LINE = re.compile(r"^\s*\{")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row, compiled. `slot` is what the row fills: its choice (``value[x]``) or its target. `empties` is what an
    explicit null (``""``) clears: the target, or only the row's own items of a list (``telecom/work``), or nothing.
    What a row that `yields` has put makes room for a later row of the same element or choice."""

    id: str
    target: str
    path: tuple[Element, ...]
    slot: str
    repeats: bool
    position: Position | None = None
    convert: Convert | None = None
    condition: Condition | None = None
    table: CodeTable | None = None
    each: bool = False
    value: Any = None
    assumed: bool = False
    clear: bool = False
    empties: str = ""
    yields: bool = False
    reads_visit: bool = False
    watches: tuple[Position, ...] = ()
    """What its condition reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowSet:
    """How one segment becomes one resource, or a part of one (`part_of` and `into`). With `joins`, segments of one
    key make one resource together."""

    name: str
    segment: str
    resource: str
    rows: tuple[Row, ...]
    key: tuple[tuple[Position, ...], ...] = ()
    part_of: tuple[str, ...] = ()
    into: str = ""
    result_of: str = ""
    joins: bool = False
    condition: Condition | None = None
    watches: tuple[Position, ...] = ()
    required: tuple[str, ...] = ()


def load_row_set(
    file: Folder, tables: Mapping[str, CodeTable], dictionary: V2Dictionary, owners: Mapping[str, str]
) -> RowSet:
    """One file of rows. `owners` says which resource the row sets named by `part_of` make.

    Raises Refused (bad-mapping) with file and line for anything that is not understood.
    """
    try:
        text, table = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(file.name), reason=fault.en) from None
    if unknown := set(table) - _SET_KEYS:
        raise refuse("bad-mapping", file.name, reason=f"unknown keys {sorted(unknown)}")
    if missing := {"segment", "rows"} - set(table):
        raise refuse("bad-mapping", file.name, reason=f"missing keys {sorted(missing)}")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _ROW_LINE.match(line)]
    name = file.name.removesuffix(".toml")
    resource = _resource_of(table, owners, file.name)
    rows = []
    for line, row in zip(lines, table["rows"], strict=True):
        try:
            rows.append(_row(row, name, resource, tables, dictionary))
        except ValueError as fault:
            raise refuse("bad-mapping", f"{file.name}:{line}", reason=str(fault)) from None
    return RowSet(
        name=name,
        segment=table["segment"],
        resource=resource,
        rows=tuple(rows),
        key=tuple(tuple(read_position(part) for part in column.split("|")) for column in table.get("key", [])),
        part_of=_owners_in(table),
        into=table.get("into", ""),
        result_of=table.get("result_of", ""),
        joins=bool(table.get("joins")),
        condition=read_condition(table["when"], tables) if "when" in table else None,
        watches=positions_in(table.get("when", "")),
        required=required_of(resource) if "part_of" not in table or "into" in table else (),
    )


def _owners_in(table: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name.strip() for name in table.get("part_of", "").split("|") if name.strip())


def _resource_of(table: Mapping[str, Any], owners: Mapping[str, str], file: str) -> str:
    if "part_of" not in table:
        return str(table["resource"])
    try:
        owner = owners[_owners_in(table)[0]]
        return elements_of(owner)[table["into"]].type if "into" in table else owner
    except KeyError as fault:
        raise refuse("bad-mapping", file, reason=f"{fault} is no row set or element to be a part of") from None


def _row(
    row: Mapping[str, Any],
    name: str,
    resource: str,
    tables: Mapping[str, CodeTable],
    dictionary: V2Dictionary,
) -> Row:
    if unknown := set(row) - _ROW_KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if "to" not in row:
        raise ValueError("to is missing")
    if not {"from", "value", "clear"} & set(row):
        raise ValueError("a row needs from, value or clear")
    target = row["to"]
    path = find_path(resource, target)
    if path is None:
        raise ValueError(f"{resource}.{target} is no element of FHIR R4B")
    if "codes" in row and row["codes"] not in tables:
        raise ValueError(f"there is no code table {row['codes']!r}")
    if row.get("yields") and (len(path) > 1 or path[-1].repeats or "from" not in row):
        raise ValueError(f"only a row that reads a field into a single element yields, and not one of {target}")
    position = _position(row["from"], dictionary) if "from" in row else None
    return Row(
        id=f"hl7v2/{name}:{target}",
        target=target,
        path=path,
        slot=path[-1].choice or target,
        repeats=path[-1].repeats,
        position=position,
        convert=_converter(row, path[-1]) if position and not row.get("clear") else None,
        condition=read_condition(row["when"], tables) if "when" in row else None,
        table=tables[row["codes"]] if "codes" in row else None,
        each=bool(row.get("each")),
        value=row.get("value"),
        assumed=bool(row.get("assumed")),
        clear=bool(row.get("clear")),
        empties=str(row.get("empties", target)),
        yields=bool(row.get("yields")),
        watches=positions_in(row.get("when", "")),
        reads_visit="PV1-" in f"{row.get('from', '')} {row.get('when', '')}",
    )


def _position(text: str, dictionary: V2Dictionary) -> Position:
    position = read_position(text)
    whole = f"{position.segment}-{position.field}"
    if position.segment[0] != "Z" and dictionary.find(whole, "2.8") is None and dictionary.find(whole) is None:
        raise ValueError(f"{whole} is no field of the HL7 v2 standard")
    return position


def _converter(row: Mapping[str, Any], element: Element) -> Convert:
    converter = CONVERTERS.get(row.get("as", ""))
    if converter is None:
        raise ValueError(f"there is no converter {row.get('as')!r}")
    if element.type not in converter.types:
        gives = ", ".join(sorted(converter.types))
        raise ValueError(f"converter {row['as']!r} gives {gives}, and {row['to']} is a {element.type}")
    return converter.convert


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagePlan:
    """What the hub does with one kind of message.

    `merges`: MRG names the number that is given up for the one of its PID. `links`: the PIDs are one person's, and all
    their numbers stay; `unlinks`: they are not, after all. `moves`: what MRG names is another patient, from whom a
    visit is taken. `shares`: it is about nobody's health, but tells of staff and places (MFN). `behind`: ORC stands
    behind its OBR (OUL). `refused` is the code of the refusal where nobody could carry out what the message asks for.
    `needs` says of row sets when they read a message of this kind at all: an ORU makes a visit only of a PV1 with a
    visit number.
    """

    row_sets: tuple[RowSet, ...] = ()
    merges: bool = False
    links: bool = False
    unlinks: bool = False
    moves: bool = False
    shares: bool = False
    behind: bool = False
    refused: str = ""
    needs: Mapping[str, Condition] = field(default_factory=dict)

    @property
    def segments(self) -> frozenset[str]:
        """The segments that its row sets read."""
        return frozenset(row_set.segment for row_set in self.row_sets)


def load_plans(folder: Folder, tables: Mapping[str, CodeTable], dictionary: V2Dictionary) -> dict[str, MessagePlan]:
    """``messages.toml`` and the row sets that it names: a plan by message type (``ADT^A01``)."""
    file = folder / "messages.toml"
    try:
        said = read_toml(file)[1]
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(file.name), reason=fault.en) from None
    listing = said["message"]
    owners: dict[str, str] = {}
    loaded: dict[str, RowSet] = {}
    for name in dict.fromkeys(name for entry in listing for name in entry["rows"]):
        file = folder / f"{name}.toml"
        if not file.is_file():
            raise refuse("bad-mapping", "messages.toml", reason=f"there is no row set {name}.toml")
        loaded[name] = load_row_set(file, tables, dictionary, owners)
        owners[name] = loaded[name].resource
    plans: dict[str, MessagePlan] = {}
    for entry in listing:
        plan = plan_of(entry, loaded, tables)
        plans.update(dict.fromkeys(_events(entry["events"]), plan))
    _check_yielding(loaded)
    for entry in said.get("refused", ()):
        plans.update(dict.fromkeys(_events(entry["events"]), MessagePlan(refused=_refusal(entry))))
    return plans


def _check_yielding(sets: Mapping[str, RowSet]) -> None:
    """A row yields to another one of its element or choice, in its own row set or in one that goes on where that ends;
    a row that yields to nobody says what nothing does. Raises Refused (bad-mapping)."""
    for row_set in sets.values():
        family = [one for one in sets.values() if one is row_set or (row_set.name in one.part_of and not one.into)]
        others = [row.path[0] for one in family for row in one.rows if not row.yields]
        for row in row_set.rows:
            if row.yields and not any(other.name in {row.path[0].name, *row.path[0].rivals} for other in others):
                reason = f"{row.target} yields, and no other row gives it or another type of its choice"
                raise refuse("bad-mapping", f"{row_set.name}.toml", reason=reason)


def plan_of(entry: Mapping[str, Any], sets: Mapping[str, RowSet], tables: Mapping[str, CodeTable]) -> MessagePlan:
    """The plan that one ``[[message]]`` makes of row sets. Raises Refused (bad-mapping)."""
    needs = entry.get("needs", {})
    if unknown := set(needs) - set(entry["rows"]):
        raise refuse("bad-mapping", "messages.toml", reason=f"needs names {sorted(unknown)}, which rows does not")
    try:
        conditions = {name: read_condition(text, tables) for name, text in needs.items()}
    except ValueError as fault:
        raise refuse("bad-mapping", "messages.toml", reason=str(fault)) from None
    return MessagePlan(
        row_sets=tuple(sets[name] for name in entry["rows"]),
        merges=bool(entry.get("merge")),
        links=bool(entry.get("link")),
        unlinks=bool(entry.get("unlink")),
        moves=bool(entry.get("move")),
        shares=bool(entry.get("share")),
        behind=bool(entry.get("behind")),
        needs=conditions,
    )


def _refusal(entry: Mapping[str, Any]) -> str:
    code = str(entry.get("code"))
    if code not in REFUSALS:
        raise refuse("bad-mapping", "messages.toml", reason=f"there is no refusal {code!r}")
    return code


def _events(events: Sequence[str]) -> Sequence[str]:
    if bad := [event for event in events if not re.fullmatch(r"[A-Z]{3}\^[A-Z]\w{2}", event)]:
        raise Refused(refuse("bad-mapping", "messages.toml", reason=f"{bad} are no message types").refusal)
    return events
