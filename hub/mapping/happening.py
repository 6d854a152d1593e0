"""When what a v2 message tells of happened, and when it was sent."""

from datetime import datetime

from hub.errors import refuse
from hub.mapping.times import is_no_time, read_time
from hub.message import Source, V2Message


def times_of(message: V2Message, source: Source, received_at: datetime) -> tuple[datetime, datetime]:
    """When it happened (EVN-6, else EVN-2, else MSH-7) and when it was sent (MSH-7, else receipt). Raises Refused
    (impossible-date)."""
    evn = message.first("EVN")
    candidates = [evn.component(6), evn.component(2)] if evn else []
    sent = message.segments[0].component(7)
    sent_at = _instant(sent, source, "MSH-7") or received_at
    happened = (_instant(text, source, where) for text, where in zip(candidates, ("EVN-6", "EVN-2"), strict=False))
    return next((at for at in happened if at), sent_at), sent_at


def _instant(text: str, source: Source, where: str) -> datetime | None:
    if not text.strip(' "') or is_no_time(text):
        return None
    found = read_time(text, source.time_zone)
    if found is None:
        raise refuse("impossible-date", where)
    return found[0]
