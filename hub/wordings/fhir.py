"""Refusals of FHIR requests."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

FHIR: Mapping[str, Wording] = {
    "not-json": Wording(
        "The body is not JSON: {reason}.",
        "请求体不是 JSON：{reason}。",
        "Send a FHIR R4 resource as application/fhir+json in UTF-8.",
        "请以 UTF-8 编码的 application/fhir+json 发送 FHIR R4 资源。",
    ),
    "invalid-resource": Wording(
        "{where}: {reason}.",
        "{where}：{reason}。",
        "Correct {where} after FHIR R4B and send the resource again.",
        "请按 FHIR R4B 更正 {where} 后重新发送。",
    ),
    "unsupported-resource": Wording(
        "{where}: the hub takes no {type} resources.",
        "{where}：平台不接收 {type} 资源。",
        "Send one of: {known}.",
        "请发送以下类型之一：{known}。",
    ),
    "other-fhir-version": Wording(
        "{where}: this is FHIR {version}; the hub takes R4 (4.0.1) and R4B (4.3.0).",
        "{where}：这是 FHIR {version}；平台接收 R4（4.0.1）与 R4B（4.3.0）。",
        "Let the sender write FHIR R4 or R4B, then send it again.",
        "请由发送方改用 FHIR R4 或 R4B 后重新发送。",
    ),
    "may-not-tell": Wording(
        "{where}: this source has no say in {tells}, so its {kind} is not taken.",
        "{where}：该来源无权提供 {tells} 类信息，不接收其 {kind}。",
        'Add "{tells}" to `tells` in the source profile, or send it from the system whose it is; then replay.',
        '请在来源配置的 tells 中加入 "{tells}"，或由主管系统发送；然后重放。',
    ),
    "unsupported-method": Wording(
        "{where}: {method} is not taken; the hub takes POST and PUT.",
        "{where}：不支持 {method}；平台接收 POST 与 PUT。",
        "Send creates as POST and updates as PUT.",
        "新建请用 POST，更新请用 PUT。",
    ),
    "unresolved-reference": Wording(
        "{where} points to a patient that is neither in the bundle nor known of this source.",
        "{where} 指向的患者既不在 Bundle 中，也未曾由该来源发送。",
        "Send the Patient first, or in the same bundle.",
        "请先发送 Patient，或将其放入同一 Bundle。",
    ),
    "unsupported-content-type": Wording(
        "The content type {type} is not taken here.",
        "此处不接收内容类型 {type}。",
        "Send application/hl7-v2, application/fhir+json or text/csv.",
        "请发送 application/hl7-v2、application/fhir+json 或 text/csv。",
    ),
    "transaction-failed": Wording(
        "The transaction was rolled back because of {where}.",
        "由于 {where}，整个事务已回滚。",
        "Correct {where} and send the whole bundle again.",
        "请更正 {where} 后重新发送整个 Bundle。",
    ),
}
