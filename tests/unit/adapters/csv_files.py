"""Sample files, and what reading them gives."""

import csv
import io
import json
from datetime import timedelta, timezone
from typing import Any

from adapters.fhir.validation import validate_body
from adapters.files.reading import Checks, FilesRead, read_files
from adapters.files.sheet import NamedFile
from hub.identifiers import read_citizen_id
from hub.mapping.bundles import SUPPORTED
from hub.message import Format, IdentifierRule, Source, Tells, Transport
from hub.message.forms import Form, Item, forms

BEIJING = timezone(timedelta(hours=8))
SOURCE = Source(
    name="county-files",
    organisation="威泉县",
    format=Format.FHIR,
    transports=frozenset({Transport.FILE}),
    time_zone=BEIJING,
    identifiers=(
        IdentifierRule(type="urn:oid:2.16.156.10011.1.2", kind="health-record-number", of_patient=True),
        IdentifierRule(type="urn:oid:2.16.156.10011.1.3", kind="citizen-id", of_patient=True),
    ),
    tells=frozenset(Tells),
)
CHECKS = Checks(
    is_number=lambda kind, text: kind != "citizen-id" or read_citizen_id(text) is not None,
    validate=lambda body: validate_body(body, SUPPORTED),
)
PERSON = "371099195603120159"

ORGANISATION = {
    "id": "renmin",
    "name": "威泉县人民医院",
    "name_en": "Weiquan County People's Hospital",
    "kind": "hospital",
    "level": "2",
    "authority": "county",
    "credit_code": "123710994990000172",
    "alliance": "weiquan-alliance",
    "phone": "19900000101",
}
PRACTITIONER = {"id": "d1", "name": "顾清和", "organisation": "dongcheng", "role": "family-doctor", "title": "主治医师"}
TEAM = {"id": "t1", "name": "海棠团队", "name_en": "Haitang", "organisation": "dongcheng", "phone": "19900000201"}
MEMBER = {"team": "t1", "practitioner": "d1", "role": "leader", "since": "2025-01-01", "until": "2026-01-01"}
AREA = {"code": "371099001001", "name": "东城街道海棠路", "team": "t1"}
AGREEMENT = {
    "number": "A-1",
    "kind": "primary",
    "provider_kind": "team",
    "provider": "t1",
    "client_kind": "resident",
    "client": "",
    "identifier_kind": "citizen-id",
    "identifier": PERSON,
    "name": "秦学勤",
    "birth_date": "1956-03-12",
    "begins_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "signed_on": "2025-12-22",
    "packages": "基础服务包；高血压服务包",
    "combination": "renmin;zhongyi",
    "status": "",
    "end_reason": "",
}
HOUSEHOLD = AGREEMENT | {"number": "A-2", "client_kind": "household", "client": "H-29"}
SECOND = HOUSEHOLD | {"identifier_kind": "health-record-number", "identifier": "37109910210100014", "name": "蒋月荷"}
SESSION = {
    "number": "S-1",
    "kind": "expert",
    "department": "心内科",
    "doctor": "华景行",
    "title": "主任医师",
    "speciality": "高血压",
    "place": "门诊三楼",
    "fee": "25",
    "starts_at": "2026-03-02 08:00",
    "ends_at": "2026-03-02 11:30",
    "slots": "7",
    "public_from": "2026-02-23 08:30",
    "team_from": "2026-02-16 08:30",
    "release_at": "2026-03-01 08:00",
    "reserved": "2",
    "active": "yes",
    "reason": "",
}
DISCHARGE = {
    "patient": "0000123",
    "citizen_id": PERSON,
    "name": "秦学勤",
    "sex": "1",
    "birth_date": "1956-03-12",
    "phone": "19900000101",
    "address": "威泉县东城街道海棠路 8 号",
    "visit": "260000901",
    "admitted_at": "2026-06-10 10:00",
    "discharged_at": "2026-06-19 09:30",
    "department": "神经内科",
    "disposition": "1",
    "payment": "01",
    "readmission_planned": "2有",
    "readmission_purpose": "支架复查",
    "diagnosis_code": "I63.900",
    "diagnosis": "脑梗死",
    "other_code_1": "I10.x00",
    "other_diagnosis_1": "高血压",
    **{f"other_{what}_{number}": "" for number in range(2, 6) for what in ("code", "diagnosis")},
    "follow_up_way": "电话",
    "follow_up_on": "2026-06-26",
    "follow_up_every": "2周",
    "follow_up_note": "两周后神经内科复查",
}


def form_row(form: Form) -> dict[str, str]:
    """A row with every column of a form filled."""
    person = {
        "record_number": "37109910210100013",
        "citizen_id": PERSON,
        "name": "秦学勤",
        "sex": "男",
        "birth_date": "1956-03-12",
        "phone": "19900000101",
        "address": "威泉县东城街道海棠路 8 号",
        "number": f"{form.name}-1",
        "organisation": "东城社区卫生服务中心",
        "doctor": "顾清和",
    }
    return {**person, **{item.name: _cell(item) for item in form.items}}


def _cell(item: Item) -> str:
    if item.is_number:
        middle = (item.low + item.high) / 2
        return f"{middle:.0f}" if item.kind == "whole" else f"{middle:.2f}"
    if item.choices:
        words = list(item.choices.words.values())
        return "；".join(words[:2]) if item.kind == "choices" else words[0]
    return "2026-03-05" if item.kind == "day" else "如前"


SAMPLES = {
    "organisations": [ORGANISATION],
    "practitioners": [PRACTITIONER],
    "teams": [TEAM],
    "members": [MEMBER],
    "areas": [AREA],
    "agreements": [AGREEMENT],
    "sessions": [SESSION],
    "discharges": [DISCHARGE],
    **{form.name: [form_row(form)] for form in forms().values()},
}


def written(*rows: dict[str, str], columns: list[str] | None = None) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns or list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(source: Source = SOURCE, **files: str | bytes) -> FilesRead:
    named = [
        NamedFile(name=f"{name}.csv", raw=raw if isinstance(raw, bytes) else raw.encode())
        for name, raw in files.items()
    ]
    return read_files(named, source, CHECKS)


def faults_of(source: Source = SOURCE, **files: str | bytes) -> list[tuple[str, str]]:
    found = read(source, **files)
    assert not found.bundles, "where there is a fault nothing is sent"
    return [(fault.where, fault.given.get("en", fault.code)) for fault in found.faults]


def resources_of(found: FilesRead) -> list[list[dict[str, Any]]]:
    assert not found.faults, [str(fault) for fault in found.faults]
    return [[entry["resource"] for entry in json.loads(one.body)["entry"]] for one in found.bundles]


def extensions_of(resource: dict[str, Any]) -> dict[str, Any]:
    """The values of its extensions, by name."""
    return {
        one["url"].removeprefix("urn:hub:"): next(value for name, value in one.items() if name != "url")
        for one in resource["extension"]
    }
