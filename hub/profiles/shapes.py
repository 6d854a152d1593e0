"""What kind of number a sender's numbers look like. A guess from their shape and from what their type is called, for
an engineer to confirm: it is never taken as certain."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from hub.identifiers import normalise, read_citizen_id

_NAMES = {
    "inpatient-number": {"patientno", "inpatientno", "inpatient", "zyh", "blh", "ipno"},
    "outpatient-number": {"outpatient", "outpatientno", "mzh", "opno"},
    "visit-card": {"idcard", "card", "jzk", "zlk", "visitcard"},
    "health-record-number": {"jkda", "phrid", "healthrecord"},
    "health-card": {"jkk", "healthcard", "ehc"},
    "insurance-number": {"ss", "ybh", "ybk", "insurance", "medicare"},
    "residence-permit": {"jzz"},
    "citizen-id": {"identifyno", "sfz", "ni", "citizenid", "idno", "urn:oid:2.16.156.10011.1.3"},
}
"""What senders call their types (``IDCard`` is the visit card, 就诊卡, and not the citizen ID card)."""
_OIDS = {
    "urn:oid:2.16.156.10011.1.2": "health-record-number",
    "urn:oid:2.16.156.10011.1.12": "inpatient-number",
    "urn:oid:2.16.156.10011.1.11": "outpatient-number",
    "urn:oid:2.16.156.10011.1.15": "insurance-number",
    "urn:oid:2.16.156.10011.1.19": "health-card",
}
"""Roots of WS/T 363 and of the national health statistics centre."""
_OFTEN = 0.5
_RECORD_DIGITS = 17
LOCAL = frozenset({"inpatient-number", "outpatient-number", "visit-card", "local-number"})
"""Kinds that a source may tell its patients apart by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What different numbers of one type are like. `lengths` is ``8`` or ``7-10``."""

    numbers: int
    citizen_ids: int
    permits: int
    long_digits: int
    """Of 17 digits, as numbers of health records are."""
    lengths: str

    @property
    def are_citizen_ids(self) -> bool:
        """Whether most are valid by GB 11643, and not by chance."""
        return self.citizen_ids > self.numbers * _OFTEN


def shape_of(numbers: Iterable[str]) -> Shape:
    """The shape of numbers; the same one twice counts once."""
    distinct = {normalise(number) for number in numbers if number.strip(' "')}
    read = [found for number in distinct if (found := read_citizen_id(number))]
    lengths = sorted({len(number) for number in distinct})
    return Shape(
        numbers=len(distinct),
        citizen_ids=len(read),
        permits=sum(one.is_permit for one in read),
        long_digits=sum(len(number) == _RECORD_DIGITS and number.isdigit() for number in distinct),
        lengths="-".join(str(one) for one in dict.fromkeys((lengths[0], lengths[-1]))) if lengths else "",
    )


def guess_kind(type_: str, shape: Shape, kinds: Collection[str]) -> str:
    """The kind to propose: by shape where that speaks, else by the type's name, else a number of the source's own."""
    if shape.are_citizen_ids:
        return "residence-permit" if shape.permits == shape.citizen_ids else "citizen-id"
    name = type_.casefold().replace("_", "").replace(" ", "")
    named = next((kind for kind, names in _NAMES.items() if name in names), _OIDS.get(type_, ""))
    if named in kinds and named != "citizen-id":
        return named
    if shape.numbers and shape.long_digits == shape.numbers:
        return "health-record-number"
    return "local-number"


def claims_citizen_id(type_: str) -> bool:
    """Whether a type's name says that its numbers are citizen ID numbers."""
    return type_.casefold().replace("_", "").replace(" ", "") in _NAMES["citizen-id"]
