"""Messages that are new and that nothing is wrong with, stored by one plain statement: nearly all that ever come."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID
from zlib import crc32

from hub.message import Arrival

Run = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]
"""Runs a statement of numbered parameters; returns its rows."""

# What nobody claimed before is stored and its id returned; the rest is left for the statement that judges. Texts come
# in one array, cut here: a driver takes longer over ten arrays than the database over this.
_NEW = """
    with came as materialized (
      select id, said[1] as source, said[2] as transport, said[3] as format, said[4] as kind, said[5] as control_id,
             string_to_array(said[6], chr(31)) as numbers, string_to_array(said[7], chr(31)) as names,
             cast(string_to_array(said[8], ',') as int[]) as buckets, digest, raw
      from unnest(cast($1 as uuid[]), cast($2 as text[]), cast($3 as bytea[]), cast($4 as bytea[]))
        as came(id, texts, digest, raw), lateral string_to_array(texts, chr(30)) as said
    ), claimed as (
      insert into control (source, control_id, digest, message_id)
      select source, control_id, digest, id from came
      where not exists (
        select from control known where known.source = came.source and known.control_id = came.control_id)
      on conflict (source, control_id, digest) do nothing
      returning message_id
    ), fresh as (
      select * from came where id in (select message_id from claimed)
    ), witness as (
      insert into message (id, source, transport, format, kind, control_id, size, numbers, names)
      select id, source, transport, format, kind, control_id, octet_length(raw), numbers, names from fresh
    ), bytes as (
      insert into body (message_id, source, raw) select id, source, raw from fresh
    ), first as (
      insert into fate (message_id, fate, buckets) select id, 'kept', buckets from fresh
    )
    select message_id from claimed
    """
SEPARATOR = "\x1f"
_BETWEEN = "\x1e"
_TEXTS = 8
_BUCKETS = 1024
"""Lanes are told apart by a hash of so many values: two patients of one bucket only wait for each other."""


async def keep_new(run: Run, arrivals: Sequence[tuple[UUID, Arrival]]) -> set[UUID]:
    """Store those that are new; returns their ids. No two of them may be of one source and control id: a statement does
    not see what it writes itself."""
    may_be = [(key, arrival, texts) for key, arrival in arrivals if (texts := _texts(arrival))]
    if not may_be:
        return set()
    given = (
        [key for key, _, _ in may_be],
        [texts for _, _, texts in may_be],
        [arrival.digest for _, arrival, _ in may_be],
        [arrival.raw for _, arrival, _ in may_be],
    )
    return {row[0] for row in await run(_NEW, given)}


def _texts(arrival: Arrival) -> str:
    """The texts of a message that may be stored so; "" where it has to be judged."""
    if arrival.refusal or arrival.findings or not (arrival.source and arrival.control_id and arrival.digest):
        return ""
    texts = _BETWEEN.join(
        (
            arrival.source,
            arrival.transport,
            arrival.format,
            arrival.kind,
            arrival.control_id,
            SEPARATOR.join(arrival.numbers),
            SEPARATOR.join(arrival.names),
            ",".join(map(str, buckets_of(arrival))),
        )
    )
    return texts if texts.count(_BETWEEN) == _TEXTS - 1 else ""  # not every door asks for a control id to be printable


def buckets_of(arrival: Arrival) -> list[int]:
    """The buckets of the lanes that a message is in; a message about nobody is in that of its source."""
    lanes = arrival.lanes or (f"{arrival.source}|",)
    return sorted({crc32(lane.encode("utf-8", "replace")) % _BUCKETS for lane in lanes})
