"""Citizen ID numbers of GB 11643 and their look-alikes. Every number is of county digits 99, which are never issued."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.identifiers import check_character, read_citizen_id

BODIES = st.builds(
    lambda area, born, sequence: f"{area}99{born:%Y%m%d}{sequence:03d}",
    st.integers(1100, 6599),
    st.dates(date(1900, 1, 1), date(2030, 1, 1)),
    st.integers(0, 999),
)


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("37109919560312001X", date(1956, 3, 12), "male"),
        ("371099194802290025", date(1948, 2, 29), "female"),
        ("120199196507180031", date(1965, 7, 18), "male"),
        ("310199202401150065", date(2024, 1, 15), "female"),
    ],
)
def test_a_number_tells_birth_date_and_sex(number: str, born: date, sex: str) -> None:
    found = read_citizen_id(number)
    assert found is not None
    assert (found.number, found.birth_date, found.sex, found.was_short) == (number, born, sex, False)


def test_the_standards_own_example_is_right() -> None:
    assert check_character("11010519491231002") == "X"


@pytest.mark.parametrize(
    "written",
    [
        "37109919560312001x",
        "３７１０９９１９５６０３１２００１Ｘ",
        "371099 19560312 001X",
        "371099-19560312-001X",
        "\u3000371099195603 12001X ",
    ],
)
def test_case_width_spaces_and_hyphens_do_not_matter(written: str) -> None:
    found = read_citizen_id(written)
    assert found is not None
    assert found.number == "37109919560312001X"


def test_fifteen_digits_become_eighteen_of_the_twentieth_century() -> None:
    found = read_citizen_id("371099560312001")
    assert found is not None
    assert (found.number, found.was_short) == ("37109919560312001X", True)


@pytest.mark.parametrize(
    "wrong",
    [
        "371099195603120011",  # check character
        "371099195602300010",  # 30 February
        "37109919560312001",  # 17 characters
        "3710991956031200X1",  # X inside
        "371099560230001",  # 15 digits of an impossible day
        "X",
        "",
        "一二三",
        "37109919560312001Ⅹ9",
    ],
)
def test_what_is_no_number_is_told_apart(wrong: str) -> None:
    assert read_citizen_id(wrong) is None


def test_a_residence_permit_is_known_by_its_address_code() -> None:
    body = "81000019690427007"
    permit, citizen = read_citizen_id(body + check_character(body)), read_citizen_id("37109919560312001X")
    assert permit is not None
    assert citizen is not None
    assert (permit.is_permit, citizen.is_permit) == (True, False)


@given(BODIES)
def test_every_number_with_its_check_character_is_read(body: str) -> None:
    found = read_citizen_id(body + check_character(body))
    assert found is not None
    assert found.birth_date == date.fromisoformat(f"{body[6:10]}-{body[10:12]}-{body[12:14]}")


@given(BODIES, st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(body: str, place: int, off: int) -> None:
    digit = str((int(body[place]) + off) % 10)
    assert read_citizen_id(body[:place] + digit + body[place + 1 :] + check_character(body)) is None


@given(BODIES.filter(lambda body: any(one != two for one, two in pairwise(body))), st.data())
def test_two_neighbours_changed_round_are_always_noticed(body: str, data: st.DataObject) -> None:
    places = [place for place in range(16) if body[place] != body[place + 1]]
    at = data.draw(st.sampled_from(places))
    assert read_citizen_id(body[:at] + body[at + 1] + body[at] + body[at + 2 :] + check_character(body)) is None


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_none(text: str) -> None:
    found = read_citizen_id(text)
    assert found is None or len(found.number) == 18
