"""A region's rules as data, each with its clause, and what the site has set over them. Pure.

`programme.get("slot-share", on, kind="expert")` gives a rule with a figure, or refuses with the clause that leaves it
open.
"""

from hub.policy.programme import Policy, Programme
from hub.policy.reading import find_faults, load_policies, load_programme, policy_folders
from hub.policy.rules import (
    AUTHORITIES,
    KINDS,
    RULES,
    Binding,
    Operator,
    Rule,
    Scope,
    SiteValue,
    Standing,
    Topic,
    Unit,
    Words,
)

__all__ = [
    "AUTHORITIES",
    "KINDS",
    "RULES",
    "Binding",
    "Operator",
    "Policy",
    "Programme",
    "Rule",
    "Scope",
    "SiteValue",
    "Standing",
    "Topic",
    "Unit",
    "Words",
    "find_faults",
    "load_policies",
    "load_programme",
    "policy_folders",
]
