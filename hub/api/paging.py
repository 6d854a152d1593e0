"""Relay's ids, cursors and connections (GraphQL Cursor Connections Specification)."""

import binascii
from binascii import a2b_base64, b2a_base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry

from hub.errors import refuse
from hub.mapping.units import holders_of
from hub.store.records import Page, Place

DEFAULT = 20
_CHINA = timezone(timedelta(hours=8))
MOST = 500

First = Annotated[int, strawberry.argument(description=f"How many come at most: 0 to {MOST}.")]
After = Annotated[
    str | None,
    strawberry.argument(description="The cursor behind which to go on: pageInfo.endCursor of the page before."),
]

T = TypeVar("T")


@strawberry.interface(description="Something with an id of its own in the whole hub (Relay).")
class Node:
    id: strawberry.ID = strawberry.field(description="The id to find this again with `node`.")


@strawberry.type(description="Where a page stands among all (Relay).")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more comes behind this page.")
    has_previous_page: bool = strawberry.field(description="Whether something stands before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item; null on an empty page.")


@strawberry.type(description="An item of a page, with its cursor (Relay).")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="Where this item stands: give it as `after` to go on behind it.")


@strawberry.type(description="A page of a list (Relay).")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The items of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    total_count: int = strawberry.field(description="How many items all pages have together.")


def info_of(edges: list[Edge[Any]], *, after: str | None, more: bool) -> PageInfo:
    """Where these edges stand. A cursor is an item's own, so behind one there is always something before."""
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


def check_first(first: int) -> int:
    """How many are asked for. Raises Refused (page-too-large, bad-argument)."""
    if first > MOST:
        raise refuse("page-too-large", "first", asked=str(first), most=str(MOST))
    if first < 0:
        raise refuse("bad-argument", "first", reason="0-500")
    return first


def check_text(text: str, where: str) -> str:
    """A text that can stand in a database. Raises Refused (bad-argument)."""
    if "\0" in text:
        raise refuse("bad-argument", where, reason="U+0000")
    return text


_LONGEST = 200


def read_text(text: str, where: str) -> str:
    """A name or number, as it is kept in an index: 200 characters at most. Raises Refused (bad-argument)."""
    if len(text) > _LONGEST:
        raise refuse("bad-argument", where, reason=f"0-{_LONGEST}")
    return check_text(text, where)


def page_of(first: int, after: str | None, *, code: str = "", background: bool = True, statement: str = "") -> Page:
    """A page of entries, and one more line, which tells whether there is a next page. One of the pressures is also
    found in the panel that holds both."""
    place = _place(after) if after is not None else None
    codes = holders_of(check_text(code, "code")) if code else ()
    return Page(check_first(first) + 1, place, codes, background, statement)


def entry_cursor(at: datetime | None, key: UUID) -> str:
    """Where an entry stands among those of its resident. Entries keep their order by time and id, whatever comes."""
    return _encoded(f"{at.isoformat() if at else ''}|{key}")


def id_cursor(key: UUID) -> str:
    """Where a resident stands."""
    return _encoded(str(key))


def read_id_cursor(cursor: str) -> UUID:
    """The resident behind whom to go on. Raises Refused (bad-cursor)."""
    try:
        return UUID(_decoded(cursor))
    except ValueError:
        raise refuse("bad-cursor", "after") from None


def _place(cursor: str) -> Place:
    try:
        at, _, key = _decoded(cursor).partition("|")
        place = Place(datetime.fromisoformat(at) if at else None, UUID(key))
    except ValueError:
        raise refuse("bad-cursor", "after") from None
    if place.at is not None and not _is_instant(place.at):
        raise refuse("bad-cursor", "after")
    return place


def _is_instant(at: datetime) -> bool:
    """Whether it has a zone, and one that leaves it in the calendar."""
    try:
        return at.tzinfo is not None and at.astimezone(UTC) is not None
    except OverflowError:
        return False


def instant_of(said: datetime | None, where: str) -> datetime | None:
    """An instant that somebody asks by; without a zone it is China's. Raises Refused (bad-argument)."""
    if said is None:
        return None
    at = said if said.tzinfo is not None else said.replace(tzinfo=_CHINA)
    if not _is_instant(at):
        raise refuse("bad-argument", where, reason="0001-9999")
    return at.astimezone(UTC)


def global_id(kind: str, key: UUID) -> strawberry.ID:
    """An id that names its type: base64 of ``Observation:`` and the uuid, as Relay has it."""
    return strawberry.ID(_encoded(f"{kind}:{key}"))


def read_global_id(text: str, where: str = "id") -> tuple[str, UUID]:
    """Type and uuid of an id. Raises Refused (bad-id)."""
    try:
        kind, _, key = _decoded(text).partition(":")
        return kind, UUID(key)
    except ValueError:
        raise refuse("bad-id", where) from None


def read_key(text: str, kind: str, where: str) -> UUID:
    """The uuid of something of this kind, by its id, or as it is. Raises Refused (bad-id)."""
    try:
        return UUID(text)
    except ValueError:
        found, key = read_global_id(text, where)
    if found != kind:
        raise refuse("bad-id", where)
    return key


def read_resident_id(text: str, where: str) -> UUID:
    """A resident by their id, or by the uuid as the command line and the messages' pages show it.

    Raises Refused (bad-id).
    """
    return read_key(text, "Resident", where)


def _encoded(text: str) -> str:
    return b2a_base64(text.encode(), newline=False).decode()


def _decoded(text: str) -> str:
    try:
        return a2b_base64(text.encode("ascii"), strict_mode=True).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("not of ours") from None
