"""How documents are read, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.cda.document import read_whole
from fixtures.county.documents import WRITERS, Document, Operation, Said, Section, Stay, Together
from hub.errors import Refused
from hub.mapping.cda.reading import CdaMapping
from hub.mapping.cda.rows import load_plan
from hub.message import VISIT_BY_ADMISSION
from hub.record import Json, Reading
from tests.desk import MAPPINGS, mappings
from tests.mapping.document_cases import EMR, mapped_of
from tests.mapping.document_parts import FRONT, STAY, a_document, text

RECEIVED = datetime(2026, 10, 1, tzinfo=UTC)


def mapping(**changes: Any) -> CdaMapping:
    found = mappings().cda[EMR]
    return replace(found, source=replace(found.source, **changes))


def read(document: Document, dialect: str = "national", **changes: Any) -> Reading:
    return mapping(**changes).read(read_whole(WRITERS[dialect](document)), RECEIVED)


def made(kind: str, reading: Reading) -> list[Json]:
    return [one.resource for one in mapped_of(reading) if one.kind == kind]


def with_entries(*entries: Said | Together, kind: str = "C0032", **more: Any) -> Document:
    return a_document(kind, "文书", (Section(code="11535-2", title="出院诊断", entries=entries),), **more)


def code(value: str, label: str = "出院诊断-其他诊断编码") -> Said:
    return Said(element="DE05.01.024.00", label=label, type="CD", code=value, system=FRONT)


def name(value: str, label: str = "出院诊断-其他诊断名称") -> Said:
    return text("DE05.01.025.00", label, value)


def diagnoses(*entries: Said | Together) -> list[tuple[str | None, str]]:
    found = [one["code"] for one in made("Condition", read(with_entries(*entries)))]
    return [(one.get("coding", [{}])[0].get("code"), one["text"]) for one in found]


# -- what belongs together ---------------------------------------------------------------------------------------------


def test_code_and_name_side_by_side_are_one_diagnosis() -> None:
    found = diagnoses(name("脑梗死"), code("I63.900"), name("高血压"), code("I10.x00"))
    assert found == [("I63.900", "脑梗死"), ("I10.x00", "高血压")]


def test_columns_are_paired_by_their_places() -> None:
    found = diagnoses(code("I63.900"), code("I10.x00"), name("脑梗死"), name("高血压"))
    assert found == [("I63.900", "脑梗死"), ("I10.x00", "高血压")]


def test_columns_of_unequal_length_are_left_single() -> None:
    found = diagnoses(code("I63.900"), code("I10.x00"), name("高血压"))
    assert found == [("I63.900", "I63.900"), ("I10.x00", "I10.x00"), (None, "高血压")]


def test_a_name_without_a_code_stays_a_diagnosis() -> None:
    assert diagnoses(name("脑梗死"), code("I63.900"), name("高血压待查")) == [
        ("I63.900", "脑梗死"),
        (None, "高血压待查"),
    ]


def test_what_plays_another_part_is_another_diagnosis() -> None:
    found = diagnoses(name("肺炎", "入院诊断名称"), code("I63.900", "出院诊断编码"), name("脑梗死", "出院诊断名称"))
    assert sorted(found, key=str) == [("I63.900", "脑梗死"), (None, "肺炎")]


def test_a_code_without_a_part_goes_with_the_name_behind_it_that_says_one() -> None:
    found = diagnoses(
        *(code("J18.900", "诊断编码"), name("肺炎", "入院诊断名称")),
        *(code("I10.x00", "诊断编码"), name("高血压", "入院诊断名称")),
        *(code("I63.900", "诊断编码"), name("脑梗死", "确定诊断名称")),
    )
    assert found == [("J18.900", "肺炎"), ("I10.x00", "高血压"), ("I63.900", "脑梗死")]


@pytest.mark.parametrize(("label", "part"), [("修正诊断名称", "修正诊断"), ("术后诊断名称", "术后诊断")])
def test_the_part_of_a_diagnosis_is_said_by_its_name(label: str, part: str) -> None:
    (found,) = made("Condition", read(with_entries(code("J18.900", "诊断编码"), name("肺炎", label))))
    assert part in [coding.get("display") for one in found["category"] for coding in one["coding"]]


def test_a_state_without_a_part_goes_with_what_stands_before_it() -> None:
    state = Said(element="DE09.00.104.00", label="情况代码", type="CD", code="4", system="2.3.1.253", value="无")
    [first, second] = made("Condition", read(with_entries(code("I63.900"), code("I10.x00"), state)))
    assert "extension" not in first
    assert second["extension"][0]["valueCodeableConcept"]["text"] == "无"


# -- codes and values --------------------------------------------------------------------------------------------------


def test_icd10_under_the_number_of_another_table_is_taken_and_flagged() -> None:
    reading = read(with_entries(replace(code("I10"), system="2.3.1.85")))
    [condition] = [one for one in mapped_of(reading) if one.kind == "Condition"]
    assert condition.resource["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10"
    assert [flag.code for flag in condition.flags] == ["assumed-code-system"]


def test_what_is_no_code_is_text() -> None:
    entry = replace(code(""), type="ST", value="高血压病3级")
    assert diagnoses(entry) == [(None, "高血压病3级")]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (Said(element="DE04.10.188.00", label="体重", type="PQ", value="68.50", unit="kg"), ("valueQuantity", 68.5)),
        (Said(element="DE04.10.188.00", label="体重", type="ST", value="约70公斤"), ("valueString", "约70公斤")),
        (Said(element="DE09.00.108.00", label="尸检标志", type="BL", value="false"), ("valueBoolean", False)),
        (Said(element="DE04.01.018.00", label="发病时间", type="TS", value="202603"), ("valueDateTime", "2026-03")),
    ],
)
def test_a_value_is_of_the_type_that_it_says(said: Said, value: tuple[str, object]) -> None:
    [found] = made("Observation", read(with_entries(said, kind="C0020")))
    given = found[value[0]]
    assert (given["value"] if isinstance(given, dict) else given) == value[1]


def test_a_weight_before_the_pregnancy_is_no_weight_of_today() -> None:
    past = Said(element="DE04.10.188.00", label="孕前体重(kg)", type="PQ", value="52", unit="kg")
    [found] = made("Observation", read(with_entries(past, kind="C0014")))
    assert [one["system"] for one in found["code"]["coding"]] == ["urn:oid:2.16.156.10011.2.2.1"]


def test_a_placeholder_says_nothing() -> None:
    reading = read(with_entries(text("DE06.00.193.00", "出院情况", "无")))
    assert made("Observation", reading) == []


def test_a_day_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as refused:
        read(with_entries(stay=Stay(began="20261332")))
    assert refused.value.refusal.code == "impossible-date"
    assert "effectiveTime/low" in refused.value.refusal.where


# -- allergies ---------------------------------------------------------------------------------------------------------


def test_a_history_in_words_is_no_allergy() -> None:
    reading = read(with_entries(text("DE02.10.022.00", "过敏史", "否认药物过敏史")))
    assert made("AllergyIntolerance", reading) == []
    assert [one["valueString"] for one in made("Observation", reading)] == ["否认药物过敏史"]


@pytest.mark.parametrize(("flag", "count"), [("true", 1), ("false", 0)])
def test_an_allergy_needs_a_flag_that_is_true(flag: str, count: int) -> None:
    inside = (text("DE02.10.022.00", "过敏史", "青霉素"),)
    said = Said(element="DE02.10.023.00", label="过敏史标志", type="BL", value=flag, inside=inside)
    reading = read(with_entries(said))
    assert len(made("AllergyIntolerance", reading)) == count
    assert [one for one in reading.unaccounted if one.is_clinical] == []


def test_words_that_deny_an_allergy_are_none_whatever_the_flag_says() -> None:
    inside = (text("DE02.10.022.00", "过敏史", "否认药物过敏史"),)
    said = Said(element="DE02.10.023.00", label="过敏史标志", type="BL", value="true", inside=inside)
    assert made("AllergyIntolerance", read(with_entries(said))) == []


def test_a_flag_of_a_code_table_is_not_taken_for_a_yes() -> None:
    """1 is 无 on the front page's form."""
    said = Said(element="DE02.10.023.00", label="药物过敏", type="CD", code="1", value="无", substance="未发现药物过敏")
    assert made("AllergyIntolerance", read(with_entries(said))) == []


# -- what is not so ----------------------------------------------------------------------------------------------------


def changed(document: Document, old: str, new: str) -> Reading:
    raw = WRITERS["national"](document).decode()
    assert old in raw
    return mapping().read(read_whole(raw.replace(old, new).encode()), RECEIVED)


@pytest.mark.parametrize("no", ["true", "1"])
def test_an_entry_that_says_what_is_not_so_becomes_nothing_and_is_told(no: str) -> None:
    denied = f'<observation negationInd="{no}" moodCode="EVN"'
    reading = changed(with_entries(code("I21.900")), '<observation moodCode="EVN"', denied)
    assert made("Condition", reading) == made("Observation", reading) == []
    assert [one.field for one in reading.unaccounted] == ["DE05.01.024.00/negationInd"]


def test_a_cancelled_operation_was_not_done() -> None:
    operation = Operation(code="47.01", at="20260101")
    section = Section(code="47519-4", title="手术操作", entries=(operation,))
    stated = '<procedure><statusCode code="cancelled"/>'
    reading = changed(a_document("C0053", "文书", (section,)), "<procedure>", stated)
    assert [one["status"] for one in made("Procedure", reading)] == ["not-done"]


def test_a_goal_is_no_finding() -> None:
    goal = Said(element="DE04.10.174.00", label="收缩压", type="PQ", value="130", unit="mmHg")
    reading = changed(with_entries(goal, kind="C0024"), 'moodCode="EVN"', 'moodCode="GOL"')
    assert made("Observation", reading) == []
    assert {one.field for one in reading.unaccounted} == {"DE04.10.174.00/code", "DE04.10.174.00/value"}


@pytest.mark.parametrize("label", ["鉴别诊断编码", "家族史-疾病编码"])
def test_what_was_considered_or_is_a_relatives_is_no_diagnosis(label: str) -> None:
    assert made("Condition", read(with_entries(code("C34.900", label)))) == []


def test_a_code_without_a_name_takes_no_other_diagnosis_name() -> None:
    found = diagnoses(name("脑梗死"), code("I63.900"), code("I10.x00"), name("糖尿病"), code("E11.900"))
    assert found == [("I63.900", "脑梗死"), ("I10.x00", "I10.x00"), ("E11.900", "糖尿病")]


@pytest.mark.parametrize("way", ["无", "-"])
def test_a_follow_up_that_asks_for_nothing_is_none(way: str) -> None:
    asked = text("DE06.00.108.00", "随访方式", way)
    assert made("ServiceRequest", read(with_entries(asked, text("DE06.00.287.00", "出院医嘱", way)))) == []


def test_a_placeholder_for_a_code_is_no_diagnosis() -> None:
    dash = Said(element="DE05.01.024.00", label="病理诊断编码", type="CD", code="-", value="-")
    assert diagnoses(dash, replace(dash, code="", value="无")) == []


def test_a_wrong_day_of_an_entry_costs_itself_and_not_the_document() -> None:
    reading = read(with_entries(replace(code("I63.900"), at="20261345")))
    [condition] = [one for one in mapped_of(reading) if one.kind == "Condition"]
    assert [flag.code for flag in condition.flags] == ["impossible-date"]
    assert condition.resource["recordedDate"] == "2026-02-06T10:00:00+08:00"


def test_what_a_sender_writes_as_a_section_stands_in_no_place() -> None:
    section = Section(code="371099195603120159", title="秦学勤", entries=(code("I63.900"),))
    reading = read(a_document("C0053", "文书", (section,)))
    places = [trace.path for one in mapped_of(reading) for trace in one.traces]
    assert not [place for place in places if "371099" in place or "秦" in place]


# -- the patient and the stay ------------------------------------------------------------------------------------------


def test_a_number_of_a_national_root_is_that_of_the_profiles_kind() -> None:
    """The same profile may call it PatientNO in v2: one patient, whichever format tells of them."""
    reading = read(with_entries())
    [number] = reading.parts[0].numbers
    assert (number.kind, number.value) == ("inpatient-number", "0000000116")


def test_who_has_no_number_that_the_profile_declares_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        read(with_entries(numbers=(("14", "S1"),), person=replace(a_document("", "", ()).person, citizen_id="")))
    assert refused.value.refusal.code == "no-patient"


def test_a_stay_goes_by_the_number_of_its_encounter() -> None:
    [stay] = made("Encounter", read(with_entries()))
    assert stay["identifier"][0]["value"] == STAY.number


def test_a_stay_without_a_number_is_none_and_is_told() -> None:
    reading = read(with_entries(stay=replace(STAY, number="")))
    assert made("Encounter", reading) == []
    assert [one.code for one in reading.left_out] == ["stay-not-named"]


@pytest.mark.parametrize(
    ("visit_by", "number"),
    [("2.16.156.10011.1.13", "BA0116"), (VISIT_BY_ADMISSION, "0000000116@20260126093000"), ("1.2.3", None)],
)
def test_a_profile_may_say_by_what_its_documents_name_a_stay(visit_by: str, number: str | None) -> None:
    found = made("Encounter", read(with_entries(stay=replace(STAY, number="")), visit_by=visit_by))
    assert [one["identifier"][0]["value"] for one in found] == ([number] if number else [])


def test_a_document_from_tomorrow_counts_as_of_its_receipt() -> None:
    reading = read(with_entries(written="20270101000000"))
    assert (reading.event_at, reading.ahead) == (RECEIVED, "ClinicalDocument.effectiveTime")


# -- any document ------------------------------------------------------------------------------------------------------


def test_a_kind_that_nobody_listed_is_read_all_the_same() -> None:
    reading = read(with_entries(code("I63.900"), kind="X9999"))
    assert [one["code"]["coding"][0]["code"] for one in made("Condition", reading)] == ["I63.900"]
    assert made("DocumentReference", reading)


def test_what_no_row_reads_is_told_with_its_place() -> None:
    odd = Said(element="DE99.99.999.00", label="", type="CD", code="", value="")
    document = with_entries(replace(odd, at="20260101", substance=""))
    reading = read(document)
    assert [(one.field, one.is_clinical) for one in reading.unaccounted] == [
        ("DE99.99.999.00/code", True),
        ("DE99.99.999.00/effectiveTime", True),
    ]


def test_charges_are_ignored_for_a_reason() -> None:
    charge = Said(element="HDSD00.11.142", label="住院总费用", type="MO", value="10234.5")
    reading = read(with_entries(charge))
    assert (made("Observation", reading), reading.unaccounted) == ([], ())


@pytest.mark.parametrize(("said", "data"), [("JVBE\n Rg==", "JVBERg=="), ("同意手术", "5ZCM5oSP5omL5pyv")])
def test_a_body_that_is_no_xml_is_kept_as_it_is_or_as_text(said: str, data: str) -> None:
    person = '<patientRole><id root="2.16.156.10011.1.12" extension="1"/></patientRole>'
    raw = (
        f'<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget>{person}</recordTarget><component><nonXMLBody>'
        f'<text mediaType="text/plain">{said}</text></nonXMLBody></component></ClinicalDocument>'
    )
    [document] = made("DocumentReference", mapping().read(read_whole(raw.encode()), RECEIVED))
    assert [one["attachment"]["data"] for one in document["content"]] == [data]


# -- a source's own rows -----------------------------------------------------------------------------------------------


def test_a_source_lays_its_own_rows_over_the_hubs(tmp_path: Path) -> None:

    own = (
        'resource = "Condition"\nof = ["DE05.01.024.00"]\nrows = [\n  { to = "note", value = { text = "自有" } },\n]\n'
    )
    (tmp_path / "diagnosis.toml").write_text(own, encoding="utf-8")
    base = mapping()
    laid = replace(base, plan=load_plan(MAPPINGS / "cda", base.tables, tmp_path))
    document = with_entries(code("I63.900"))
    [condition] = made("Condition", laid.read(read_whole(WRITERS["national"](document)), RECEIVED))
    assert condition["note"] == [{"text": "自有"}]
    assert condition["code"]["coding"][0]["code"] == "I63.900"
