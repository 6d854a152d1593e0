"""Sets of records with a truth: a map says what their columns mean, and they become persons as every patient does."""

import re
from pathlib import Path

import pytest

from hub.errors import Refused
from hub.mapping.codes import load_kinds
from hub.matching.samples import Columns, Samples, load_columns, read_samples
from tests.desk import MAPPINGS

SETS = Path(__file__).parents[1] / "matching_sets"
KINDS = load_kinds(MAPPINGS / "codes")

COUNTY = """record,name,aliases,sex,birth_date,id_type,id_number,health_record,phone,address,mother,mothers_number,\
resident,errors
r1,张 伟,狗剩,男,1956-03-12,citizen-id,37109919560312001X,37109900100100001,199-0000-0001,东城街道8号,,,7,name_spaced
r2,王芳之子,,男,2024-01-15,,,,,,王芳,371099199808262028,8,newborn_unnamed;newborn_without_number
r3,张伟,,,1956,,,,,,,,7,
"""
FOREIGN = """rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, \
soc_sec_id
rec-12-org, mary, smith, 12, high street, , perth, 6000, wa, 19560312, 5304218
rec-12-dup-0, mary, smyth, 12, high street, , perth, 6000, wa, 19563012, 5304218
rec-9-org, , , , , , , , , ,
"""


def read(text: str, name: str) -> Samples:
    return read_samples(text, load_columns(SETS / name), KINDS)


def written(folder: Path, text: str) -> Path:
    file = folder / "map.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_record_becomes_the_person_that_a_source_would_have_sent() -> None:
    samples = read(COUNTY, "population.toml")
    one, newborn, partial = samples.persons
    assert one.names == ("张伟", "狗剩")
    assert (one.sex, one.birth_date) == ("male", "1956-03-12")
    assert {(number.kind, number.value) for number in one.numbers} >= {
        ("citizen-id", "37109919560312001X"),
        ("health-record-number", "37109900100100001"),
    }
    assert one.phones == ("19900000001",)
    assert one.addresses == ("东城街道8号",)
    assert newborn.mother == "王芳"
    assert newborn.mothers_numbers == ("371099199808262028",)
    assert (partial.birth_date, partial.sex) == ("1956", "")


def test_the_truth_and_the_errors_stay_beside_the_persons() -> None:
    samples = read(COUNTY, "population.toml")
    assert samples.truths == ("7", "8", "7")
    assert samples.records == ("r1", "r2", "r3")
    assert samples.errors == (("name_spaced",), ("newborn_unnamed", "newborn_without_number"), ())


def test_a_foreign_set_needs_nothing_chinese() -> None:
    samples = read(FOREIGN, "febrl.toml")
    one, other, nobody = samples.persons
    assert samples.truths == ("12", "12", "9")
    assert set(one.names[0].split()) == {"mary", "smith"}
    assert one.birth_date == "1956-03-12"
    assert other.birth_date == "", "a date that is none is missing"
    assert one.addresses == ("12 high street perth 6000 wa",)
    assert [number.value for number in one.numbers] == ["5304218"]
    assert (nobody.names, nobody.numbers) == ((), ())


def test_columns_may_be_named_alone_or_with_more_about_them(tmp_path: Path) -> None:
    short = load_columns(written(tmp_path, 'truth = "who"\nname = "n"\nsex = "s"\nbirth_date = "b"'))
    assert short == Columns(
        truth="who", name="n", sex="s", sexes={"male": "male", "female": "female"}, birth_date="b", strengths={}
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('name = "n"', "truth is missing"),
        ('truth = "t"\ncolour = "c"', "colour"),
        ('truth = { column = "t", shape = "x" }', "shape"),
        ('truth = { column = "t", pattern = "(" }', "pattern|unterminated"),
        ('truth = "t"\n[[number]]\ncolumn = "n"', "either kind or kind_column"),
        ("truth = ", "TOML"),
    ],
)
def test_a_map_that_cannot_be_read_is_refused_with_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        load_columns(written(tmp_path, text))
    assert refused.value.refusal.code == "bad-argument"
    assert re.search(reason, refused.value.refusal.message("en"))


@pytest.mark.parametrize(
    ("map_", "text", "reason"),
    [
        ('truth = "t"\nname = "absent"', "t\n1\n", "absent"),
        ('truth = "t"\nname = "n"', "t,n\n1,a\n,b\n", "line 3"),
        ('truth = "t"\n[[number]]\ncolumn = "t"\nkind = "library-card"', "t\n1\n", "library-card"),
    ],
)
def test_records_that_do_not_fit_their_map_are_refused(tmp_path: Path, map_: str, text: str, reason: str) -> None:
    columns = load_columns(written(tmp_path, map_))
    with pytest.raises(Refused) as refused:
        read_samples(text, columns, KINDS)
    assert reason in refused.value.refusal.message("en")
