"""What was said of an entry, word by word."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hub.chart.history import State, Step, history_of
from hub.merging import group, project
from hub.record import Fact
from tests.unit.test_merging import RESIDENT, fact


def told(facts: Sequence[Fact], most: int = 50) -> list[Step]:
    return history_of(facts[0].kind, "k", RESIDENT, facts, most)


def changed(step: Step) -> dict[str, tuple[Any, Any]]:
    return {one.element: (one.before, one.after) for one in step.changes}


def result(number: int, value: float, status: str = "final", **more: Any) -> Fact:
    quantity = {"value": value, "unit": "mmol/L"}
    return fact(number, {"status": status, "valueQuantity": quantity}, **more)


def test_the_first_word_makes_the_entry_and_a_correction_says_what_it_changed() -> None:
    first, second = told([result(2, 6.8, "corrected"), result(1, 8.6)])
    assert (first.state, second.state) == (State.CORRECTED, State.CURRENT)
    assert changed(first)["value"] == (None, "8.6")
    assert changed(second) == {"status": ("final", "corrected"), "value": ("8.6", "6.8")}


def test_a_word_of_which_nothing_is_left_is_superseded() -> None:
    first, second = told([result(1, 8.6, "preliminary"), result(2, 6.8)])
    assert (first.state, second.state) == (State.SUPERSEDED, State.CURRENT)


def test_a_word_of_which_something_is_left_still_counts() -> None:
    admitted = fact(1, {"status": "in-progress", "period": {"start": "2026-03-01"}}, kind="Encounter")
    discharged = fact(2, {"status": "finished", "period": {"end": "2026-03-09"}}, kind="Encounter")
    first, second = told([admitted, discharged])
    assert [first.state, second.state] == [State.CURRENT, State.CURRENT]
    assert changed(second) == {"status": ("in-progress", "finished"), "ended": (None, "2026-03-09")}


def test_what_was_cancelled_says_so_and_the_cancellation_counts() -> None:
    admitted = fact(1, {"status": "in-progress", "period": {"start": "2026-03-01"}}, kind="Encounter")
    cancelled = fact(2, {"status": "cancelled"}, kind="Encounter")
    first, second = told([admitted, cancelled])
    assert [first.state, second.state] == [State.CANCELLED, State.CURRENT]
    assert changed(second) == {"status": ("in-progress", "cancelled")}


def test_a_withdrawal_leaves_nothing_of_what_it_withdraws() -> None:
    first, second = told([result(1, 8.6), result(2, 8.6, "entered-in-error")])
    assert [first.state, second.state] == [State.CANCELLED, State.CURRENT]
    assert changed(second)["value"] == ("8.6", None)


def test_another_house_that_says_the_same_changes_nothing_and_counts() -> None:
    first, second = told([result(1, 8.6), result(2, 8.6, patient=8)])
    assert [first.state, second.state] == [State.CURRENT, State.CURRENT]
    assert changed(second) == {"organisation": ("house-7", "house-8")}


def test_a_late_message_stands_where_its_event_belongs() -> None:
    late = fact(9, {"status": "preliminary"}, event_at=result(1, 1).event_at)
    steps = told([result(2, 6.8), late])
    assert [step.fact.id for step in steps] == [late.id, result(2, 6.8).id]
    assert changed(steps[1])["status"] == ("preliminary", "final")


def test_only_the_last_words_are_told_and_the_first_of_them_says_what_it_changed() -> None:
    facts = [result(number, number) for number in range(1, 8)]
    steps = told(facts, 2)
    assert [changed(step)["value"] for step in steps] == [("5", "6"), ("6", "7")]
    assert told(facts)[-2:] == steps


VALUES = st.lists(st.tuples(st.sampled_from([7, 8]), st.sampled_from("ab"), st.integers(1, 3)), min_size=1, max_size=8)


@given(VALUES)
def test_the_changes_laid_one_upon_another_are_the_entry(values: list[tuple[int, str, int]]) -> None:
    facts = [
        result(number, value, patient=patient, key=key, message_id=UUID(int=number))
        for number, (patient, key, value) in enumerate(values, 1)
    ]
    shown: dict[str, Any] = {}
    for step in told(facts):
        for change in step.changes:
            assert shown.get(change.element) == change.before
            shown[change.element] = change.after
    entry = project(RESIDENT, "Observation", "k", group(facts))
    assert entry is not None
    assert {name: value for name, value in shown.items() if value is not None} == {
        name: value for name, value in entry.columns.items() if value is not None and name != "value_number"
    }
