"""Refusals of HTTP requests at the FHIR door, before and beside what their resources say."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

FHIR_DOOR: Mapping[str, Wording] = {
    "unsupported-encoding": Wording(
        "The body is packed in a way that the hub does not unpack.",
        "请求体的压缩方式无法解压。",
        "Pack it once, with one of: {encodings}; or send it unpacked.",
        "请仅压缩一次并使用以下方式之一：{encodings}；或不压缩直接发送。",
    ),
    "broken-body": Wording(
        "The body ends before its declared length.",
        "请求体在声明的长度之前结束。",
        "Send the request again; nothing of it was kept.",
        "请重新发送该请求；平台未保存其任何内容。",
    ),
    "not-unpackable": Wording(
        "The body is not what its Content-Encoding says: it cannot be unpacked to its end.",
        "请求体与其 Content-Encoding 不符：无法完整解压。",
        "Pack the whole body with {encodings}, or send it unpacked; nothing of it was kept.",
        "请以 {encodings} 压缩完整的请求体，或不压缩直接发送；平台未保存其任何内容。",
    ),
    "body-too-slow": Wording(
        "Nothing of the body came for {seconds} seconds.",
        "请求体已有 {seconds} 秒没有新数据到达。",
        "Send the request again over a connection that does not stall; nothing of it was kept.",
        "请在连接稳定后重新发送该请求；平台未保存其任何内容。",
    ),
    "fhir-in-xml": Wording(
        "FHIR written in XML is not taken.",
        "不接收 XML 格式的 FHIR。",
        "Send the same resource as JSON, with the content type application/fhir+json.",
        "请以 JSON 格式发送同一资源，内容类型为 application/fhir+json。",
    ),
    "json-not-utf8": Wording(
        "The body is not UTF-8: first bad byte at position {position}.",
        "请求体不是 UTF-8 编码：第 {position} 字节起无法解码。",
        "Convert it to UTF-8 before sending (RFC 8259 section 8.1); text in GBK or GB 18030 is not taken here. "
        "The bytes are kept as they came.",
        "请先转换为 UTF-8 再发送（RFC 8259 第 8.1 节）；此处不接收 GBK 或 GB 18030 编码的文本。原始字节已按原样保存。",
    ),
    "nested-too-deeply": Wording(
        "The body is nested deeper than {limit} levels.",
        "请求体的嵌套超过 {limit} 层。",
        "Send resources as FHIR R4B defines them: none of them needs so many levels.",
        "请按 FHIR R4B 的定义发送资源：任何资源都不需要如此多的层级。",
    ),
    "unsupported-condition": Wording(
        "{where}: {reason}.",
        "{where}：{reason}。",
        "Name the resource by one of its own identifiers, identifier=SYSTEM|VALUE, and by nothing else.",
        "请仅以资源自身的一个标识符指明该资源：identifier=SYSTEM|VALUE，不要使用其他条件。",
    ),
    "same-resource-twice": Wording(
        "{where} stands for the same resource as {other}.",
        "{where} 与 {other} 指向同一资源。",
        "Let a transaction name each resource once (FHIR R4 3.1.0.11.2), with a fullUrl of its own.",
        "请让事务中的每个资源只出现一次（FHIR R4 3.1.0.11.2），并各有自己的 fullUrl。",
    ),
    "reference-not-in-bundle": Wording(
        "{where} points to an entry that the bundle does not have.",
        "{where} 指向 Bundle 中不存在的条目。",
        "Put the resource into the same bundle under that fullUrl, or refer to it by its identifier.",
        "请将所指资源以该 fullUrl 放入同一 Bundle，或改用标识符引用。",
    ),
    "bad-idempotency-key": Wording(
        "The Idempotency-Key is empty, longer than {limit} characters, or not printable ASCII.",
        "Idempotency-Key 为空、超过 {limit} 个字符，或含有不可打印的 ASCII 字符。",
        "Give each request a key of its own, such as a UUID, and send the same key with the same body again.",
        "请为每个请求生成唯一的键（例如 UUID），重发同一请求体时使用同一个键。",
    ),
    "unsupported-operation": Wording(
        "The hub does not offer {operation} at this address.",
        "平台在此地址不提供 {operation}。",
        "See GET /fhir/metadata for what it offers; residents are read by GraphQL.",
        "平台提供的交互请见 GET /fhir/metadata；居民信息请通过 GraphQL 读取。",
    ),
    "no-response-url": Wording(
        "{where}: the hub sends no answer to an address of the sender's.",
        "{where}：平台不会向发送方指定的地址回送应答。",
        "Leave response-url out: the answer comes with this request, or at the status address of a 202.",
        "请去掉 response-url：应答随本次请求返回，或在 202 给出的状态地址查询。",
    ),
}
