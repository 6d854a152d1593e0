"""The description of the door (WSDL 1.1), for clients that are made from one.

One operation in document/literal wrapped form, ``HIPMessageServer``, under the names that Chinese integration platforms
use: namespace ``urn:hl7-org:v3``, parameters ``action`` and ``message``. Other operations are answered too, by their
own names; they need no description.
"""

from xml.sax.saxutils import quoteattr

NAMESPACE = "urn:hl7-org:v3"
OPERATION = "HIPMessageServer"

_TEXT = """\
<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="HIPService" targetNamespace="{namespace}" xmlns:tns="{namespace}"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/">
  <wsdl:types>
    <xsd:schema targetNamespace="{namespace}" elementFormDefault="qualified">
      <xsd:element name="{operation}">
        <xsd:complexType>
          <xsd:sequence>
            <xsd:element name="action" type="xsd:string" minOccurs="0"/>
            <xsd:element name="message" type="xsd:string"/>
          </xsd:sequence>
        </xsd:complexType>
      </xsd:element>
      <xsd:element name="{operation}Response">
        <xsd:complexType>
          <xsd:sequence>
            <xsd:element name="payload" type="xsd:string"/>
          </xsd:sequence>
        </xsd:complexType>
      </xsd:element>
    </xsd:schema>
  </wsdl:types>
  <wsdl:message name="{operation}Request"><wsdl:part name="parameters" element="tns:{operation}"/></wsdl:message>
  <wsdl:message name="{operation}Answer"><wsdl:part name="parameters" element="tns:{operation}Response"/></wsdl:message>
  <wsdl:portType name="HIPServicePortType">
    <wsdl:operation name="{operation}">
      <wsdl:input message="tns:{operation}Request"/>
      <wsdl:output message="tns:{operation}Answer"/>
    </wsdl:operation>
  </wsdl:portType>
{bindings}
  <wsdl:service name="HIPService">
    <wsdl:port name="HIPServiceSoap11" binding="tns:HIPServiceSoap11">
      <soap:address location={address}/>
    </wsdl:port>
    <wsdl:port name="HIPServiceSoap12" binding="tns:HIPServiceSoap12">
      <soap12:address location={address}/>
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"""
_BINDING = """\
  <wsdl:binding name="HIPServiceSoap{number}" type="tns:HIPServicePortType">
    <{prefix}:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="{operation}">
      <{prefix}:operation soapAction="{namespace}:{operation}" style="document"/>
      <wsdl:input><{prefix}:body use="literal"/></wsdl:input>
      <wsdl:output><{prefix}:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>"""


def write_wsdl(address: str) -> bytes:
    """The description of the door at an address."""
    names = {"namespace": NAMESPACE, "operation": OPERATION}
    bindings = "\n".join(
        _BINDING.format(number=number, prefix=prefix, **names) for number, prefix in (("11", "soap"), ("12", "soap12"))
    )
    return _TEXT.format(bindings=bindings, address=quoteattr(address), **names).encode()
