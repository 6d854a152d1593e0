"""FHIR resources against R4B."""

import copy
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapters.fhir.validation import _CODES, _CONCEPTS, check, validate_body
from hub.errors import Refused

SUPPORTED = frozenset({"Patient", "Observation", "Encounter", "Condition"})
SUBJECT = {"reference": "Patient/1"}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"

VALID: list[dict[str, object]] = [
    {"resourceType": "Patient", "gender": "male", "birthDate": "1956-03", "name": [{"text": "测试甲"}]},
    {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "http://x", "valueString": "?"}]}},
    {"resourceType": "Patient", "identifier": [{"use": "official", "value": "1"}], "deceasedBoolean": False},
    {"resourceType": "Encounter", "status": "entered-in-error", "class": {"code": "IMP"}},
    {
        "resourceType": "Observation",
        "status": "corrected",
        "code": {"text": "x"},
        "valueQuantity": {"value": 1.5},
    },
    {
        "resourceType": "Condition",
        "subject": SUBJECT,
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
    },
    {"resourceType": "Condition", "subject": SUBJECT, "clinicalStatus": {"coding": [{"code": "active"}]}},
    {"resourceType": "AllergyIntolerance", "patient": SUBJECT, "category": ["food", "medication"]},
    {"resourceType": "DiagnosticReport", "status": "appended", "code": {"text": "x"}},
    {"resourceType": "Task", "status": "in-progress", "intent": "order"},
]

INVALID: list[tuple[dict[str, object], str]] = [
    ({"resourceType": "Patient", "gender": "秘密"}, "Patient.gender"),
    ({"resourceType": "Patient", "contact": [{}, {"gender": "秘密"}]}, "Patient.contact[1].gender"),
    ({"resourceType": "Patient", "birthDate": "1956-02-30"}, "Patient.birthDate"),
    ({"resourceType": "Patient", "birthDate": "秘密"}, "Patient.birthDate"),
    ({"resourceType": "Patient", "name": "秘密"}, "Patient.name"),
    ({"resourceType": "Patient", "name": ["秘密"]}, "Patient.name[0]"),
    ({"resourceType": "Patient", "name": [{"use": "秘密"}]}, "Patient.name[0].use"),
    ({"resourceType": "Patient", "nam": "秘密"}, "Patient.nam"),
    ({"resourceType": "Patient", "秘密": 1}, "Patient.?"),
    ({"resourceType": "Patient", "identifier": [{"use": "秘密"}]}, "Patient.identifier[0].use"),
    ({"resourceType": "Patient", "telecom": [{"system": "秘密"}]}, "Patient.telecom[0].system"),
    ({"resourceType": "Patient", "address": [{"use": "秘密"}]}, "Patient.address[0].use"),
    ({"resourceType": "Patient", "contained": [{"resourceType": "秘密"}]}, "Patient"),
    (
        {"resourceType": "Patient", "contained": [{"resourceType": "Patient", "gender": "秘密"}]},
        "Patient.contained[0].gender",
    ),
    ({"resourceType": "Encounter", "status": "秘密", "class": {"code": "IMP"}}, "Encounter.status"),
    ({"resourceType": "Encounter", "status": "finished"}, "Encounter.class"),
    ({"resourceType": "Encounter", "class": {"code": "IMP"}}, "Encounter.status"),
    ({"resourceType": "Observation", "status": "秘密", "code": {"text": "x"}}, "Observation.status"),
    (
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "x"},
            "valueQuantity": {"comparator": "~"},
        },
        "Observation.valueQuantity.comparator",
    ),
    (
        {"resourceType": "Condition", "subject": SUBJECT, "clinicalStatus": {"coding": [{"code": "秘密"}]}},
        "Condition.clinicalStatus.coding",
    ),
    (
        {"resourceType": "Condition", "subject": SUBJECT, "clinicalStatus": {"text": "秘密"}},
        "Condition.clinicalStatus.coding",
    ),
    (
        {
            "resourceType": "Condition",
            "subject": SUBJECT,
            "verificationStatus": {"coding": [{"code": "active"}]},
        },
        "Condition.verificationStatus.coding",
    ),
    (
        {"resourceType": "AllergyIntolerance", "patient": SUBJECT, "category": ["food", "秘密"]},
        "AllergyIntolerance.category[1]",
    ),
    (
        {"resourceType": "AllergyIntolerance", "patient": SUBJECT, "criticality": "秘密"},
        "AllergyIntolerance.criticality",
    ),
    (
        {"resourceType": "DiagnosticReport", "status": "秘密", "code": {"text": "x"}},
        "DiagnosticReport.status",
    ),
    ({"resourceType": "NoSuch"}, "NoSuch"),
]


@pytest.mark.parametrize("resource", VALID)
def test_a_valid_resource_passes_and_is_not_changed(resource: dict[str, object]) -> None:
    before = copy.deepcopy(resource)
    assert check(resource) is None
    assert resource == before


@pytest.mark.parametrize(("resource", "where"), INVALID)
def test_a_fault_is_told_by_its_path_and_without_the_value(resource: dict[str, object], where: str) -> None:
    refusal = check(resource)
    assert refusal is not None
    assert (refusal.code, refusal.where) == ("invalid-resource", where)
    assert "秘密" not in str(refusal)
    assert check(resource, "Bundle.entry[2].resource").where.startswith("Bundle.entry[2].resource")  # type: ignore[union-attr]


def test_deep_nesting_is_refused_and_not_fatal() -> None:
    extension: dict[str, object] = {"url": "http://x", "valueString": "x"}
    for _ in range(900):
        extension = {"url": "http://x", "extension": [extension]}
    refusal = check({"resourceType": "Patient", "extension": [extension]})
    assert refusal is None or refusal.code == "invalid-resource"


@pytest.mark.parametrize("path", [*_CODES, *_CONCEPTS])
def test_each_binding_written_out_here_is_of_an_element_that_exists(path: str) -> None:
    kind, element = path.split(".")
    names = {field.alias or name for name, field in get_fhir_model_class(kind).model_fields.items()}
    assert element in names


def transaction(*resources: object, kind: str = "transaction") -> bytes:
    entries = [
        {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
        for resource in resources
        if isinstance(resource, dict)
    ]
    return orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})


GOOD, BAD = VALID[0], INVALID[0][0]


def test_a_transaction_with_an_invalid_resource_is_refused_as_a_whole() -> None:
    assert len(validate_body(transaction(GOOD, GOOD), SUPPORTED).entries) == 2
    with pytest.raises(Refused) as caught:
        validate_body(transaction(GOOD, BAD), SUPPORTED)
    assert caught.value.refusal.where == "Bundle.entry[1].resource.gender"


def test_an_invalid_resource_in_a_batch_carries_its_refusal() -> None:
    found = validate_body(transaction(BAD, {"resourceType": "Basic"}, GOOD, kind="batch"), SUPPORTED)
    assert [e.refusal.code if e.refusal else None for e in found.entries] == [
        "invalid-resource",
        "unsupported-resource",
        None,
    ]


def test_a_single_invalid_resource_is_refused() -> None:
    with pytest.raises(Refused):
        validate_body(orjson.dumps(BAD), SUPPORTED, kind="Patient")


def test_bodies_are_validated_in_another_process_with_results_and_refusals_coming_back() -> None:
    body = transaction(GOOD, BAD, {"resourceType": "Basic"}, kind="batch")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(validate_body, body, SUPPORTED).result() == validate_body(body, SUPPORTED)
        for wrong in (transaction(GOOD, BAD), transaction({"resourceType": "Basic"}), b"{", b"[]"):
            with pytest.raises(Refused) as here:
                validate_body(wrong, SUPPORTED)
            with pytest.raises(Refused) as there:
                pool.submit(validate_body, wrong, SUPPORTED).result()
            assert there.value.refusal == here.value.refusal
            assert str(there.value) == str(here.value)


FINAL: dict[str, object] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
HALF_NULL = {"given": ["x", None], "_given": [None, {"extension": [{"url": "http://x", "valueString": "?"}]}]}


@pytest.mark.parametrize(
    ("resource", "where"),
    [
        ({"resourceType": "Patient", "deceasedBoolean": "false"}, "Patient.deceasedBoolean"),
        ({"resourceType": "Patient", "active": 1}, "Patient.active"),
        ({"resourceType": "Patient", "multipleBirthInteger": "2"}, "Patient.multipleBirthInteger"),
        ({"resourceType": "Patient", "name": [{"given": [None]}]}, "Patient.name[0].given[0]"),
        ({"resourceType": "Patient", "name": [{"family": None}]}, "Patient.name[0].family"),
        ({"resourceType": "Patient", "name": None}, "Patient.name"),
        ({"resourceType": "Patient", "name": [HALF_NULL]}, "Patient.name[0].given[1]"),
        (
            {"resourceType": "Patient", "contained": [{"resourceType": "Patient", "active": "true"}]},
            "Patient.contained[0].active",
        ),
        (
            {"resourceType": "Patient", "extension": [{"url": "http://x", "valueBoolean": "true"}]},
            "Patient.extension[0].valueBoolean",
        ),
        (FINAL | {"valueQuantity": {"value": "6.8"}}, "Observation.valueQuantity.value"),
        (FINAL | {"valueInteger": 1.0}, "Observation.valueInteger"),
        (FINAL | {"effectiveDateTime": 20200101}, "Observation.effectiveDateTime"),
        (FINAL | {"issued": 1700000000}, "Observation.issued"),
        (FINAL | {"effectiveDateTime": "0001-01-01T00:00:00+08:00"}, "Observation.effectiveDateTime"),
        (FINAL | {"effectiveDateTime": "9999-12-31T23:59:59-01:00"}, "Observation.effectiveDateTime"),
    ],
)
def test_what_json_has_in_another_type_is_refused_at_its_path(resource: dict[str, object], where: str) -> None:
    refusal = check(resource)
    assert refusal is not None
    assert (refusal.code, refusal.where) == ("invalid-resource", where)


def test_a_number_may_be_whole_or_not_and_an_end_may_lie_far_ahead() -> None:
    assert check(FINAL | {"valueQuantity": {"value": 7}}) is None
    assert check(FINAL | {"valueQuantity": {"value": 7.5}}) is None
    assert check(FINAL | {"effectivePeriod": {"end": "9999-12-31T23:59:59+08:00"}}) is None
