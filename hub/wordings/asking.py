"""Refusals of who asks, and of what is asked."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

ASKING: Mapping[str, Wording] = {
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
    "transport-not-declared": Wording(
        "The source '{source}' does not send by {transport}.",
        "来源“{source}”未声明通过 {transport} 发送。",
        "Add '{transport}' to transports in its profile (source.toml); a running hub takes it from there.",
        "请在该来源的配置文件 source.toml 的 transports 中加入 {transport}，运行中的平台会自动加载。",
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
}
