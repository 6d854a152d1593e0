"""Refusals of frames and their headers."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

WIRE: Mapping[str, Wording] = {
    "unreadable-frame": Wording(
        "The frame holds no readable MSH segment.",
        "帧内没有可读的 MSH 段。",
        "Send one HL7 v2 message a frame, beginning with MSH and its separators; the bytes are kept.",
        "每帧发送一条以 MSH 及分隔符开头的 HL7 v2 消息；原始字节已保存，可供查看。",
    ),
    "broken-frame": Wording(
        "The frame has no end: 0x1C 0x0D never came.",
        "帧没有结束标记：未收到 0x1C 0x0D。",
        "Send the message again, closed with 0x1C 0x0D; the bytes are kept for inspection.",
        "请以 0x1C 0x0D 结束并重新发送该消息；原始字节已保存，可供查看。",
    ),
    "stray-bytes": Wording(
        "There are bytes outside any frame: no 0x0B stands before them.",
        "帧外出现字节：其前没有 0x0B。",
        "Begin each message with 0x0B and close it with 0x1C 0x0D; the bytes are kept for inspection.",
        "请以 0x0B 开始、以 0x1C 0x0D 结束每条消息；原始字节已保存，可供查看。",
    ),
    "frame-too-large": Wording(
        "The message is larger than {limit} bytes.",
        "消息超过 {limit} 字节。",
        "Split the message, or raise HUB_MAX_MESSAGE_BYTES.",
        "请拆分消息，或调大 HUB_MAX_MESSAGE_BYTES。",
    ),
    "missing-field": Wording(
        "{where} is required and empty.",
        "{where} 为必填，但为空。",
        "Fill {where} and send the message again.",
        "请填写 {where} 后重新发送。",
    ),
    "unknown-source": Wording(
        "{where} names no source that this hub knows.",
        "{where} 所示来源未在本平台登记。",
        "Add a source profile with this sending application and facility under HUB_CONFIG_DIR/sources, "
        "then replay the message.",
        "请在 HUB_CONFIG_DIR/sources 下为该发送应用与机构添加来源配置，然后重放此消息。",
    ),
    "ambiguous-source": Wording(
        "{where} fits more than one source.",
        "{where} 对应多个来源。",
        "Give each source profile a sending application and facility of its own.",
        "请为每个来源配置互不相同的发送应用与机构。",
    ),
    "unknown-message-type": Wording(
        "{where}: the hub does not take {type} messages.",
        "{where}：平台不接收 {type} 消息。",
        "Send one of: {known}.",
        "请发送以下类型之一：{known}。",
    ),
    "wrong-charset": Wording(
        "The text is not valid {charset}: first bad byte at position {position}.",
        "文本不是有效的 {charset} 编码：第 {position} 字节起无法解码。",
        "Name the character set that the bytes are in (MSH-18 or the source profile), then send again or replay.",
        "请在 MSH-18 或来源配置中写明实际字符集，再重新发送或重放。",
    ),
    "unknown-charset": Wording(
        "{where} names the character set {charset}, which the hub does not know.",
        "{where} 声明的字符集 {charset} 无法识别。",
        "Use UNICODE UTF-8 or GB 18030-2000, or leave {where} empty and set the charset in the source profile.",
        "请使用 UNICODE UTF-8 或 GB 18030-2000，或留空 {where} 并在来源配置中设置字符集。",
    ),
}
