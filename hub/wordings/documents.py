"""Refusals of XML, clinical documents and SOAP requests."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

DOCUMENTS: Mapping[str, Wording] = {
    # -- XML
    "xml-not-well-formed": Wording(
        "The XML is not well-formed at line {line}, column {column} ({fault}).",
        "XML 格式错误：第 {line} 行第 {column} 列（{fault}）。",
        "Correct it there and send it again. Text with &, < or > in it has to be escaped or put into CDATA.",
        "请更正该处后重新发送；含有 &、<、> 的文本须转义或放入 CDATA。",
    ),
    "xml-doctype": Wording(
        "The XML has a DOCTYPE.",
        "XML 含有 DOCTYPE 声明。",
        "Leave the DOCTYPE out, and write characters instead of entities: the hub resolves none and fetches nothing.",
        "请去掉 DOCTYPE，并以字符代替实体引用：平台不解析实体，也不读取外部文件。",
    ),
    "xml-nested-too-deeply": Wording(
        "The XML is nested deeper than {limit} levels, at line {line}, column {column}.",
        "XML 嵌套超过 {limit} 层：第 {line} 行第 {column} 列。",
        "Send documents and envelopes as their standards define them: none of them needs so many levels.",
        "请按相应标准编写文档和报文：任何标准都不需要如此多的层级。",
    ),
    "xml-text-too-long": Wording(
        "A text in the XML is longer than {limit} bytes, at line {line}, column {column}.",
        "XML 中单个文本超过 {limit} 字节：第 {line} 行第 {column} 列。",
        "Send pictures and other attachments apart from the document, or in several parts.",
        "请将图片等附件与文档分开发送，或分成多个部分。",
    ),
    "xml-too-much-markup": Wording(
        "The XML has more than {limit} tags and attributes.",
        "XML 的标签与属性合计超过 {limit} 个。",
        "Send it as several documents.",
        "请拆分为多个文档发送。",
    ),
    "xml-wrong-charset": Wording(
        "The XML is not valid {charset}: first bad byte at position {position}.",
        "XML 不是有效的 {charset} 编码：第 {position} 字节起无法解码。",
        "Name the character set of the bytes in the XML declaration and in the Content-Type, then send it again.",
        "请在 XML 声明与 Content-Type 中写明实际字符集，然后重新发送。",
    ),
    "xml-unknown-charset": Wording(
        "{where} names the character set {charset}, which the hub does not know.",
        "{where} 声明的字符集 {charset} 无法识别。",
        "Send it in UTF-8, UTF-16, GBK or GB18030.",
        "请使用 UTF-8、UTF-16、GBK 或 GB18030 编码发送。",
    ),
    # -- clinical documents
    "not-a-document": Wording(
        "The root of the XML is not ClinicalDocument in the namespace urn:hl7-org:v3.",
        "XML 的根元素不是命名空间 urn:hl7-org:v3 中的 ClinicalDocument。",
        "Send one CDA document here; a SOAP envelope goes to /soap/SOURCE.",
        "请在此发送单个 CDA 文档；SOAP 报文请发往 /soap/来源名。",
    ),
    "document-without-namespace": Wording(
        "{where} has no namespace; CDA R2 says urn:hl7-org:v3.",
        "{where} 没有命名空间；CDA R2 规定为 urn:hl7-org:v3。",
        'It was taken as a CDA document all the same; let the sender write xmlns="urn:hl7-org:v3".',
        '已按 CDA 文档接收；请发送方补上 xmlns="urn:hl7-org:v3"。',
    ),
    "document-kept": Wording(
        "The document is kept.",
        "文档已保存。",
        "Nothing needs to be sent again; what becomes of it is seen in `hub message list`.",
        "无需重新发送；后续处理情况可用 hub message list 查看。",
    ),
    "format-not-declared": Wording(
        "The profile of the source {source} does not say that it sends {format}.",
        "来源 {source} 的配置未声明 {format} 格式。",
        'Add it to `also` in the source profile (also = ["cda"]), then send it again; nothing was kept.',
        '请在来源配置的 also 中加入该格式（also = ["cda"]）后重新发送；平台未保存此次内容。',
    ),
    # -- SOAP
    "not-soap": Wording(
        "The root of the XML is not a SOAP Envelope.",
        "XML 的根元素不是 SOAP Envelope。",
        "Send a SOAP 1.1 or 1.2 envelope; a bare message or document goes to /ingest/SOURCE.",
        "请发送 SOAP 1.1 或 1.2 报文；不带信封的消息或文档请发往 /ingest/来源名。",
    ),
    "soap-version": Wording(
        "The namespace of the Envelope is neither that of SOAP 1.1 nor that of SOAP 1.2.",
        "Envelope 的命名空间既不是 SOAP 1.1 也不是 SOAP 1.2。",
        "Use http://schemas.xmlsoap.org/soap/envelope/ or http://www.w3.org/2003/05/soap-envelope.",
        "请使用 http://schemas.xmlsoap.org/soap/envelope/ 或 http://www.w3.org/2003/05/soap-envelope。",
    ),
    "soap-no-body": Wording(
        "The Envelope has no Body with an operation in it.",
        "Envelope 中没有包含操作的 Body。",
        "Put one operation into the Body, such as HIPMessageServer; see ?wsdl at this address.",
        "请在 Body 中放入一个操作，例如 HIPMessageServer；服务描述见本地址的 ?wsdl。",
    ),
    "soap-header-not-understood": Wording(
        "{where} has mustUnderstand, and the hub does not know it.",
        "{where} 标有 mustUnderstand，但平台不支持该报文头。",
        "Leave the header out or its mustUnderstand: the hub knows WS-Security UsernameToken and WS-Addressing.",
        "请去掉该报文头或其 mustUnderstand 属性：平台支持 WS-Security UsernameToken 与 WS-Addressing。",
    ),
    "soap-no-message": Wording(
        "There is no HL7 v2 message and no ClinicalDocument in the Body.",
        "Body 中没有 HL7 v2 消息，也没有 ClinicalDocument。",
        "Put the message into a parameter as text, CDATA or base64; a document may also stand there as XML.",
        "请将消息以文本、CDATA 或 base64 放入参数；文档也可直接以 XML 子元素放入。",
    ),
    "soap-several-messages": Wording(
        "There is more than one message in the Body, and one response can answer only one.",
        "Body 中有多条消息，而一次响应只能应答一条。",
        "Send each message in an envelope of its own.",
        "请每个报文只发送一条消息。",
    ),
    "soap-content-type": Wording(
        "The content type {type} is not taken here.",
        "此处不接收内容类型 {type}。",
        "Send text/xml (SOAP 1.1) or application/soap+xml (SOAP 1.2), without attachments (MTOM, SwA).",
        "请使用 text/xml（SOAP 1.1）或 application/soap+xml（SOAP 1.2），不要使用附件（MTOM、SwA）。",
    ),
    "soap-no-token": Wording(
        "The request shows no token.",
        "请求未携带令牌。",
        "Send it as Authorization: Bearer, or as the password of HTTP Basic or of a WS-Security UsernameToken.",
        "请以 Authorization: Bearer 发送令牌，或将其作为 HTTP Basic 或 WS-Security UsernameToken 的密码。",
    ),
    "soap-password-digest": Wording(
        "{where} is a digest, which the hub cannot check: it keeps no passwords.",
        "{where} 为摘要，平台不保存密码，无法校验。",
        "Send the token itself as PasswordText, over a connection that is encrypted.",
        "请在加密连接上以 PasswordText 方式直接发送令牌。",
    ),
}
