"""Rows of discharges as Patient, Encounter, Conditions and, where the hospital asks for follow-up, a ServiceRequest.

The columns are those that hospitals' registers of discharges have in common with the front page of an inpatient record
(离院方式, 出院诊断) and with the data elements of WS/T 500 that ask for follow-up (DE06.00.108, .109, .112).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from adapters.files.agreements import IsNumber
from adapters.files.bundles import FileBundle, Json, address, bundle, coded, extension, filled, identified, patient
from adapters.files.columns import DISCHARGES, DISPOSITIONS, FOLLOW_UP_WAYS, OTHER_DIAGNOSES, PAYMENTS
from adapters.files.faults import Reason
from adapters.files.sheet import Row
from hub.errors import Refusal
from hub.message import Source

CITIZEN_ID = "citizen-id"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DISPOSITIONS = "urn:oid:2.16.156.10011.2.3.1.265"
_PAYMENTS = "urn:oid:2.16.156.10011.2.3.1.269"
_WAYS = "urn:oid:2.16.156.10011.2.3.1.183"
_ICD_10 = "http://hl7.org/fhir/sid/icd-10"
_DIED = "5"


def discharge_faults(rows: Sequence[Row], source: Source, is_number: IsNumber) -> Iterator[Refusal]:
    """What is wrong with discharges beyond their single cells."""
    for row in rows:
        if _patient_system(source) is None:
            reason = Reason(
                "cannot be told apart: the source's profile has no identifier with of_patient",
                "无法区分患者：来源配置中没有 of_patient 的标识",
            )
            yield row.refusal(reason, "patient")
        yield from citizen_id_faults(row, source, is_number)
        if row.get("admitted_at") and _is_before(row["discharged_at"], row["admitted_at"]):
            yield row.refusal(Reason("is before admitted_at", "早于入院时间"), "discharged_at")


def citizen_id_faults(row: Row, source: Source, is_number: IsNumber) -> Iterator[Refusal]:
    """What is wrong with a row's citizen ID number, if it has one."""
    if row.get("citizen_id") and CITIZEN_ID not in systems_of(source):
        reason = Reason(f"is no number that the profile declares: {CITIZEN_ID}", "来源配置未声明身份证号")
        yield row.refusal(reason, "citizen_id")
    elif row.get("citizen_id") and not is_number(CITIZEN_ID, row["citizen_id"]):
        reason = Reason(
            "has a wrong length, birth date or check digit (GB 11643)", "长度、出生日期或校验位有误（GB 11643）"
        )
        yield row.refusal(reason, "citizen_id")


def _is_before(one: date, other: date) -> bool:
    """Whether a moment is before another; by days where one of the two is no more than a day."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one < other
    first, second = (each.date() if isinstance(each, datetime) else each for each in (one, other))
    return first < second


def systems_of(source: Source) -> Mapping[str, str]:
    """The identifier type of each kind that a profile declares, the first where it has several."""
    return {rule.kind: rule.type for rule in reversed(source.identifiers)}


def _patient_system(source: Source) -> str | None:
    return next((rule.type for rule in source.identifiers if rule.of_patient), None)


def discharge_bundles(rows: Sequence[Row], source: Source) -> Iterator[FileBundle]:
    """One bundle a stay: it says all that the row says, and takes back nothing that it is silent about."""
    for row in rows:
        visit = row["visit"]
        resources = [(row["patient"], _patient(row, source)), (visit, _encounter(row, source))]
        resources += [(f"{visit}/{number}", one) for number, one in _conditions(row)]
        if request := _request(row):
            resources.append((visit, request))
        yield bundle(DISCHARGES, visit, [row], resources)


def _patient(row: Row, source: Source) -> Json:
    numbers = [(_patient_system(source), row["patient"]), (systems_of(source).get(CITIZEN_ID), row.get("citizen_id"))]
    died = _moment(row["discharged_at"]) if row.get("disposition") == _DIED else None
    return patient(numbers, row) | filled({"deceasedDateTime": died})


def _encounter(row: Row, source: Source) -> Json:
    period = {"end": _moment(row["discharged_at"])}
    if row.get("admitted_at"):
        period = {"start": _moment(row["admitted_at"]), **period}
    return filled(
        {
            "resourceType": "Encounter",
            "extension": list(_front_page(row)),
            "identifier": identified("visit", row["visit"]),
            "status": "finished",
            "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "IMP", "display": "inpatient encounter"},
            "serviceType": {"text": row["department"]} if row.get("department") else None,
            "subject": _to("Patient", row["patient"]),
            "period": period,
            "hospitalization": _hospitalization(row),
            "serviceProvider": {"display": source.organisation},
        }
    )


def _front_page(row: Row) -> Iterator[Json]:
    """What FHIR has no element for: how the stay is paid, and whether another within 31 days is planned."""
    if code := row.get("payment"):
        coding = {"system": _PAYMENTS, "code": code, "display": PAYMENTS[code]}
        yield extension("payment", valueCodeableConcept={"coding": [coding]})
    if planned := row.get("readmission_planned"):
        yield extension("readmission-planned", valueBoolean=planned == "yes")
    if purpose := row.get("readmission_purpose"):
        yield extension("readmission-purpose", valueString=purpose)


def _hospitalization(row: Row) -> Json | None:
    code = row.get("disposition")
    if code is None:
        return None
    return {
        "dischargeDisposition": {"coding": [{"system": _DISPOSITIONS, "code": code, "display": DISPOSITIONS[code]}]}
    }


def _conditions(row: Row) -> Iterator[tuple[int, Json]]:
    """The diagnoses by their place: the first one of a corrected row corrects the first one."""
    names = [("diagnosis_code", "diagnosis")]
    names += [(f"other_code_{number}", f"other_diagnosis_{number}") for number in range(1, OTHER_DIAGNOSES + 1)]
    for number, (code, text) in enumerate(names, 1):
        if row.get(code) or row.get(text):
            yield number, _condition(row, number, row.get(code), row.get(text))


def _condition(row: Row, number: int, code: str | None, text: str | None) -> Json:
    coding = [filled({"system": _ICD_10, "code": code, "display": text})] if code else []
    return {
        "resourceType": "Condition",
        "identifier": identified("discharge-diagnosis", f"{row['visit']}/{number}"),
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "category": [
            {"coding": [{"system": f"{_TERMINOLOGY}/condition-category", "code": "encounter-diagnosis"}]},
            {"coding": [{"system": f"{_TERMINOLOGY}/diagnosis-role", "code": "DD", "display": "出院诊断"}]},
        ],
        "code": filled({"coding": coding, "text": text}),
        "subject": _to("Patient", row["patient"]),
        "encounter": _to("Encounter", row["visit"]),
        "recordedDate": _moment(row["discharged_at"]),
    }


def _request(row: Row) -> Json | None:
    """What the hospital asks for, as ``hub/followups/requests.py`` reads it; None where it asks for nothing."""
    way, day, every, note = (
        row.get(name) for name in ("follow_up_way", "follow_up_on", "follow_up_every", "follow_up_note")
    )
    if not (way or day or every or note):
        return None
    return filled(
        {
            "resourceType": "ServiceRequest",
            "identifier": identified("discharge-request", row["visit"]),
            "status": "active",
            "intent": "order",
            "code": coded("request", "follow-up"),
            "subject": _to("Patient", row["patient"]),
            "encounter": _to("Encounter", row["visit"]),
            **_occurrence(day, every),
            "orderDetail": [{"coding": [{"system": _WAYS, "code": way, "display": FOLLOW_UP_WAYS[way]}]}]
            if way
            else [],
            "note": [{"text": note}] if note else [],
        }
    )


def _occurrence(day: date | None, every: tuple[int, str] | None) -> Json:
    """A day, a period, or a period that counts from a day (ServiceRequest.occurrence[x])."""
    if every is None:
        return {"occurrenceDateTime": day.isoformat()} if day else {}
    repeat = {"frequency": 1, "period": every[0], "periodUnit": every[1]}
    return {"occurrenceTiming": filled({"event": [day.isoformat()] if day else [], "repeat": repeat})}


def _to(kind: str, key: str) -> Json:
    return {"reference": address(kind, key)}


def _moment(at: date) -> str:
    return at.isoformat(timespec="seconds") if isinstance(at, datetime) else at.isoformat()
