"""GraphQL `programme`: the region's rules with exact figures, without a visit to any resident."""

from datetime import date
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import strawberry

from hub.api.programme import ProgrammeQuery
from hub.docs.policies import EXAMPLE
from hub.policy import Programme, load_programme, policy_folders

SCHEMA = strawberry.Schema(query=ProgrammeQuery)
OWN = policy_folders(None)
QUESTION = """{ programme {
  region division name { zh en }
  document { title { en } number issued issuers }
  rules {
    id standing binding operator value upper number unit denominator { zh en } kinds authorities
    clause printed zh en source { en } from until
    setBySite { value upper number unit kinds authorities from until by on why }
  }
} }"""


async def asked(programme: Programme) -> Any:
    """The answer where the context holds nothing but the programme: no viewer, no visit."""
    context = SimpleNamespace(means=SimpleNamespace(programme=programme))
    result = await SCHEMA.execute(QUESTION, context_value=context)
    assert result.errors is None
    assert result.data is not None
    return result.data["programme"]


def of_id(answer: Any, id: str) -> list[Any]:
    return [rule for rule in answer["rules"] if rule["id"] == id]


async def test_a_site_without_a_region_has_no_programme() -> None:
    assert await asked(Programme()) is None


async def test_the_document_is_named_with_number_and_issuers() -> None:
    answer = await asked(load_programme("pudong-2023", OWN))
    assert (answer["region"], answer["division"], answer["name"]["zh"]) == ("pudong-2023", "310115", "上海市浦东新区")
    document = answer["document"]
    assert (document["number"], document["issued"], len(document["issuers"])) == ("浦卫〔2023〕94号", "2023-09-19", 11)
    assert (await asked(load_programme("baodi-2017", OWN)))["document"]["number"] is None


async def test_a_figure_leaves_exactly_and_as_a_number() -> None:
    stated, hearsay = of_id(await asked(load_programme("pudong-2023", OWN)), "slot-share")
    assert (stated["value"], stated["number"], stated["unit"]) == ("1/3", 1 / 3, "share")
    assert (stated["standing"], stated["binding"], stated["operator"]) == ("STATED", "MUST", "AT_LEAST")
    assert (stated["kinds"], stated["authorities"], stated["clause"]) == (["expert"], ["district"], "18")
    assert stated["source"] is None
    assert (hearsay["standing"], hearsay["value"]) == ("HEARSAY", "1/2")
    assert hearsay["source"]["en"]


async def test_an_open_rule_has_no_figure_and_says_what_is_printed() -> None:
    (rule,) = of_id(await asked(load_programme("fujian-2022", OWN)), "discharge-push")
    assert (rule["standing"], rule["value"], rule["number"], rule["setBySite"]) == ("OPEN", None, None, [])
    assert "及时推送" in rule["printed"]


async def test_a_duty_has_neither_operator_nor_unit() -> None:
    (duty,) = of_id(await asked(load_programme("baodi-2017", OWN)), "referral-required-outside")
    assert (duty["standing"], duty["operator"], duty["unit"], duty["value"]) == ("STATED", None, None, None)


async def test_what_the_site_has_set_stands_with_who_when_and_why(tmp_path: Path) -> None:
    (tmp_path / "weihai-2023.toml").write_text(EXAMPLE.replace("slot-release", "discharge-push"), encoding="utf-8")
    answer = await asked(load_programme("weihai-2023", [*OWN, tmp_path]))
    experts, beds = of_id(answer, "slot-share")
    assert experts["setBySite"] == []
    (value,) = beds["setBySite"]
    assert (value["value"], value["number"], value["unit"]) == (str(Fraction("0.25")), 0.25, "share")
    assert (value["by"], value["on"], value["from"]) == ("威海市卫生健康委员会", "2026-03-01", "2026-03-01")
    assert value["why"]
    (own,) = of_id(answer, "discharge-push")
    assert (own["standing"], own["clause"], own["printed"], own["value"]) == ("SITE", None, None, "24")


async def test_every_operator_standing_and_binding_has_its_word() -> None:
    said = [
        rule
        for region in ("weihai-2023", "baodi-2017", "fujian-2022", "pudong-2023")
        for rule in (await asked(load_programme(region, OWN)))["rules"]
    ]
    assert {rule["operator"] for rule in said} == {"AT_LEAST", "AT_MOST", "EQUAL", "BETWEEN", None}
    assert {rule["standing"] for rule in said} == {"STATED", "OPEN", "HEARSAY"}
    assert {rule["binding"] for rule in said} == {"MUST", "PRINCIPLE", "MAY"}
    assert all(date.fromisoformat(rule["from"]) >= date(2017, 1, 1) for rule in said)


def test_every_part_of_the_schema_says_what_it_is() -> None:
    silent = [
        f"{kind.name}.{name}"
        for kind in SCHEMA._schema.type_map.values()
        if not kind.name.startswith("__") and kind.name != "ProgrammeQuery"
        for name, part in {"": kind, **getattr(kind, "fields", {}), **getattr(kind, "values", {})}.items()
        if not part.description
    ]
    assert silent == []
