"""Where in its message a value of the record stands, to the byte."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import strawberry

from hub.api.context import Context
from hub.care.charts import list_letters
from hub.message import BytePlace as Stretch


@strawberry.type(description="A stretch of a message as it came.")
class BytePlace:
    segment: int | None = strawberry.field(description="The segment's number in an HL7 v2 message, from 1; else null.")
    start: int = strawberry.field(description="The first byte, counted from 0.")
    end: int = strawberry.field(description="The byte behind the last one.")
    text: str = strawberry.field(description="What the bytes say, as they were sent.")


class _Sought(NamedTuple):
    letter: UUID
    path: str


async def find_place(context: Context, letter: str, path: str) -> BytePlace | None:
    """Where a position of a message stands that an entry comes from."""

    async def find_all(sought: list[_Sought]) -> Sequence[BytePlace | None]:
        return await _find(context, sought)

    return await context.loaders.named("places", find_all).load(_Sought(UUID(letter), path))


async def _find(context: Context, sought: Sequence[_Sought]) -> Sequence[BytePlace | None]:
    anatomist = context.means.anatomist
    if anatomist is None:
        return [None for _ in sought]
    found: dict[_Sought, Stretch] = {}
    for key, letter in (await list_letters(context.visit, list({one.letter for one in sought}))).items():
        paths = [one.path for one in sought if one.letter == key]
        found |= {_Sought(key, path): place for path, place in anatomist.places(letter, paths).items()}
    return [_place(found.get(one)) for one in sought]


def _place(place: Stretch | None) -> BytePlace | None:
    if place is None:
        return None
    return BytePlace(segment=place.line or None, start=place.start, end=place.end, text=place.text)
