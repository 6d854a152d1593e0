"""Refusals of policy files and of rules that are open."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

POLICY: Mapping[str, Wording] = {
    "bad-policy": Wording(
        "{where}: {reason}.",
        "{where}：{reason}。",
        "Correct the line; hub/docs/policies.md lists the keys, and `hub policy check` names every fault.",
        "请更正该行；可用的键见 hub/docs/policies.md，运行 hub policy check 可列出全部错误。",
    ),
    "unknown-region": Wording(
        "{where} names {region}, and there is no policy of that name.",
        "{where} 指定了 {region}，但没有这个名称的政策文件。",
        "Choose one of {known}, or add policies/{region}.toml to the folder of HUB_CONFIG_DIR.",
        "请从 {known} 中选择，或在 HUB_CONFIG_DIR 目录中新增 policies/{region}.toml。",
    ),
    "no-region": Wording(
        "The site has picked no region, so nothing says what {rule} is.",
        "本站点尚未选定地区，{rule} 没有依据。",
        "Set {where} to a region's policy (`hub policy show` takes the same names), then start again.",
        "请将 {where} 设为某一地区政策的名称（与 hub policy show 所用名称相同），然后重新启动。",
    ),
    "policy-open": Wording(
        'The rule {where} is open: {reference} says "{printed}" and gives no figure that holds.',
        "规则 {where} 尚未确定：{reference} 的表述为“{printed}”，没有可执行的数值。",
        "Let the site decide it: a [[set]] of {where} in policies/{region}.toml of HUB_CONFIG_DIR, as "
        "hub/docs/policies.md shows.",
        "请由站点确定：在 HUB_CONFIG_DIR 的 policies/{region}.toml 中用 [[set]] 设置 {where}，"
        "写法见 hub/docs/policies.md。",
    ),
    "policy-silent": Wording(
        "Neither {region} nor the site says anything about {about}.",
        "{region} 与本站点均未对 {about} 作出规定。",
        "Where the site has a rule of its own, write a [[set]] of {where} in policies/{region}.toml of HUB_CONFIG_DIR, "
        "as hub/docs/policies.md shows.",
        "如站点自有规定，请在 HUB_CONFIG_DIR 的 policies/{region}.toml 中用 [[set]] 设置 {where}，"
        "写法见 hub/docs/policies.md。",
    ),
}
