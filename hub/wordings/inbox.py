"""What is said of messages in the inbox."""

from hub.wordings.wording import Wording

INBOX = {
    "control-id-reused": Wording(
        "{where}: the source has used this control id before, for a message with other content.",
        "{where}：该来源曾以同一消息控制号发送过内容不同的消息。",
        "Let the sending system give each message an id of its own (MSH-10; HL7 v2.5.1 2.15.9.10).",
        "请让发送系统为每条消息生成唯一的控制号（MSH-10，HL7 v2.5.1 2.15.9.10）。",
    ),
    "no-mapping": Wording(
        "Messages of this format ({format}) are kept, and no mapping reads them yet.",
        "此格式（{format}）的消息已保存，但尚无映射规则可读取。",
        "Nothing needs to be sent again: replay the message once its mapping is there (hub message replay).",
        "无需重新发送：映射规则就绪后，运行 hub message replay 重新处理即可。",
    ),
    "gave-up": Wording(
        "The message met a passing fault {tries} times (reference {reference} in the log).",
        "该消息连续 {tries} 次遇到暂时性故障（日志参考号 {reference}）。",
        "Mend what the log names under that reference, then replay the message (hub message replay).",
        "请按日志中该参考号所示排除故障，然后运行 hub message replay 重新处理。",
    ),
}
