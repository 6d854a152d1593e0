"""The short way says what graphql-core says, to the letter, also where something is wrong."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any
from unittest.mock import patch

import orjson
import pytest
import strawberry
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from hub.api.executing import ShortWay
from hub.api.schema import SCHEMA
from tests.integration.api.conftest import CITIZEN_ID, Asker, Ward
from tests.integration.api.test_reading import MANY, WHOLE

EVERYTHING = """
query E($id: ID!, $yes: Boolean!, $no: Boolean!) {
  again: resident(id: $id) { ...R record { all: observations(first: 3) { ...O } } }
  residents(first: 2) { pageInfo { endCursor hasNextPage } edges { cursor node { ...R __typename } } }
  viewer { __typename role name team }
}
fragment R on Resident { name id @skip(if: $yes) sex @include(if: $no) kind: __typename conflicts { value }
  origins { path values { element } path } }
fragment O on ObservationConnection { __typename totalCount edges { node {
  ... on Entry { code display code } ... on Observation { value valueNumber }
  effectiveAt flags { table code } origins { sentAt } } cursor } pageInfo { startCursor } }
"""


@pytest.mark.parametrize("query", [WHOLE, MANY, EVERYTHING])
async def test_the_hubs_answers_are_the_same_both_ways(doctor: Asker, ward: Ward, query: str) -> None:
    key = await ward.admit(citizen_id=CITIZEN_ID, birth_date="1949-12-31")
    await ward.note(key, "Condition", 3)
    await ward.note(key, "Observation", 5, value_number=5.6, value="5.60")
    await ward.note(key, "Encounter", 2)
    asked: dict[str, Any] = {"id": str(key), "first": 5, "yes": True, "no": False}
    short = (await doctor.post(query, **asked)).content
    with patch.object(SCHEMA, "execution_context_class", StrawberryGraphQLCoreExecutionContext):
        long = (await doctor.post(query, **asked)).content
    assert b'"errors"' not in short
    assert short == long


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.interface
class Thing:
    a: str


@strawberry.type
class Inner(Thing):
    b: str | None
    number: int
    real: float | None
    when: datetime | None
    colour: Colour | None
    truth: bool
    many: list[str]
    holes: list[str | None] | None


@strawberry.type
class Outer:
    a: str
    b: str
    c: str | None
    one: Inner
    maybe: Inner | None
    some: list[Inner]
    gaps: list[Inner | None]
    thing: Thing | None


@strawberry.type
class Query:
    @strawberry.field
    def outer(self, info: strawberry.Info[dict[str, Any], None]) -> Outer | None:
        found: Outer = info.context["outer"]
        return found


def inner(**changes: Any) -> Inner:
    plain = {"a": "a", "b": None, "number": 1, "real": 1.5, "when": datetime(2026, 3, 1, tzinfo=UTC)}
    return Inner(**{**plain, "colour": Colour.RED, "truth": True, "many": ["x"], "holes": ["y", None], **changes})


def outer(**changes: Any) -> Outer:
    few = {"one": inner(), "maybe": None, "some": [inner(), inner()], "gaps": [None, inner()], "thing": inner()}
    return Outer(**{**{"a": "a", "b": "b", "c": None}, **few, **changes})


class Broken:
    """It has no attribute that anybody asks for."""


SHAPES = [
    outer(),
    outer(a=None),
    outer(b=5),
    outer(c=5.5),
    outer(a=b"x"),
    outer(one=None),
    outer(one=Broken()),
    outer(maybe=Broken()),
    outer(some=None),
    outer(some=[inner(), None]),
    outer(some=(inner(),)),
    outer(some={"x": 1}),
    outer(some="text"),
    outer(gaps=[None, inner(a=None)]),
    outer(gaps=[Broken()]),
    outer(one=inner(number="many")),
    outer(one=inner(number=2**40)),
    outer(one=inner(number=True)),
    outer(one=inner(real=float("nan"))),
    outer(one=inner(real=3)),
    outer(one=inner(when="yesterday")),
    outer(one=inner(colour="red")),
    outer(one=inner(colour="blue")),
    outer(one=inner(truth=1)),
    outer(one=inner(truth="yes")),
    outer(one=inner(many=[None])),
    outer(one=inner(many=[1])),
    outer(one=inner(holes=[None, 2])),
    outer(one=inner(b=ValueError("x"))),
]
DEEP = """{ outer { c a b one { ...I } maybe { ...I } some { number b a } gaps { a } thing { a __typename } } }
fragment I on Inner { a b number real when colour truth many holes __typename }"""
FLAT = "{ outer { a b c one { number colour a b again: a } } }"


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize("query", [DEEP, FLAT])
async def test_what_is_unusual_is_said_as_graphql_core_says_it(shape: Outer, query: str) -> None:
    answers = []
    for way in (ShortWay, StrawberryGraphQLCoreExecutionContext):
        schema = strawberry.Schema(query=Query, types=[Inner], execution_context_class=way)
        with patch.object(schema, "process_errors"):
            result = await schema.execute(query, context_value={"outer": shape})
        errors = [error.formatted for error in result.errors or ()]
        answers.append(orjson.dumps({"data": result.data, "errors": errors}))
    assert answers[0] == answers[1]
