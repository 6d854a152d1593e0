"""What a v2 message tells that is not of one patient: staff and places of the sender's organisation (MFN).

A staff number means something within its organisation only, so it stands behind the organisation's own id.
"""

from collections.abc import Iterable, Iterator, Mapping

from hub.errors import Refusal, refuse
from hub.mapping.filling import Building
from hub.message import Source, Tells
from hub.record import Shared

KEPT = frozenset({"Practitioner", "PractitionerRole"})
"""What the directory keeps; of the rest the message's bytes are kept, and a finding says so."""


def check_may_tell(source: Source) -> None:
    """Raises Refused (may-not-tell, no-organisation) where a source has no say in the directory, or no place in it."""
    if Tells.DIRECTORY not in source.tells:
        raise refuse("may-not-tell", "MSH-9", kind="MFN", tells=Tells.DIRECTORY.value)
    if not source.organisation_id:
        raise refuse("directory-incomplete", "organisation_id", element="organisation_id")


def told_in(built: Iterable[Building], source: Source) -> Iterator[Shared]:
    """The resources of a message as the programme hears of them."""
    for building in built:
        yield Shared(
            kind=building.row_set.resource,
            key=own_key(source, building.key),
            resource=building.resource,
            path=building.segment.where,
            traces=tuple(building.traces),
            refers={one: one.partition("/")[2] for one in _references(building.resource)},
        )


def not_kept(told: Iterable[Shared]) -> Iterator[Refusal]:
    """What is told and has no place in the directory."""
    return (
        Refusal(code="not-in-directory", where=one.path, given={"kind": one.kind})
        for one in told
        if one.kind not in KEPT
    )


def own_key(source: Source, number: str) -> str:
    """What the hub calls the one whom a source calls by this number."""
    return f"{source.organisation_id}:{number}"


def _references(resource: Mapping[str, object]) -> Iterator[str]:
    for value in resource.values():
        if isinstance(value, dict) and "reference" in value:
            yield str(value["reference"])
