"""What a patient's number and what is said of them do not agree in: flagged, never refused. The number may be somebody
else's, the sex may have been changed or mistyped; whoever reads the record should know."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hub.identifiers import read_citizen_id
from hub.mapping.codes import IdentifierKind
from hub.matching.numbers import CITIZEN_KINDS, is_own, numbers_in
from hub.message import Source
from hub.record import Flag, Mapped

_SEXES = ("male", "female")


def with_doubts(patient: Mapped, source: Source, kinds: Mapping[str, IdentifierKind]) -> Mapped:
    """A Patient with the flags ``sex-against-number`` and ``birth-date-against-number``, where they hold."""
    if flags := tuple(dict.fromkeys(_doubts(patient, source, kinds))):
        return replace(patient, flags=(*patient.flags, *flags))
    return patient


def _doubts(patient: Mapped, source: Source, kinds: Mapping[str, IdentifierKind]) -> Iterator[Flag]:
    """A number of another birth date is taken for another person's, so its sex says nothing."""
    said = patient.resource
    for number in numbers_in(said.get("identifier") or (), source, kinds):
        found = read_citizen_id(number.value) if number.kind in CITIZEN_KINDS else None
        if found is None:
            continue
        if not is_own(number, str(said.get("birthDate") or "")):
            yield Flag("birth-date-against-number", _place(patient, "birthDate"))
        elif said.get("gender") in _SEXES and said["gender"] != found.sex:
            yield Flag("sex-against-number", _place(patient, "gender"))


def _place(patient: Mapped, element: str) -> str:
    return next((trace.path for trace in patient.traces if trace.target == element), patient.path)
