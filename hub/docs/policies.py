"""The page of the policies: what may be in their files, and each region's rules."""

from collections.abc import Iterator

from hub.docs.pages import page, table
from hub.policy import AUTHORITIES, KINDS, RULES, Policy, Rule, Topic, load_policies, policy_folders

EXAMPLE = """\
[[set]]
rule = "slot-share"
value = "0.25"
unit = "share"
kinds = ["bed"]
by = "威海市卫生健康委员会"
on = 2026-03-01
why = "四(三)未写预留床位的数量，经联席会议商定。"

[[set]]
rule = "slot-release"
value = 24
unit = "hours"
by = "威海市卫生健康委员会"
on = 2026-03-01
why = "出诊前一日未用的号源转回公众。"
"""
"""What a site of weihai-2023 may write; a test takes it in."""


def policies_page() -> str:
    """What the files may hold, how a site sets an open rule, and every region's rules."""
    policies = load_policies(policy_folders(None))
    return page(
        "Policies",
        "The programme's rules are data: one file a region in `mappings/policies/`, each rule with the clause that it "
        "comes from and the figure as it is printed there. `HUB_REGION` picks the region; without one, whatever needs "
        "a rule is refused. `hub policy show` prints what holds at a site, `hub policy check` reads every file and "
        "names each fault with its line.",
        "A rule is **stated** (the document gives the figure), **open** (it names the matter and gives no figure) or "
        "**hearsay** (it names the matter, and the figure is known from elsewhere only). What is open or hearsay is "
        "refused until the site sets it. What a document does not speak of stands in no file.",
        "## Setting what is open",
        "The site writes `policies/REGION.toml` in the folder of `HUB_CONFIG_DIR`. This one, `weihai-2023.toml`, says "
        "how many beds are kept, and when unused slots go back:",
        f"```toml\n{EXAMPLE}```",
        table(("key", "what it is"), _SET_KEYS),
        "A site may set what is open, adopt what is hearsay, tighten what is stated, and add a rule where the document "
        "is silent. It cannot undo a clause: a slot share of `0.1` under a clause that asks for at least a fifth is "
        "refused, with file and line. To change a decision, end the old `[[set]]` with `until` and write a new one: "
        "what was decided in between stays explained.",
        "## A region's file",
        table(("key", "what it is"), _RULE_KEYS),
        "## Rules",
        table(("rule", "what it is about", "units"), [(f"`{id}`", _both(of), _units(of)) for id, of in RULES.items()]),
        *(part for policy in policies.values() for part in _region(policy)),
    )


_SET_KEYS = (
    ("`rule`", "which rule: see below"),
    ("`value`", 'the figure, exact: `20`, `"0.2"`, `"1/3"` (decimals and fractions in quotes)'),
    ("`upper`", "the end of a range, where a range is set"),
    ("`unit`", "one of the rule's units"),
    ("`kinds`", f"only for these sessions: {', '.join(f'`{kind}`' for kind in KINDS)}; absent: all"),
    ("`authorities`", f"only for hospitals of these: {', '.join(f'`{one}`' for one in AUTHORITIES)}; absent: all"),
    ("`by`, `on`, `why`", "who decided it, on which day, and for what reason"),
    ("`from`, `until`", "first and last day; without `from` it holds from the day of the decision"),
)
_RULE_KEYS = (
    ("`region`, `division`, `name`, `title`, `number`, `issued`, `issuers`", "the document; `number` where it has one"),
    ("`[[rule]]`", "one rule, with the keys that follow; `kinds`, `authorities` and `until` as above"),
    ("`id`", "which rule: see below"),
    ("`standing`", "`stated`, `open` or `hearsay`; what is hearsay names its `source`"),
    ("`binding`", "`must` (应), `principle` (原则上) or `may` (可)"),
    ("`operator`", "how the figure is meant: `>=`, `<=`, `=`, `between` (with `upper`), `about`; a duty has none"),
    ("`value`, `upper`, `unit`", "the figure, absent where it is open"),
    ("`denominator`", "of what a share is one, in words"),
    ("`from`", "first day; absent: the day on which the document was issued"),
    ("`clause`, `printed`", "where it stands, and what is printed there, word for word"),
    ("`zh`, `en`", "what it says, in our own words"),
)


def _region(policy: Policy) -> Iterator[str]:
    number = f", {policy.number}" if policy.number else ""
    yield f"## {policy.region}"
    yield f"{policy.name.en} ({policy.name.zh}), 《{policy.title.zh}》{number}, {policy.issued_on.isoformat()}."
    heads = ("clause", "rule", "standing", "asks for", "holds for", "printed", "in our words")
    yield table(heads, [_row(rule) for rule in policy.rules])


def _row(rule: Rule) -> tuple[str, ...]:
    asks = f"`{rule.asks()}`" if rule.asks() else "**open**" if rule.operator else "a duty"
    words = f"{rule.en}<br>{rule.zh}"
    if rule.source is not None:
        words += f"<br>Source: {rule.source.en}<br>来源：{rule.source.zh}"
    return (
        rule.clause,
        f"`{rule.id}`",
        f"{rule.standing}, {rule.binding}",
        asks,
        ", ".join([*sorted(rule.scope.kinds), *sorted(rule.scope.authorities)]) or "all",
        rule.printed,
        words,
    )


def _both(topic: Topic) -> str:
    return f"{topic.en}<br>{topic.zh}"


def _units(topic: Topic) -> str:
    return ", ".join(f"`{unit}`" for unit in sorted(topic.units)) or "none: a duty"
