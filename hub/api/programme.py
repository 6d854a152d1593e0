"""What can be asked about the programme's rules. They are nobody's personal data: whoever has a token reads them."""

from collections.abc import Sequence
from datetime import date
from enum import Enum
from fractions import Fraction

import strawberry

from hub.api.context import Info
from hub.api.fields import field
from hub.api.labels import Label
from hub.policy import Policy, Programme, Rule, SiteValue, Words


@strawberry.enum(name="RuleStanding", description="How far the document goes.")
class RuleStanding(Enum):
    """`hub.policy.Standing`, each value with its meaning."""

    STATED = strawberry.enum_value("stated", description="The document gives the figure, or states a duty.")
    OPEN = strawberry.enum_value("open", description="The document gives no figure: refused until the site sets one.")
    HEARSAY = strawberry.enum_value(
        "hearsay", description="The figure is known from elsewhere only: refused until the site sets it."
    )
    SITE = strawberry.enum_value("site", description="The document is silent: the rule is the site's own.")


@strawberry.enum(name="RuleBinding", description="How strictly a rule is asked.")
class RuleBinding(Enum):
    """`hub.policy.Binding`, each value with its meaning."""

    MUST = strawberry.enum_value("must", description="应: it is asked.")
    PRINCIPLE = strawberry.enum_value("principle", description="原则上: it is the rule, and there may be exceptions.")
    MAY = strawberry.enum_value("may", description="可: it is allowed.")


@strawberry.enum(name="RuleOperator", description="How a rule's figure is meant.")
class RuleOperator(Enum):
    """`hub.policy.Operator`, each value with its meaning."""

    AT_LEAST = strawberry.enum_value(">=", description="This much or more.")
    AT_MOST = strawberry.enum_value("<=", description="This much or less.")
    EQUAL = strawberry.enum_value("=", description="Just this much.")
    BETWEEN = strawberry.enum_value("between", description="From `value` to `upper`, both included.")
    ABOUT = strawberry.enum_value("about", description="About this much.")


@strawberry.type(description="A figure that the site has set over a rule, or as a rule of its own.")
class SetBySite:
    value: str = strawberry.field(description="The figure, exactly: 24, 1/4.")
    upper: str | None = strawberry.field(description="The end of a range, exactly; null where one figure is set.")
    number: float = strawberry.field(description="`value` as a number.")
    unit: str = strawberry.field(
        description="What it counts: share, hours, days, weeks, months, years, persons, teams."
    )
    kinds: list[str] = strawberry.field(description="The kinds of sessions that it is set for; none: all.")
    authorities: list[str] = strawberry.field(description="Whose hospitals it is set for; none: all.")
    from_: date = strawberry.field(name="from", description="The first day on which it holds.")
    until: date | None = strawberry.field(description="The last day; null while no end is set.")
    by: str = strawberry.field(description="Who decided it.")
    on: date = strawberry.field(description="The day of the decision.")
    why: str = strawberry.field(description="The reason.")


@strawberry.type(description="One rule of the programme, with the clause that it comes from.")
class PolicyRule:
    id: str = strawberry.field(description="Which rule: slot-share, agreement-first-term. Others may have the same.")
    standing: RuleStanding = strawberry.field(description="How far the document goes.")
    binding: RuleBinding = strawberry.field(description="How strictly it is asked.")
    operator: RuleOperator | None = strawberry.field(description="How the figure is meant; null for a duty.")
    value: str | None = strawberry.field(
        description="The document's figure, exactly: 20, 1/3; null where it gives none."
    )
    upper: str | None = strawberry.field(description="The end of `BETWEEN`, exactly.")
    number: float | None = strawberry.field(description="`value` as a number.")
    unit: str | None = strawberry.field(
        description="What it counts: share, hours, days, weeks, months, years, persons, teams; null for a duty."
    )
    denominator: Label | None = strawberry.field(description="Of what a share is one; null where it is no share.")
    kinds: list[str] = strawberry.field(
        description="The kinds of sessions that it is about: expert, general, examination, bed; none: all."
    )
    authorities: list[str] = strawberry.field(
        description="Whose hospitals it is about: county, district, city, province; none: all."
    )
    clause: str | None = strawberry.field(description="Where it stands; null for a rule of the site's own.")
    printed: str | None = strawberry.field(description="What is printed there, word for word; null likewise.")
    zh: str = strawberry.field(description="What it says in our words, in Chinese.")
    en: str = strawberry.field(description="What it says in our words, in English.")
    source: Label | None = strawberry.field(description="Where hearsay comes from; null for all else.")
    from_: date = strawberry.field(name="from", description="The first day on which it holds.")
    until: date | None = strawberry.field(description="The last day; null where none is given.")
    set_by_site: list[SetBySite] = strawberry.field(
        description="What the site has set over it, for all of what it is about or for a part; it goes before `value`."
    )


@strawberry.type(description="The document that a region's rules come from.")
class PolicyDocument:
    title: Label = strawberry.field(description="What it is called.")
    number: str | None = strawberry.field(description="Its number (文号); null where it bears none.")
    issued: date = strawberry.field(description="The day on which it was issued.")
    issuers: list[str] = strawberry.field(description="Who issued it.")


@strawberry.type(name="Programme", description="The rules that hold at this site.")
class ProgrammeType:
    region: str = strawberry.field(description="The region's policy by name: weihai-2023.")
    name: Label = strawberry.field(description="What the region is called.")
    division: str = strawberry.field(description="The region's division code (GB/T 2260).")
    document: PolicyDocument = strawberry.field(description="Where the rules come from.")
    rules: list[PolicyRule] = strawberry.field(
        description="Every rule: the document's in its order, then those that only the site has."
    )


@strawberry.type
class ProgrammeQuery:
    @field("The rules of the region that the site has picked; null while it has picked none (HUB_REGION).")
    def programme(self, info: Info) -> ProgrammeType | None:
        programme = info.context.means.programme
        return programme_from(programme, programme.policy) if programme.policy else None


def programme_from(programme: Programme, policy: Policy) -> ProgrammeType:
    """A region's programme as it is shown."""
    return ProgrammeType(
        region=policy.region,
        name=_label(policy.name),
        division=policy.division,
        document=PolicyDocument(
            title=_label(policy.title),
            number=policy.number or None,
            issued=policy.issued_on,
            issuers=list(policy.issuers),
        ),
        rules=[_rule(rule, programme.values_over(rule)) for rule in programme.rules],
    )


def _rule(rule: Rule, values: Sequence[SiteValue]) -> PolicyRule:
    return PolicyRule(
        id=rule.id,
        standing=RuleStanding(rule.standing),
        binding=RuleBinding(rule.binding),
        operator=RuleOperator(rule.operator) if rule.operator else None,
        value=_exactly(rule.figure),
        upper=_exactly(rule.upper),
        number=float(rule.figure) if rule.figure is not None else None,
        unit=rule.unit,
        denominator=_label(rule.denominator) if rule.denominator else None,
        kinds=sorted(rule.scope.kinds),
        authorities=sorted(rule.scope.authorities),
        clause=rule.clause or None,
        printed=rule.printed or None,
        zh=rule.zh,
        en=rule.en,
        source=_label(rule.source) if rule.source else None,
        from_=rule.scope.starts_on,
        until=rule.scope.ends_on,
        set_by_site=[_set_by_site(value) for value in values],
    )


def _set_by_site(value: SiteValue) -> SetBySite:
    return SetBySite(
        value=str(value.value),
        upper=_exactly(value.upper),
        number=float(value.value),
        unit=value.unit,
        kinds=sorted(value.scope.kinds),
        authorities=sorted(value.scope.authorities),
        from_=value.scope.starts_on,
        until=value.scope.ends_on,
        by=value.by,
        on=value.on,
        why=value.why,
    )


def _exactly(figure: Fraction | None) -> str | None:
    return None if figure is None else str(figure)


def _label(words: Words) -> Label:
    return Label(zh=words.zh, en=words.en)
