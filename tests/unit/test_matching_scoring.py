"""What a score of the matching of persons counts."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hub.matching.person import Person
from hub.matching.samples import Samples
from hub.matching.scoring import Score, Tally, scored
from hub.record import Grade


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    grade: Grade


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    one: int
    other: int
    comparison: Compared


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    clusters: tuple[int, ...]
    pairs: tuple[Candidate, ...]


def keys_of(person: Person) -> Iterator[str]:
    yield f"name:{person.names[0]}"
    yield f"born:{person.birth_date}"


def linked(clusters: list[int], *pairs: tuple[int, int, Grade]) -> Linked:
    return Linked(
        clusters=tuple(clusters),
        pairs=tuple(Candidate(one=one, other=other, comparison=Compared(grade=grade)) for one, other, grade in pairs),
    )


def samples(truths: str, *errors: tuple[str, ...]) -> Samples:
    """A record a letter: whose it is. All have one name and birth date, so that all are compared."""
    same = Person(names=("张伟",), birth_date="1956-03-12", sex="male")
    return Samples(
        persons=(same,) * len(truths),
        truths=tuple(truths),
        records=tuple(map(str, range(len(truths)))),
        errors=errors or ((),) * len(truths),
    )


def a_score() -> Score:
    """Three records of a, two of b, one of c. Two of a are merged, and one of b falsely with them; the third of a is
    left to people, as is c with b, which is false."""
    return scored(
        samples("aaabbc", ("typo",), (), (), ("typo",), (), ()),
        linked(
            [0, 0, 1, 0, 2, 3],
            (0, 1, Grade.CERTAIN),
            (0, 3, Grade.PROBABLE),
            (1, 2, Grade.POSSIBLE),
            (0, 2, Grade.POSSIBLE),
            (4, 5, Grade.POSSIBLE),
        ),
        keys_of,
        0.5,
    )


def test_precision_and_recall_are_of_pairs_of_records() -> None:
    found = a_score()
    assert (found.true, found.merged, found.both) == (4, 3, 1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1 / 4)
    assert found.f1 == pytest.approx(2 / 7)


def test_false_merges_are_told_apart_by_grade_and_those_by_way_of_others_counted() -> None:
    found = a_score()
    assert found.by_grade[Grade.CERTAIN] == Tally(true=1, false=0)
    assert found.by_grade[Grade.PROBABLE] == Tally(true=0, false=1)
    assert found.false_merges == 2, "0 with 3, and by way of it 1 with 3"


def test_a_review_is_one_question_for_two_residents() -> None:
    review = a_score().review
    assert (review.pairs, review.true) == (2, 1)
    assert review.share == 1.0, "every record is of a resident that is asked about"


def test_pairs_that_share_no_block_are_lost() -> None:
    several = samples("aa")
    apart = Samples(
        persons=(several.persons[0], Person(names=("欧阳兰",), birth_date="2001-08-30", sex="female")),
        truths=several.truths,
        records=several.records,
        errors=several.errors,
    )
    assert scored(several, linked([0, 1]), keys_of, 0.1).lost == 0
    assert scored(apart, linked([0, 1]), keys_of, 0.1).lost == 1


def test_every_kind_of_error_has_a_recall_of_its_own() -> None:
    by_name = {kind.name: kind for kind in a_score().kinds}
    assert set(by_name) == {"-", "typo"}
    assert (by_name["typo"].pairs, by_name["typo"].merged, by_name["typo"].review) == (3, 1, 1)
    assert (by_name["-"].pairs, by_name["-"].merged, by_name["-"].review) == (1, 0, 1)


def test_a_set_in_which_nobody_comes_twice_is_scored_too() -> None:
    found = scored(samples("abc"), linked([0, 1, 2]), keys_of, 0.1)
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)


def test_a_pass_says_what_it_costs_and_which_pairs_only_it_finds() -> None:
    born, name = scored(samples("aab"), linked([0, 0, 1]), keys_of, 0.1).passes
    assert (name.name, name.keys, name.largest, name.pairs, name.true, name.alone) == ("name", 1, 3, 3, 1, 0)
    assert born.name == "born"
