"""Refusals: what was refused, where, and what to do next, in Chinese and English.

A refusal carries no personal data: `where` is a position (``PID-7``, ``Bundle.entry[2].resource.birthDate``) and
`given` holds only things that are not about a person (a message type, a code, a limit). So a refusal may be
logged, acknowledged and stored as it is.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Wording:
    """How one kind of refusal is said. `{name}` is filled from `Refusal.given`, `{where}` from its position."""

    en: str
    zh: str
    next_en: str
    next_zh: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason why something was not done. `code` is a key of `WORDINGS`."""

    code: str
    where: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    def message(self, language: Language = "en") -> str:
        """What is wrong, as a sentence."""
        wording = WORDINGS[self.code]
        return (wording.en if language == "en" else wording.zh).format(where=self.where, **self.given)

    def next_step(self, language: Language = "en") -> str:
        """What the reader can do about it, as a sentence."""
        wording = WORDINGS[self.code]
        return (wording.next_en if language == "en" else wording.next_zh).format(where=self.where, **self.given)

    def __str__(self) -> str:
        return f"{self.message()} {self.next_step()}"


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """Raised where a refusal ends the work at hand."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def refuse(code: str, where: str = "", **given: str) -> Refused:
    """A `Refused` to raise: ``raise refuse("impossible-date", "PID-7")``."""
    return Refused(Refusal(code=code, where=where, given=given))


def places_of(fault: BaseException) -> list[str]:
    """Where a fault was raised, without its text: that may quote a person's data, and goes into no log."""
    return [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(fault.__traceback__)[-6:]]


WORDINGS: Mapping[str, Wording] = MappingProxyType(
    {
        # -- the frame and its header -------------------------------------------------------------
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
        # -- content ------------------------------------------------------------------------------
        "impossible-date": Wording(
            "{where} is not a date of the calendar.",
            "{where} 不是有效的日历日期。",
            "Send {where} as YYYYMMDD[HHMMSS] with a day that exists.",
            "请按 YYYYMMDD[HHMMSS] 填写真实存在的日期。",
        ),
        "wrong-check-digit": Wording(
            "{where} is declared a citizen ID number and does not fit GB 11643 (length, birth date or check digit).",
            "{where} 声明为公民身份号码，但不符合 GB 11643（长度、出生日期或校验码）。",
            "Correct the number at the sender, or send it under the identifier type that it really is.",
            "请在发送方更正号码，或改用其实际的证件类型发送。",
        ),
        "another-persons-number": Wording(
            "{where}: the source's own number names a patient whose citizen ID number is another than the one sent.",
            "{where}：该本院患者号此前对应的公民身份号码与本次所报不同。",
            "Correct the number that is wrong at the sender; if the number went to another person, send it under a new "
            "one. Then send again.",
            "请在发送方更正错误的号码；若该患者号已改由他人使用，请换用新的患者号后重新发送。",
        ),
        "no-patient": Wording(
            "{where} names no patient: none of its identifiers is declared in the source profile.",
            "{where} 未能指明患者：来源配置未声明其中任何一种标识。",
            "Send a local patient number, or add its type to `identifiers` in the source profile, then replay.",
            "请发送本地患者号，或在来源配置的 identifiers 中登记其类型，然后重放。",
        ),
        "no-merged-patient": Wording(
            "{where} names no prior patient to merge.",
            "{where} 未指明被合并的患者。",
            "Send the number that is given up in MRG-1 and the one that stays in PID-3.",
            "请在 MRG-1 中填写作废号码，在 PID-3 中填写保留号码。",
        ),
        "mapped-resource-invalid": Wording(
            "{where} gives a {kind} without {element}, which FHIR R4B requires.",
            "{where} 得到的 {kind} 缺少 FHIR R4B 必填的 {element}。",
            "Send the message again with the field that {element} is read from.",
            "请补充 {element} 对应的字段后重新发送。",
        ),
        "not-conformant": Wording(
            "{where}: {reason}.",
            "{where}：{reason}。",
            "Compare {where} with the HL7 version that MSH-12 names.",
            "请对照 MSH-12 所示 HL7 版本核对 {where}。",
        ),
        # -- FHIR ---------------------------------------------------------------------------------
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
            "Send application/hl7-v2 or application/fhir+json.",
            "请发送 application/hl7-v2 或 application/fhir+json。",
        ),
        "transaction-failed": Wording(
            "The transaction was rolled back because of {where}.",
            "由于 {where}，整个事务已回滚。",
            "Correct {where} and send the whole bundle again.",
            "请更正 {where} 后重新发送整个 Bundle。",
        ),
        # -- who asks -----------------------------------------------------------------------------
        "no-token": Wording(
            "The request carries no valid bearer token.",
            "请求未携带有效令牌。",
            "Ask the site for a token (`hub token`) and send it as Authorization: Bearer.",
            "请向管理员申请令牌（hub token），并以 Authorization: Bearer 发送。",
        ),
        "not-allowed": Wording(
            "This token does not allow {what}.",
            "该令牌无权{what}。",
            "Use a token with the role for it, or ask the site's administrator.",
            "请使用具备相应角色的令牌，或联系管理员。",
        ),
        "not-found": Wording(
            "{where} was not found.",
            "未找到 {where}。",
            "Check the identifier; a merged resident is found under the one that stays.",
            "请核对标识；已合并的居民可按保留的标识查询。",
        ),
        "bad-argument": Wording(
            "The argument {where} is not valid: {reason}.",
            "参数 {where} 无效：{reason}。",
            "Correct {where} and ask again.",
            "请更正 {where} 后重试。",
        ),
        "may-not-read-records": Wording(
            "The role {role} does not read residents' records.",
            "角色 {role} 无权读取居民档案。",
            "Use the token of a family doctor or a nurse; engineers see messages and their fate instead.",
            "请使用家庭医生或护士的令牌；工程师可查看消息及其处理结果。",
        ),
        "may-not-send": Wording(
            "This token does not send for the source {source}.",
            "该令牌无权代来源 {source} 发送。",
            "Send with the token that was issued for this source (`hub token`).",
            "请使用为该来源签发的令牌（hub token）发送。",
        ),
        "page-too-large": Wording(
            "{where} asks for {asked}; at most {most} come at once.",
            "{where} 请求 {asked} 条；一次最多返回 {most} 条。",
            "Ask for less, then go on with `after` and pageInfo.endCursor.",
            "请减少数量，再用 after 与 pageInfo.endCursor 继续读取。",
        ),
        "bad-cursor": Wording(
            "{where} is not a cursor that this hub gave.",
            "{where} 不是本平台给出的游标。",
            "Take pageInfo.endCursor, or the cursor of the last change, as it came; leave it out to begin anew.",
            "请原样使用 pageInfo.endCursor 或上次变更的 cursor；留空则从头开始。",
        ),
        "bad-id": Wording(
            "{where} is not an id that this hub gave.",
            "{where} 不是本平台给出的 id。",
            "Take the `id` of an answer as it came.",
            "请原样使用查询结果中的 id。",
        ),
        "exactly-one": Wording(
            "Exactly one of {these} is needed.",
            "{these} 必须且只能填写一项。",
            "Give one of them and leave the others out.",
            "请只填写其中一项。",
        ),
        "weak-number": Wording(
            "{where} is a kind of number that does not find a resident.",
            "{where} 所示号码类型不能用于查找居民。",
            "Search by one of: {known}.",
            "请使用以下类型之一：{known}。",
        ),
        "ask-by-post": Wording(
            "{method} is not taken at /graphql.",
            "/graphql 不支持 {method}。",
            "Send queries as POST with a JSON body; queries in addresses would end up in logs.",
            "请以 POST 和 JSON 请求体发送查询；写入网址的查询会留在日志中。",
        ),
        "ask-by-websocket": Wording(
            "Subscriptions are not taken by POST.",
            "不支持以 POST 发送订阅。",
            "Open a WebSocket at /graphql with the subprotocol graphql-transport-ws and subscribe there.",
            "请以子协议 graphql-transport-ws 连接 /graphql 的 WebSocket，再发送订阅。",
        ),
        "bad-request": Wording(
            "The request cannot be read as a GraphQL query.",
            "请求无法作为 GraphQL 查询读取。",
            "Send application/json with `query`, and `variables` and `operationName` where they are needed.",
            "请以 application/json 发送 query，必要时附 variables 与 operationName。",
        ),
        "query-failed": Wording(
            "The hub failed on its own account while answering (reference {reference}).",
            "平台在答复时发生内部错误（编号 {reference}）。",
            "Ask again; if it fails again, tell the operators the reference.",
            "请重试；如仍失败，请将编号告知运维人员。",
        ),
        # -- the site -----------------------------------------------------------------------------
        "unmigrated-database": Wording(
            "The database is at revision {found}, this hub needs {needed}.",
            "数据库版本为 {found}，本程序需要 {needed}。",
            "Run `hub migrate`, then start again.",
            "请先运行 hub migrate，再重新启动。",
        ),
        "database-unreachable": Wording(
            "The database cannot be reached: {reason}.",
            "无法连接数据库：{reason}。",
            "Check HUB_DATABASE_URL, or leave it empty to use the bundled server.",
            "请检查 HUB_DATABASE_URL；留空则使用内置服务器。",
        ),
        "home-in-use": Wording(
            "Another hub (process {process}) is using the home {where}.",
            "另一个平台进程（{process}）正在使用目录 {where}。",
            "Stop that hub, or give this one a home of its own in HUB_HOME.",
            "请停止该进程，或通过 HUB_HOME 为本进程指定另一个目录。",
        ),
        "no-server-account": Wording(
            "The bundled PostgreSQL does not run as root, and there is no account `postgres` or `nobody` here.",
            "内置 PostgreSQL 不能以 root 身份运行，且本机没有 postgres 或 nobody 账户。",
            "Add an account named postgres, or run the hub as an ordinary user.",
            "请新建名为 postgres 的账户，或以普通用户身份运行。",
        ),
        "server-not-started": Wording(
            "The bundled PostgreSQL did not start: {reason}.",
            "内置 PostgreSQL 未能启动：{reason}。",
            "Check that HUB_HOME is a folder of your own with free space; the log is postgres/server.log in it.",
            "请检查 HUB_HOME 是否为本账户可写且有剩余空间的目录；服务器日志为其中的 postgres/server.log。",
        ),
        "demo-on-real-data": Wording(
            "The database that {where} names holds messages of other sources ({sources}).",
            "{where} 所指数据库中已有其他来源（{sources}）的消息。",
            "Give the demo a database of its own, or leave {where} empty.",
            "请为演示另建数据库，或留空 {where}。",
        ),
        "no-application-role": Wording(
            "The login of {where} may not act as the role {role}.",
            "{where} 的登录用户无权使用角色 {role}。",
            "Let an administrator run `grant {role} to LOGIN`, with the login of {where}.",
            "请由管理员执行 grant {role} to LOGIN（LOGIN 为 {where} 的登录用户）。",
        ),
        "migration-refused": Wording(
            "The database refused the migration: {reason}.",
            "数据库拒绝了迁移：{reason}。",
            "Give {where} a login that owns the database; README lists what an administrator runs once.",
            "请将 {where} 设为数据库所有者的登录；管理员需一次性执行的语句见 README。",
        ),
        "port-in-use": Wording(
            "Port {port} ({where}) is taken or may not be opened.",
            "端口 {port}（{where}）已被占用或无权打开。",
            "Stop what listens there, or set {where} to another port.",
            "请停止占用该端口的程序，或将 {where} 设为其他端口。",
        ),
        "bad-setting": Wording(
            "The setting {where} is not valid: {reason}.",
            "配置项 {where} 无效：{reason}。",
            "Correct {where} in the environment or in .env; hub/docs/settings.md lists what it takes.",
            "请在环境变量或 .env 中更正 {where}；可用取值见 hub/docs/settings.md。",
        ),
        "bad-mapping": Wording(
            "{where}: {reason}.",
            "{where}：{reason}。",
            "Correct the row; hub/docs/mapping.md lists the keys, conditions and converters.",
            "请更正该行；可用的键、条件和转换器见 hub/docs/mapping.md。",
        ),
        "bad-profile": Wording(
            "{where}: {reason}.",
            "{where}：{reason}。",
            "Correct the source profile; hub/docs/connect-a-hospital.md lists its keys.",
            "请更正来源配置；可用的键见 hub/docs/connect-a-hospital.md。",
        ),
        "not-kept": Wording(
            "The hub could not keep the message.",
            "平台未能保存该消息。",
            "Nothing was stored: send the message again.",
            "消息未被保存，请重新发送。",
        ),
        "request-failed": Wording(
            "The hub failed on its own account (reference {reference}).",
            "平台发生内部错误（编号 {reference}）。",
            "Try again; if it happens again, tell the operators the reference.",
            "请重试；若再次发生，请将编号告知运维人员。",
        ),
        "internal": Wording(
            "The hub failed on its own account while working on this message (reference {reference}).",
            "平台处理该消息时发生内部错误（编号 {reference}）。",
            "The message is kept. Tell the operators the reference; they replay it with `hub message replay`.",
            "消息已保存。请将编号告知运维人员，由其使用 hub message replay 重放。",
        ),
    }
)
