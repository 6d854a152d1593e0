"""The committed schema is the schema that is served, and every part of it says what it is."""

from pathlib import Path

import pytest
from graphql import GraphQLEnumType, GraphQLNamedType, is_specified_scalar_type
from strawberry.types import get_object_definition

import hub.api
from hub.api.entries import KINDS, Entry
from hub.api.schema import SCHEMA, print_schema
from hub.tables import ENTRY_TABLES

COMMITTED = Path(hub.api.__file__).with_name("schema.graphql")


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    served = print_schema()
    committed = COMMITTED.read_text(encoding="utf-8") if COMMITTED.exists() else ""
    assert served == committed, "The schema has changed. Run: hub schema > hub/api/schema.graphql"


def test_every_type_field_argument_and_value_says_what_it_is() -> None:
    silent = [name for kind in _own_types() for name in _silent(kind)]
    assert silent == []


RECKONED = {"comparable", "history", "statements_label"}
"""Fields that are reckoned from columns when they are asked for."""


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_column_of_the_record_can_be_asked_for(kind: type[Entry]) -> None:
    columns = {column.name for column in ENTRY_TABLES[KINDS[kind]].c}
    fields = {field.python_name for field in get_object_definition(kind, strict=True).fields}
    assert columns - {"key"} == fields - RECKONED


def _own_types() -> list[GraphQLNamedType]:
    types = SCHEMA._schema.type_map.values()
    return [kind for kind in types if not kind.name.startswith("__") and not is_specified_scalar_type(kind)]


def _silent(kind: GraphQLNamedType) -> list[str]:
    """What has no description, by its name."""
    said = {kind.name: kind.description}
    if isinstance(kind, GraphQLEnumType):
        said |= {f"{kind.name}.{name}": value.description for name, value in kind.values.items()}
    for name, field in getattr(kind, "fields", {}).items():
        said[f"{kind.name}.{name}"] = field.description
        arguments = getattr(field, "args", {})
        said |= {f"{kind.name}.{name}({arg})": of.description for arg, of in arguments.items()}
    return [name for name, description in said.items() if not description]
