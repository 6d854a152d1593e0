"""A short way through what needs no resolver: subtrees of plain attributes are read in one go.

graphql-core spends 7 to 8 us on each leaf, which is most of the time of an answer with 200 results. Below an object
whose selected fields are plain attributes, all the way down, there is nothing to resolve, so the selection is compiled
once a request and each object is read by it. Whatever is unusual (a null where none may be, a value of another type,
an exception) is left to graphql-core, which then says the error as the specification has it.

The hook is the public `Schema(execution_context_class=...)`; the method overridden is one that graphql-core calls
private, so a differential test holds this against the stock executor, and the lock file pins graphql-core.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import (
    GraphQLID,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

Complete = Callable[[Any], Any]
_STRINGS: tuple[GraphQLOutputType, ...] = (GraphQLString, GraphQLID)


class Unusual(Exception):  # noqa: N818 - not a fault: the long way answers
    """The short way cannot tell; graphql-core can."""


class _Step(NamedTuple):
    """One field: its name in the answer, the attribute it is read from, and how its value is completed."""

    name: str
    attribute: str
    complete: Complete


class ShortWay(StrawberryGraphQLCoreExecutionContext):
    """Executes as its parent does, faster where nothing is to be resolved."""

    def execute_collected_subfields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        new_defer_usages: Any,
        position_context: Any,
    ) -> Any:
        """Read an object by its plan, if it has one."""
        plan = self._plan(parent_type, grouped_field_set)
        if plan is not None and not new_defer_usages:
            try:
                return plan(source_value)
            except Exception:  # noqa: S110 - the long way meets it again, and says what it is
                pass
        return super().execute_collected_subfields(
            parent_type, source_value, path, grouped_field_set, new_defer_usages, position_context
        )

    def _plan(self, parent_type: GraphQLObjectType, fields: Any) -> Complete | None:
        """How to read such an object; None where a field of it needs graphql-core. Kept for this execution."""
        plans: dict[tuple[str, int], tuple[Any, Complete | None]] = self.__dict__.setdefault("_plans", {})
        key = (parent_type.name, id(fields))
        if key not in plans:  # `fields` is kept beside its plan, so that its id stays its own
            plans[key] = (fields, self._compiled(parent_type, fields))
        return plans[key][1]

    def _compiled(self, parent_type: GraphQLObjectType, fields: Any) -> Complete | None:
        if self.middleware_manager is not None and self.middleware_manager.middlewares:
            return None
        steps = []
        for name, details in fields.items():
            step = self._step(parent_type, name, details)
            if step is None:
                return None
            steps.append(step)
        return _reader(steps)

    def _step(self, parent_type: GraphQLObjectType, name: str, details: Any) -> _Step | None:
        asked = details[0].node.name.value
        if asked == "__typename":
            return _Step(name, "__class__", lambda _: parent_type.name)
        definition = self.schema.get_field(parent_type, asked)
        plain = definition.extensions.get("strawberry-definition") if definition else None
        if definition is None or plain is None or not plain.is_basic_field or definition.args:
            return None
        complete = self._completing(definition.type, details)
        return _Step(name, plain.python_name, complete) if complete else None

    def _completing(self, kind: GraphQLOutputType, details: Any) -> Complete | None:
        if kind in _STRINGS:
            return _text
        if is_non_null_type(kind):
            return _needed_text if kind.of_type in _STRINGS else self._of(kind.of_type, details)
        inner = self._of(kind, details)
        return (lambda value: None if value is None else inner(value)) if inner else None

    def _of(self, kind: Any, details: Any) -> Complete | None:
        """How to complete a value of a type that is not null."""
        if is_leaf_type(kind):
            return _leaf(kind)
        if is_list_type(kind):
            inner = self._completing(kind.of_type, details)
            return _list(inner) if inner else None
        return self._object(kind, details) if is_object_type(kind) else None

    def _object(self, kind: GraphQLObjectType, details: Any) -> Complete | None:
        fields, new_defer_usages, _ = self.collect_subfields(kind, details)
        plan = None if new_defer_usages else self._plan(kind, fields)
        origin = kind.extensions["strawberry-definition"].origin if kind.is_type_of else object
        if plan is None:
            return None

        def complete(value: Any) -> Any:
            if value is None or not isinstance(value, origin):
                raise Unusual
            return plan(value)

        return complete


def _reader(steps: Sequence[_Step]) -> Complete:
    """Text is read in one go, the rest step by step; the answer keeps the order of the question."""
    texts = [step for step in steps if step.complete in _TEXTS]
    others = [step for step in steps if step.complete not in _TEXTS]
    if len(texts) < _FEW:
        return _stepwise(steps)
    names = [step.name for step in texts]
    attributes = attrgetter(*(step.attribute for step in texts))
    needed = [index for index, step in enumerate(texts) if step.complete is _needed_text]
    rest = _stepwise(others)
    order: dict[str, Any] = {step.name: None for step in steps}
    is_in_order = list(order) == names + [step.name for step in others]

    def read(source: Any) -> dict[str, Any]:
        values = attributes(source)
        kinds = set(map(type, values))
        if not kinds <= _TEXT_OR_NULL or (_NULL in kinds and any(values[index] is None for index in needed)):
            raise Unusual
        found: dict[str, Any] = dict(zip(names, values, strict=True)) | rest(source)
        return found if is_in_order else order | found

    return read


_FEW = 3
_NULL = type(None)
_TEXT_OR_NULL = {str, _NULL}


def _stepwise(steps: Sequence[_Step]) -> Callable[[Any], dict[str, Any]]:
    def read(source: Any) -> dict[str, Any]:
        return {name: complete(getattr(source, attribute)) for name, attribute, complete in steps}

    return read


def _needed_text(value: Any) -> Any:
    if value.__class__ is not str:
        raise Unusual
    return value


def _text(value: Any) -> Any:
    return None if value is None else _needed_text(value)


_TEXTS = frozenset({_text, _needed_text})


def _leaf(kind: Any) -> Complete:
    """Coerced by its own type, as graphql-core does it."""
    coerce = kind.coerce_output_value

    def complete(value: Any) -> Any:
        coerced = None if value is None else coerce(value)
        if not isinstance(coerced, str | int | float):
            raise Unusual
        return coerced

    return complete


def _list(inner: Complete) -> Complete:
    def complete(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise Unusual
        return [inner(value) for value in values]

    return complete
