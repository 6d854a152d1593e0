"""What the door refuses at once: who may send as a source, and the few checks of content that a sender is told of in
its acknowledgement.

The rules of content are handed in (wiring derives them from mapping rows and a source profile) and compiled by segment,
so a message costs one pass over its segments.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from adapters.hl7v2.framing import Peer
from hub.errors import Refusal, refuse
from hub.message import Segment, Source, V2Message, components_of

_NULL = '""'  # "delete what you hold" (HL7 v2.5.1 chapter 2.5.3): a statement, not a value


@dataclass(frozen=True, kw_only=True, slots=True)
class Sibling:
    """A condition on another component of the same repetition: CX.5 is one of these types (case ignored)."""

    component: int
    values: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One check of one place. `check` gets the unescaped text and says whether it will do.

    `component` 0 is the first component of a field that people name without it (``PID-7``). `each` checks
    every repetition, otherwise the first. With `when`, only repetitions whose sibling component fits are
    checked. Empty text and the explicit null never reach `check`. A fault is a `Refusal` of `refusal_code`,
    whose wording takes nothing but ``{where}``.
    """

    segment: str
    field: int
    component: int = 0
    check: Callable[[str], bool]
    refusal_code: str
    each: bool = False
    when: Sibling | None = None


def check_peer(peer: Peer, source: Source) -> None:
    """Whether who is at the other end may send as this source. Raises Refused (address-not-allowed,
    certificate-not-allowed) where its profile names networks or certificates and this is none of them."""
    check_address(peer.address, source, "MSH-3")
    if source.certificates and peer.names.isdisjoint(source.certificates):
        raise refuse("certificate-not-allowed", "MSH-3", source=source.name)


def check_address(address: str, source: Source, where: str) -> None:
    """Whether this source may send from there. Raises Refused (address-not-allowed)."""
    if source.addresses and not _is_within(address, source.addresses):
        raise refuse("address-not-allowed", where, address=address, source=source.name)


@lru_cache(maxsize=4096)
def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ip_address(address.partition("%")[0])  # a link-local address names its interface behind a %
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:  # an IPv4 sender at an IPv6 listener
        found = found.ipv4_mapped
    return any(found in ip_network(network, strict=False) for network in networks)


class DoorCheck:
    """Rules, compiled: by segment, then by field, so that a field with several rules is cut once, and only where a rule
    looks at its parts."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[Rule]) -> None:
        by_segment: dict[str, dict[int, list[Rule]]] = {}
        for rule in rules:
            by_segment.setdefault(rule.segment, {}).setdefault(rule.field, []).append(_folded(rule))
        self._rules = {
            segment: [
                (at, found, any(rule.each for rule in found), _only_check(found)) for at, found in by_field.items()
            ]
            for segment, by_field in by_segment.items()
        }

    def first_fault(self, message: V2Message) -> Refusal | None:
        """The first fault in the order of the message, or None."""
        rules_of = self._rules
        for segment in message.segments:
            asked = rules_of.get(segment.name)
            if asked is None:
                continue
            fields = segment.fields
            count = len(fields)
            for field, rules, each, only in asked:
                if field < count and (text := fields[field]):
                    if only is not None and text.isalnum() and only(text):
                        continue  # letters and digits alone: no separator is one, so there is nothing to cut
                    fault = _fault(rules, segment, text, each=each)
                    if fault is not None:
                        return fault
        return None


def _only_check(rules: Sequence[Rule]) -> Callable[[str], bool] | None:
    """The check of a field's only rule, where that one looks at the first component of any repetition."""
    first = rules[0]
    return first.check if len(rules) == 1 and first.component <= 1 and first.when is None else None


def _folded(rule: Rule) -> Rule:
    if rule.when is None:
        return rule
    when = Sibling(component=rule.when.component, values=frozenset(v.casefold() for v in rule.when.values))
    return replace(rule, when=when)


def _fault(rules: Sequence[Rule], segment: Segment, text: str, *, each: bool) -> Refusal | None:
    """The first fault of a field; `each`: whether any of the rules asks for more than its first repetition."""
    delimiters = segment.delimiters
    repetitions = text.split(delimiters.repetition, -1 if each else 1)
    first = components_of(delimiters, repetitions[0])
    others = [components_of(delimiters, repetition) for repetition in repetitions[1:]] if each else []
    for rule in rules:
        if not _passes(rule, first):
            return refuse(rule.refusal_code, _where(rule, segment, 1)).refusal
        if not rule.each:
            continue
        for number, parts in enumerate(others, 2):
            if not _passes(rule, parts):
                return refuse(rule.refusal_code, _where(rule, segment, number)).refusal
    return None


def _passes(rule: Rule, parts: Sequence[str]) -> bool:
    """Whether one repetition, cut into its components, does."""
    if rule.when is not None and _part(parts, rule.when.component).casefold() not in rule.when.values:
        return True
    value = _part(parts, rule.component or 1)
    return not value or value == _NULL or rule.check(value)


def _part(parts: Sequence[str], component: int) -> str:
    return parts[component - 1].strip() if component <= len(parts) else ""


def _where(rule: Rule, segment: Segment, repetition: int) -> str:
    """``PID-3[2].1``: repetition and component only where there is something to tell apart."""
    where = f"{segment.where}-{rule.field}"
    if repetition > 1:
        where += f"[{repetition}]"
    return f"{where}.{rule.component}" if rule.component else where
