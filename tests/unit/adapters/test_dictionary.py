"""The standard's tables."""

import pytest

from adapters.hl7v2.dictionary import Dictionary, nearest_version
from hub.message import FieldDefinition, V2Dictionary

tables: V2Dictionary = Dictionary()


def test_a_field_has_the_standards_name_type_and_repetition() -> None:
    assert tables.find("PID-8") == FieldDefinition("Administrative Sex", "IS", False)
    assert tables.find("PID-3") == FieldDefinition("Patient Identifier List", "CX", True)
    assert tables.find("PID-7") == FieldDefinition("Date/Time of Birth", "TS", False)
    assert tables.find("PID-1") == FieldDefinition("Set ID - PID", "SI", False)


def test_a_component_has_a_definition_of_its_own() -> None:
    assert tables.find("PID-3.1") == FieldDefinition("ID Number", "ST", False)
    assert tables.find("PID-8.1") == tables.find("PID-8")


def test_occurrence_numbers_do_not_matter() -> None:
    assert tables.find("OBX[3]-3[2].1") == tables.find("OBX-3.1")


@pytest.mark.parametrize("position", ["ZZ1-1", "PID-99", "PID-3.99", "PID", "", "CX.5", "pid-3"])
def test_what_the_standard_does_not_have_is_none(position: str) -> None:
    assert tables.find(position) is None


def test_definitions_follow_the_version() -> None:
    assert tables.find("PID-8", "2.1") == FieldDefinition("Sex", "ID", False)
    assert tables.find("ERR-2", "2.4") is None
    assert tables.find("ERR-2", "2.5") is not None


@pytest.mark.parametrize(
    ("version", "nearest"),
    [
        ("2.4", "2.4"),
        ("2.7.1", "2.7"),
        ("2.9", "2.8.2"),
        ("", "2.5.1"),
        ("2.0", "2.1"),
        ("x", "2.5.1"),
        ("3", "2.8.2"),
    ],
)
def test_an_unknown_version_is_answered_by_the_nearest_older_one(version: str, nearest: str) -> None:
    assert nearest_version(version) == nearest
    assert tables.find("PID-3", version) is not None


@pytest.mark.parametrize(
    ("kind", "version", "structure"),
    [
        ("ADT^A08", "2.5.1", "ADT_A01"),
        ("ADT^A28", "2.3", "ADT_A01"),
        ("ADT^A28", "2.4", "ADT_A05"),
        ("ADT^A40", "2.5", "ADT_A39"),
        ("ADT^A04", "2.1", "ADT_A04"),
        ("ORU^R01", "2.4", "ORU_R01"),
        ("MDM^T06", "2.6", "MDM_T02"),
        ("SIU^S14", "2.5", "SIU_S12"),
        ("REF^I13", "2.5", "REF_I12"),
        ("ADT^ZP1", "2.4", None),
        ("", "2.4", None),
    ],
)
def test_an_event_has_the_structure_of_its_version(kind: str, version: str, structure: str | None) -> None:
    assert Dictionary().structure_of(kind, version) == structure


def test_code_tables_are_there_from_2_3_1_on() -> None:
    assert Dictionary().table(1) == ("A", "F", "M", "N", "O", "U")
    assert Dictionary().table(1, "2.3") is None
    assert Dictionary().table(9999) is None
