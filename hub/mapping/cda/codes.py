"""Codes of documents: by a table, by the system that the sender names, or as they came."""

import re

from hub.mapping.cda.context import Context
from hub.mapping.cda.places import Branch
from hub.mapping.cda.values import text
from hub.mapping.converters.care import ICD9
from hub.mapping.converters.codes import ICD10
from hub.mapping.converters.reader import filled
from hub.message import Datum
from hub.record import Json

_ICD10 = re.compile(r"[A-Z]\d{2}(\.[0-9A-Zx]{1,6})?([+*])?")
_ICD9 = re.compile(r"\d{2}(\.\d{1,4})?(x\d{3})?")
OID = re.compile(r"[012](\.(0|[1-9]\d*))+")
_NUMBER = re.compile(r"DE\d{2}\.\d{2}\.\d{3}")
_CODED = frozenset({"CD", "CE", "CV", "CO", "CS"})


def system_of(oid: str, context: Context, name: str = "") -> str:
    """The URI of a code system: that of the standard (for ICD-10 any OID below the national one counts), else the
    OID."""
    known = context.tables["coding-oids"].codes
    for one in (oid, oid.rpartition(".")[0]):
        if one in known:
            return known[one].to
    return f"urn:oid:{oid}" if OID.fullmatch(oid) else f"urn:hub:source:{context.source.name}:{name or 'code'}"


def code(branch: Branch, context: Context) -> str | Json | None:
    """A code of a required FHIR binding. An unknown one cannot stand there, so it is kept in an extension."""
    main = branch.main
    said = context.said(main.code or main.value or main.display) if main else ""
    if main is None or not said:
        return None
    found = context.find(main)
    return found.to if found else {"_": {"extension": [{"url": "urn:hub:raw-code", "valueString": said}]}}


def concept(branch: Branch, context: Context) -> Json | None:
    """A coded element: the translated coding first, then what was sent, and what it is called. A text that the table
    knows is the code that it stands for."""
    main = branch.main
    if main is None or not any(context.said(one) for one in (main.code, main.display, main.value)):
        return None
    found = context.find(main)
    codings = [found.coding()] if found else []
    if main.code and not (found and main.code == found.to):
        codings.append(_coding(main, context))
    sent = context.said(main.display) or context.said(main.value)
    label = context.neighbour() or sent or (found.display if found else "") or context.said(main.code)
    return filled({"coding": codings or None, "text": label})


def typed_concept(branch: Branch, context: Context) -> Json | None:
    """A coded element that is typed as one, or has a code."""
    main = branch.main
    return concept(branch, context) if main is not None and (main.type in _CODED or main.code) else None


def coding(branch: Branch, context: Context) -> Json | None:
    found = concept(branch, context)
    return found["coding"][0] if found and "coding" in found else None


def element(branch: Branch, context: Context) -> Json | None:
    """What an entry is: its data element, whose number as the catalogue writes it stands beside, and the name that the
    sender gives it, behind the row's table's code for it."""
    main = branch.main
    if main is None or not (main.code or main.display):
        return None
    number = context.neighbour()
    system = ELEMENTS if number else system_of(main.system, context, "code")
    found = context.table.find(number) if context.table else None
    sent = {"system": system, "code": number or main.code, "display": main.display} if main.code else {}
    named = branch.below("qualifier/name")
    label = main.display or (context.said(named.display or named.value) if named else "")
    codings = [*([found.coding()] if found else []), *([filled(sent)] if sent else [])]
    return filled({"coding": codings or None, "text": label or number or main.code})


ELEMENTS = "urn:oid:2.16.156.10011.2.2.1"
"""The catalogue of data elements (卫生信息数据元目录)."""


def text_concept(branch: Branch, context: Context) -> Json | None:
    """A text, as a concept without a code."""
    said = text(branch, context)
    return {"text": said} if said else None


def substance(branch: Branch, context: Context) -> Json | None:
    """What somebody is allergic to. Words that deny it (否认药物过敏史) are none, nor is the number of the element,
    which templates write where the substance belongs."""
    said = text(branch, context) or ""
    main = branch.main
    if not said or said.startswith(_DENIALS) or (said.startswith("无") and "过敏" in said):
        return None
    if main is not None and main.code:
        return None if _NUMBER.match(main.code) else concept(branch, context)
    return {"text": said}


_DENIALS = ("否认", "未发现", "未见", "没有")


def _coding(main: Datum, context: Context) -> Json:
    parts = {"system": system_of(main.system, context, _about(main)), "version": main.version}
    return filled({**parts, "code": main.code, "display": main.display})


def _about(main: Datum) -> str:
    """What a code without a system is a code of: its data element, else the element of the document."""
    found = _NUMBER.search(main.where)
    return found[0] if found else main.path.rpartition("/")[2]


def diagnosis(branch: Branch, context: Context) -> Json | None:
    """A diagnosis by its code, with the name that stands beside it. Templates give ICD-10 under several OIDs, some of
    them other tables': a code of that shape is ICD-10, and is flagged where the OID says something else."""
    return _classified(branch, context, _ICD10, ICD10)


def operation(branch: Branch, context: Context) -> Json | None:
    """An operation by its code (ICD-9-CM-3), with the name that stands beside it."""
    return _classified(branch, context, _ICD9, ICD9)


def _classified(branch: Branch, context: Context, shape: re.Pattern[str], system: str) -> Json | None:
    main = branch.main
    if main is None:
        return None
    said = context.said(main.code or main.value)
    display = context.said(main.display)
    name = context.neighbour() or (display if display != said else "")
    if not said:
        return {"text": name} if name else None
    if not main.code and not shape.fullmatch(said):  # a name where a code belongs
        return {"text": said if not name or name == said else f"{said} {name}"}
    sent = system_of(main.system, context, _about(main))
    if sent != system and shape.fullmatch(said):
        context.flag("assumed-code-system")
        sent = system
    found = filled({"system": sent, "version": main.version, "code": said, "display": name})
    return {"coding": [found], "text": name or said}


def interpretation(branch: Branch, context: Context) -> Json | None:
    """How a result is to be taken: H, L, ↑, 偏高."""
    return concept(branch, context)


def reference_range(branch: Branch, context: Context) -> Json | None:
    """The range that is normal, as text: ``3.9-6.1``, ``<5.2``, 阴性."""
    shown = branch.at("observationRange/text", "text") or branch.main
    if shown is not None and context.said(shown.value):
        return {"text": context.said(shown.value)}
    low = branch.at("observationRange/value/low", "value/low")
    high = branch.at("observationRange/value/high", "value/high")
    if low and high:
        return {"text": f"{low.value}-{high.value}"}
    return {"text": f">={low.value}"} if low else {"text": f"<={high.value}"} if high else None
