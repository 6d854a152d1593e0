"""What all documents of the golden pairs have in common: one fictional person, one stay, one hospital."""

from fixtures.county import people
from fixtures.county.documents import Document, Said, Section, Stay, Together

PERSON = people()["stroke"]
HOUSE = "威泉县人民医院"
INPATIENT = (("12", "0000000116"), ("13", "BA0116"))
OUTPATIENT = (("11", "MZ000116"),)
STAY = Stay(
    began="20260126093000",
    ended="20260206090000",
    number="260000205",
    places=("12", "301", "神经内科", "神经内科一病区", HOUSE),
)
UNDER_WAY = Stay(began=STAY.began, number=STAY.number, places=STAY.places)
ICD10, FRONT = "2.3.3.11.5", "2.3.3.11.3"


def a_document(kind: str, title: str, sections: tuple[Section, ...], **more: object) -> Document:
    """A document of this person, with what differs."""
    given: dict[str, object] = {
        "number": f"{kind}-0001",
        "written": "20260206100000",
        "person": PERSON,
        "author": "时砚秋",
        "organisation": HOUSE,
        "numbers": INPATIENT,
        "stay": STAY,
        "signed_by": "陈立群",
    }
    return Document(kind=kind, title=title, sections=sections, **{**given, **more})  # type: ignore[arg-type]


def diagnosis(code: str, name: str, label: str, system: str = ICD10) -> Together:
    """A diagnosis as its code and its name."""
    return (
        Said(element="DE05.01.024.00", label=f"{label}编码", type="CD", code=code, system=system, value=name),
        Said(element="DE05.01.025.00", label=f"{label}名称", value=name),
    )


def text(element: str, label: str, value: str, **more: object) -> Said:
    """An entry in words."""
    return Said(element=element, label=label, value=value, **more)  # type: ignore[arg-type]
