"""Row sets for documents: one TOML file says which entries become which FHIR resource. Refused with file and line.

The rows are those of v2 (`hub.mapping.rows`) but for what they read: places of a document.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.errors import refuse
from hub.mapping.cda.context import Convert
from hub.mapping.cda.converters import CONVERTERS
from hub.mapping.cda.places import Condition, Place, places_in, read_condition, read_place, read_places
from hub.mapping.codes import CodeTable, Folder
from hub.mapping.overlay import by_target
from hub.mapping.targets import Element, find_path, required_of
from hub.toml import NotToml, read_toml

LISTING = "documents.toml"
_ROW_KEYS = frozenset({"from", "to", "as", "when", "codes", "each", "value", "assumed", "beside", "comment"})
_SET_KEYS = frozenset({"resource", "once", "kind", "of", "with", "key", "when", "needs", "result_of", "rows"})
_LISTING_KEYS = frozenset({"sets", "aliases", "roles", "document"})
_DOCUMENT_KEYS = frozenset({"code", "zh", "en", "class", "exact"})
_CLASSES = ("", "I", "O", "E")
_ROW_LINE = re.compile(r"^\s*\{")
_ELEMENT = re.compile(r"DE\d{2}\.\d{2}\.\d{3}\.\d{2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CdaRow:
    """One row, compiled. `slot` is what it fills: its choice (``value[x]``) or its target. `beside` is a second place
    that the converter may read: the unit beside a number, the name beside a code."""

    id: str
    target: str
    path: tuple[Element, ...]
    slot: str
    place: Place | None = None
    convert: Convert | None = None
    condition: Condition | None = None
    table: CodeTable | None = None
    each: bool = False
    value: Any = None
    assumed: bool = False
    beside: tuple[Place, ...] = ()
    watches: tuple[Place, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether the target takes several values."""
        return self.path[-1].repeats


@dataclass(frozen=True, kw_only=True, slots=True)
class CdaSet:
    """Which statements become one resource: `once` a document (all of them), each of one of the `kinds` with what is
    in it, or those with a data element out of `of`, with those of `along` beside them or in them. Without all that it
    `needs` (targets of its rows) a group makes none, and its statements are left to the sets after it."""

    name: str
    resource: str
    rows: tuple[CdaRow, ...]
    key: tuple[tuple[Place, ...], ...] = ()
    once: bool = False
    kinds: frozenset[str] = frozenset()
    of: frozenset[str] = frozenset()
    along: frozenset[str] = frozenset()
    condition: Condition | None = None
    watches: tuple[Place, ...] = ()
    needs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    result_of: str = ""
    openings: tuple[tuple[Place, ...], ...] = field(init=False, default=())
    """For each need the places of the rows that may give it; a need that a constant may give is left out."""

    def __post_init__(self) -> None:
        givers = ([row.place for row in self.rows if _may_give(row, need)] for need in self.needs)
        openings = tuple(tuple(place for place in places if place) for places in givers if None not in places)
        object.__setattr__(self, "openings", openings)


def _may_give(row: CdaRow, need: str) -> bool:
    """Whether a row may give one of the targets of a need."""
    return any(row.slot == target or row.path[0].name == target.partition(".")[0] for target in need.split("|"))


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentKind:
    """One kind of document. `visit_class` is that of PV1-2 (I, O, E; "" where the document does not tell); `is_exact`
    says that golden pairs hold what it becomes, and not only the generic table."""

    code: str
    zh: str
    en: str
    visit_class: str = ""
    is_exact: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CdaPlan:
    """How documents are read: the kinds, the sets in their order, other writings of data elements' numbers, and the
    words of labels and sections that say what part something plays (出院诊断, 其他)."""

    kinds: Mapping[str, DocumentKind]
    sets: tuple[CdaSet, ...]
    aliases: Mapping[str, str]
    roles: tuple[tuple[str, str], ...] = ()


def load_plan(folder: Folder, tables: Mapping[str, CodeTable], own: Folder | None = None) -> CdaPlan:
    """``documents.toml`` and the row sets that it names, with a source's `own` laid over them: its file of a set's name
    replaces and adds rows by their target. Raises Refused (bad-mapping) with file and line."""
    _, listing = _parsed(folder / LISTING, LISTING)
    if unknown := set(listing) - _LISTING_KEYS:
        raise refuse("bad-mapping", LISTING, reason=f"unknown keys {sorted(unknown)}")
    sets = []
    for name in listing["sets"]:
        file = folder / f"{name}.toml"
        if not file.is_file():
            raise refuse("bad-mapping", LISTING, reason=f"there is no row set {name}.toml")
        sets.append(load_set(file, file.name, tables))
    if not sets or not (sets[0].once and sets[0].resource == "Patient"):
        raise refuse("bad-mapping", LISTING, reason="the first row set is that of the Patient, made once")
    kinds = [_kind(entry) for entry in listing["document"]]
    return CdaPlan(
        kinds={one.code: one for one in kinds},
        sets=tuple(_laid_over(sets, own, tables)),
        aliases=listing.get("aliases", {}),
        roles=tuple(listing.get("roles", {}).items()),
    )


def _laid_over(sets: Sequence[CdaSet], own: Folder | None, tables: Mapping[str, CodeTable]) -> Sequence[CdaSet]:
    laid = {one.name: one for one in sets}
    files = own.iterdir() if own is not None and own.is_dir() else ()
    for file in files:
        name = file.name.removesuffix(".toml")
        if not file.name.endswith(".toml") or name == "ignored":
            continue
        if name not in laid:  # it would take no set's place and do nothing
            raise refuse("bad-mapping", str(file), reason=f"there is no row set {name} among the hub's")
        mine, base = load_set(file, str(file), tables), laid[name]
        if mine.resource != base.resource:
            reason = f"resource is {mine.resource}, and that of the hub's {name} is {base.resource}"
            raise refuse("bad-mapping", str(file), reason=reason)
        laid[name] = replace(base, rows=tuple(by_target(base.rows, mine.rows)))
    return list(laid.values())


def _kind(entry: Mapping[str, Any]) -> DocumentKind:
    if set(entry) - _DOCUMENT_KEYS or not {"code", "zh", "en"} <= set(entry):
        reason = f"{entry.get('code')}: a [[document]] has code, zh, en, and may have class, exact"
        raise refuse("bad-mapping", LISTING, reason=reason)
    if entry.get("class", "") not in _CLASSES:
        raise refuse("bad-mapping", LISTING, reason=f"{entry['code']}: class is I, O or E")
    return DocumentKind(
        code=entry["code"],
        zh=entry["zh"],
        en=entry["en"],
        visit_class=entry.get("class", ""),
        is_exact=bool(entry.get("exact")),
    )


def load_set(file: Folder, name: str, tables: Mapping[str, CodeTable]) -> CdaSet:
    """One file of rows; `name` is what a fault calls it. Raises Refused (bad-mapping) with file and line."""
    text, said = _parsed(file, name)
    if unknown := set(said) - _SET_KEYS:
        raise refuse("bad-mapping", name, reason=f"unknown keys {sorted(unknown)}")
    if missing := {"resource", "rows"} - set(said):
        raise refuse("bad-mapping", name, reason=f"missing keys {sorted(missing)}")
    stem, resource = file.name.removesuffix(".toml"), said["resource"]
    lines = [at for at, line in enumerate(text.splitlines(), 1) if _ROW_LINE.match(line)]
    rows = []
    for at, row in enumerate(said["rows"]):
        try:
            rows.append(_row(row, stem, resource, tables))
        except ValueError as fault:
            raise refuse("bad-mapping", f"{name}:{lines[at]}" if at < len(lines) else name, reason=str(fault)) from None
    try:
        return _set(said, stem, resource, rows, tables)
    except (ValueError, KeyError) as fault:
        raise refuse("bad-mapping", name, reason=str(fault)) from None


def _set(
    said: Mapping[str, Any], name: str, resource: str, rows: Sequence[CdaRow], tables: Mapping[str, CodeTable]
) -> CdaSet:
    elements = [*said.get("of", ()), *said.get("with", ())]
    if bad := [one for one in elements if not _ELEMENT.fullmatch(one)]:
        raise ValueError(f"{bad} are no data elements such as DE05.01.024.00")
    if len([key for key in ("once", "kind", "of") if said.get(key)]) != 1:
        raise ValueError("a row set is made once, of a kind of entry (kind) or of data elements (of)")
    filled = {name for row in rows for name in (row.target, row.slot, row.target.partition(".")[0])}
    if missing := {target for need in said.get("needs", ()) for target in need.split("|")} - filled:
        raise ValueError(f"no row gives {sorted(missing)}, which it needs")
    return CdaSet(
        name=name,
        resource=resource,
        rows=tuple(rows),
        key=tuple(read_places(column) for column in said.get("key", ())),
        once=bool(said.get("once")),
        kinds=frozenset(said.get("kind", ())),
        of=frozenset(said.get("of", ())),
        along=frozenset(said.get("with", ())),
        condition=read_condition(said["when"], tables) if "when" in said else None,
        watches=places_in(said.get("when", "")),
        needs=tuple(said.get("needs", ())),
        required=required_of(resource),
        result_of=str(said.get("result_of", "")),
    )


def _row(row: Mapping[str, Any], name: str, resource: str, tables: Mapping[str, CodeTable]) -> CdaRow:
    if unknown := set(row) - _ROW_KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if "to" not in row or not {"from", "value"} & set(row):
        raise ValueError("a row needs to, and from or value")
    path = find_path(resource, row["to"])
    if path is None:
        raise ValueError(f"{resource}.{row['to']} is no element of FHIR R4B")
    if "codes" in row and row["codes"] not in tables:
        raise ValueError(f"there is no code table {row['codes']!r}")
    return CdaRow(
        id=f"cda/{name}:{row['to']}",
        target=row["to"],
        path=path,
        slot=path[-1].choice or row["to"],
        place=read_place(row["from"]) if "from" in row else None,
        convert=_converter(row, path[-1]) if "from" in row else None,
        condition=read_condition(row["when"], tables) if "when" in row else None,
        table=tables[row["codes"]] if "codes" in row else None,
        each=bool(row.get("each")),
        value=row.get("value"),
        assumed=bool(row.get("assumed")),
        beside=read_places(row["beside"]) if "beside" in row else (),
        watches=places_in(row.get("when", "")),
    )


def _converter(row: Mapping[str, Any], element: Element) -> Convert:
    found = CONVERTERS.get(row.get("as", ""))
    if found is None:
        raise ValueError(f"there is no converter {row.get('as')!r} for documents")
    if element.type not in found.types:
        gives = ", ".join(sorted(found.types))
        raise ValueError(f"converter {row['as']!r} gives {gives}, and {row['to']} is a {element.type}")
    return found.convert


def _parsed(file: Folder, name: str) -> tuple[str, Mapping[str, Any]]:
    try:
        return read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(name), reason=fault.en) from None
