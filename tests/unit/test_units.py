"""Units: as UCUM where they are known, and the values that doctors follow in one unit each."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.mapping.units import Comparable, Step, comparables, load_scales, own_units, scales, unit_of

STEPS = [(code, unit) for code, scale in scales().items() for unit in scale.steps]


@pytest.mark.parametrize(
    ("written", "ucum"),
    [
        ("mmHg", "mm[Hg]"),
        ("MMHG", "mm[Hg]"),
        ("毫米汞柱", "mm[Hg]"),
        ("㎜Hg", "mm[Hg]"),
        ("ｍｍｏｌ／Ｌ", "mmol/L"),
        ("mmol / L", "mmol/L"),
        ("µmol/L", "umol/L"),
        ("μmol/L", "umol/L"),
        ("㎏", "kg"),
        ("公斤", "kg"),
        ("斤", "500.g"),
        ("×10⁹/L", "10*9/L"),
        ("10^9/L", "10*9/L"),
        ("℃", "Cel"),
    ],
)
def test_a_unit_is_known_however_it_is_written(written: str, ucum: str) -> None:
    known = unit_of(written, own_units())
    assert known is not None
    assert known.to == ucum


def test_a_unit_that_no_row_has_is_not_guessed() -> None:
    assert unit_of("mmol", own_units()) is None
    assert unit_of("G/L", own_units()) is None, "10^9/L to a French analyser, and no gram"


@pytest.mark.parametrize(
    ("code", "value", "unit", "number", "ucum"),
    [
        ("1558-6", "126", "mg/dL", 7.0, "mmol/L"),
        ("2339-0", "200", "mg/dl", 11.1, "mmol/L"),
        ("1558-6", "6.80", "mmol/L", 6.8, "mmol/L"),
        ("4548-4", "48", "mmol/mol", 6.5, "%"),
        ("4548-4", "53", "mmol/mol", 7.0, "%"),
        ("8480-6", "18.7", "kPa", 140, "mm[Hg]"),
        ("2093-3", "200", "mg/dL", 5.17, "mmol/L"),
        ("2571-8", "150", "mg/dL", 1.69, "mmol/L"),
        ("2160-0", "1.0", "mg/dL", 88, "umol/L"),
        ("29463-7", "130", "斤", 65, "kg"),
        ("8339-4", "3350", "g", 3.35, "kg"),
        ("8302-2", "1.68", "m", 168, "cm"),
        ("8310-5", "98.6", "℉", 37.0, "Cel"),
    ],
)
def test_a_value_is_reckoned_into_the_unit_of_its_kind(
    code: str, value: str, unit: str, number: float, ucum: str
) -> None:
    [found] = comparables(code, value, unit)
    assert (found.loinc, found.value, found.unit, found.comparator) == (code, number, ucum, "")


def test_a_blood_pressure_is_two_values() -> None:
    assert comparables("85354-9", "17.1/10.4", "kPa") == [
        Comparable(loinc="8480-6", name="systolic", value=128, unit="mm[Hg]"),
        Comparable(loinc="8462-4", name="diastolic", value=78, unit="mm[Hg]"),
    ]


def test_a_bound_stays_a_bound() -> None:
    [found] = comparables("1558-6", "<9", "mg/dL")
    assert (found.comparator, found.value) == ("<", 0.5)


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [
        ("1558-6", "7.0", ""),
        ("1558-6", "7.0", "mg"),
        ("1558-6", "7.0", "某单位"),
        ("1558-6", "阳性", "mmol/L"),
        ("1558-6", "3.5-5.5", "mmol/L"),
        ("2160-0", "1:80", "mg/dL"),
        ("9999-9", "7.0", "mmol/L"),
        ("85354-9", "128", "mmHg"),
    ],
)
def test_what_cannot_be_compared_is_not(code: str, value: str, unit: str) -> None:
    assert comparables(code, value, unit) == []


@given(st.sampled_from(STEPS), st.floats(0.01, 5000))
def test_there_and_back_is_where_it_was(one: tuple[str, str], value: float) -> None:
    step = step_of(*one)
    assert step.back(step.there(value)) == pytest.approx(value)


@given(st.sampled_from(STEPS), st.floats(1, 5000))
def test_rounding_costs_no_more_than_half_of_the_last_decimal(one: tuple[str, str], value: float) -> None:
    code, unit = one
    sent = f"{value:.3f}"
    written = next(name for name, known in own_units().codes.items() if known.to == unit)
    [found] = comparables(code, sent, written)
    exact = step_of(code, unit).there(float(sent))
    assert abs(found.value - exact) <= 0.5 * 10 ** -scales()[code].digits + 1e-9


def step_of(code: str, unit: str) -> Step:
    return scales()[code].steps[unit]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{ name = "a", zh = "a", loinc = ["1-1"], unit = "mmol/L", digits = 1, unti = 1 }', "keys"),
        ('{ name = "a", zh = "a", loinc = ["1-1"], unit = "mmole", digits = 1 }', "units.csv"),
        ('{ name = "a", zh = "a", loinc = ["1-1"], unit = "kg", digits = 1, from = { g = { add = 1 } } }', "times"),
    ],
)
def test_a_faulty_row_is_named_by_its_line(tmp_path: Path, row: str, said: str) -> None:
    file = tmp_path / "units.toml"
    file.write_text(f"comparable = [\n  {row},\n]\n", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_scales(file, own_units())
    assert refused.value.refusal.where == "units.toml:2"
    assert said in refused.value.refusal.given["reason"]


def test_no_code_is_compared_in_two_units(tmp_path: Path) -> None:
    file = tmp_path / "units.toml"
    row = '{ name = "a", zh = "a", loinc = ["1-1"], unit = "kg", digits = 1 }'
    file.write_text(f"comparable = [\n  {row},\n  {row},\n]\n", encoding="utf-8")
    with pytest.raises(Refused):
        load_scales(file, own_units())
