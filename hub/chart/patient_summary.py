"""A record in short for whoever treats the resident elsewhere: an International Patient Summary
(https://hl7.org/fhir/uv/ips, 2.0): a FHIR document with the sections that the summary requires and those that it
recommends. What a required section has nothing of it says by an emptyReason.

The summary is of what the hub knows. That it knows of no allergy is never said as "no known allergy": only somebody who
asked the resident can say that.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from hub.chart import summary_lines as lines
from hub.chart.medications import Current
from hub.chart.narrative import sentence, table
from hub.chart.person import reference_to
from hub.chart.problems import Problem
from hub.chart.summary_lines import Line
from hub.mapping.units import LOINC, PRESSURE_PANEL, scales
from hub.record import Json

Row = Mapping[str, Any]

MOST_LINES = 100
"""Lines of one section; a summary that is longer than that is none."""
IPS = "http://hl7.org/fhir/uv/ips/StructureDefinition"
_EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_VITAL = frozenset({"weight", "height", "waist", "bmi", "heart-rate", "temperature", "systolic", "diastolic"})
_GONE = frozenset({"cancelled", "entered-in-error"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """What a summary is made from, each list with the newest first. `results` are the last of each sort, or more."""

    problems: Sequence[Problem]
    medications: Sequence[Current]
    allergies: Sequence[Row]
    immunizations: Sequence[Row]
    procedures: Sequence[Row]
    results: Sequence[Row]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    """One section: LOINC's code of it, its title, the heads of its table, and whether the summary requires it."""

    code: str
    title: str
    heads: tuple[str, ...]
    is_required: bool = False


_PROBLEMS = _Section(
    code="11450-4", title="问题清单 / Problem list", heads=("诊断", "编码", "起始", "状态"), is_required=True
)
_MEDICATIONS = _Section(
    code="10160-0", title="当前用药 / Medication summary", heads=("药品", "用法", "说明", "开具"), is_required=True
)
_ALLERGIES = _Section(
    code="48765-2",
    title="过敏与不耐受 / Allergies and intolerances",
    heads=("过敏原", "反应", "风险"),
    is_required=True,
)
_IMMUNIZATIONS = _Section(code="11369-6", title="预防接种 / Immunizations", heads=("疫苗", "剂次", "日期", "机构"))
_PROCEDURES = _Section(code="47519-4", title="手术与操作 / Procedures", heads=("项目", "日期", "机构"))
_RESULTS = _Section(
    code="30954-2", title="检验与检查结果 / Results", heads=("项目", "结果", "参考范围", "提示", "日期")
)
_VITALS = _Section(code="8716-3", title="生命体征 / Vital signs", heads=("项目", "结果", "参考范围", "提示", "日期"))
_PAST = _Section(code="11348-0", title="既往疾病 / History of past illness", heads=("诊断", "编码", "起始", "状态"))


def summary_document(patient: Json, lists: Lists, at: datetime, key: UUID) -> Json:
    """The summary of a resident as a document bundle; `key` is its own id, `patient` their Patient."""
    subject = {"reference": reference_to(UUID(patient["id"]))}
    vitals, results = _parted(lists.results)
    parts = [
        _part(_PROBLEMS, [_problem(one, subject) for one in lists.problems if one.is_active]),
        _part(_MEDICATIONS, [lines.medication(row, subject) for one in lists.medications for _, row in one.lines[:1]]),
        _part(_ALLERGIES, _lines(lines.allergy, lists.allergies, subject)),
        _part(_IMMUNIZATIONS, _lines(lines.immunization, lists.immunizations, subject)),
        _part(_PROCEDURES, _lines(lines.procedure, lists.procedures, subject)),
        _part(_RESULTS, _lines(lines.result, results, subject)),
        _part(_VITALS, _lines(lines.result, vitals, subject)),
        _part(_PAST, [_problem(one, subject) for one in lists.problems if not one.is_active]),
    ]
    author = _device(uuid5(key, "device"))
    composition = _composition(uuid5(key, "composition"), subject, author, [said for said, _ in parts if said], at)
    told = [line.resource for _, shown in parts for line in shown]
    return {
        "resourceType": "Bundle",
        "id": str(key),
        "meta": {"profile": [f"{IPS}/Bundle-uv-ips"]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{key}"},
        "type": "document",
        "timestamp": at.isoformat(timespec="milliseconds"),
        "entry": [
            {"fullUrl": reference_to(UUID(one["id"])), "resource": one} for one in (composition, patient, author, *told)
        ],
    }


def _composition(key: UUID, subject: Json, author: Json, sections: list[Json], at: datetime) -> Json:
    return {
        "resourceType": "Composition",
        "id": str(key),
        "meta": {"profile": [f"{IPS}/Composition-uv-ips"]},
        "language": "zh-CN",
        "text": sentence("居民健康档案摘要 / Patient summary"),
        "status": "final",
        "type": {"coding": [{"system": LOINC, "code": "60591-5", "display": "Patient summary Document"}]},
        "subject": subject,
        "date": at.isoformat(timespec="milliseconds"),
        "author": [{"reference": reference_to(UUID(author["id"]))}],
        "title": "居民健康档案摘要 / International Patient Summary",
        "section": sections,
    }


def _device(key: UUID) -> Json:
    name = {"name": "家庭医生签约服务数据平台 / Family-doctor hub", "type": "user-friendly-name"}
    return {"resourceType": "Device", "id": str(key), "deviceName": [name]}


def _part(section: _Section, shown: Sequence[Line]) -> tuple[Json | None, Sequence[Line]]:
    """A section and its lines; no section where it has none and need not be."""
    if not shown and not section.is_required:
        return None, ()
    said: Json = {
        "title": section.title,
        "code": {"coding": [{"system": LOINC, "code": section.code}]},
    }
    if not shown:
        reason = {"system": _EMPTY, "code": "unavailable", "display": "Unavailable"}
        nothing = sentence("平台暂无相关信息 / The hub holds no information about this")
        return {**said, "text": nothing, "emptyReason": {"coding": [reason]}}, ()
    kept = shown[:MOST_LINES]
    told = table(section.heads, (line.cells for line in kept), len(shown) - len(kept))
    return {**said, "text": told, "entry": lines.references(kept)}, kept


def _problem(one: Problem, subject: Json) -> Line:
    row = {**one.rows[0], "display": one.display}
    return lines.condition(row, subject, status=one.clinical_status, since=one.since)


def _lines(show: Callable[[Row, Json], Line], rows: Iterable[Row], subject: Json) -> list[Line]:
    return [show(row, subject) for row in rows if row["status"] not in _GONE]


def _parted(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """The last vital sign of each sort, and the last result of each other sort."""
    last: dict[tuple[str | None, str | None], Row] = {}
    for row in rows:
        if row["status"] not in _GONE:
            last.setdefault((row["code_system"], row["code"] or row["display"]), row)
    vitals = [row for row in last.values() if _is_vital(row)]
    return vitals, [row for row in last.values() if not _is_vital(row)]


def _is_vital(row: Row) -> bool:
    if row["code_system"] != LOINC:
        return False
    scale = scales().get(row["code"] or "")
    return row["code"] == PRESSURE_PANEL or (scale is not None and scale.name in _VITAL)
