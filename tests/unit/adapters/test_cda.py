"""The door for documents: read as far as is needed to keep them, and kept whatever is wrong with them."""

from datetime import timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cda import door as cda_door
from adapters.cda.door import DocumentDoor
from adapters.cda.reading import read_document
from hub.errors import Refused, refuse
from hub.message import Arrival, Format, IdentifierRule, Kept, Reuse, Source, Transport
from tests.documents import CITIZEN_ID, document

HOSPITAL = Source(
    name="renmin-his",
    organisation="威泉县人民医院",
    format=Format.HL7V2,
    also=frozenset({Format.CDA}),
    transports=frozenset({Transport.INGEST, Transport.SOAP}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(
        IdentifierRule(type="2.16.156.10011.1.12", kind="inpatient-number", of_patient=True),
        IdentifierRule(type="urn:oid:2.16.156.10011.1.3", kind="citizen-id"),
    ),
    reuse=Reuse.REFUSE,
)


class Door:
    """A door whose store is a list; `fault` is what keeping raises."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.arrivals: list[Arrival] = []

    async def keep(self, arrival: Arrival) -> Kept:
        if self.fault:
            raise self.fault
        self.arrivals.append(arrival)
        return Kept(id=uuid4(), refusal=arrival.refusal)

    async def take(self, raw: bytes, charset: str = "") -> Arrival:
        await DocumentDoor(keep=self.keep).take(HOSPITAL, raw, Transport.INGEST, charset)
        return self.arrivals[-1]


async def taken(raw: bytes, charset: str = "") -> Arrival:
    return await Door().take(raw, charset)


async def test_a_document_is_kept_under_its_id_its_code_and_its_patients_numbers() -> None:
    raw = document().encode()
    arrival = await taken(raw)
    assert (arrival.raw, arrival.format, arrival.transport) == (raw, Format.CDA, Transport.INGEST)
    assert (arrival.kind, arrival.control_id) == ("CDA C0053", "2.16.156.10011.1.1|D0001")
    assert arrival.numbers == ("0000004567", CITIZEN_ID)
    assert arrival.names == ("测试甲",)
    assert arrival.lanes == ("renmin-his|inpatient-number|0000004567",)
    assert (arrival.source, arrival.reuse, arrival.refusal) == ("renmin-his", Reuse.REFUSE, None)
    assert not arrival.findings


async def test_a_document_is_of_the_kind_of_its_code_and_not_of_its_template() -> None:
    assert (await taken(document(code="C0006").encode())).kind == "CDA C0006"


async def test_the_same_document_in_another_writing_has_the_same_digest_and_other_content_another() -> None:
    first = await taken(document().encode())
    gbk = '<?xml version="1.0" encoding="GBK"?>\n<!-- again -->' + document().replace('"', "'")
    again = await taken(gbk.encode("gb18030"))
    other = await taken(document(more="<confidentialityCode code='N'/>").encode())
    assert first.digest == again.digest
    assert first.digest != other.digest
    assert first.control_id == other.control_id


async def test_a_name_in_parts_is_found_as_people_write_it() -> None:
    parts = "<given>娜</given><family>欧阳</family>"
    assert (await taken(document(name=parts).encode())).names == ("欧阳娜",)
    latin = "<given>Na</given><family>Ouyang</family>"
    assert (await taken(document(name=latin).encode())).names == ("Ouyang Na",)


async def test_a_document_without_namespace_is_taken_with_a_finding() -> None:
    raw = document().replace(' xmlns="urn:hl7-org:v3"', "").encode()
    arrival = await taken(raw)
    assert arrival.refusal is None
    assert [finding.code for finding in arrival.findings] == ["document-without-namespace"]
    assert (arrival.kind, arrival.numbers[0]) == ("CDA C0053", "0000004567")


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (document(xmlns="urn:other").encode(), "not-a-document", "/"),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", "not-a-document", "/"),
        (document("").replace("2.16.156.10011.1.1", "").encode(), "missing-field", "ClinicalDocument.id"),
        (document(code="").encode(), "missing-field", "ClinicalDocument.code"),
        (document(code="出院").encode(), "missing-field", "ClinicalDocument.code"),
        (document().encode()[:-3], "xml-not-well-formed", ""),
        (b"<!DOCTYPE ClinicalDocument>" + document().encode(), "xml-doctype", "<!DOCTYPE>"),
        (b"", "xml-not-well-formed", ""),
    ],
)
async def test_what_cannot_be_taken_is_kept_all_the_same_with_the_reason(raw: bytes, code: str, where: str) -> None:
    arrival = await taken(raw)
    assert arrival.raw == raw
    assert arrival.refusal is not None
    assert (arrival.refusal.code, arrival.refusal.where) == (code, where)


async def test_a_document_that_cannot_be_parked_under_its_id_is_still_found_by_its_patient() -> None:
    arrival = await taken(document(code="").encode())
    assert (arrival.kind, arrival.numbers[0]) == ("CDA", "0000004567")


async def test_a_fault_of_ours_parks_the_document_under_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("测试甲")

    monkeypatch.setattr(cda_door, "read_document", fail)
    arrival = await taken(document().encode())
    assert arrival.refusal is not None
    assert arrival.refusal.code == "internal"
    assert "测试甲" not in str(arrival.refusal)


async def test_what_could_not_be_kept_is_to_be_sent_again() -> None:
    with pytest.raises(Refused) as caught:
        await Door(ConnectionError("测试甲")).take(document().encode())
    assert caught.value.refusal.code == "not-kept"


async def test_an_id_that_was_used_before_is_named_as_the_documents() -> None:
    async def keep(arrival: Arrival) -> Kept:
        return Kept(id=uuid4(), refusal=refuse("control-id-reused", "MSH-10").refusal)

    kept = await DocumentDoor(keep=keep).take(HOSPITAL, document().encode(), Transport.SOAP)
    assert kept.refusal is not None
    assert kept.refusal.where == "ClinicalDocument.id"


async def test_a_large_document_is_read_like_a_small_one() -> None:
    large = document(more=f"<text>{'中' * 200_000}</text>").encode()
    assert (await taken(large)).kind == "CDA C0053"


@pytest.mark.parametrize("count", [10_000])
async def test_ten_thousand_patients_are_cut_to_fifty_keys(count: int) -> None:
    one = "<recordTarget><patientRole><id root='1.2' extension='P{0}'/></patientRole></recordTarget>"
    arrival = await taken(document(more="".join(one.format(number) for number in range(count))).encode())
    assert len(arrival.numbers) == 50
    assert arrival.refusal is None


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="<&\"'"), max_size=300))
def test_whatever_an_id_and_a_name_hold_they_are_read_as_they_stand(text: str) -> None:
    read = read_document(document(number=text, name=text).encode())
    wanted = text.strip()
    assert read.id == ("2.16.156.10011.1.1|" + wanted if wanted else "2.16.156.10011.1.1")
    assert read.people[0].names == ((wanted,) if wanted else ())
