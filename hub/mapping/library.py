"""All mappings, loaded once: the base rows and tables, and each source's own laid over them."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.mapping.bundles import FhirMapping
from hub.mapping.codes import CodeTable, Folder, IdentifierKind, load_kinds, load_tables
from hub.mapping.rows import MessagePlan, load_plans
from hub.mapping.v2 import V2Mapping
from hub.message import Format, Source, V2Dictionary


@dataclass(frozen=True, slots=True)
class Mappings:
    """How each source's messages are read."""

    kinds: Mapping[str, IdentifierKind]
    v2: Mapping[str, V2Mapping]
    fhir: Mapping[str, FhirMapping]


def load_mappings(base: Folder, sources: Mapping[str, tuple[Source, Folder]], dictionary: V2Dictionary) -> Mappings:
    """Everything under `base` (``hl7v2/``, ``codes/``), with each source's ``codes/*.csv`` laid over the tables.

    `sources` gives each profile with its folder. Raises Refused (bad-mapping) with file and line.
    """
    tables = load_tables(base / "codes")
    kinds = load_kinds(base / "codes")
    plans = load_plans(base / "hl7v2", tables, dictionary)
    v2: dict[str, V2Mapping] = {}
    fhir: dict[str, FhirMapping] = {}
    for name, (source, folder) in sources.items():
        if source.format is Format.FHIR:
            fhir[name] = FhirMapping(source, kinds)
            continue
        own = load_tables(folder / "codes")
        laid = {table: tables[table].under(own[table]) if table in own else tables[table] for table in tables}
        laid |= {table: own[table] for table in own if table not in tables}
        v2[name] = V2Mapping(source, laid, kinds, _plans(base, laid, own, plans, dictionary))
    return Mappings(kinds, v2, fhir)


def _plans(
    base: Folder,
    laid: Mapping[str, CodeTable],
    own: Mapping[str, CodeTable],
    shared: Mapping[str, MessagePlan],
    dictionary: V2Dictionary,
) -> Mapping[str, MessagePlan]:
    """Rows hold their tables, so a source with tables of its own gets its rows compiled anew."""
    return load_plans(base / "hl7v2", laid, dictionary) if own else shared
