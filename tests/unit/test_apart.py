"""What one source numbers twice is two, and what two sources say is one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.apart import apart, key_of
from hub.merging import Folded, fold
from tests.unit.test_merging import fact

FLU = {"vaccineCode": {"text": "流感疫苗"}, "occurrenceDateTime": "2026-02-05"}


def dose(name: str, *, patient: int = 7, **more: Any) -> Folded:
    """A vaccination that its source sent as a whole resource under an id."""
    said = FLU | {"id": name} | more
    return fold([fact(1, said, kind="Immunization", patient=patient, key=name, whole=True)])


def names(things: list[list[Folded]]) -> list[set[str]]:
    return [{f"{one.latest.source}:{one.latest.key}" for one in of} for of in things]


def test_two_ids_of_one_source_are_two_and_other_sources_join_the_first() -> None:
    found = apart("Immunization", [dose("b"), dose("x", patient=8), dose("a")])
    assert names(found) == [{"source-7:a", "source-8:x"}, {"source-7:b"}]


def test_what_was_withdrawn_takes_no_place() -> None:
    found = apart("Immunization", [dose("a", status="entered-in-error"), dose("b"), dose("x", patient=8)])
    assert names(found) == [{"source-7:a", "source-7:b", "source-8:x"}]


def test_what_has_no_number_of_its_own_is_one() -> None:
    plain = [fold([fact(1, FLU, kind="Immunization", key=key)]) for key in "ab"]
    assert len(apart("Immunization", plain)) == 1
    assert len(apart("Observation", [dose("a"), dose("b")])) == 1
    assert apart("Immunization", []) == [[]]


@given(st.permutations([("a", 7), ("b", 7), ("c", 7), ("x", 8), ("y", 8), ("p", 9)]))
def test_the_order_of_arrival_does_not_matter(order: list[tuple[str, int]]) -> None:
    found = names(apart("Procedure", [dose(name, patient=patient) for name, patient in order]))
    assert found == [{"source-7:a", "source-8:x", "source-9:p"}, {"source-7:b", "source-8:y"}, {"source-7:c"}]


def test_the_first_keeps_the_key_that_all_share() -> None:
    assert [key_of("k", at) for at in range(3)] == ["k", "k~2", "k~3"]
