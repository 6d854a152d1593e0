"""Refusals of source profiles and of sample messages."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

PROFILES: Mapping[str, Wording] = {
    "bad-profile": Wording(
        "{where}: {en}.",
        "{where}：{zh}。",
        "Correct the source profile; hub/docs/source-profiles.md lists its keys, and `hub source check` names every "
        "fault.",
        "请更正来源配置；可用的键见 hub/docs/source-profiles.md，运行 hub source check 可列出全部错误。",
    ),
    "no-samples": Wording(
        "{where} holds no message that the hub could read.",
        "{where} 中没有可读取的消息。",
        "Give files with HL7 v2 messages (as they are, or as an MLLP capture), FHIR JSON, CDA XML or CSV.",
        "请提供包含 HL7 v2 消息（原始文本或 MLLP 抓包）、FHIR JSON、CDA XML 或 CSV 的文件。",
    ),
    "profile-exists": Wording(
        "{where} is there already.",
        "{where} 已存在。",
        "Choose another name, or another folder with --out.",
        "请另选名称，或通过 --out 指定其他目录。",
    ),
}
