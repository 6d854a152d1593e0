"""What a message says of two patients being one: merged, so that one number is given up; linked, so that none is; or
unlinked."""

from collections.abc import Sequence

from hub.errors import refuse
from hub.record import Identifier, PatientMerge

Numbers = tuple[Identifier, ...]


def merges_of(prior: Sequence[Numbers], surviving: Sequence[Numbers]) -> tuple[PatientMerge, ...]:
    """The pairs of MRG and PID. Raises Refused (no-merged-patient) where a PID has no MRG or one of them no number."""
    if len(prior) != len(surviving) or not all(prior):
        raise refuse("no-merged-patient", "MRG-1")
    return tuple(PatientMerge(prior=one, surviving=other) for one, other in zip(prior, surviving, strict=True))


def links_of(numbers: Sequence[Numbers], *, parts: bool = False) -> tuple[PatientMerge, ...]:
    """The patients of one message, each with the first (HL7 v2.5.1 3.3.24: two PIDs, neither of them gives way), linked
    or, where the message `parts` them, unlinked (3.3.37). Raises Refused (no-linked-patient) where one is alone."""
    if len(numbers) < 2:
        raise refuse("no-linked-patient", "PID[2]")
    first, *others = numbers
    return tuple(PatientMerge(prior=one, surviving=first, keeps_both=True, parts=parts) for one in others)
