"""Rows of sessions as a Schedule with all its Slots."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.files.bundles import FileBundle, Json, address, bundle, coded, extension, filled, identified
from adapters.files.columns import SESSIONS
from adapters.files.faults import Reason
from adapters.files.sheet import Row
from hub.errors import Refusal


def session_faults(rows: Sequence[Row]) -> Iterator[Refusal]:
    """What is wrong with sessions beyond their single cells."""
    for row in rows:
        if row["ends_at"] <= row["starts_at"]:
            yield row.refusal(Reason("is not after starts_at", "不晚于开始时间"), "ends_at")
        elif int((row["ends_at"] - row["starts_at"]).total_seconds()) < row["slots"]:
            yield row.refusal(Reason("are more than the session has seconds", "多于时段的秒数"), "slots")
        if row["public_from"] > row["starts_at"]:
            yield row.refusal(Reason("is after starts_at", "晚于开始时间"), "public_from")
        if row.get("team_from", row["public_from"]) > row["public_from"]:
            yield row.refusal(
                Reason("is after public_from: teams come first", "晚于公众放号时间，团队应先放号"), "team_from"
            )
        if row.get("release_at", row["starts_at"]) > row["starts_at"]:
            yield row.refusal(Reason("is after starts_at", "晚于开始时间"), "release_at")
        if row.get("reserved", 0) > row["slots"]:
            yield row.refusal(Reason("is more than slots", "多于号数"), "reserved")


def session_bundles(rows: Sequence[Row]) -> Iterator[FileBundle]:
    """One bundle a session: it replaces what was published of it before."""
    for row in rows:
        number = row["number"]
        slots = [(f"{number}/{at}", _slot(row, at)) for at in range(1, row["slots"] + 1)]
        yield bundle(SESSIONS, number, [row], [(number, _schedule(row)), *slots])


def _schedule(row: Row) -> Json:
    doctor = row.get("doctor")
    actor = doctor or row.get("place") or row["department"]
    return filled(
        {
            "resourceType": "Schedule",
            "extension": list(_extensions(row)),
            "identifier": identified("session", row["number"]),
            "active": row.get("active", True),
            "serviceCategory": [coded("session-kind", row["kind"])],
            "serviceType": [{"text": row["department"]}],
            "specialty": [{"text": row["speciality"]}] if row.get("speciality") else [],
            "actor": [{"type": "Practitioner" if doctor else "Location", "display": actor}],
            "planningHorizon": {"start": _instant(row["starts_at"]), "end": _instant(row["ends_at"])},
            "comment": row.get("reason"),
        }
    )


def _extensions(row: Row) -> Iterator[Json]:
    for name in ("title", "place", "fee"):
        if row.get(name):
            yield extension(name, valueString=row[name])
    for name, column in (("public-from", "public_from"), ("team-from", "team_from"), ("release-at", "release_at")):
        if row.get(column):
            yield extension(name, valueDateTime=_instant(row[column]))
    if row.get("reserved") is not None:
        yield extension("reserved", valueInteger=row["reserved"])


def _slot(row: Row, number: int) -> Json:
    starts_at, ends_at = _times(row, number)
    return {
        "resourceType": "Slot",
        "identifier": identified("slot", str(number)),
        "schedule": {"reference": address("Schedule", row["number"])},
        "status": "free",
        "start": _instant(starts_at),
        "end": _instant(ends_at),
    }


def _times(row: Row, number: int) -> tuple[datetime, datetime]:
    """A slot's share of the session, to the second and without gaps; a bed is there from beginning to end."""
    starts_at, ends_at = row["starts_at"], row["ends_at"]
    if row["kind"] == "bed":
        return starts_at, ends_at
    seconds = int((ends_at - starts_at).total_seconds())
    first, last = (seconds * at // row["slots"] for at in (number - 1, number))
    return starts_at + timedelta(seconds=first), starts_at + timedelta(seconds=last)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
