"""Facts to entries: the same whatever the order, and nothing said is lost in silence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.concepts import plain_icd10
from hub.merging import Folded, entry_key, fold, group, origins_of, project, settle
from hub.record import Fact, Flag, Json, Trace
from hub.store.facts import content_hash

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
RESIDENT = UUID(int=1)


def fact(number: int, resource: Json, *, kind: str = "Observation", patient: int = 7, **more: Any) -> Fact:
    """A fact of the minute `number`; it came in the order of the numbers unless told otherwise."""
    at = NOON + timedelta(minutes=number)
    said: dict[str, Any] = {
        "id": UUID(int=patient * 1000 + number),
        "patient_id": UUID(int=patient),
        "message_id": UUID(int=90_000 + patient * 1000 + number),
        "source": f"source-{patient}",
        "organisation": f"house-{patient}",
        "kind": kind,
        "key": "k",
        "entry_key": "",
        "event_at": at,
        "sent_at": at,
        "received_at": at,
        "resource": {"resourceType": kind, **resource},
        "path": "OBX",
        "row": "hl7v2/obx-observation",
        "traces": tuple(Trace(name, f"OBX-{name}", "row") for name in resource),
    }
    return Fact(**(said | more))


# -- any facts ---------------------------------------------------------------------------------------------------------

QUANTITIES = st.sampled_from([{"value": 4, "unit": "mmol/L"}, {"value": 5.5, "unit": "mmol/L"}])
PERIODS = st.sampled_from(
    [{"start": "2026-01-01"}, {"end": "2026-01-02"}, {"start": "2026-01-01", "end": "2026-01-03"}]
)
PHONES = st.lists(
    st.builds(
        lambda use, value: {"use": use, "value": value}, st.sampled_from(["home", "work"]), st.sampled_from("12")
    ),
    min_size=1,
    max_size=2,
)
NUMBERS = st.lists(
    st.builds(lambda value: {"system": "s", "value": value}, st.sampled_from("abc")), min_size=1, max_size=2
)
OBSERVATIONS = st.fixed_dictionaries(
    {"code": st.just({"coding": [{"system": "http://loinc.org", "code": "2823-3"}]})},
    optional={
        "status": st.sampled_from(["final", "corrected", "unknown"]),
        "valueQuantity": QUANTITIES,
        "valueString": st.sampled_from(["阴性", "阳性"]),
        "effectivePeriod": PERIODS,
        "effectiveDateTime": st.just("2026-08-01T08:00:00+08:00"),
        "note": st.just([{"text": "溶血"}]),
    },
)
PATIENTS = st.fixed_dictionaries(
    {},
    optional={
        "gender": st.sampled_from(["male", "female"]),
        "_gender": st.just({"extension": [{"url": "urn:hub:raw-code", "valueString": "X"}]}),
        "telecom": PHONES,
        "identifier": NUMBERS,
        "deceasedBoolean": st.booleans(),
        "deceasedDateTime": st.just("2026-07-01"),
        "maritalStatus": st.sampled_from([{"text": "已婚"}, {"text": "丧偶"}]),
    },
)
CLEARED = {
    "Observation": ["valueQuantity", "note", "effectivePeriod.end", "effectivePeriod"],
    "Patient": ["gender", "telecom", "deceasedDateTime", "maritalStatus", "identifier"],
}


@st.composite
def facts_of_one_thing(draw: st.DrawFn, patient: int = 7) -> list[Fact]:
    """One to six facts of one patient and key, no two of one moment; contents repeat often."""
    kind = draw(st.sampled_from(["Observation", "Patient"]))
    contents: list[Json] = draw(st.lists(OBSERVATIONS if kind == "Observation" else PATIENTS, min_size=1, max_size=3))
    whole = draw(st.booleans())
    found = []
    for number in range(draw(st.integers(1, 6))):
        resource = draw(st.sampled_from(contents))
        cleared = () if whole else draw(st.sampled_from([(), (), (draw(st.sampled_from(CLEARED[kind])),)]))
        assumed: tuple[str, ...] = ()
        if kind == "Observation" and "status" not in resource:
            resource, assumed = {**resource, "status": "unknown"}, ("status",)
        found.append(fact(number, resource, kind=kind, patient=patient, cleared=cleared, assumed=assumed, whole=whole))
    return found


def said(folded: Folded) -> tuple[Any, ...]:
    """A folded resource without the order in which its elements stand."""
    return folded.latest, folded.resource, {name: one.id for name, one in folded.said_by.items()}


@given(facts_of_one_thing(), st.randoms())
def test_the_order_of_arrival_does_not_matter(facts: list[Fact], chance: Any) -> None:
    shuffled = list(facts)
    chance.shuffle(shuffled)
    assert said(fold(shuffled)) == said(fold(facts))


@given(facts_of_one_thing())
def test_a_fact_that_comes_twice_changes_nothing(facts: list[Fact]) -> None:
    assert said(fold([*facts, *facts])) == said(fold(facts))


@given(facts_of_one_thing())
def test_what_the_newest_fact_says_stands(facts: list[Fact]) -> None:
    newest = max(facts, key=lambda one: one.order)
    folded = fold(facts)
    for element in set(newest.resource) - set(newest.assumed) - {"resourceType"}:
        if element in ("telecom", "identifier", "effectivePeriod") or f"_{element}" in newest.resource:
            continue  # part by part: `test_a_list_...` and `test_a_period_...`
        if element.startswith(("effective", "value", "deceased", "_")):
            continue  # one message may give two of a choice; the last one stands
        assert folded.resource[element] == newest.resource[element]


@given(facts_of_one_thing(), st.data())
def test_a_late_fact_does_not_undo_a_newer_one(facts: list[Fact], data: st.DataObject) -> None:
    late = data.draw(st.sampled_from(facts))
    others = [one for one in facts if one is not late]
    newer = [one for one in others if one.order > late.order]
    if not newer:
        return
    before, after = fold(others), fold(facts)
    for element, by in before.said_by.items():
        if by.order > late.order:
            assert after.said_by[element] is by


@given(facts_of_one_thing())
def test_the_latest_of_equal_facts_amount_to_what_all_amount_to(facts: list[Fact]) -> None:
    """What the store reads (``distinct on ... content_hash``) folds as everything would."""
    latest: dict[bytes, Fact] = {}
    for one in sorted(facts, key=lambda one: one.order):
        latest[content_hash(one)] = one
    assert said(fold(latest.values())) == said(fold(facts))


@given(facts_of_one_thing(patient=7), facts_of_one_thing(patient=8), st.booleans())
def test_an_entry_is_the_same_whichever_source_is_read_first(one: list[Fact], two: list[Fact], backwards: bool) -> None:
    folded = [each for each in group([*one, *two]) if each.latest.kind == "Observation"]
    if not folded:
        return
    entry = project(RESIDENT, "Observation", "k", folded)
    assert project(RESIDENT, "Observation", "k", folded[::-1] if backwards else list(folded)) == entry


@given(facts_of_one_thing(patient=7), facts_of_one_thing(patient=8))
def test_every_value_that_lost_is_listed(one: list[Fact], two: list[Fact]) -> None:
    folded = [each for each in group([*one, *two]) if each.latest.kind == "Observation"]
    if len(folded) < 2:
        return
    entry = project(RESIDENT, "Observation", "k", folded)
    assert entry is not None
    views = [(each, project(RESIDENT, "Observation", "k", [each])) for each in folded]
    for name in ("value", "status"):
        for each, view in views:
            value = view.columns[name] if view and name not in each.assumed else None
            if value not in (None, entry.columns[name]):
                assert (name, value) in {(conflict.element, conflict.value) for conflict in entry.conflicts}


def test_what_nobody_said_outranks_nothing_that_another_source_said() -> None:
    """A document does not tell of what class a stay is, which FHIR requires; the hospital's ADT does."""
    inpatient = {"class": {"code": "IMP"}, "status": "finished"}
    unknown = {"class": {"code": "UNK"}, "status": "unknown", "period": {"start": "2026-06-10"}}
    adt = fact(1, inpatient, kind="Encounter", patient=1)
    document = fact(2, unknown, kind="Encounter", patient=2, assumed=("class", "status"))
    entry = project(RESIDENT, "Encounter", "k", group([adt, document]))
    assert entry is not None
    assert (entry.columns["code"], entry.columns["status"], entry.columns["effective"]) == (
        "IMP",
        "finished",
        "2026-06-10",
    )
    assert entry.conflicts == ()
    alone = project(RESIDENT, "Encounter", "k", group([document]))
    assert alone is not None
    assert alone.columns["code"] == "UNK"


# -- clearing, silence, assumption -------------------------------------------------------------------------------------


def resource_of(*facts: Fact) -> Json:
    return fold(facts).resource


def test_emptied_is_cleared_and_absent_is_not() -> None:
    told = fact(1, {"note": [{"text": "溶血"}], "valueString": "阳性"})
    silent = fact(2, {"valueString": "阳性"})
    emptied = fact(3, {"valueString": "阳性"}, cleared=("note",))
    assert "note" in resource_of(told, silent)
    assert "note" not in resource_of(told, silent, emptied)


def test_part_of_an_element_can_be_cleared() -> None:
    stay = fact(1, {"period": {"start": "2026-01-01", "end": "2026-01-02"}}, kind="Encounter")
    cancelled = fact(2, {}, kind="Encounter", cleared=("period.end",))
    assert resource_of(stay, cancelled)["period"] == {"start": "2026-01-01"}


def test_a_period_is_told_in_parts() -> None:
    admitted = fact(1, {"period": {"start": "2026-01-01"}}, kind="Encounter")
    discharged = fact(2, {"period": {"end": "2026-01-02"}}, kind="Encounter")
    folded = fold([admitted, discharged])
    assert folded.resource["period"] == {"start": "2026-01-01", "end": "2026-01-02"}
    assert (folded.said_by["period.start"], folded.said_by["period.end"]) == (admitted, discharged)


def test_what_was_cleared_names_no_origin_any_longer() -> None:
    stay = fact(1, {"period": {"start": "2026-01-01"}}, kind="Encounter")
    emptied = fact(2, {}, kind="Encounter", cleared=("period",))
    assert fold([stay, emptied]).said_by.get("period.start") is None


def test_clearing_one_of_a_choice_clears_the_others() -> None:
    """PID-29 and PID-30 both say whether somebody died; OBX-5 may have been a number and is emptied as text."""
    died = fact(1, {"deceasedBoolean": True}, kind="Patient")
    mistaken = fact(2, {}, kind="Patient", cleared=("deceasedDateTime",))
    assert "deceasedBoolean" not in resource_of(died, mistaken)


def test_a_value_of_another_type_takes_the_place_of_the_first() -> None:
    assert resource_of(fact(1, {"valueQuantity": {"value": 4}}), fact(2, {"valueString": "溶血"})) == {
        "resourceType": "Observation",
        "valueString": "溶血",
    }


def test_what_was_assumed_never_overrides_what_was_said() -> None:
    sure = fact(1, {"status": "final"})
    unsure = fact(2, {"status": "unknown"}, assumed=("status",))
    assert resource_of(sure, unsure)["status"] == "final"
    assert resource_of(unsure)["status"] == "unknown"


def test_a_whole_resource_replaces_the_earlier_one() -> None:
    first = fact(1, {"note": [{"text": "溶血"}], "valueString": "阳性"}, whole=True)
    assert "note" not in resource_of(first, fact(2, {"valueString": "阴性"}, whole=True))


def test_a_list_that_several_fields_fill_is_renewed_field_by_field() -> None:
    home, work = {"use": "home", "value": "1"}, {"use": "work", "value": "2"}
    moved = {"use": "work", "value": "3"}
    facts = [fact(1, {"telecom": [home, work]}, kind="Patient"), fact(2, {"telecom": [moved]}, kind="Patient")]
    assert resource_of(*facts)["telecom"] == [home, moved]
    assert [origin.sent_at for origin in _origins(facts)] == [facts[1].sent_at, facts[0].sent_at]


def _origins(facts: Sequence[Fact]) -> Sequence[Any]:
    return origins_of(fold(facts))


# -- several sources ---------------------------------------------------------------------------------------------------


def entry_of(*facts: Fact) -> Any:
    entry = project(RESIDENT, "Observation", "k", group(facts))
    assert entry is not None
    return entry


def test_a_unit_is_not_taken_from_a_value_that_lost() -> None:
    lost = fact(1, {"valueQuantity": {"value": 5.2, "unit": "mmol/L"}, "interpretation": [{"text": "偏高"}]}, patient=7)
    won = fact(2, {"valueString": "溶血"}, patient=8)
    columns = entry_of(lost, won).columns
    assert (columns["value"], columns["value_number"], columns["unit"]) == ("溶血", None, None)
    assert columns["interpretation"] is None


def test_what_one_source_leaves_open_another_fills() -> None:
    plain = fact(2, {"valueQuantity": {"value": 5.2}}, patient=7)
    full = fact(1, {"valueQuantity": {"value": 5.2, "unit": "mmol/L"}, "note": [{"text": "空腹"}]}, patient=8)
    columns = entry_of(plain, full).columns
    assert (columns["unit"], columns["note"]) == ("mmol/L", "空腹")


@pytest.mark.parametrize(("one", "two", "conflicts"), [(6.8, 6.8, 0), (6, 6.0, 0), (6.8, 6.9, 1)])
def test_equal_numbers_do_not_disagree_however_they_are_written(one: float, two: float, conflicts: int) -> None:
    facts = [fact(1, {"valueQuantity": {"value": one}}), fact(2, {"valueQuantity": {"value": two}}, patient=8)]
    assert len(entry_of(*facts).conflicts) == conflicts


def test_less_than_a_number_is_not_that_number() -> None:
    below = fact(1, {"valueQuantity": {"value": 0.5, "comparator": "<"}})
    exactly = fact(2, {"valueQuantity": {"value": 0.5}}, patient=8)
    assert [conflict.value for conflict in entry_of(below, exactly).conflicts] == ["<0.5"]


def test_an_entry_that_its_source_withdrew_is_gone_unless_another_still_says_it() -> None:
    wrong = fact(1, {"status": "entered-in-error", "valueString": "阳性"})
    assert project(RESIDENT, "Observation", "k", group([wrong])) is None
    assert entry_of(wrong, fact(2, {"valueString": "阴性"}, patient=8)).columns["value"] == "阴性"


def test_a_flag_stays_as_long_as_the_fact_that_it_is_about() -> None:
    """An unknown code of the first message still stands after a second that is silent about it."""
    flagged = fact(1, {"method": {"text": "?"}}, flags=(Flag("unknown-code", "OBX-17"),))
    assert entry_of(flagged, fact(2, {"valueString": "阳性"})).flags == (Flag("unknown-code", "OBX-17"),)


def test_every_origin_names_the_fields_that_it_gave() -> None:
    entry = entry_of(fact(1, {"valueString": "阳性", "note": [{"text": "a"}]}), fact(2, {"valueString": "阴性"}))
    given = [[(value.element, value.path) for value in origin.values] for origin in entry.origins]
    assert given == [[("valueString", "OBX-valueString")], [("note", "OBX-note")]]


def test_names_that_differ_in_spaces_and_case_do_not_disagree() -> None:
    one, two = fold([fact(1, {})]), fold([fact(2, {}, patient=8)])
    assert settle([(one, {"name": "Li Hua"}), (two, {"name": "LI HUA "})])[1] == ()


# -- what is the same thing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "plain"),
    [
        ("I63.900", "I63.9"),
        ("I63.9", "I63.9"),
        ("I10", "I10"),
        ("I10.x00", "I10"),
        ("i10.X00", "I10"),
        ("E11.900", "E11.9"),
        ("G63.2*", "G63.2"),
        ("E14.4+", "E14.4"),
        ("I63.901", "I63.901"),
        ("I10.x00x002", "I10.X00X002"),
    ],
)
def test_padding_of_the_national_edition_goes_and_its_own_detail_stays(sent: str, plain: str) -> None:
    assert plain_icd10(sent) == plain


def key_of(kind: str, resource: Json, **more: Any) -> str:
    return entry_key(kind, resource, fact(1, resource, kind=kind, **more))


def test_one_instant_in_two_zones_is_one_measurement() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    here = key_of("Observation", {"code": code, "effectiveDateTime": "2026-08-01T08:00:00+08:00"})
    there = key_of("Observation", {"code": code, "effectiveDateTime": "2026-08-01T00:00:00.000Z"}, patient=8)
    assert here == there


def test_a_day_is_not_its_midnight() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    assert key_of("Observation", {"code": code, "effectiveDateTime": "2026-08-01"}) != key_of(
        "Observation", {"code": code, "effectiveDateTime": "2026-08-01T00:00:00+08:00"}
    )


def test_a_measurement_without_a_time_is_its_senders_own() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    assert key_of("Observation", {"code": code}) != key_of("Observation", {"code": code}, patient=8)


def test_a_stay_is_known_by_its_visit_number_in_its_hospital() -> None:
    stay = {"identifier": [{"value": "V1"}, {"value": "ALTERNATE"}]}
    assert key_of("Encounter", stay) == "house-7|V1"
    assert key_of("Encounter", stay, patient=8) == "house-8|V1"


def test_an_uncoded_diagnosis_is_known_by_its_words() -> None:
    assert key_of("Condition", {"code": {"text": "慢性 胃炎"}}) == "慢性胃炎"
    assert key_of("Condition", {"code": {"text": "慢性胃炎"}}, patient=8) == "慢性胃炎"


def test_facts_are_grouped_by_patient_kind_and_key() -> None:
    facts = [fact(1, {}), replace(fact(2, {}), key="other"), fact(3, {}, patient=8), fact(4, {})]
    assert sorted(len({one.latest.id}) for one in group(facts)) == [1, 1, 1]
