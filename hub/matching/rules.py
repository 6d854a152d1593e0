"""How much each agreement and each difference weighs: ``identity.toml``, the hub's or a site's."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hub.errors import Refused, refuse
from hub.matching.findings import SENTENCES
from hub.toml import NotToml, line_of, read_toml


@dataclass(frozen=True, kw_only=True, slots=True)
class Grades:
    """From which score on two persons are certainly, probably or possibly one."""

    certain: float
    probable: float
    possible: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """What a value is worth that one side does not tell, in bits, and the most that all of them come to."""

    each: float
    most: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How a site compares. `weights` are bits by finding; what speaks against a match is below 0. `rarest_name` is the
    most that a name weighs, one that hardly anybody else has. `proofs` are findings that a certain match needs
    together, one set of them at least. Two of whom any set of `questions` is found are asked about, however much speaks
    for them, and those of `questions_without_number` unless a number is the same."""

    grades: Grades
    weights: Mapping[str, float]
    rarest_name: float
    missing_values: Missing
    proofs: tuple[frozenset[str], ...]
    questions: tuple[frozenset[str], ...]
    questions_without_number: tuple[frozenset[str], ...]

    def proves(self, found: AbstractSet[str]) -> bool:
        """Whether a match on these findings may be certain."""
        return any(one <= found for one in self.proofs)

    def asks(self, found: AbstractSet[str]) -> bool:
        """Whether a person has to be asked, whatever the sum."""
        asked = self.questions if "number-same" in found else self.questions + self.questions_without_number
        return any(one <= found for one in asked)

    def missing(self, found: AbstractSet[str]) -> float:
        """Credit for the values of which nothing was found, because one side does not tell them."""
        told = {code.partition("-")[0] for code in found}
        return min(self.missing_values.most, self.missing_values.each * len(_VALUES - told))


_VALUES = frozenset({"number", "born", "sex", "phone", "address"})
_TABLES = frozenset({"grades", "weights", "missing", "findings"})
_SETS = frozenset({"proofs", "questions", "questions-without-number"})


def load_rules(path: Path) -> Rules:
    """The rules of a file. Raises Refused (bad-identity) with file and line."""
    try:
        text, said = read_toml(path)
    except NotToml as fault:
        raise refuse("bad-identity", fault.place(path.name), reason=fault.en) from None
    for name in said.keys() - _TABLES:
        raise refuse("bad-identity", f"{path.name}:{line_of(text, name)}", reason=f"'{name}' is no table of it")
    of = _File(name=path.name, text=text, said=said)
    weights = of.numbers("weights", {*SENTENCES, "rarest-name"})
    return Rules(
        grades=Grades(**of.numbers("grades", {one.name for one in fields(Grades)})),
        rarest_name=weights.pop("rarest-name"),
        weights=weights,
        missing_values=Missing(**of.numbers("missing", {one.name for one in fields(Missing)})),
        proofs=of.sets("proofs"),
        questions=of.sets("questions"),
        questions_without_number=of.sets("questions-without-number"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A file as it was read, to say where in it something is wrong."""

    name: str
    text: str
    said: Mapping[str, Any]

    def numbers(self, table: str, known: AbstractSet[str]) -> dict[str, float]:
        said = self.said.get(table, {})
        for key in sorted(said.keys() ^ known):
            reason = f"'{key}' is no key of [{table}]" if key in said else f"[{table}] lacks '{key}'"
            raise self.fault(table, key, reason)
        for key, value in said.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self.fault(table, key, f"'{key}' is a number of bits")
        return {key: float(value) for key, value in said.items()}

    def sets(self, key: str) -> tuple[frozenset[str], ...]:
        table = self.said.get("findings", {})
        for unknown in sorted(table.keys() - _SETS):
            raise self.fault("findings", unknown, f"'{unknown}' is no key of [findings]")
        said = table.get(key, [])
        if not isinstance(said, list) or not all(isinstance(one, list) and one for one in said):
            raise self.fault("findings", key, f"'{key}' is a list of lists of findings")
        for code in (code for one in said for code in one):
            if code not in SENTENCES:
                raise self.fault("findings", key, f"'{code}' is no finding")
        return tuple(frozenset(one) for one in said)

    def fault(self, table: str, key: str, reason: str) -> Refused:
        return refuse("bad-identity", f"{self.name}:{line_of(self.text, key, table)}", reason=reason)
