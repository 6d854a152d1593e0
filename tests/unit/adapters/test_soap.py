"""The SOAP door: the message is found wherever it stands, and its answer goes back as the operation's result."""

import time
from base64 import b64encode
from dataclasses import replace
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.hl7v2.charset import decode
from adapters.hl7v2.header import read_header
from adapters.soap import endpoint as soap_endpoint
from adapters.soap.unwrapping import unwrap
from adapters.xml import parse
from hub.message import Format
from tests.documents import ADMISSION, SOAP_11, SOAP_12, as_cdata, as_text, document, envelope, username_token
from tests.unit.adapters.soap_door import ACK, BASIC, Door
from tests.unit.adapters.test_cda import HOSPITAL

V2 = ADMISSION.format(control="T1")
LINES = V2.replace("\r", "\n").strip()
SAYS_UTF_16 = '<?xml version="1.0" encoding="utf-16"?>'
"""As .NET writes it over text that is then sent in UTF-8."""


def sent(content: str, charset: str = "") -> tuple[Format, bytes]:
    """What the door finds in an envelope."""
    root = parse(envelope(content).encode())
    found = unwrap(root, charset)
    return found.format, found.content


# -- where messages stand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        as_cdata(LINES),
        as_cdata(f"\n   {LINES}\n\n"),
        as_cdata(LINES.replace("\n", "\r\n")),
        escape(LINES),
        as_cdata("\ufeff" + LINES),
        f"<payload>{as_cdata(LINES)}</payload>",
        f"<head><id>1</id></head><payload><text/><hl7>{as_cdata(LINES)}</hl7></payload>",
        as_cdata(f"<Request><Body><Msg>{escape(LINES)}</Msg></Body></Request>"),
        as_cdata(f"{SAYS_UTF_16}<a><b>{escape(f'<c>{escape(LINES)}</c>')}</b></a>"),
    ],
)
def test_a_v2_message_is_found_as_text_wherever_it_stands(content: str) -> None:
    assert sent(content) == (Format.HL7V2, LINES.encode())


def test_carriage_returns_survive_where_they_are_written_as_references() -> None:
    assert sent(as_text(V2)) == (Format.HL7V2, V2.strip().encode())


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-8-sig"])
def test_a_v2_message_in_base64_is_taken_byte_by_byte(codec: str) -> None:
    raw = V2.encode(codec)
    content = b64encode(b"\x0b" + raw + b"\x1c\r").decode()
    broken = "\n".join(content[at : at + 76] for at in range(0, len(content), 76))
    assert sent(content) == sent(broken) == (Format.HL7V2, raw)


def test_segments_that_were_indented_begin_at_the_margin_again() -> None:
    assert sent(as_cdata("\n    " + LINES.replace("\n", "\n    "))) == (Format.HL7V2, LINES.encode())


@pytest.mark.parametrize(
    "content",
    [
        as_cdata(document()),
        escape(document()),
        as_cdata(f'<?xml version="1.0" encoding="UTF-8"?>\n{document()}'),
        as_cdata(f'<?xml version="1.0" encoding="GBK"?>{document()}'),
        as_cdata(f"{SAYS_UTF_16}{document()}"),
        document(),
        b64encode(f'<?xml version="1.0" encoding="GBK"?>{document()}'.encode("gb18030")).decode(),
        b64encode(document().encode("utf-16")).decode(),
        f"<RCMR_IN000030UV01 xmlns='urn:hl7-org:v3'><text>{b64encode(document().encode()).decode()}</text>"
        "</RCMR_IN000030UV01>",
        as_cdata(f"<Request><Body><Doc>{document()}</Doc></Body></Request>"),
    ],
)
def test_a_document_is_found_as_xml_text_or_base64_and_can_be_read_alone(content: str) -> None:
    format_, raw = sent(content)
    assert format_ is Format.CDA
    root = parse(raw)
    assert root.tag == "{urn:hl7-org:v3}ClinicalDocument"
    assert root.findtext(".//{*}patient/{*}name") == "测试甲"


def test_a_document_that_is_broken_is_found_too() -> None:
    broken = document()[:-5]
    assert sent(as_cdata(broken)) == (Format.CDA, broken.encode())


def test_a_message_inside_a_document_is_the_documents() -> None:
    inside = document(more=f"<text>{escape(LINES)}</text>")
    assert sent(as_cdata(inside)) == (Format.CDA, inside.encode())


@pytest.mark.parametrize("charset", ["", "gb18030", "UTF-8"])
@pytest.mark.parametrize("declared", ["", "UNICODE UTF-8", "GB 18030-2000", "GBK", "UNICODE", "8859/1", "KLINGON"])
@given(name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8))
@example(name="测试甲𠀀")
@example(name="é")
@example(name="联通")
def test_a_v2_message_that_came_as_text_is_read_as_that_text(charset: str, declared: str, name: str) -> None:
    """Whatever MSH-18 and the profile say, where the character set that they name can write it."""
    text = f"MSH|^~\\&|HIS||||||ADT^A01|1|P|2.4||||||{declared}\nPID|||1||x{name}x"
    _, raw = sent(escape(text), charset)
    if declared == "KLINGON" or (declared == "8859/1" and not _is_latin(text)):
        assert raw == text.encode()
    else:
        assert decode(raw, read_header(raw), charset) == text


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


# -- the answer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [SOAP_11, SOAP_12])
async def test_an_acknowledgement_is_the_result_of_the_operation(version: str) -> None:
    door = Door()
    answer = await door.post(envelope(as_text(V2), version=version))
    assert (answer.status, answer.version) == (200, version)
    assert answer.body.tag == "{urn:hl7-org:v3}HIPMessageServerResponse"
    assert answer.body[0].tag == "{urn:hl7-org:v3}payload"
    assert answer.result == ACK
    assert door.frames == [V2.strip().encode()]


async def test_the_segments_of_the_answer_end_as_those_of_the_message() -> None:
    for content, end in ((as_cdata(LINES), "\n"), (as_cdata(LINES.replace("\n", "\r")), "\r"), (as_text(V2), "\r")):
        assert (await Door().post(envelope(content))).result == ACK.replace("\r", end)
    raw = b64encode(LINES.encode()).decode()
    assert (await Door().post(envelope(raw))).result == ACK.replace("\r", "\n")


@pytest.mark.parametrize(
    ("namespace", "prefix", "operation", "parameter", "result"),
    [
        (
            "http://www.dhcc.com.cn",
            "d:",
            "HIPMessageServer",
            "input2",
            "{http://www.dhcc.com.cn}HIPMessageServerResult",
        ),
        ("http://esb.ewell.cc", "d:", "HIPMessageServer", "input", "{http://esb.ewell.cc}output"),
        ("http://tempuri.org/", "d:", "SendMsg", "msg", "{http://tempuri.org/}SendMsgResult"),
        ("urn:hl7-org:v3", "", "HIPMessageServer", "message", "payload"),
        ("urn:anything", "d:", "receive", "payload", "{urn:anything}payload"),
    ],
)
async def test_a_result_is_named_as_the_platform_looks_for_it(
    namespace: str, prefix: str, operation: str, parameter: str, result: str
) -> None:
    content = (
        f'<s:Envelope xmlns:s="{SOAP_11}" xmlns:d="{namespace}"><s:Body><d:{operation}><{prefix}{parameter}>'
        f"{as_cdata(LINES)}</{prefix}{parameter}></d:{operation}></s:Body></s:Envelope>"
    )
    answer = await Door().post(content)
    assert answer.body.tag == f"{{{namespace}}}{operation}Response"
    assert [element.tag for element in answer.body] == [result]


async def test_an_acknowledgement_that_is_sent_to_us_is_answered_with_an_empty_result() -> None:
    answer = await Door().post(envelope(as_cdata("MSH|^~\\&|HIS||||1||ACK|1|P|2.4\nMSA|AA|1")))
    assert (answer.status, answer.result) == (200, "")


async def test_a_document_is_answered_with_code_text_and_next_step_in_both_languages() -> None:
    door = Door()
    answer = await door.post(envelope(as_cdata(document())))
    result = etree.fromstring(answer.result)
    assert result.findtext("Code") == "AA"
    assert result.findtext("MessageId")
    assert {element.get("language") for element in result.iterfind("Text")} == {"zh", "en"}
    (arrival,) = door.arrivals
    assert (arrival.kind, arrival.refusal) == ("CDA C0053", None)


async def test_a_document_with_a_fault_is_kept_and_its_line_and_column_told() -> None:
    door = Door()
    answer = await door.post(envelope(as_cdata(document()[:-5])))
    result = etree.fromstring(answer.result)
    assert answer.status == 200
    assert (result.findtext("Code"), result.findtext("Reason")) == ("AE", "xml-not-well-formed")
    assert "line 21, column 15" in result.findtext("Text[@language='en']")
    assert door.arrivals[0].refusal is not None


async def test_an_answer_relates_to_the_message_id_of_ws_addressing() -> None:
    wsa = "http://www.w3.org/2005/08/addressing"
    header = (
        f'<a:Action xmlns:a="{wsa}" soap:mustUnderstand="1">urn:x</a:Action>'
        f'<a:MessageID xmlns:a="{wsa}">urn:uuid:1</a:MessageID>'
        f'<a:ReplyTo xmlns:a="{wsa}" soap:mustUnderstand="1"><a:Address>{wsa}/anonymous</a:Address></a:ReplyTo>'
    )
    answer = await Door().post(envelope(as_cdata(LINES), version=SOAP_12, header=header))
    assert answer.root.findtext(f".//{{{wsa}}}RelatesTo") == "urn:uuid:1"
    assert answer.root.findtext(f".//{{{wsa}}}Action") == "urn:xResponse"
    elsewhere = header.replace(f"{wsa}/anonymous", "http://elsewhere.example/")
    assert (await Door().post(envelope(as_cdata(LINES), header=elsewhere))).fault == "soap-header-not-understood"


# -- who sends ---------------------------------------------------------------------------------------------------------


async def test_a_token_is_taken_from_either_header_or_from_the_envelope() -> None:
    content = envelope(as_cdata(LINES))
    assert (await Door().post(content)).status == 200
    assert (await Door().post(content, authorization=BASIC)).status == 200
    signed = envelope(as_cdata(LINES), header=username_token("good"))
    assert (await Door().post(signed, authorization="")).status == 200


@pytest.mark.parametrize(
    ("header", "authorization", "code"),
    [
        ("", "", "soap-no-token"),
        ("", "Bearer bad", "no-token"),
        ("", "Basic " + b64encode(b"good").decode(), "soap-no-token"),
        ("", "Basic ==", "soap-no-token"),
        ("", "Negotiate abc", "soap-no-token"),
        (username_token("bad"), "", "no-token"),
        (username_token("good"), "Bearer bad", "no-token"),
        (username_token("good", "PasswordDigest"), "", "soap-password-digest"),
        (username_token(""), "", "no-token"),
    ],
)
async def test_who_shows_no_good_token_gets_a_fault_and_nothing_is_kept(
    header: str, authorization: str, code: str
) -> None:
    door = Door()
    for version, status in ((SOAP_11, 500), (SOAP_12, 400 if code == "soap-password-digest" else 401)):
        answer = await door.post(envelope(as_cdata(LINES), version=version, header=header), authorization=authorization)
        wanted = 500 if authorization == "Bearer bad" else status  # before the envelope is read, its type tells
        assert (answer.fault, answer.status) == (code, wanted)
    assert not door.frames + door.arrivals


async def test_a_token_of_another_source_is_refused() -> None:
    door = Door(replace(HOSPITAL, name="zhongyi-his"))
    assert (await door.post(envelope(as_cdata(LINES)))).fault == "may-not-send"


# -- faults ------------------------------------------------------------------------------------------------------------


async def test_a_fault_says_in_both_languages_what_to_do() -> None:
    old = await Door().post(envelope("nothing"))
    assert (old.status, old.body.findtext("faultcode")) == (500, "soap:Client")
    assert "请将消息" in old.body.findtext("faultstring")
    assert "Put the message" in old.body.findtext("faultstring")
    new = await Door().post(envelope("nothing", version=SOAP_12))
    assert (new.status, new.body.findtext("{*}Code/{*}Value")) == (400, "soap:Sender")
    languages = [text.get("{http://www.w3.org/XML/1998/namespace}lang") for text in new.body.iterfind(".//{*}Text")]
    assert languages == ["zh", "en"]
    assert len(list(new.body.iterfind(".//{*}refusal/{*}nextStep"))) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (envelope("nothing"), "soap-no-message"),
        (envelope(f"<a>{as_cdata(LINES)}</a><b>{escape(document())}</b>"), "soap-several-messages"),
        (envelope(LINES), "xml-not-well-formed"),
        (f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body/></s:Envelope>', "soap-no-body"),
        (f'<s:Envelope xmlns:s="{SOAP_11}"/>', "soap-no-body"),
        ('<s:Envelope xmlns:s="urn:other"><s:Body><a/></s:Body></s:Envelope>', "soap-version"),
        (document(), "not-soap"),
        ("<!DOCTYPE a>" + envelope(as_cdata(LINES)), "xml-doctype"),
        (LINES, "xml-not-well-formed"),
    ],
)
async def test_an_envelope_without_one_readable_message_is_kept_for_inspection(content: str, code: str) -> None:
    door = Door()
    answer = await door.post(content)
    assert answer.fault == code
    assert answer.status == 500
    (arrival,) = door.arrivals
    assert (arrival.raw, arrival.kind) == (content.encode(), "SOAP")
    assert arrival.refusal is not None
    assert arrival.refusal.code == code


async def test_of_a_stranger_nothing_is_kept() -> None:
    door = Door()
    assert (await door.post(LINES, authorization="")).fault == "xml-not-well-formed"
    assert not door.arrivals


async def test_a_header_that_has_to_be_understood_and_is_not_is_a_fault() -> None:
    for version, code in ((SOAP_11, "soap:MustUnderstand"), (SOAP_12, "soap:MustUnderstand")):
        header = '<t:Transaction xmlns:t="urn:t" soap:mustUnderstand="{}">5</t:Transaction>'
        answer = await Door().post(envelope(as_cdata(LINES), version=version, header=header.format("1")))
        assert (answer.status, answer.fault) == (500, "soap-header-not-understood")
        assert code in (answer.body.findtext("faultcode"), answer.body.findtext("{*}Code/{*}Value"))
        assert (await Door().post(envelope(as_cdata(LINES), header=header.format("0")))).status == 200


@pytest.mark.parametrize("sent_type", ["multipart/related; type=x", "application/json", "application/fhir+xml"])
async def test_a_request_of_another_type_is_refused(sent_type: str) -> None:
    assert (await Door().post(envelope(as_cdata(LINES)), content_type=sent_type)).fault == "soap-content-type"


async def test_a_request_above_the_limit_is_refused() -> None:
    assert (await Door(max_bytes=1000).post(envelope("x" * 2000))).fault == "frame-too-large"


async def test_a_format_that_the_profile_does_not_name_is_refused() -> None:
    door = Door(replace(HOSPITAL, also=frozenset()))
    assert (await door.post(envelope(as_cdata(document())))).fault == "format-not-declared"


@pytest.mark.parametrize("content", [as_cdata(document()), "nothing"])
async def test_what_could_not_be_kept_is_the_servers_fault(content: str) -> None:
    door = Door(fault=ConnectionError("测试甲"))
    for version, code in ((SOAP_11, "soap:Server"), (SOAP_12, "soap:Receiver")):
        answer = await door.post(envelope(content, version=version))
        assert (answer.status, answer.fault) == (500, "not-kept")
        assert code in (answer.body.findtext("faultcode"), answer.body.findtext("{*}Code/{*}Value"))


async def test_a_fault_of_ours_keeps_the_envelope_under_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("测试甲")

    monkeypatch.setattr(soap_endpoint, "unwrap", fail)
    door = Door()
    answer = await door.post(envelope(as_cdata(LINES)))
    assert (answer.status, answer.fault) == (500, "internal")
    assert "测试甲" not in answer.response.text
    assert door.arrivals[0].refusal is not None


async def test_half_a_million_elements_are_looked_through_in_time() -> None:
    crowd = "<b/>" * 300_000 + "<c>no</c>" * 100_000
    began = time.monotonic()
    answer = await Door(max_bytes=10_000_000).post(envelope(f"{crowd}<d>{as_cdata(LINES)}</d>"))
    assert (answer.status, answer.fault) == (200, "")
    assert time.monotonic() - began < 10


async def test_a_large_envelope_is_opened_like_a_small_one() -> None:
    door = Door()
    large = LINES + "\nNTE|1||" + "中" * 100_000
    assert (await door.post(envelope(as_cdata(large)))).status == 200
    assert door.frames == [large.encode()]


@settings(max_examples=60)
@given(at=st.integers(0, 900), bytes_=st.binary(min_size=1, max_size=6))
async def test_every_garbled_envelope_is_answered_and_kept_or_refused(at: int, bytes_: bytes) -> None:
    whole = envelope(as_cdata(LINES)).encode()
    door = Door()
    answer = await door.post(whole[:at] + bytes_ + whole[at + len(bytes_) :])
    assert answer.status in (200, 500)
    assert len(door.frames) + len(door.arrivals) == 1


# -- the description ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=1", "singleWsdl"])
async def test_the_description_names_the_address_that_it_was_asked_for_at(query: str) -> None:
    response = await Door().ask("GET", f"/soap/renmin-his?{query}", x_forwarded_host="evil.example")
    root = etree.fromstring(response.content)
    addresses = {element.get("location") for element in root.iterfind(".//{*}port/{*}address")}
    assert addresses == {"http://hub.example:8080/soap/renmin-his"}
    assert b"evil" not in response.content


async def test_a_description_is_well_formed_whatever_the_address_holds() -> None:
    response = await Door().ask("GET", '/soap/"><script>?wsdl')
    assert b"<script" not in response.content
    etree.fromstring(response.content)


async def test_a_get_without_wsdl_is_told_what_is_taken_here() -> None:
    response = await Door().ask("GET", "/soap/renmin-his")
    assert response.status_code == 405
    assert "wsdl" in response.text
