"""Refusals of the site: its database, settings and files."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

SITE: Mapping[str, Wording] = {
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
