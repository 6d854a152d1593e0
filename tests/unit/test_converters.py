"""Converters: what one field's text becomes in FHIR. What is not understood is kept as it came, with a flag."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.mapping.codes import load_tables
from hub.mapping.converters import CONVERTERS, Reader
from hub.mapping.converters.numbers import patient_numbers
from hub.message import Delimiters, Segment, Source
from tests.desk import MAPPINGS, kinds, sources

TABLES = load_tables(MAPPINGS / "codes")
RENMIN, ZHONGYI = sources()["renmin-his"], sources()["zhongyi-his"]


def reader(segment: str = "OBX|1", *, table: str = "", source: Source = RENMIN, number: int = 5) -> Reader:
    fields = segment.split("|")
    found = Reader(source, TABLES, kinds(), Delimiters(), Segment(fields[0], 1, 1, fields, Delimiters()), number)
    found.where, found.table = f"{fields[0]}-{number}", TABLES[table] if table else None
    return found


def convert(name: str, raw: str, at: Reader | None = None) -> Any:
    return CONVERTERS[name].convert(raw, at or reader())


# -- codes -------------------------------------------------------------------------------------------------------------


def test_a_known_code_is_translated() -> None:
    assert convert("code", "男", reader(table="administrative-sex")) == "male"


def test_an_unknown_code_is_kept_raw_with_a_flag() -> None:
    at = reader("PID|1", table="administrative-sex", number=8)
    assert convert("code", "X", at) == {"_": {"extension": [{"url": "urn:hub:raw-code", "valueString": "X"}]}}
    assert [(flag.code, flag.where, flag.table) for flag in at.flags] == [
        ("unknown-code", "PID-8", "administrative-sex")
    ]


def test_an_unknown_concept_keeps_its_code_and_its_words() -> None:
    at = reader("PV1|1", table="discharge-disposition", number=36)
    assert convert("concept", "88^回家", at) == {
        "coding": [{"system": "urn:hub:source:renmin-his:PV1-36", "code": "88", "display": "回家"}],
        "text": "回家",
    }
    assert [flag.code for flag in at.flags] == ["unknown-code"]


def test_a_translated_concept_keeps_what_was_sent_beside_it() -> None:
    found = convert("concept", "20^已婚", reader("PID|1", table="marital-status", number=16))
    assert [coding["code"] for coding in found["coding"]] == ["M", "20"]


def test_the_senders_words_are_kept_where_the_table_has_its_own_for_the_same_code() -> None:
    at = reader("PID|1", table="marital-status", number=16)
    assert convert("concept", "M^有配偶", at)["text"] == "有配偶"
    both = convert("concept", "M^有配偶^^^^^^^夫妻同住", at)
    assert both["text"] == "夫妻同住"
    assert [coding["display"] for coding in both["coding"]] == ["已婚", "有配偶"]


def test_a_concept_in_words_alone_is_found_by_its_words() -> None:
    found = convert("concept", "^死亡", reader(table="discharge-death"))
    assert found["coding"][0]["code"] == "5"


def test_both_codings_of_a_cwe_are_kept() -> None:
    found = convert("concept", "2823-3^Potassium^LN^K^钾^L")
    assert [(coding["system"], coding["code"]) for coding in found["coding"]] == [
        ("http://loinc.org", "2823-3"),
        ("urn:hub:source:renmin-his:L", "K"),
    ]


def test_a_code_of_icd_10_shape_is_taken_for_icd_10_and_says_so() -> None:
    at = reader("DG1|1||I63.900^脑梗死", number=3)
    found = convert("diagnosis", "I63.900^脑梗死", at)
    assert found["coding"] == [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I63.900", "display": "脑梗死"}]
    assert [flag.code for flag in at.flags] == ["assumed-code-system"]


def test_a_diagnosis_of_another_shape_stays_the_senders() -> None:
    found = convert("diagnosis", "BNA010^胃脘痛", reader("DG1|1||BNA010^胃脘痛", number=3))
    assert found["coding"][0]["system"] == "urn:hub:source:renmin-his:DG1-3"


def test_a_diagnosis_without_a_code_is_its_words() -> None:
    assert convert("diagnosis", "^肺炎", reader("DG1|1||^肺炎|肺炎", number=3)) == {"text": "肺炎"}
    assert convert("diagnosis", "^", reader("DG1|1||^|肺炎", number=3)) == {"text": "肺炎"}


# -- results (OBX-5) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("4.1", {"value": 4.1, "unit": "mmol/L"}),
        ("4", {"value": 4, "unit": "mmol/L"}),
        ("-4", {"value": -4, "unit": "mmol/L"}),
        (".5", {"value": 0.5, "unit": "mmol/L"}),
        ("=^440", {"value": 440, "unit": "mmol/L"}),
        ("<0.01", {"value": 0.01, "comparator": "<", "unit": "mmol/L"}),
        ("<^0.01", {"value": 0.01, "comparator": "<", "unit": "mmol/L"}),
        ("≤5", {"value": 5, "comparator": "<=", "unit": "mmol/L"}),
        ("＞1000", {"value": 1000, "comparator": ">", "unit": "mmol/L"}),
        (">=^5", {"value": 5, "comparator": ">=", "unit": "mmol/L"}),
        (
            "4.10",
            {"value": 4.1, "unit": "mmol/L", "extension": [{"url": "urn:hub:digits", "valueString": "4.10"}]},
        ),
    ],
)
def test_a_number_keeps_its_comparator_its_unit_and_its_digits(sent: str, value: Any) -> None:
    ucum = {"system": "http://unitsofmeasure.org", "code": "mmol/L"}
    assert convert("quantity", sent, reader(f"OBX|1|NM|K||{sent}|mmol/L")) == value | ucum


@pytest.mark.parametrize(
    ("code", "unit", "coded", "flags"),
    [
        ("8480-6", "毫米汞柱", "mm[Hg]", []),
        ("8480-6", "MMHG", "mm[Hg]", []),
        ("8480-6", "个大气压", None, ["unknown-unit"]),
        ("8480-6", "", None, ["no-unit"]),
        ("34714-6", "", None, []),
        ("34714-6", "{INR}^^UCUM", "{INR}", []),
    ],
)
def test_a_unit_stays_as_it_was_sent_with_ucum_beside_it(
    code: str, unit: str, coded: str | None, flags: list[str]
) -> None:
    at = reader(f"OBX|1|NM|{code}||4|{unit}")
    found = convert("quantity", "4", at)
    assert (found.get("unit", ""), found.get("code")) == (unit.partition("^")[0], coded)
    assert [(flag.code, flag.table) for flag in at.flags] == [(flag, "units") for flag in flags]


@pytest.mark.parametrize(
    "sent", ["阴性", "1:128", "^1^:^128", "^10^-^20", "2+", "4.1 (溶血)", "1e5", "5.", "无", '""', ""]
)
def test_what_is_no_number_is_left_to_the_row_for_text(sent: str) -> None:
    assert convert("quantity", sent) is None


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("双肺清晰~心影不大", "双肺清晰\n心影不大"),
        ("a\\.br\\b", "a\nb"),
        ("5 \\T\\ 6 \\F\\ 7", "5 & 6 | 7"),
        ("^1^:^128", "1 : 128"),
        ("无", "无"),  # a finding, not a placeholder
        ("", None),
        ('""', None),
    ],
)
def test_text_is_kept_line_by_line(sent: str, shown: str | None) -> None:
    assert convert("lines", sent) == shown


@pytest.mark.parametrize(
    ("sent", "time"), [("0930", "09:30:00"), ("093015", "09:30:15"), ("09:30", "09:30:00"), ("9", None)]
)
def test_a_time_of_day_gets_its_seconds(sent: str, time: str | None) -> None:
    assert convert("time", sent) == time


@pytest.mark.parametrize("name", ["date", "datetime", "instant"])
def test_a_day_that_does_not_exist_is_refused_where_it_stands(name: str) -> None:
    with pytest.raises(Refused) as refused:
        convert(name, "20260230", reader("PID|1", number=7))
    assert (refused.value.refusal.code, refused.value.refusal.where) == ("impossible-date", "PID-7")


@pytest.mark.parametrize(
    "name", ["date", "datetime", "instant", "code", "concept", "name", "address", "telecom", "identifier"]
)
@pytest.mark.parametrize("sent", ["无", "不详", "-", '""', ""])
def test_a_placeholder_says_nothing(name: str, sent: str) -> None:
    assert convert(name, sent) is None


# -- people ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("王小明", {"text": "王小明"}),
        ("张　某", {"text": "张某"}),
        ("张  某", {"text": "张某"}),
        ("欧阳娜娜^", {"text": "欧阳娜娜"}),
        (
            "王小明^wangxiaoming",
            {"text": "王小明", "extension": [{"url": "urn:hub:pinyin", "valueString": "wangxiaoming"}]},
        ),
        ("王^小明", {"text": "王小明"}),
        ("䶮文𬭎", {"text": "䶮文𬭎"}),
        (
            "Finn^Huckleberry^J^III^Mr^^L",
            {
                "use": "official",
                "text": "Finn Huckleberry J",
                "family": "Finn",
                "given": ["Huckleberry", "J"],
                "prefix": ["Mr"],
                "suffix": ["III"],
            },
        ),
    ],
)
def test_a_chinese_name_is_whole_and_a_western_one_has_parts(sent: str, name: Any) -> None:
    assert convert("name", sent) == name


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("山东省威泉县某街某号^^^^264299^^H", {"use": "home", "text": "山东省威泉县某街某号", "postalCode": "264299"}),
        ("某街某号^^威海市^山东省", {"text": "山东省威海市某街某号", "city": "威海市", "state": "山东省"}),
        (
            "721 SPRING STREET^Apt 2^GRINNELL^IA^50112^USA^H",
            {
                "use": "home",
                "text": "721 SPRING STREET, Apt 2, GRINNELL, IA",
                "line": ["721 SPRING STREET", "Apt 2"],
                "city": "GRINNELL",
                "state": "IA",
                "postalCode": "50112",
                "country": "USA",
            },
        ),
        ("无^^^^264299", None),
    ],
)
def test_an_address_is_read_from_large_to_small_in_chinese(sent: str, address: Any) -> None:
    assert convert("address", sent) == address


@pytest.mark.parametrize(
    ("sent", "value", "use"),
    [
        ("19900001016", "19900001016", "home"),
        ("^^^^^^^^19900001016", "19900001016", "home"),
        ("^^^^^^^^^^^19900001016", "19900001016", "home"),
        ("19900001016^^CP", "19900001016", "mobile"),
        ("^PRN^PH^^^631^5550100", "631 5550100", "home"),
        ("^WPN^PH^^^631^5550100", "631 5550100", "work"),
    ],
)
def test_a_telephone_number_is_found_wherever_it_stands(sent: str, value: str, use: str) -> None:
    assert convert("telecom", sent) == {"system": "phone", "value": value, "use": use}


def test_an_electronic_address_alone_is_kept() -> None:
    mail = {"system": "email", "value": "a@weiquan.example", "use": "home"}
    assert convert("telecom", "^NET^Internet^a@weiquan.example") == mail
    assert convert("telecom", "a@weiquan.example^^Internet") == mail


def test_a_doctor_has_a_staff_number_and_a_name() -> None:
    assert convert("practitioner", "D0001^时砚秋") == {
        "type": "Practitioner",
        "identifier": {"system": "urn:hub:source:renmin-his:staff", "value": "D0001"},
        "display": "时砚秋",
    }


# -- numbers of persons ------------------------------------------------------------------------------------------------


def test_a_declared_number_has_its_kind() -> None:
    found = convert("identifier", "0000400016^^^^PatientNO", reader("PID|1", number=3))
    assert (found["system"], found["value"]) == ("urn:hub:source:renmin-his:identifier:PatientNO", "0000400016")


def test_an_undeclared_identifier_type_is_kept_and_flagged() -> None:
    at = reader("PID|1", number=3)
    found = convert("identifier", "U1^^^^UPID", at)
    assert found == {"system": "urn:hub:source:renmin-his:identifier:UPID", "value": "U1"}
    assert [(flag.code, flag.where) for flag in at.flags] == [("unknown-identifier-type", "PID-3")]


def test_a_declared_citizen_id_number_that_is_wrong_is_refused() -> None:
    with pytest.raises(Refused, match="GB 11643"):
        convert("identifier", "371099195603120011^^^^IdentifyNO", reader("PID|1", number=3))


def test_a_permit_under_the_citizen_id_type_is_told_apart() -> None:
    found = convert("identifier", "81000019690427007X^^^^IdentifyNO", reader("PID|1", number=3))
    assert found["system"] == kinds()["residence-permit"].system


@pytest.mark.parametrize("number", ["999999999999999999", "不详"])
def test_a_number_that_stands_for_none_is_passed_over(number: str) -> None:
    assert convert("identifier", f"{number}^^^^IdentifyNO", reader("PID|1", number=3)) is None


def test_a_mothers_number_stands_beside_her_newborns() -> None:
    found = convert("mothers-identifier", "371099195603120159^^^^IdentifyNO", reader("PID|1", number=21))
    assert found["valueIdentifier"]["system"] == kinds()["citizen-id"].system
    wrong = convert("mothers-identifier", "1^^^^IdentifyNO", reader("PID|1", number=21))
    assert wrong["valueIdentifier"] == {"system": "urn:hub:source:renmin-his:identifier:IdentifyNO", "value": "1"}
    assert convert("mothers-identifier", "无", reader("PID|1", number=21)) is None


def numbers(raw: str, source: Source = RENMIN) -> list[tuple[str, str]]:
    at = reader("PID|1", source=source, number=3)
    return [(number.kind, number.value) for number in patient_numbers(raw, at)]


def test_a_source_tells_its_patients_apart_by_the_numbers_of_its_profile_in_that_order() -> None:
    assert numbers("4^^^^patientno~1^^^^IDCard~37109919560312001X^^^^IdentifyNO") == [
        ("visit-card", "1"),
        ("inpatient-number", "4"),
    ]


def test_a_citizen_id_number_serves_where_there_is_no_other() -> None:
    assert numbers("^^^^IDCard~37109919560312001X^^^^IdentifyNO") == [("citizen-id", "37109919560312001X")]


def test_nobody_is_told_apart_by_a_number_that_stands_for_none() -> None:
    assert numbers("999999999999999999^^^^IdentifyNO") == []


def test_one_number_of_two_houses_is_two_patients() -> None:
    """A platform that sends for several hospitals names the one that gave the number (CX.4)."""
    at = reader("PID|1", number=3)
    one, two = (patient_numbers(f"123^^^{house}^IDCard", at) for house in ("A", "B"))
    assert one[0].system != two[0].system


def test_a_number_without_a_type_is_that_of_a_profile_without_one() -> None:
    assert numbers("ZY700016", ZHONGYI) == [("local-number", "ZY700016")]


# -- any text ----------------------------------------------------------------------------------------------------------

NEED_TABLES = {"code": "administrative-sex", "boolean": "yes-no"}


@given(st.sampled_from(sorted(CONVERTERS)), st.text(alphabet='0129^&~\\|"XM男王. -:+<>SR', max_size=24))
def test_no_converter_fails_but_by_refusing(name: str, raw: str) -> None:
    at = reader(f"OBX|1|ST|K||{raw.replace('|', '')}", table=NEED_TABLES.get(name, ""))
    with suppress(Refused):
        convert(name, raw, at)
