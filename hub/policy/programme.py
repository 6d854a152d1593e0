"""One region's policy with the site's own values laid over it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from hub.errors import refuse
from hub.policy.rules import RULES, Binding, Operator, Rule, SiteValue, Standing, Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One document and its rules. `region` is its name among the files; `number` is "" where it bears none."""

    region: str
    division: str
    name: Words
    title: Words
    number: str
    issued_on: date
    issuers: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Programme:
    """What holds here. Without a policy (no region picked) nothing does."""

    policy: Policy | None = None
    values: tuple[SiteValue, ...] = ()

    @property
    def region(self) -> str:
        """The region's name; "" where none was picked."""
        return self.policy.region if self.policy else ""

    @property
    def rules(self) -> Sequence[Rule]:
        """The document's rules as it has them, then those that only the site has."""
        if self.policy is None:
            return ()
        theirs = self.policy.rules
        own = [value for value in self.values if not any(_speak_of_one(rule, value) for rule in theirs)]
        return (*theirs, *(_under(_own_rule(self.region, value), value) for value in own))

    def values_over(self, rule: Rule) -> Sequence[SiteValue]:
        """What the site has set over a rule of the document, for all of its scope or for a part."""
        return [value for value in self.values if _speak_of_one(rule, value)]

    def find(self, id: str, on: date, *, kind: str = "", authority: str = "") -> Rule | None:
        """The rule that holds on a day for a kind of session of an authority's hospital, with the site's figure where
        it has set one; None where neither says anything.

        `id` is one of `RULES` (else KeyError). What comes back may be open: see `Rule.holds`.
        """
        RULES[id]
        theirs = self.policy.rules if self.policy else ()
        rule = next((one for one in theirs if one.id == id and one.scope.covers(on, kind, authority)), None)
        value = next((one for one in self.values if one.rule == id and one.scope.covers(on, kind, authority)), None)
        if value is None:
            return rule
        return _under(rule or _own_rule(self.region, value), value)

    def get(self, id: str, on: date, *, kind: str = "", authority: str = "") -> Rule:
        """`find`, insisted on: a rule that holds, with its figure in `Rule.value` (a duty has none).

        Raises Refused (no-region, policy-silent, policy-open).
        """
        if self.policy is None:
            raise refuse("no-region", "HUB_REGION", rule=id)
        rule = self.find(id, on, kind=kind, authority=authority)
        if rule is None:
            about = ", ".join(part for part in (id, kind, authority) if part)
            raise refuse("policy-silent", id, region=self.region, about=about)
        if not rule.holds:
            raise rule.refusal()
        return rule


def _speak_of_one(rule: Rule, value: SiteValue) -> bool:
    return rule.id == value.rule and rule.scope.meets(value.scope)


def _own_rule(region: str, value: SiteValue) -> Rule:
    """The rule of a site where the document says nothing."""
    topic = RULES[value.rule]
    return Rule(
        id=value.rule,
        region=region,
        standing=Standing.SITE,
        binding=Binding.MUST,
        operator=topic.operator,
        unit=value.unit,
        scope=value.scope,
        zh=topic.zh,
        en=topic.en,
    )


def _under(rule: Rule, value: SiteValue) -> Rule:
    """A rule with the site's figure in it. One figure set where a range is asked for is that figure."""
    operator = rule.operator
    if value.upper is not None:
        operator = Operator.BETWEEN
    elif operator is Operator.BETWEEN:
        operator = Operator.EQUAL
    return replace(rule, operator=operator, unit=value.unit, figure=value.value, upper=value.upper, set_by=value)
