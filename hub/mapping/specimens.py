"""Which results of a v2 message were found in which specimen.

SPM stands behind the OBR and the results of its order (ORU^R01, HL7 v2.5.1 7.3.1), or before all that were found in it
(OUL^R22, 7.3.7). Where an order has several specimens, a single result does not say of which it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.mapping.filling import Building
from hub.record import Trace
from hub.specimens import KIND, reference_to, told_by


@dataclass(slots=True)
class _Together:
    """Specimens, and what was found in them."""

    specimens: list[Building] = field(default_factory=list)
    found: list[Building] = field(default_factory=list)


def tie_specimens(built: Sequence[Building]) -> None:
    """Let reports and results refer to their specimens."""
    kinds = [one.row_set.resource for one in built]
    if KIND not in kinds:
        return
    opens = (
        KIND
        if "DiagnosticReport" not in kinds or kinds.index(KIND) < kinds.index("DiagnosticReport")
        else "DiagnosticReport"
    )
    groups = [_Together()]
    for one, kind in zip(built, kinds, strict=True):
        if kind == opens and (groups[-1].found or kind != KIND):
            groups.append(_Together())
        if kind == KIND:
            groups[-1].specimens.append(one)
        elif kind in ("DiagnosticReport", "Observation"):
            groups[-1].found.append(one)
    for group in groups:
        _tie(group)


def _tie(group: _Together) -> None:
    references = [
        reference_to(told_by(one.resource), reference=f"{KIND}/{one.resource['id']}") for one in group.specimens
    ]
    for one in group.found if references else ():
        if one.row_set.resource == "DiagnosticReport":
            one.resource["specimen"] = references
        elif len(references) == 1:
            one.resource["specimen"] = references[0]
        else:
            continue
        one.traces = [trace for trace in one.traces if trace.target != "specimen"]
        one.traces += [
            Trace("specimen", specimen.segment.where, f"hl7v2/{specimen.row_set.name}") for specimen in group.specimens
        ]
