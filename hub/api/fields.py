"""Resolvers with a description, in a form that mypy can follow: Strawberry's own decorators return Any."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., Any])


def field(description: str) -> Callable[[F], F]:
    """A field that a resolver answers. Lists only: a leaf is a plain attribute."""
    return cast(Callable[[F], F], strawberry.field(description=description))


def subscription(description: str) -> Callable[[F], F]:
    """A field that can be followed."""
    return cast(Callable[[F], F], strawberry.subscription(description=description))


def mutation(description: str) -> Callable[[F], F]:
    """A field that changes something."""
    return cast(Callable[[F], F], strawberry.mutation(description=description))
