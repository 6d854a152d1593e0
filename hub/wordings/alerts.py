"""What alerts say, and what is wrong with their thresholds."""

from hub.wordings.wording import Wording

ALERTS = {
    "source-silent": Wording(
        "Nothing came from {source} for {minutes} minutes. At this hour of this day of the week one waits {usual} "
        "minutes at the most (its last {weeks} weeks); the alert begins at {limit}.",
        "来源“{source}”已有 {minutes} 分钟没有发送消息。近 {weeks} 周同一星期、同一时段的最长间隔一般为 {usual} 分钟，"
        "超过 {limit} 分钟即告警。",
        "See whether the sending system runs and reaches the hub (network, port, certificate); what it sends later is "
        "taken as usual.",
        "请检查发送系统是否运行、能否连通本枢纽（网络、端口、证书）；之后补发的消息会照常接收。",
    ),
    "messages-failing": Wording(
        "{parked} of the last {messages} messages of {source} are parked, most often for '{reason}'.",
        "来源“{source}”最近 {messages} 条消息中有 {parked} 条被搁置，最常见的原因是“{reason}”。",
        "Read what the refusal says (`hub message list`), correct the profile or ask the sender, then replay "
        "them (`hub message replay`).",
        "请用 `hub message list` 查看原因，修正来源配置或联系发送方，然后运行 `hub message replay` 重新处理。",
    ),
    "merging-behind": Wording(
        "The oldest kept message has waited {minutes} minutes to be merged (limit {limit}); it is of {source}.",
        "最早的待处理消息已等待 {minutes} 分钟（上限 {limit} 分钟），来自“{source}”。",
        "See whether a worker runs (`hub serve --roles worker`) and what its log says. Nothing is lost: kept messages "
        "are merged later.",
        "请检查处理进程是否运行（`hub serve --roles worker`）并查看其日志。消息不会丢失，恢复后会继续处理。",
    ),
    "queue-long": Wording(
        "{messages} messages wait to be merged (limit {limit}).",
        "有 {messages} 条消息等待处理（上限 {limit} 条）。",
        "See which source sends so much (`hub source list`); start another worker where the load is meant "
        "(`hub serve --roles worker`).",
        "请用 `hub source list` 查看哪个来源发送量过大；"
        "如属正常负荷，可再启动一个处理进程（`hub serve --roles worker`）。",
    ),
    "disk-filling": Wording(
        "The disk under HUB_HOME is {percent}% full; {free} GiB are free. On a full disk no message can be kept.",
        "HUB_HOME 所在磁盘已用 {percent}%，剩余 {free} GiB。磁盘写满后将无法保存消息。",
        "Make room or enlarge the disk. Old bytes go by `hub message prune`; HUB_RETENTION_DAYS says how long they "
        "stay.",
        "请清理或扩容磁盘。可用 `hub message prune` 清除过期的原始报文，保留天数由 HUB_RETENTION_DAYS 设定。",
    ),
    "database-growing": Wording(
        "The database grew by {gib} GiB within a day, to {size} GiB (limit {limit} GiB a day).",
        "数据库一天内增长 {gib} GiB，现为 {size} GiB（上限每天 {limit} GiB）。",
        "See which source sends so much (`hub source list`), and whether the disk of the database has room for it.",
        "请用 `hub source list` 查看哪个来源发送量过大，并确认数据库所在磁盘空间充足。",
    ),
    "alert-over": Wording(
        "Over after {minutes} minutes; it was this.",
        "已恢复，历时 {minutes} 分钟，原告警如下。",
        "Nothing is left to be done.",
        "无需处理。",
    ),
    "alert-unjudged": Wording(
        "Closed after {minutes} minutes, since there is nothing left to judge by; it was this.",
        "已关闭，历时 {minutes} 分钟：已无可供判断的依据，原告警如下。",
        "See whether the source was taken out on purpose, or has sent too little for a day to say anything.",
        "请确认该来源是否已停用，或一天内的消息过少而无法判断。",
    ),
    "bad-alerts": Wording(
        "{where}: {reason}.",
        "{where}：{reason}。",
        "Correct the file; mappings/alerts.toml shows every key.",
        "请修正该文件；全部可用的键见 mappings/alerts.toml。",
    ),
}
