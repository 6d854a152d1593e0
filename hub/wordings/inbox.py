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
        "The profile of this source does not name the format {format}, so nothing reads its messages of it.",
        "该来源的配置未声明格式 {format}，因此其此类消息无人读取。",
        "Name the format in the profile (also), then replay the message (hub message replay). Nothing needs to be sent "
        "again.",
        "请在来源配置的 also 中声明该格式，然后运行 hub message replay 重新处理，无需重新发送。",
    ),
    "clock-ahead": Wording(
        "The sender's clock is more than a day ahead: {where} lies in the future. The message counts as of its "
        "receipt.",
        "发送方时钟超前一天以上：{where} 为将来时间。该消息按接收时间处理。",
        "Have the sender set its clock, or correct time_zone in the source's profile.",
        "请发送方校准时钟，或更正来源配置中的 time_zone。",
    ),
    "several-messages": Wording(
        "There is more than one message in here: a second MSH segment stands where one message was to end.",
        "一次发送中包含多条消息：本应结束的消息之后又出现了第二个 MSH 段。",
        "Send each message by itself, closed by its own terminator (0x1C 0x0D over MLLP). The bytes are kept; nothing "
        "of them has gone into the record.",
        "请逐条发送，每条消息以各自的结束符（MLLP 为 0x1C 0x0D）结尾。本次内容未写入档案，原始报文已保存。",
    ),
    "database-ended": Wording(
        "The bundled PostgreSQL has ended, and the hub with it.",
        "内置的 PostgreSQL 已退出，平台随之停止。",
        "Start the hub again: nothing that was acknowledged is lost. Its log is in HUB_HOME/postgres; the kernel's log "
        "tells whether memory ran out.",
        "请重新启动平台：已应答的消息不会丢失。数据库日志位于 HUB_HOME/postgres；"
        "如因内存不足被终止，可查看系统内核日志。",
    ),
    "unaccounted-content": Wording(
        "{where} says something that no mapping row reads.",
        "{where} 有内容，但没有映射规则读取它。",
        "Nothing is lost: the message is kept. Give the field a row, or say in ignored.toml why it needs none; then "
        "replay the message (hub message replay).",
        "内容没有丢失，消息已保存。请为该字段增加映射行，或在 ignored.toml 中说明为何不需要，"
        "然后运行 hub message replay。",
    ),
    "gave-up": Wording(
        "The message met a passing fault {tries} times (reference {reference} in the log).",
        "该消息连续 {tries} 次遇到暂时性故障（日志参考号 {reference}）。",
        "Mend what the log names under that reference, then replay the message (hub message replay).",
        "请按日志中该参考号所示排除故障，然后运行 hub message replay 重新处理。",
    ),
}
