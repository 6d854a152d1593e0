"""SOAP envelopes: read, and written as responses and faults.

SOAP 1.1: https://www.w3.org/TR/2000/NOTE-SOAP-20000508/. SOAP 1.2: https://www.w3.org/TR/soap12-part1/ and, for the
HTTP status, https://www.w3.org/TR/soap12-part2/#http-bindname. The version is that of the envelope's namespace: some
senders put an envelope of 1.1 under the content type of 1.2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from adapters.xml import Element, children, fit, local_name, namespace_of, text_in
from hub.errors import Refusal, refuse

OURS = "urn:family-doctor-hub:soap"
"""The namespace of what a fault's detail holds."""
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_ADDRESSING = ("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing")
_ANONYMOUS = ("http://www.w3.org/2005/08/addressing/anonymous", f"{_ADDRESSING[1]}/role/anonymous")
_XML = "http://www.w3.org/XML/1998/namespace"
_YES = ("1", "true")

# How the platforms that call us name the one result of an operation, by the namespace of the operation; `{}` is its
# name. A client made from one of their descriptions looks for that name.
_RESULTS: Mapping[str, str] = {
    "http://www.dhcc.com.cn": "{}Result",
    "http://tempuri.org/": "{}Result",
    "http://esb.ewell.cc": "output",
}
_RESULT = "payload"


class Version(StrEnum):
    """The two versions of SOAP, by the namespace of their envelopes."""

    SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

    @property
    def media_type(self) -> str:
        """The content type of its messages."""
        return "text/xml" if self is Version.SOAP_11 else "application/soap+xml"


class Side(StrEnum):
    """Whose fault it is; the value is the fault code of SOAP 1.1 (section 4.4.1)."""

    CLIENT = "Client"
    SERVER = "Server"
    VERSION = "VersionMismatch"
    HEADER = "MustUnderstand"


_CODE_12 = {Side.CLIENT: "Sender", Side.SERVER: "Receiver"}
_SIDES = {
    "not-kept": Side.SERVER,
    "internal": Side.SERVER,
    "soap-version": Side.VERSION,
    "soap-header-not-understood": Side.HEADER,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressing:
    """What WS-Addressing headers ask of the response; all "" where there are none."""

    namespace: str = ""
    action: str = ""
    message_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A request, taken apart. `operation` is the first element of the Body, `headers` are those of the Header."""

    version: Version
    body: Element
    operation: Element
    headers: tuple[Element, ...]
    addressing: Addressing


def read_envelope(root: Element) -> Envelope:
    """The parts of a request. Raises Refused (not-soap, soap-version, soap-no-body)."""
    if local_name(root) != "Envelope":
        raise refuse("not-soap", "/")
    if namespace_of(root) not in list(Version):
        raise refuse("soap-version", "Envelope")
    version = Version(namespace_of(root))
    body = root.find(f"{{{version}}}Body")
    operation = next(body.iterchildren("*"), None) if body is not None else None
    if body is None or operation is None:
        raise refuse("soap-no-body", "Envelope.Body")
    header = root.find(f"{{{version}}}Header")
    headers = tuple(header.iterchildren("*")) if header is not None else ()
    return Envelope(version=version, body=body, operation=operation, headers=headers, addressing=_addressing(headers))


def check_understood(envelope: Envelope) -> None:
    """Raises Refused (soap-header-not-understood) where a header that is not known here has to be understood (SOAP 1.1
    section 4.2.3, SOAP 1.2 part 1 section 5.2.3)."""
    for header in envelope.headers:
        if header.get(f"{{{envelope.version}}}mustUnderstand") in _YES and not _is_understood(header):
            name = local_name(header)
            raise refuse("soap-header-not-understood", f"Header.{name}" if name.isascii() else "Header")


def _is_understood(header: Element) -> bool:
    namespace, name = namespace_of(header), local_name(header)
    if namespace == WSSE:
        return name == "Security"
    if namespace not in _ADDRESSING:
        return False
    if name in ("ReplyTo", "FaultTo"):  # the answer goes back on the connection that the request came by
        return text_in(next(children(header, "Address"), None)) in _ANONYMOUS
    return name in ("Action", "To", "MessageID", "From", "RelatesTo")


def _addressing(headers: tuple[Element, ...]) -> Addressing:
    found = {local_name(header): header for header in headers if namespace_of(header) in _ADDRESSING}
    if "MessageID" not in found:
        return Addressing()
    return Addressing(
        namespace=namespace_of(found["MessageID"]),
        action=text_in(found.get("Action"))[:300],
        message_id=text_in(found["MessageID"])[:300],
    )


# -- writing -----------------------------------------------------------------------------------------------------------


def write_response(envelope: Envelope, result: str) -> bytes:
    """The answer to an operation: ``OperationResponse`` in its namespace, with one element that holds `result` as text.

    The element is qualified where the parameters of the request are. Characters that XML cannot carry become blanks; a
    carriage return is written as a reference, so that it is still one at the other end (XML 1.0 section 2.11).
    """
    namespace, name = namespace_of(envelope.operation), local_name(envelope.operation)
    root, body = _opened(envelope.version, envelope.addressing, "Response")
    response = etree.SubElement(
        body, _named(namespace, f"{name}Response"), nsmap={"op": namespace} if namespace else None
    )
    first = next(envelope.operation.iterchildren("*"), None)
    is_qualified = first is None or namespace_of(first) == namespace
    result_name = _RESULTS.get(namespace, _RESULT).format(name)
    element = etree.SubElement(response, _named(namespace if is_qualified else "", result_name))
    element.text = fit(result)
    return _closed(root)


def write_fault(version: Version, refusal: Refusal, addressing: Addressing | None = None) -> bytes:
    """A refusal as a fault, in Chinese and English; its detail has code, place and next step for programs."""
    side = side_of(refusal)
    root, body = _opened(version, addressing or Addressing(), "/fault")
    fault = etree.SubElement(body, _named(version, "Fault"))
    said = [(language, _sentence(refusal, language)) for language in ("zh", "en")]
    if version is Version.SOAP_11:
        _put(fault, "faultcode", f"soap:{side}")
        _put(fault, "faultstring", " / ".join(text for _, text in said))
        detail = etree.SubElement(fault, "detail")
    else:
        code = etree.SubElement(fault, _named(version, "Code"))
        _put(code, _named(version, "Value"), f"soap:{_CODE_12.get(side, side)}")
        reason = etree.SubElement(fault, _named(version, "Reason"))
        for language, text in said:
            _put(reason, _named(version, "Text"), text, language)
        detail = etree.SubElement(fault, _named(version, "Detail"))
    ours = etree.SubElement(detail, _named(OURS, "refusal"), nsmap={"hub": OURS})
    for name, text, language in _parts(refusal):
        _put(ours, _named(OURS, name), text, language)
    return _closed(root)


def status_of_fault(version: Version, refusal: Refusal) -> int:
    """The HTTP status of a fault: always 500 in SOAP 1.1 (section 6.2); in SOAP 1.2 as its HTTP binding has it (part 2
    section 7.5.2.2), and 401 for who has shown no token."""
    if version is Version.SOAP_11:
        return 500
    if refusal.code in ("no-token", "soap-no-token"):
        return 401
    return 400 if side_of(refusal) is Side.CLIENT else 500


def side_of(refusal: Refusal) -> Side:
    """Whose fault a refusal is."""
    return _SIDES.get(refusal.code, Side.CLIENT)


def _sentence(refusal: Refusal, language: str) -> str:
    if language == "zh":
        return refusal.message("zh") + refusal.next_step("zh")
    return str(refusal)


def _parts(refusal: Refusal) -> Iterator[tuple[str, str, str]]:
    yield "code", refusal.code, ""
    if refusal.where:
        yield "where", refusal.where, ""
    yield "nextStep", refusal.next_step("zh"), "zh"
    yield "nextStep", refusal.next_step("en"), "en"


def _opened(version: Version, addressing: Addressing, suffix: str) -> tuple[Element, Element]:
    """An envelope with its Body, and with the headers that relate it to its request."""
    root = etree.Element(_named(version, "Envelope"), nsmap={"soap": version.value})
    if addressing.message_id:
        header = etree.SubElement(root, _named(version, "Header"))
        for name, text in (("Action", f"{addressing.action}{suffix}"), ("RelatesTo", addressing.message_id)):
            element = etree.SubElement(header, _named(addressing.namespace, name), nsmap={"wsa": addressing.namespace})
            element.text = fit(text)
    return root, etree.SubElement(root, _named(version, "Body"))


def _closed(root: Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _put(parent: Element, name: str, text: str, language: str = "") -> None:
    element = etree.SubElement(parent, name)
    element.text = fit(text)
    if language:
        element.set(f"{{{_XML}}}lang", language)


def _named(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name
