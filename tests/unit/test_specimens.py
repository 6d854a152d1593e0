"""Specimens: what is shown of them, and which results they tell apart."""

from typing import Any

import pytest

from hub.apart import apart, may_be_several
from hub.columns import COLUMNS
from hub.merging import Folded, fold
from hub.record import Json
from hub.specimens import Specimen, reference_to, specimen_in, words_of
from tests.unit.test_merging import fact

BLOOD = reference_to(Specimen(type="全血", taken="2026-02-05T07:55:00+08:00", number="B1"))
URINE = reference_to(Specimen(type="尿液"))
RESOURCE: Json = {
    "resourceType": "Specimen",
    "id": "s",
    "identifier": [{"value": "B1"}],
    "type": {"text": "全血"},
    "collection": {"collectedDateTime": "2026-02-05T07:55:00+08:00"},
}
WHOLE = ("全血", "B1", "2026-02-05T07:55:00+08:00")


def shown(kind: str, resource: Json, **more: Any) -> tuple[str | None, ...]:
    columns = COLUMNS[kind](resource, fact(1, resource, kind=kind, **more))
    return columns["specimen"], columns["specimen_number"], columns["specimen_taken"]


def said(number: int, specimen: Json | None, **more: Any) -> Folded:
    resource: Json = {"status": "final"} | ({"specimen": specimen} if specimen else {})
    return fold([fact(number, resource | more.pop("also", {}), key=str(number), **more)])


def numbers(things: list[list[Folded]]) -> list[list[str]]:
    return [[one.latest.key for one in thing] for thing in things]


@pytest.mark.parametrize("kind", ["Observation", "DiagnosticReport"])
def test_a_specimen_is_shown_however_it_is_said(kind: str) -> None:
    def of(reference: Json) -> Json:
        return {"specimen": reference if kind == "Observation" else [reference]}

    assert shown(kind, of(BLOOD)) == WHOLE
    assert shown(kind, {**of({"reference": "#s"}), "contained": [RESOURCE]}) == WHOLE
    assert shown(kind, of({"reference": "Specimen/s"}), names={"Specimen/s": words_of(RESOURCE)}) == WHOLE
    assert shown(kind, of({"reference": "Specimen/s", "display": "静脉血"})) == ("静脉血", None, None)
    assert shown(kind, {}) == (None, None, None)


def test_a_specimen_by_period_was_taken_at_its_beginning_and_a_blank_one_says_nothing() -> None:
    period = {"collection": {"collectedPeriod": {"start": "2026-02-05", "end": "2026-02-06"}}}
    assert words_of({**period, "accessionIdentifier": {"value": "A7"}}) == "\n2026-02-05\nA7"
    assert words_of({"resourceType": "Specimen"}) == ""
    unnamed = {"specimen": {"reference": "Specimen/s", "display": "血"}}
    known = specimen_in(unnamed, fact(1, unnamed, names={"Specimen/s": "\n2026-02-05\nA7"}))
    assert known == Specimen(type="血", taken="2026-02-05", number="A7")


def test_results_of_other_specimens_are_apart_and_one_that_names_none_is_with_the_first() -> None:
    found = [said(1, URINE), said(2, BLOOD), said(3, None), said(4, URINE)]
    for order in (found, found[::-1]):
        assert numbers(apart("Observation", order)) == [["1", "3", "4"], ["2"]]


@pytest.mark.parametrize(
    ("other", "is_other"),
    [
        (Specimen(type="全血"), False),
        (Specimen(number="B1"), False),
        (Specimen(type="全血", number="B2"), True),
        (Specimen(type="全血", taken="2026-02-05T08:55:00+08:00"), True),
        (Specimen(type="血清"), True),
    ],
)
def test_what_one_of_two_leaves_open_tells_nothing_apart(other: Specimen, is_other: bool) -> None:
    things = apart("Observation", [said(1, BLOOD), said(2, reference_to(other))])
    assert len(things) == (2 if is_other else 1)


def test_the_numbers_of_two_sources_are_not_compared() -> None:
    same = reference_to(Specimen(type="全血", number="B2"))
    here = reference_to(Specimen(type="全血", number="B1"))
    assert len(apart("Observation", [said(1, here, patient=7), said(2, same, patient=8)])) == 1


def test_what_was_withdrawn_takes_no_place() -> None:
    gone = said(1, URINE, also={"status": "entered-in-error"})
    assert numbers(apart("Observation", [gone, said(2, BLOOD)])) == [["1", "2"]]


def test_only_kinds_that_may_be_several_are_looked_through() -> None:
    assert [kind for kind in ("Observation", "Procedure", "Immunization", "Condition") if may_be_several(kind)] == [
        "Observation",
        "Procedure",
        "Immunization",
    ]
