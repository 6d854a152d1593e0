"""What a team may measure at a follow-up: a closed list, each with its LOINC code, its unit and what is plausible.

The measurements of one follow-up become a FHIR transaction of the hub's own source, and go the way of every message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from hub.days import CHINA
from hub.errors import refuse

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
RESIDENT = "urn:hub:resident"
"""The system under which the hub's own source numbers its patients: by the uuid of their resident."""
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
Json = dict[str, Any]


class Measurement(StrEnum):
    """What can be measured."""

    SYSTOLIC = "systolic"
    DIASTOLIC = "diastolic"
    FASTING_GLUCOSE = "fasting-glucose"
    GLUCOSE = "glucose"
    WEIGHT = "weight"
    OXYGEN_SATURATION = "oxygen-saturation"
    HEART_RATE = "heart-rate"
    TEMPERATURE = "temperature"


PRESSURES = (Measurement.SYSTOLIC, Measurement.DIASTOLIC)
_LABORATORY = (Measurement.FASTING_GLUCOSE, Measurement.GLUCOSE)
_PRESSURE = ("85354-9", "血压")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How one measurement is coded, and the range outside which it is taken for a slip of the pen."""

    name: str
    loinc: str
    zh: str
    en: str
    unit: str
    ucum: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One value, in the unit of its `Measure`."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Performer:
    """By whose hand it was measured: the team, and the organisation that it belongs to."""

    team: str
    team_name: str
    organisation: str
    organisation_name: str


def check_measured(values: Sequence[Measured], measures: Mapping[str, Measure]) -> None:
    """Insist on plausible values, each once.

    Raises Refused (measured-twice, not-plausible, half-a-pressure); it names the measurement and its range, and not the
    value.
    """
    seen: dict[str, float] = {}
    for one in values:
        measure = measures[one.name]
        if one.name in seen:
            raise refuse("measured-twice", f"measurements.{one.name}")
        if not measure.low <= one.value <= measure.high:
            given = {"low": f"{measure.low:g}", "high": f"{measure.high:g}", "unit": measure.unit}
            raise refuse("not-plausible", f"measurements.{one.name}", **given)
        seen[one.name] = one.value
    pressures = [seen.get(name) for name in PRESSURES]
    if (pressures[0] is None) != (pressures[1] is None):
        raise refuse("half-a-pressure", "measurements")
    if pressures[0] is not None and pressures[1] is not None and pressures[1] >= pressures[0]:
        raise refuse("half-a-pressure", "measurements")


def bundle_of(
    values: Sequence[Measured],
    measures: Mapping[str, Measure],
    *,
    follow_up: UUID,
    resident: UUID,
    at: datetime,
    performer: Performer,
) -> Json:
    """The values as a FHIR R4B transaction: a blood pressure is one Observation with two components.

    The same follow-up gives the same bundle, so that it cannot count twice.
    """
    by_name = {one.name: one.value for one in values}
    found: list[Json] = []
    if all(name in by_name for name in PRESSURES):
        found.append(_pressure(by_name, measures))
    found += [_single(one, measures[one.name]) for one in values if one.name not in PRESSURES]
    shared = {
        "subject": {"type": "Patient", "identifier": {"system": RESIDENT, "value": str(resident)}},
        "effectiveDateTime": at.astimezone(CHINA).isoformat(timespec="seconds"),
        "performer": [
            {
                "type": "Organization",
                "identifier": {"system": "urn:hub:organisation", "value": performer.organisation},
                "display": performer.organisation_name,
            },
            {
                "type": "CareTeam",
                "identifier": {"system": "urn:hub:team", "value": performer.team},
                "display": performer.team_name,
            },
        ],
    }
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": at.astimezone(CHINA).isoformat(timespec="milliseconds"),
        "entry": [_entry({**one, **shared}, follow_up) for one in found],
    }


def _entry(observation: Json, follow_up: UUID) -> Json:
    number = f"{follow_up}/{observation['code']['coding'][0]['code']}"
    observation["identifier"] = [{"system": "urn:hub:follow-up", "value": number}]
    return {
        "fullUrl": uuid5(NAMESPACE_URL, number).urn,
        "resource": observation,
        "request": {"method": "POST", "url": "Observation"},
    }


def _single(one: Measured, measure: Measure) -> Json:
    category = "laboratory" if one.name in _LABORATORY else "vital-signs"
    return {**_head(measure.loinc, measure.zh, category), "valueQuantity": _quantity(one.value, measure)}


def _pressure(by_name: Mapping[str, float], measures: Mapping[str, Measure]) -> Json:
    parts = [
        {
            "code": _concept(measures[name].loinc, measures[name].zh),
            "valueQuantity": _quantity(by_name[name], measures[name]),
        }
        for name in PRESSURES
    ]
    return {**_head(*_PRESSURE, "vital-signs"), "component": parts}


def _head(code: str, display: str, category: str) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": _concept(code, display),
    }


def _concept(code: str, display: str) -> Json:
    return {"coding": [{"system": LOINC, "code": code, "display": display}], "text": display}


def _quantity(value: float, measure: Measure) -> Json:
    plain = int(value) if value == int(value) else value
    return {"value": plain, "unit": measure.unit, "system": UCUM, "code": measure.ucum}
