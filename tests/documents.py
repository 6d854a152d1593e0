"""Clinical documents and envelopes of fictional people, in the shapes that WS/T 500 and the platforms give them."""

from xml.sax.saxutils import escape

CITIZEN_ID = "37109919560312001X"
NAME = "测试甲"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
ADMISSION = (
    "MSH|^~\\&|HIS|XRMYY|HUB|WQ|20260105083000||ADT^A01|{control}|P|2.4\r"
    "EVN|A01|20260105083000\r"
    f"PID|1||0000004567^^^^PatientNO~{CITIZEN_ID}^^^^IdentifyNO||{NAME}||19560312|M\r"
    "PV1|1|I|4700^^^4700^神经内科&卒中||||||||||||||||100200300|||||||||||||||||||||||||20260105080000\r"
)
"""An admission at the county hospital; the department has an ampersand, which XML has to escape."""


def document(number: str = "D0001", *, code: str = "C0053", name: str = NAME, more: str = "", xmlns: str = "") -> str:
    """A discharge summary (WS/T 500.53), without XML declaration."""
    return f"""\
<ClinicalDocument xmlns="{xmlns or "urn:hl7-org:v3"}">
  <realmCode code="CN"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_MT000040"/>
  <templateId root="2.16.156.10011.2.1.1.21"/>
  <id root="2.16.156.10011.1.1" extension="{number}"/>
  <code code="{code}" codeSystem="2.16.156.10011.2.4" displayName="出院小结"/>
  <title>出院小结</title>
  <effectiveTime value="20260105090000"/>
  <recordTarget typeCode="RCT" contextControlCode="OP">
    <patientRole classCode="PAT">
      <id root="2.16.156.10011.1.12" extension="0000004567"/>
      <id root="2.16.156.10011.1.13" extension=""/>
      <patient classCode="PSN" determinerCode="INSTANCE">
        <id root="2.16.156.10011.1.3" extension="{CITIZEN_ID}"/>
        <name>{name}</name>
      </patient>
    </patientRole>
  </recordTarget>
  {more}
  <component><structuredBody/></component>
</ClinicalDocument>"""


def envelope(content: str, *, version: str = SOAP_11, header: str = "", operation: str = "HIPMessageServer") -> str:
    """An envelope whose parameter ``message`` holds this content, as it stands."""
    return (
        f'<soap:Envelope xmlns:soap="{version}"><soap:Header>{header}</soap:Header><soap:Body>'
        f'<{operation} xmlns="urn:hl7-org:v3"><action>ADT</action><message>{content}</message></{operation}>'
        "</soap:Body></soap:Envelope>"
    )


def as_cdata(text: str) -> str:
    """Text as CDATA."""
    return f"<![CDATA[{text}]]>"


def as_text(text: str) -> str:
    """Text with XML's own characters escaped, and carriage returns as references, so that they survive."""
    return escape(text, {"\r": "&#13;"})


def username_token(password: str, kind: str = "PasswordText") -> str:
    """A WS-Security header that has to be understood."""
    type_ = f"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#{kind}"
    return (
        f'<w:Security xmlns:w="{WSSE}" soap:mustUnderstand="1"><w:UsernameToken><w:Username>renmin-his</w:Username>'
        f'<w:Password Type="{type_}">{password}</w:Password></w:UsernameToken></w:Security>'
    )
