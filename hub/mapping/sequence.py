"""The order in which segments are read, where it is not the one in which they stand."""

from collections.abc import Sequence

from hub.message import Segment


def in_order(segments: Sequence[Segment]) -> list[Segment]:
    """Segments with each ORC before its OBR, behind which it stands in OUL (HL7 v2.5.1 7.3.6: OBR, ORC, NTE, TQ1)."""
    ordered: list[Segment] = []
    at = -1  # where the OBR stands that has no ORC yet
    for segment in segments:
        if segment.name == "OBR":
            at = len(ordered)
        if segment.name == "ORC" and at >= 0:
            ordered.insert(at, segment)
            at = -1
        else:
            ordered.append(segment)
    return ordered
