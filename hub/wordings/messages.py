"""Refusals of looking at messages and taking them in again."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

MESSAGES: Mapping[str, Wording] = {
    "may-not-see-messages": Wording(
        "The role {role} does not look at these messages.",
        "角色 {role} 不能查看这些消息。",
        "Engineers and administrators see every source's messages, a source's own account its own.",
        "工程师与管理员可查看所有来源的消息，来源账户可查看自己的消息。",
    ),
    "no-such-message": Wording(
        "There is no such message.",
        "没有该消息。",
        "Look for it by number, name or time: `hub message list`.",
        "请用 hub message list 按号码、姓名或时间查找。",
    ),
    "bytes-gone": Wording(
        "The bytes of this message are no longer kept.",
        "该消息的原始字节已过保存期限。",
        "What it was and what it became can still be seen; ask its sender for the content.",
        "仍可查看该消息的登记与处理结果；如需内容，请向发送方索取。",
    ),
    "reason-needed": Wording(
        "What a message says of people is shown only for a reason.",
        "查看消息中的个人信息须说明理由。",
        "Say why with --reveal; the audit trail keeps it.",
        "请用 --reveal 写明理由，审计记录会予以保存。",
    ),
    "nothing-explained": Wording(
        "{where} holds no message that a door would take.",
        "{where} 中没有平台可接收的消息。",
        "Give a file of HL7 v2, FHIR JSON, CDA or CSV; for anything but HL7 v2 name its --source.",
        "请提供 HL7 v2、FHIR JSON、CDA 或 CSV 文件；除 HL7 v2 外，须用 --source 指定来源。",
    ),
}
