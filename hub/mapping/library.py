"""All mappings: the base rows and tables, loaded once, and each source's own laid over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.errors import Refusal, Refused
from hub.mapping.bundles import FhirMapping
from hub.mapping.cda.accounting import Ignoring
from hub.mapping.cda.accounting import load_ignored as load_ignored_places
from hub.mapping.cda.reading import CdaMapping
from hub.mapping.cda.rows import CdaPlan, load_plan
from hub.mapping.codes import CodeTable, Folder, IdentifierKind, load_kinds, load_tables
from hub.mapping.elements import Elements, load_elements
from hub.mapping.ignoring import FILE, Ignored, load_ignored
from hub.mapping.overlay import lay_over
from hub.mapping.rows import MessagePlan, load_plans
from hub.mapping.v2 import V2Mapping
from hub.message import Format, Source, V2Dictionary


@dataclass(frozen=True, slots=True)
class Mappings:
    """How each source's messages are read."""

    kinds: Mapping[str, IdentifierKind]
    v2: Mapping[str, V2Mapping]
    fhir: Mapping[str, FhirMapping]
    cda: Mapping[str, CdaMapping]


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What holds for every source: the hub's own rows and tables."""

    folder: Folder
    dictionary: V2Dictionary
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    plans: Mapping[str, MessagePlan]
    ignored: Ignored
    elements: Elements
    documents: CdaPlan
    places: Ignoring


@dataclass(frozen=True, kw_only=True, slots=True)
class Reads:
    """How one source's messages are read, by the formats that it speaks."""

    v2: V2Mapping | None = None
    fhir: FhirMapping | None = None
    cda: CdaMapping | None = None


def load_base(folder: Folder, dictionary: V2Dictionary) -> Base:
    """Everything under `folder` (``hl7v2/``, ``fhir/``, ``cda/``, ``codes/``).

    Raises Refused (bad-mapping) with file and line.
    """
    tables = load_tables(folder / "codes")
    return Base(
        folder=folder,
        dictionary=dictionary,
        tables=tables,
        kinds=load_kinds(folder / "codes"),
        plans=load_plans(folder / "hl7v2", tables, dictionary),
        ignored=load_ignored(folder / "hl7v2"),
        elements=load_elements(folder / "fhir"),
        documents=load_plan(folder / "cda", tables),
        places=load_ignored_places(folder / "cda"),
    )


def load_own(base: Base, source: Source, folder: Folder) -> Reads:
    """The base with what lies in a source's folder laid over it: ``codes/*.csv`` over the tables, ``hl7v2/*.toml`` and
    ``cda/*.toml`` over the rows, its profile's `kinds` over the message types, ``fhir/ignored.toml`` over the elements
    that are not read.

    Raises Refused (bad-mapping) with file and line.
    """
    own = _own_tables(folder / "codes")
    tables = {**base.tables, **own}
    tables |= {name: base.tables[name].under(own[name]) for name in own if name in base.tables}
    elements = base.elements.under(load_elements(folder / "fhir", name=str(folder / "fhir" / FILE)))
    fhir = FhirMapping(source, base.kinds, tables, elements) if source.speaks(Format.FHIR) else None
    cda = _documents(base, source, folder / "cda", tables) if source.speaks(Format.CDA) else None
    if not source.speaks(Format.HL7V2):
        return Reads(fhir=fhir, cda=cda)
    # rows hold their tables, so a source with tables of its own gets its rows compiled anew
    plans = load_plans(base.folder / "hl7v2", tables, base.dictionary) if own else base.plans
    plans = lay_over(plans, folder / "hl7v2", source.name, tables, base.dictionary)
    if source.kinds:
        plans = {kind: plan for kind, plan in plans.items() if kind in source.kinds}
    ignored = base.ignored.under(load_ignored(folder / "hl7v2", name=str(folder / "hl7v2" / FILE)))
    return Reads(v2=V2Mapping(source, tables, base.kinds, plans, ignored), fhir=fhir, cda=cda)


def _documents(base: Base, source: Source, folder: Folder, tables: Mapping[str, CodeTable]) -> CdaMapping:
    is_own = folder.is_dir() or tables != base.tables  # rows hold their tables
    plan = load_plan(base.folder / "cda", tables, folder) if is_own else base.documents
    ignored = base.places.under(load_ignored_places(folder, name=str(folder / FILE)))
    return CdaMapping(source, tables, base.kinds, plan, ignored)


def gather(base: Base, reads: Mapping[str, Reads]) -> Mappings:
    """What was loaded of each source, side by side."""
    return Mappings(
        base.kinds,
        {name: one.v2 for name, one in reads.items() if one.v2},
        {name: one.fhir for name, one in reads.items() if one.fhir},
        {name: one.cda for name, one in reads.items() if one.cda},
    )


def _own_tables(folder: Folder) -> dict[str, CodeTable]:
    """A source's own tables. The site wrote them: a fault names the whole path, a wrong character set its line."""
    if not folder.is_dir():
        return {}
    for file in folder.iterdir():
        if file.name.endswith(".csv"):
            _check_text(file)
    try:
        return load_tables(folder)
    except Refused as refused:
        where = str(Path(str(folder)) / refused.refusal.where)
        raise Refused(Refusal(code="bad-mapping", where=where, given=refused.refusal.given)) from None


def _check_text(file: Folder) -> None:
    raw = file.read_bytes()
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        reason = "the file is not UTF-8 / 文件不是 UTF-8 编码"
        raise Refused(Refusal(code="bad-mapping", where=f"{file}:{line}", given={"reason": reason})) from None
