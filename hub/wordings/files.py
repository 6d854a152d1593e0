"""Refusals of files."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

FILES: Mapping[str, Wording] = {
    "bad-file": Wording(
        "{where}: {en}.",
        "{where}：{zh}。",
        "Correct the line and load the file again: nothing of it was taken. hub/docs/load-files.md explains every "
        "column.",
        "请更正该行后重新导入：文件未导入任何内容。各列说明见 hub/docs/load-files.md。",
    ),
    "unreadable-file": Wording(
        "{where} cannot be read: {reason}.",
        "无法读取 {where}：{reason}。",
        "Check the path and that this account may read it.",
        "请检查路径以及当前账户的读取权限。",
    ),
    "still-waiting": Wording(
        "{count} messages are kept and not merged yet.",
        "{count} 条消息已保存，尚未合并。",
        "They are merged as soon as a worker gets to them; do not send them again. `hub message list` shows what "
        "becomes of them.",
        "处理进程空闲后会自动合并，无需重复发送；可用 `hub message list` 查看结果。",
    ),
}
