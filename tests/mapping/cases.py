"""The messages of the golden pairs: every type that the hub takes, in both dialects, about one fictional person."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from adapters.hl7v2.reading import read
from fixtures.county import people, write_adt, write_oru
from fixtures.county.clinic import BEIJING, Allergy, Contact, Order, Result, Visit, catalogue, diagnoses
from hub.message import Tells
from hub.record import Mapped, Reading, Shared
from tests.desk import mappings, sources

GOLDEN = Path(__file__).parent / "golden"
RENMIN, ZHONGYI = "renmin-his", "zhongyi-his"
PERSON = people()["stroke"]
BEFORE = replace(PERSON, number=902, name="无名氏", citizen_id="")
BEGAN, ENDED = datetime(2026, 1, 26, 9, 30, tzinfo=BEIJING), datetime(2026, 2, 6, 9, tzinfo=BEIJING)
STAY = Visit(serial="260000205", kind="I", began_at=BEGAN, department_code="4700", department="神经内科")
HOME = replace(STAY, ended_at=ENDED, disposition="3")
ORDER = Order(
    filler="LX1", code="SH01", text="生化全套", collected_at=BEGAN, reported_at=BEGAN.replace(hour=12), status="F"
)
RECEIVED = datetime(2026, 10, 1, tzinfo=UTC)


def _adt(source: str, event: str, **more: Any) -> bytes:
    return write_adt(source, PERSON, event, control_id=f"G-{event}", at=more.pop("at", BEGAN), **more)


def _results(source: str) -> list[Result]:
    return [
        catalogue()["glucose"].result(source, 9.4),
        replace(catalogue()["hba1c"].result(source, 7.5), note="复测一致"),
        Result(code="TNI", text="肌钙蛋白I", value="<0.01", unit="ng/mL", range="0-0.04", kind="ST"),
        Result(code="DD", text="D-二聚体", value="<^0.22", unit="mg/L", range="<0.5", kind="SN"),
        Result(code="PRO", text="尿蛋白", value="2+^阳性(2+)", flag="A", kind="CE", status="P"),
    ]


def _of(source: str) -> dict[str, bytes]:
    contact = Contact(name="秦家属", relation="1", relation_text="配偶", phone="19900001916")
    allergy = Allergy(code="", text="磺胺类药物", severity="MI", reaction="皮肤瘙痒", since="2009")
    found = [diagnoses()["I63.9"], diagnoses()["I10"]]
    outpatient = replace(STAY, serial="260100001", kind="O")
    return {
        "adt-a01": _adt(source, "A01", visit=STAY, diagnoses=found, allergies=[allergy], contacts=[contact]),
        "adt-a03": _adt(source, "A03", at=ENDED, visit=HOME, diagnoses=found),
        "adt-a03-death": _adt(source, "A03", at=ENDED, visit=replace(HOME, disposition="5")),
        "adt-a04": _adt(source, "A04", visit=outpatient, diagnoses=[diagnoses()["K29.5"]]),
        "adt-a08": _adt(source, "A08", contacts=[contact], pid={13: '""', 8: "X"}),
        "adt-a13": _adt(source, "A13", at=ENDED, visit=STAY),
        "adt-a28": _adt(source, "A28", diagnoses=found, allergies=[allergy]),
        "adt-a40": _adt(source, "A40", prior=BEFORE),
        "oru-r01": write_oru(source, PERSON, ORDER, _results(source), control_id="G-R01", visit=STAY),
    }


CASES: Mapping[str, tuple[str, bytes]] = {
    f"{source.removesuffix('-his')}-{name}": (source, raw)
    for source in (RENMIN, ZHONGYI)
    for name, raw in _of(source).items()
} | {file.stem: (RENMIN, file.read_bytes()) for file in sorted(GOLDEN.glob("*.hl7"))}
"""Messages of the fictional county's own writers, and those that lie beside what they become."""


def reading_of(name: str) -> Reading:
    """A golden message as the mapping reads it."""
    source, raw = CASES[name]
    mapping = mappings().v2[source]
    if name.startswith("registry-"):  # a system that keeps the staff of the same hospital
        own = replace(mapping.source, tells=frozenset({Tells.DIRECTORY}), organisation_id="renmin")
        mapping = replace(mapping, source=own)
    return mapping.read(read(raw, sources()[source].charset), RECEIVED)


def written(reading: Reading) -> str:
    """A reading as it stands in a golden file."""
    parts = [
        {
            "numbers": [asdict(number) for number in part.numbers],
            "mapped": [_mapped(one) for one in (part.demographics, *part.resources) if one],
        }
        for part in reading.parts
    ]
    merges = [
        {"prior": [n.value for n in merge.prior], "surviving": [n.value for n in merge.surviving]}
        | ({"keeps_both": True} if merge.keeps_both else {})
        for merge in reading.merges
    ]
    whole: dict[str, Any] = {"event_at": reading.event_at, "sent_at": reading.sent_at, "parts": parts, "merges": merges}
    if reading.shared:
        whole["shared"] = [_shared(one) for one in reading.shared]
    if reading.left_out:
        whole["left_out"] = [f"{one.code} {one.where}" for one in reading.left_out]
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode() + "\n"


def _shared(one: Shared) -> dict[str, Any]:
    traces = [f"{trace.target} < {trace.path} by {trace.row}" for trace in one.traces]
    return {"key": one.key, "resource": one.resource, "refers": one.refers, "traces": traces}


def _mapped(one: Mapped) -> dict[str, Any]:
    return {
        "key": one.key,
        "resource": one.resource,
        "traces": [
            f"{trace.target} < {trace.path} by {trace.row}" + (f" ({trace.codes})" if trace.codes else "")
            for trace in one.traces
        ],
        "flags": [f"{flag.code} {flag.where}" + (f" ({flag.table})" if flag.table else "") for flag in one.flags],
        "cleared": one.cleared,
        "assumed": one.assumed,
    }
