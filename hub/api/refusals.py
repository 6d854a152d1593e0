"""Errors as the API says them: a refusal helps, a fault of ours shows nothing but a reference."""

import secrets
from typing import Any

import structlog
from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from hub.errors import Refusal, Refused

logger = structlog.get_logger()

_SPOKEN = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError)


def as_json(refusal: Refusal) -> dict[str, Any]:
    """A refusal as an item of GraphQL's `errors`."""
    return {"message": message_of(refusal), "extensions": extensions_of(refusal)}


def message_of(refusal: Refusal) -> str:
    """What is wrong, in both languages."""
    return f"{refusal.message('en')} {refusal.message('zh')}"


def extensions_of(refusal: Refusal) -> dict[str, Any]:
    """What a program and a person can do with a refusal."""
    return {
        "code": refusal.code,
        "message": {"zh": refusal.message("zh"), "en": refusal.message("en")},
        "nextStep": {"zh": refusal.next_step("zh"), "en": refusal.next_step("en")},
    }


def shown(error: GraphQLError) -> GraphQLError:
    """An error as it may leave: GraphQL's own and refusals as they are, anything else masked and logged.

    The log gets the type and the place, not the text: a driver's message may quote a row.
    """
    cause = _cause(error)
    if isinstance(cause, Refused):
        return _said(error, cause.refusal)
    if isinstance(cause, _SPOKEN):
        return error
    reference = secrets.token_hex(6)
    where = ".".join(str(step) for step in error.path or () if isinstance(step, str))
    logger.error("query-failed", reference=reference, fault=type(cause).__name__, where=where)
    return _said(error, Refusal(code="query-failed", given={"reference": reference}))


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _said(error: GraphQLError, refusal: Refusal) -> GraphQLError:
    return GraphQLError(
        message_of(refusal),
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions_of(refusal),
    )
