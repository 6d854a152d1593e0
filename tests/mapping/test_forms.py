"""Forms of public health: measurements become observations that trend with others, the form an entry with its class."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.fhir.validation import check
from hub.columns import observation
from hub.errors import Refused
from hub.mapping.codes import Code, CodeTable
from hub.mapping.forms import read_form
from hub.mapping.units import own_units, scales, unit_of
from hub.message.forms import forms, load_forms
from hub.record import Fact, Mapped
from tests.desk import mappings
from tests.mapping.test_bundles import patient, read, told_of

SUBJECT = {"reference": "urn:uuid:1"}
WHERE = "Bundle.entry[1].resource"


def item(link: str, *answers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"linkId": link, "answer": list(answers), **more}


def response(*items: dict[str, Any], form: str = "hypertension", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "identifier": {"system": "urn:phs", "value": "GXY-1"},
        "questionnaire": f"https://phs.example/Questionnaire/{form}|3",
        "status": "completed",
        "subject": SUBJECT,
        "item": [item("followed_up_on", {"valueDate": "2026-03-05"}), *items],
        **more,
    }


def read_items(*items: dict[str, Any], tables: Mapping[str, CodeTable] | None = None, **more: Any) -> dict[str, Mapped]:
    """What a form becomes, by the names of its rows."""
    found = read_form(response(*items, **more), WHERE, tables or {})
    for one in found.resources:
        assert check(one.resource) is None
    return {one.row.partition(":")[2]: one for one in found.resources}


def columns_of(one: Mapped) -> dict[str, Any]:
    fact = Fact.__new__(Fact)
    object.__setattr__(fact, "organisation", "x")
    object.__setattr__(fact, "names", {})
    return observation(one.resource, fact)


PRESSURE = (item("systolic", {"valueInteger": 148}), item("diastolic", {"valueInteger": 92}))


def test_a_form_is_kept_whole_with_what_it_becomes_beside_it() -> None:
    sent = response(*PRESSURE, item("classification", {"valueCoding": {"code": "2"}}))
    reading = read(patient("EK1"), sent, urls=("urn:uuid:1", ""))
    assert told_of(reading) == {"EK1": 3}
    kept, pressure, entry = reading.parts[0].resources
    assert kept.resource == sent
    assert [one.kind for one in (kept, pressure, entry)] == ["QuestionnaireResponse", "Observation", "Observation"]
    assert (kept.key, pressure.key, entry.key) == ("urn:phs|GXY-1", "urn:phs|GXY-1/血压", "urn:phs|GXY-1/form")
    assert reading.unaccounted == ()


def test_a_blood_pressure_is_coded_as_others_send_it() -> None:
    found = read_items(*PRESSURE)["血压"].resource
    assert found["code"]["coding"][0] == {"system": "http://loinc.org", "code": "85354-9", "display": "血压"}
    assert [part["code"]["coding"][0]["code"] for part in found["component"]] == ["8480-6", "8462-4"]
    assert [part["valueQuantity"]["code"] for part in found["component"]] == ["mm[Hg]", "mm[Hg]"]
    assert (found["effectiveDateTime"], found["status"]) == ("2026-03-05", "final")
    told = columns_of(read_items(*PRESSURE)["血压"])
    assert (told["value"], told["unit"]) == ("148/92", "mmHg")


def test_both_arms_of_an_examination_are_two_pressures() -> None:
    sent = [
        item(f"{name}_{arm}", {"valueInteger": n})
        for arm, n in (("left", 140), ("right", 144))
        for name in ("systolic",)
    ]
    found = read_items(*sent, form="elderly-exam")
    assert {"左侧血压", "右侧血压"} <= set(found)


def test_the_classification_is_the_value_of_the_forms_entry_and_the_rest_its_note() -> None:
    entry = read_items(
        item("classification", {"valueString": "控制不满意"}),
        item("symptoms", {"valueCoding": {"code": "2"}}, {"valueCoding": {"code": "6"}}),
        item("smoking", {"valueDecimal": 5}),
        item("next_on", {"valueDate": "2026-03-19"}),
    )["form"]
    told = columns_of(entry)
    assert (told["code"], told["display"], told["value"]) == ("hypertension", "高血压随访", "控制不满意")
    assert told["note"].splitlines() == [
        "随访日期：2026-03-05",
        "症状：头痛头晕、心悸胸闷",
        "日吸烟量：5 支/天",
        "下次随访日期：2026-03-19",
    ]


@pytest.mark.parametrize(
    ("answer", "value", "unit", "code"),
    [
        ({"valueDecimal": 7.2}, 7.2, "mmol/L", "mmol/L"),
        ({"valueString": "7.2"}, 7.2, "mmol/L", "mmol/L"),
        ({"valueString": "130 mg/dl"}, 130, "mg/dl", "mg/dL"),
        ({"valueQuantity": {"value": 130, "unit": "mg/dL"}}, 130, "mg/dL", None),
        ({"valueQuantity": {"value": 7.2}}, 7.2, "mmol/L", "mmol/L"),
    ],
)
def test_a_number_is_in_the_unit_of_its_item_unless_it_brings_one(
    answer: dict[str, Any], value: float, unit: str, code: str | None
) -> None:
    found = read_items(item("fasting_glucose", answer), form="diabetes")["fasting_glucose"].resource["valueQuantity"]
    assert (found["value"], found["unit"], found.get("code")) == (value, unit, code)


def test_words_in_the_place_of_a_number_are_kept_as_words() -> None:
    found = read_items(item("fasting_glucose", {"valueString": "未测"}), form="diabetes")["fasting_glucose"]
    assert found.resource["valueString"] == "未测"


@pytest.mark.parametrize("answer", [{"valueQuantity": {"unit": "mmHg"}}, {"valueQuantity": {"unit": ""}}])
def test_an_answer_without_a_number_makes_no_broken_observation(answer: dict[str, Any]) -> None:
    found = read_items(item("systolic", answer), item("weight", answer))
    assert all("valueQuantity" not in one.resource for one in found.values())


def test_a_number_in_an_unknown_unit_is_flagged() -> None:
    found = read_items(item("weight", {"valueString": "65 石"}))["weight"]
    assert [(flag.code, flag.where) for flag in found.flags] == [("unknown-unit", f"{WHERE}.item[1]")]
    assert found.resource["valueQuantity"] == {"value": 65, "unit": "石"}


def test_an_unknown_classification_is_kept_and_flagged() -> None:
    entry = read_items(item("classification", {"valueCoding": {"code": "7", "display": "待定"}}))["form"]
    assert entry.resource["valueCodeableConcept"]["text"] == "待定"
    assert [(flag.code, flag.table) for flag in entry.flags] == [("unknown-code", "classification")]


def test_a_value_counts_as_of_its_own_day_where_the_form_gives_one() -> None:
    found = read_items(
        item("hba1c", {"valueDecimal": 7.1}), item("hba1c_on", {"valueDate": "2026-02-20"}), form="diabetes"
    )
    assert found["hba1c"].resource["effectiveDateTime"] == "2026-02-20"
    assert found["form"].resource["effectiveDateTime"] == "2026-03-05"


@pytest.mark.parametrize("link", ["收缩压", "SYSTOLIC"])
def test_an_item_is_known_by_either_name(link: str) -> None:
    assert "血压" in read_items(item(link, {"valueInteger": 148}))


def test_an_item_is_known_by_its_text_where_its_link_says_nothing() -> None:
    group = {"linkId": "g", "text": "体征", "item": [item("3.1", {"valueInteger": 148}, text="收缩压（mmHg）")]}
    found = read_items(group)["血压"]
    assert found.path == f"{WHERE}.item[1].item[0]"


def test_a_source_may_have_names_of_its_own() -> None:
    tables = {
        "form": CodeTable("form", {"urn:their:gxy": Code("hypertension")}),
        "form-item": CodeTable("form-item", {"hypertension/q7": Code("systolic")}),
    }
    sent = response(item("q7", {"valueInteger": 148}), questionnaire="urn:their:gxy")
    found = read_form(sent, WHERE, tables)
    assert [one.row for one in found.resources] == ["forms/hypertension:血压", "forms/hypertension:form"]


def test_an_item_that_nobody_knows_is_unaccounted_for() -> None:
    reading = read(
        patient("EK1"),
        response(item("q99", {"valueString": "x"}), item("某人的名字", {"valueString": "x"}), item("q100")),
        urls=("urn:uuid:1", ""),
    )
    assert [(one.where, one.field, one.is_clinical) for one in reading.unaccounted] == [
        (f"{WHERE}.item[1]", "QuestionnaireResponse.hypertension.q99", True),
        (f"{WHERE}.item[2]", "QuestionnaireResponse.hypertension.?", True),
    ]


def test_a_form_that_nobody_knows_is_kept_and_unaccounted_for() -> None:
    reading = read(patient("EK1"), response(form="tea-ceremony"), urls=("urn:uuid:1", ""))
    assert told_of(reading) == {"EK1": 1}
    assert [one.field for one in reading.unaccounted] == ["QuestionnaireResponse.questionnaire"]


def test_an_amended_form_takes_back_what_it_no_longer_says() -> None:
    assert "weight" not in read_items(*PRESSURE)
    found = read_items(*PRESSURE, status="amended")
    assert found["weight"].resource["status"] == "entered-in-error"
    assert found["血压"].resource["status"] == "amended"
    assert found["weight"].key == read_items(item("weight", {"valueDecimal": 65}))["weight"].key


def test_a_form_in_error_takes_its_values_with_it() -> None:
    found = read_items(*PRESSURE, status="entered-in-error")
    assert {one.resource["status"] for one in found.values()} == {"entered-in-error"}


@pytest.mark.parametrize("form", forms().values(), ids=lambda form: form.name)
def test_every_measurement_of_a_form_has_a_unit_that_ucum_knows(form: Any) -> None:
    for one in form.items:
        if one.loinc and one.is_number:
            known = unit_of(one.unit, own_units())
            assert known is not None, one.name
            scale = scales().get(one.loinc)
            assert scale is None or known.to == scale.unit or known.to in scale.steps, one.name


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{ name = "a", zh = "甲", as = "numeral" }', "'as'"),
        ('{ name = "a", zh = "甲", as = "number" }', "bounds"),
        ('{ name = "a", zh = "甲", as = "choice", choices = "nowhere" }', "choices.csv"),
        ('{ name = "a", zh = "甲", as = "text", choices = "way" }', "choices.csv"),
        ('{ name = "a", zh = "甲", as = "number", low = 0, high = 1, loinc = "1-1" }', "unit"),
        ('{ name = "a-b", zh = "甲", as = "text" }', "name"),
        ('{ name = "a", zh = "甲", as = "text", link = "1" }', "unknown keys"),
    ],
)
def test_a_faulty_item_is_named_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    folder = write(tmp_path, line)
    with pytest.raises(Refused) as refused:
        load_forms(folder)
    assert refused.value.refusal.where == "f.toml:4"
    assert said in refused.value.refusal.given["reason"]


def test_no_two_items_share_a_name(tmp_path: Path) -> None:
    folder = write(tmp_path, '{ name = "b", zh = "日", as = "text" }')
    with pytest.raises(Refused) as refused:
        load_forms(folder)
    assert "two items" in refused.value.refusal.given["reason"]


def write(folder: Path, line: str) -> Path:
    text = 'day = "on"\nzh = "f"\nitems = [\n' + f"  {line},\n" + '  { name = "on", zh = "日", as = "day" },\n]\n'
    (folder / "f.toml").write_text(text + 'en = "f"\ntitle = "f"\n', encoding="utf-8")
    (folder / "choices.csv").write_text("choices,code,zh,also\nway,1,门诊,\n", encoding="utf-8")
    return folder


def test_a_source_that_speaks_fhir_knows_units() -> None:
    assert "units" in mappings().fhir["erke-fhir"].tables
