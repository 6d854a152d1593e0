"""Comparing persons by a site's rules: what intake, reviews and the command line share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from hub.identity import Reason
from hub.mapping.codes import IdentifierKind
from hub.matching.blocks import hashed, keys_of
from hub.matching.comparing import Comparison, Frequencies, compare
from hub.matching.person import Person, person_of
from hub.matching.rules import load_rules
from hub.message import Source
from hub.record import Grade, Json

JOINING = frozenset({Grade.CERTAIN, Grade.PROBABLE})
"""Grades upon which two patients are taken for one person, until something speaks against it."""
REASONS: Mapping[Grade, Reason] = {
    Grade.CERTAIN: Reason.RESEMBLES_CERTAINLY,
    Grade.PROBABLE: Reason.RESEMBLES_PROBABLY,
}
"""Why two patients are one resident whom nothing but resemblance joins."""
_RULES = "identity.toml"
_FORM = b"2"
"""Raised when persons are read or found otherwise than before, so that everybody is entered anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matcher:
    """How a site compares: the numbers that it knows, whom to compare with (`keys`), and how (`compare`)."""

    kinds: Mapping[str, IdentifierKind]
    keys: Callable[[Person], tuple[int, ...]]
    compare: Callable[[Person, Person], Comparison]

    def person(self, patient: Json, source: Source | None, related: Sequence[Json] = ()) -> Person:
        """A Patient resource, with RelatedPerson resources beside it, as it is compared."""
        return person_of(patient, source, self.kinds, related=related)


def load_matcher(
    kinds: Mapping[str, IdentifierKind],
    config_dir: Path | None = None,
    names: Callable[[], Frequencies | None] = lambda: None,
) -> Matcher:
    """The hub's rules, or the site's in their place (`identity.toml` in its folder); `names` are how often names occur.

    Raises Refused with file and line.
    """
    site = config_dir / _RULES if config_dir else None
    own = Path(str(files("mappings"))) / _RULES
    rules = load_rules(site if site is not None and site.exists() else own)
    return Matcher(
        kinds=kinds,
        keys=lambda person: tuple(dict.fromkeys(map(hashed, keys_of(person)))),
        compare=lambda one, other: compare(one, other, rules, names()),
    )


def remembering(matcher: Matcher) -> Matcher:
    """A matcher for one batch, which compares each two persons once."""
    compared: dict[tuple[Person, Person], Comparison] = {}

    def compare(one: Person, other: Person) -> Comparison:
        found = compared.get((one, other))
        if found is None:
            found = compared[one, other] = matcher.compare(one, other)
        return found

    return replace(matcher, compare=compare)


def digest_of(patient: Json, related: Iterable[Json]) -> bytes:
    """A hash of what a person is read from."""
    said = orjson.dumps([patient, list(related)], option=orjson.OPT_SORT_KEYS)
    return blake2b(_FORM + said, digest_size=16).digest()


def weights_json(comparison: Comparison) -> list[dict[str, Any]]:
    """Weights as a review and a link keep them."""
    return [{"bits": round(one.bits, 2), "zh": one.zh, "en": one.en} for one in comparison.weights]
