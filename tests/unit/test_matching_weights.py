"""The hub's own weights: what two records have to agree in, and what a site's file may say."""

from dataclasses import replace
from pathlib import Path

import pytest

from hub.errors import Refused
from hub.matching.blocks import keys_of
from hub.matching.comparing import Frequencies, compare
from hub.matching.linking import link
from hub.matching.person import Person
from hub.matching.rules import load_rules
from hub.record import Grade, Identifier
from tests.desk import MAPPINGS

RULES = load_rules(MAPPINGS / "identity.toml")
WHO = Person(names=("秦学勤",), birth_date="1956-03-12", sex="female", phones=("19900004127",))
NUMBER = Identifier(kind="citizen-id", system="s", value="37109919560312001X")


@pytest.mark.parametrize(
    ("other", "grade"),
    [
        (WHO, Grade.PROBABLE),
        (replace(WHO, phones=()), Grade.POSSIBLE),
        (replace(WHO, names=("秦雪琴",)), Grade.PROBABLE),
        (replace(WHO, birth_date="1931-02-03"), Grade.NOT),
        (replace(WHO, names=("褚明远",), sex="male"), Grade.NOT),
    ],
)
def test_two_records_are_graded_by_what_they_agree_in(other: Person, grade: Grade) -> None:
    found = compare(WHO, other, RULES)
    assert found.grade is grade
    assert found.score == pytest.approx(sum(weight.bits for weight in found.weights))
    assert set(keys_of(WHO)) & set(keys_of(other)) or grade is Grade.NOT


def test_a_rare_name_weighs_more_than_a_frequent_one() -> None:
    one, other = replace(WHO, phones=()), replace(WHO, phones=())
    scores = [compare(one, other, RULES, Frequencies(names={"秦学勤": times})).score for times in (900, 2)]
    assert scores[0] < scores[1]


def test_two_citizens_are_not_linked_by_a_third_record_that_is_like_both() -> None:
    another = replace(NUMBER, value="371099195603120028")
    persons = [replace(WHO, numbers=(NUMBER,)), WHO, replace(WHO, numbers=(another,))]
    linked = link(persons, RULES)
    assert linked.clusters[0] != linked.clusters[2]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("born-same =", "born-sane ="), "identity.toml:"),
        (("[weights]", "[weight]"), "identity.toml:"),
        (("sex-same = 0.8", "sex-same = 'x'"), "identity.toml:"),
        (('[["name-close"]', '[["name-clothed"]'), "identity.toml:"),
        (("questions = [", "asks = ["), "identity.toml:"),
    ],
)
def test_a_sites_weights_are_refused_with_their_line(tmp_path: Path, change: tuple[str, str], where: str) -> None:
    file = tmp_path / "identity.toml"
    file.write_text((MAPPINGS / "identity.toml").read_text("utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_rules(file)
    assert refused.value.refusal.code == "bad-identity"
    assert refused.value.refusal.where.startswith(where)
