"""Refusals of what the hub fetches itself: files of drop folders, rows of views."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

_FILE_AGAIN = (
    "Correct it and put the file into the folder again.",
    "请更正后重新放入该文件夹。",
)
_CHECK_PROFILE = (
    "Correct the [[views]] of the source's profile; hub/docs/folders-and-views.md explains them.",
    "请更正来源配置中的 [[views]]，说明见 hub/docs/folders-and-views.md。",
)

COLLECTING: Mapping[str, Wording] = {
    "bad-row": Wording(
        "{where}: {en}.",
        "{where}：{zh}。",
        "Correct the row and send it again; the other rows were taken. hub/docs/load-files.md explains every column.",
        "请更正该行后重新发送，其余各行已接收。各列说明见 hub/docs/load-files.md。",
    ),
    "folder-not-usable": Wording(
        "The drop folder cannot be used: {where}: {reason}.",
        "投递文件夹无法使用：{where}：{reason}。",
        "Check the path and the rights of the account that the hub runs under: it reads, renames and writes there. It "
        "is tried again by itself.",
        "请检查路径以及运行 hub 的账户权限（需可读取、改名和写入）；系统会自动重试。",
    ),
    "file-empty": Wording("The file is empty.", "文件为空。", *_FILE_AGAIN),
    "file-too-large": Wording(
        "The file has more than {limit} bytes, unpacked.",
        "文件（解压后）超过 {limit} 字节。",
        "Send it in several files, or raise HUB_MAX_FILE_BYTES.",
        "请拆成多个文件发送，或调大 HUB_MAX_FILE_BYTES。",
    ),
    "file-not-unpackable": Wording(
        "The file is packed with gzip and cannot be unpacked: it is damaged or cut off.",
        "文件为 gzip 压缩，但已损坏或不完整，无法解压。",
        *_FILE_AGAIN,
    ),
    "file-not-regular": Wording(
        "This is no file but a link, a pipe or a folder.",
        "这不是普通文件，而是链接、管道或文件夹。",
        "Put the file itself into the folder: links are not followed.",
        "请放入文件本身：不会跟随链接。",
    ),
    "file-not-readable": Wording(
        "The file cannot be read: {reason}.",
        "文件无法读取：{reason}。",
        "Let the account that the hub runs under read it, and put it into the folder again.",
        "请授予运行 hub 的账户读取权限，然后重新放入该文件夹。",
    ),
    "file-format-not-declared": Wording(
        "The file holds {format} messages, which the source's profile does not declare.",
        "文件内容为 {format} 格式，来源配置未声明该格式。",
        "Add it to `also` in the profile, or put the file into the right folder; then put it in again.",
        "请在来源配置的 also 中加入该格式，或改放正确的文件夹，然后重新放入。",
    ),
    "stray-lines": Wording(
        "At {where} there are lines that belong to no message.",
        "{where} 处有不属于任何消息的内容。",
        "A v2 message begins with MSH. Look at what the sender writes there.",
        "v2 消息以 MSH 段开头，请检查发送方在此处写了什么。",
    ),
    "batch-count-differs": Wording(
        "{where} says {said}, and there are {counted}.",
        "{where} 声明为 {said}，实际为 {counted}。",
        "All that was there is taken. Ask the sender for what is missing: the file may have been cut.",
        "文件中已有的内容均已接收；文件可能被截断，请向发送方索取缺少的部分。",
    ),
    "batch-not-closed": Wording(
        "The batch has no {segment} up to {where}.",
        "至 {where} 为止缺少批次结束段 {segment}。",
        "All that was there is taken. Ask the sender whether the file is whole.",
        "文件中已有的内容均已接收；请向发送方确认文件是否完整。",
    ),
    "report-not-written": Wording(
        "The report could not be written into {where}: {reason}. The file is there.",
        "无法在 {where} 中写入报告：{reason}。文件已移入。",
        "Make room on the disk. `hub message list` shows what became of the file's messages.",
        "请清理磁盘空间；文件中各消息的结果可用 `hub message list` 查看。",
    ),
    "view-url-missing": Wording(
        "The view {where} has no address: the environment variable {variable} is not set.",
        "视图 {where} 没有连接地址：环境变量 {variable} 未设置。",
        "Set it to the SQLAlchemy URL of the source's database, where `hub serve --roles collect` runs.",
        "请在运行 `hub serve --roles collect` 的环境中将其设为来源数据库的 SQLAlchemy URL。",
    ),
    "view-url-bad": Wording(
        "What {variable} holds is no SQLAlchemy URL (view {where}).",
        "{variable} 的内容不是有效的 SQLAlchemy URL（视图 {where}）。",
        "Write it as dialect+driver://login:password@host:port/database; percent-encode what is special in a password.",
        "请写作 dialect+driver://login:password@host:port/database，密码中的特殊字符需百分号编码。",
    ),
    "view-driver-missing": Wording(
        "The driver {driver} of the view {where} is not installed.",
        "视图 {where} 所用的驱动 {driver} 未安装。",
        "Install the Python package of that driver beside the hub.",
        "请在 hub 的运行环境中安装该驱动的 Python 包。",
    ),
    "view-away": Wording(
        "The view {where} cannot be read ({reason}).",
        "视图 {where} 无法读取（{reason}）。",
        "Check that the database is up, that the view exists and that the login may select from it. It is tried again "
        "by itself.",
        "请检查数据库是否运行、视图是否存在、账户是否有查询权限；系统会自动重试。",
    ),
    "view-slow": Wording(
        "The view {where} did not answer within {seconds} seconds.",
        "视图 {where} 在 {seconds} 秒内没有应答。",
        "Ask for an index on the watermark column, or read fewer rows at a time (`most`). It is tried again by itself.",
        "请为水位列建立索引，或减少每次读取的行数（most）；系统会自动重试。",
    ),
    "view-sheet": Wording(
        "The rows of the view {where} cannot be {sheet}: a view's rows each stand for themselves ({known}).",
        "视图 {where} 的行不能是 {sheet}：视图中每行须独立成立（{known}）。",
        *_CHECK_PROFILE,
    ),
    "view-column-missing": Wording(
        "The view {where} has no column {column}.",
        "视图 {where} 没有列 {column}。",
        "Name the view's own column in `columns`, or ask for a view that has it. Nothing is read until then.",
        "请在 columns 中写明视图的列名，或请对方在视图中加入该列；在此之前不读取任何数据。",
    ),
    "view-column-unknown": Wording(
        "The view {where} gives {column}, which is no column of {sheet}.",
        "视图 {where} 配置了 {column}，{sheet} 表没有此列。",
        *_CHECK_PROFILE,
    ),
    "view-watermark-type": Wording(
        "The watermark is of a type that has no order: {type}.",
        "水位列的类型无法排序：{type}。",
        "Choose a column of times, numbers or texts that only grow.",
        "请选用只增不减的时间、数字或文本列。",
    ),
    "view-watermark-unreadable": Wording(
        "How far the view {where} has been read cannot be told: what is stored is none of ours.",
        "无法得知视图 {where} 已读到何处：存储的水位不可识别。",
        "Delete its row from the table `watermark`: the view is read from its beginning, and repeats change nothing.",
        "请删除 watermark 表中该视图的行：视图将从头读取，重复内容不会产生影响。",
    ),
    "view-row-empty": Wording(
        "A row of the view {where} is empty.",
        "视图 {where} 有一行为空。",
        "Ask for a view without empty rows.",
        "请对方在视图中去除空行。",
    ),
}
