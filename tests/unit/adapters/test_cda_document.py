"""A whole document as values: nothing is looked for at a fixed place, and nothing that says something is left out."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cda.document import read_whole
from hub.errors import Refused
from hub.message import CdaDocument

V3 = "urn:hl7-org:v3"


def document(body: str, header: str = "", *, prefix: str = "") -> CdaDocument:
    name = f"{prefix}:" if prefix else ""
    space = f'xmlns{":" + prefix if prefix else ""}="{V3}"'
    text = f"<{name}ClinicalDocument {space}>{header}{body}</{name}ClinicalDocument>"
    return read_whole(text.encode())


def in_body(sections: str) -> CdaDocument:
    return document(f"<component><structuredBody>{sections}</structuredBody></component>")


OBSERVATION = '<observation><code code="{}" displayName="体重"/><value value="68" unit="kg"/></observation>'


@pytest.mark.parametrize("number", ["DE04.10.188.00", "DE04.10.188"])
@pytest.mark.parametrize(
    "around",
    [
        "<component><section>{}</section></component>",
        "<component><section><component><section><entry>{}</entry></section></component></section></component>",
        "<component><section><entry><organizer><component>{}</component></organizer></entry></section></component>",
        "<component><section><entry><act><entryRelationship>{}</entryRelationship></act></entry></section></component>",
    ],
)
def test_an_entry_is_found_however_it_is_nested(around: str, number: str) -> None:
    found = in_body(around.format(OBSERVATION.format(number)))
    [said] = [one for one in found.statements if one.kind == "observation"]
    assert (said.element, said.label) == ("DE04.10.188.00", "体重")
    assert [(one.value, one.unit) for one in said.data if one.path == "value"] == [("68", "kg")]


def test_a_section_is_its_code_or_what_it_is_called() -> None:
    coded = '<component><section><code code="8716-3"/><title>生命体征</title><entry>{}</entry></section></component>'
    titled = "<component><section><entry>{}</entry><title>生命体征</title></section></component>"
    entry = OBSERVATION.format("DE04.10.188.00")
    found = in_body(coded.format(entry) + titled.format(entry))
    assert [(one.section, one.section_name, one.scope) for one in found.statements] == [
        ("8716-3", "生命体征", 1),
        ("生命体征", "生命体征", 2),
    ]


def test_an_entry_within_an_entry_knows_the_one_around_it() -> None:
    inner = OBSERVATION.format("DE05.10.113.00")
    outer = f'<observation><code code="DE05.01.024.00"/><entryRelationship>{inner}</entryRelationship></observation>'
    found = in_body(f"<component><section><entry>{outer}</entry></section></component>")
    assert [(one.number, one.parent, one.element) for one in found.statements] == [
        (1, 0, "DE05.01.024.00"),
        (2, 1, "DE05.10.113.00"),
    ]


def test_names_that_published_templates_have_wrong_are_read_as_they_are_meant() -> None:
    wrong = '<obervation><code code="DE05.10.113.00"/><value>好转</value></obervation>'
    [said] = in_body(f"<component><section><entry>{wrong}</entry></section></component>").statements
    assert (said.kind, said.element) == ("observation", "DE05.10.113.00")


def test_the_header_is_read_by_paths_with_a_number_where_there_are_several() -> None:
    found = document("", '<id root="1.2" extension="3"/><author><time value="1"/></author><author/>')
    assert [(one.path, one.steps, one.value) for one in found.header] == [
        ("id", "id", "3"),
        ("author/time", "author[1]/time", "1"),
    ]
    assert found.id == "1.2|3"


def test_a_document_that_takes_anothers_place_is_of_one_lineage_with_it() -> None:
    parent = '<relatedDocument typeCode="{}"><parentDocument><id extension="1"/></parentDocument></relatedDocument>'
    assert document("", f'<id extension="2"/>{parent.format("RPLC")}').lineage == "1"
    assert document("", f'<id extension="2"/>{parent.format("APND")}').lineage == "2"
    assert document("", f'<id extension="2"/><setId extension="9"/>{parent.format("RPLC")}').lineage == "9"


def test_a_body_that_is_no_xml_is_read_with_its_type() -> None:
    found = document('<component><nonXMLBody><text mediaType="application/pdf">JVBE</text></nonXMLBody></component>')
    [body] = found.header
    assert (body.path, body.type, body.value) == ("nonXMLBody/text", "application/pdf", "JVBE")


def test_what_is_no_document_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        read_whole(b"<Bundle/>")
    assert refused.value.refusal.code == "not-a-document"


STATEMENTS = ("observation", "procedure", "organizer")
OTHERS = ("section", "component", "entry", "participant", "effectiveTime", "low")
SAYING = st.sampled_from(["value", "code", "displayName", "extension"])


@st.composite
def trees(draw: st.DrawFn, depth: int = 4) -> ET.Element:
    name = draw(st.sampled_from(STATEMENTS + OTHERS))
    element = ET.Element(f"{{{V3}}}{name}")
    if name not in STATEMENTS and draw(st.booleans()):  # a statement's own attributes are its class and its mood
        element.set(draw(SAYING), f"said{draw(st.integers(0, 10**9))}")
    if depth:
        element.extend(draw(st.lists(trees(depth=depth - 1), max_size=3)))
    return element


@given(st.lists(trees(), max_size=4))
def test_whatever_an_entry_says_is_read_once(entries: list[ET.Element]) -> None:
    """Everything below a statement that says something is one of its data, or of a statement within it."""
    root = ET.Element(f"{{{V3}}}ClinicalDocument")
    outer = ET.SubElement(ET.SubElement(root, f"{{{V3}}}component"), f"{{{V3}}}observation")
    outer.extend(entries)
    said = [value for one in outer.iter() for value in one.attrib.values()]
    data = [datum for one in read_whole(ET.tostring(root)).statements for datum in one.data]
    assert sorted(text for one in data for text in (one.value, one.code, one.display) if text) == sorted(said)
