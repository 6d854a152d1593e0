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
    "query-not-answered": Wording(
        "{where}: {type} is a query, and the hub answers none over HL7 v2.",
        "{where}：{type} 为查询消息，平台不通过 HL7 v2 应答查询。",
        "Ask over GraphQL (/graphql) with a token: reading goes through its rights, and each answer is audited.",
        "请持令牌通过 GraphQL（/graphql）查询：读取须经授权，且每次应答均有审计记录。",
    ),
    "wrong-charset": Wording(
        "The text is not valid {charset}: first bad byte at position {position}.",
        "文本不是有效的 {charset} 编码：第 {position} 字节起无法解码。",
        "`hub message show` prints the text around that byte as each character set reads it. Have {where} name the one "
        "that fits and send again; where the sender leaves MSH-18 empty, name it in the source profile and replay.",
        "请用 hub message show 查看该字节前后按各字符集解读的文本；在 {where} 中写明正确的字符集后重新发送。"
        "若发送方未填 MSH-18，请在来源配置中写明字符集后重放。",
    ),
    "wide-charset": Wording(
        "The message is in {charset}, which MLLP cannot carry.",
        "消息使用 {charset} 编码，MLLP 无法传输。",
        "Send it in UTF-8 (UNICODE UTF-8) or GB 18030 and say so in MSH-18; the bytes are kept.",
        "请改用 UTF-8（UNICODE UTF-8）或 GB 18030 发送，并在 MSH-18 中写明；原始字节已保存，可供查看。",
    ),
    "unknown-charset": Wording(
        "{where} names the character set {charset}, which the hub does not know.",
        "{where} 声明的字符集 {charset} 无法识别。",
        "Use UNICODE UTF-8 or GB 18030-2000, or leave {where} empty and set the charset in the source profile.",
        "请使用 UNICODE UTF-8 或 GB 18030-2000，或留空 {where} 并在来源配置中设置字符集。",
    ),
    "kind-not-declared": Wording(
        "{where}: {type} is not among the message types that this source has agreed to send.",
        "{where}：{type} 不在该来源约定发送的消息类型之内。",
        "Send one of: {known}; or add the type to `kinds` in the source profile, then replay the message.",
        "请发送以下类型之一：{known}；或在来源配置的 kinds 中加入该类型，然后重放此消息。",
    ),
    "version-not-declared": Wording(
        "{where} says HL7 {version}; the source profile expects {known}.",
        "{where} 为 HL7 {version}，而来源配置所列版本为 {known}。",
        "Look whether the sender was upgraded; add the version to the source profile once its messages read well.",
        "请确认发送系统是否已升级；核实消息可正确读取后，在来源配置中加入该版本。",
    ),
    "address-not-allowed": Wording(
        "Messages of the source {source} may not come from {address}.",
        "来源 {source} 的消息不得自 {address} 发送。",
        "Send from an address that the source profile lists under `addresses`, or add this one there.",
        "请从来源配置 addresses 所列地址发送，或将该地址加入其中。",
    ),
    "certificate-not-allowed": Wording(
        "The connection showed no client certificate that the source {source} may send with.",
        "该连接未出示来源 {source} 获准使用的客户端证书。",
        "Connect by TLS with a certificate whose name the source profile lists under `certificates`.",
        "请通过 TLS 连接，并使用来源配置 certificates 所列名称的证书。",
    ),
    "too-many-segments": Wording(
        "The message has {count} segments; at most {limit} are taken.",
        "消息含 {count} 个段，最多接收 {limit} 个。",
        "Send it as several messages, or raise HUB_MAX_SEGMENTS and replay it.",
        "请拆分为多条消息发送，或调大 HUB_MAX_SEGMENTS 后重放。",
    ),
    "not-settled": Wording(
        "The message is kept, and was not merged within {seconds} seconds.",
        "消息已保存，但在 {seconds} 秒内尚未合并。",
        "It will be merged without being sent again; look at it with `hub message list`, and at the worker.",
        "无需重发，之后会自动合并；请用 hub message list 查看该消息，并检查处理进程。",
    ),
    "bad-tls": Wording(
        "{where} cannot be used for TLS: {reason}.",
        "{where} 无法用于 TLS：{reason}。",
        "Give a PEM file with a certificate (its chain behind it) and the private key that belongs to it.",
        "请提供 PEM 文件：证书（其后附证书链）及与之对应的私钥。",
    ),
    "no-connection": Wording(
        "No connection to {where}: {reason}.",
        "无法连接 {where}：{reason}。",
        "Look whether the receiver listens there and lets this machine in, with or without TLS as asked.",
        "请确认接收方正在该地址监听、允许本机连接，且 TLS 设置一致。",
    ),
    "no-acknowledgement": Wording(
        "{where} did not acknowledge the message: {reason}.",
        "{where} 未应答该消息：{reason}。",
        "Whether it was taken is not known; send it again under the same control id (MSH-10).",
        "无法确定对方是否已接收；请以相同的控制号（MSH-10）重新发送。",
    ),
    "not-v2": Wording(
        "{where} holds no HL7 v2 message.",
        "{where} 中没有 HL7 v2 消息。",
        "Name files whose messages begin with MSH and its separators; FHS and BHS batches are unwrapped.",
        "请指定以 MSH 及分隔符开头的消息文件；FHS、BHS 批文件会自动拆开。",
    ),
    "no-outbound": Wording(
        "The profile of {where} has no `outbound` address.",
        "来源 {where} 的配置没有 outbound 地址。",
        "Add an [outbound] table with host and port to the source profile, or name the address with --to.",
        "请在来源配置中加入含 host 与 port 的 [outbound] 表，或用 --to 指定地址。",
    ),
}
