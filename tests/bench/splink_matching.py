"""splink, as somebody uses it who knows it: trained without labels on the very records, several blocking rules, term
frequencies, levels for what nearly agrees. It is given values that are cleaned as the hub cleans them."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import Any

import pandas
import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

SEED = 6
LEAST = 0.01
"""Pairs below this probability are not even listed."""
THRESHOLDS = (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
"""Match probabilities at which pairs are merged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """What splink compares of a set, and by which columns it finds what to compare. `sure` are the rules by which it
    estimates how many pairs match; `trained_by` those within which it learns."""

    comparisons: Sequence[Any]
    blocks: Sequence[Sequence[str]]
    sure: Sequence[Sequence[str]]
    trained_by: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What splink reaches where pairs of at least `threshold` are merged."""

    threshold: float
    precision: float
    recall: float
    f1: float
    false: int


def _alike(column: str, *closer: Any) -> Any:
    """Equal (rare values count more), alike, or not."""
    return comparisons.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            levels.NullLevel(column),
            levels.ExactMatchLevel(column, term_frequency_adjustments=True),
            *closer,
            levels.ElseLevel(),
        ],
    )


_BORN = _alike(
    "born",
    levels.DamerauLevenshteinLevel("born", 1),
    levels.DamerauLevenshteinLevel("born", 2),
    levels.CustomLevel("substr(born_l, 1, 4) = substr(born_r, 1, 4)", label_for_charts="one year"),
)
CHINESE = Design(
    comparisons=[
        _alike("number", levels.DamerauLevenshteinLevel("number", 1), levels.DamerauLevenshteinLevel("number", 2)),
        _alike("health_record"),
        _alike(
            "name",
            levels.ExactMatchLevel("sound", term_frequency_adjustments=True),
            levels.JaroWinklerLevel("sound", 0.92),
            levels.JaroWinklerLevel("sound", 0.8),
        ),
        _BORN,
        comparisons.ExactMatch("sex"),
        _alike("phone", levels.DamerauLevenshteinLevel("phone", 1)),
        _alike("address", levels.JaroWinklerLevel("address", 0.92), levels.JaroWinklerLevel("address", 0.8)),
        comparisons.ExactMatch("mother"),
    ],
    blocks=[
        *(["number"], ["health_record"], ["name", "born"], ["sound", "birth_year"], ["born", "sex", "family"]),
        *(["phone", "family"], ["phone", "birth_year"], ["name", "address"], ["born", "address"], ["name", "phone"]),
    ],
    sure=[["number"], ["name", "born"], ["name", "phone"]],
    trained_by=[["number"], ["name", "born"], ["phone", "sex"]],
)
AUSTRALIAN = Design(
    comparisons=[
        _alike("given_name", levels.JaroWinklerLevel("given_name", 0.9), levels.JaroWinklerLevel("given_name", 0.7)),
        _alike("surname", levels.JaroWinklerLevel("surname", 0.9), levels.JaroWinklerLevel("surname", 0.7)),
        _BORN,
        _alike("soc_sec_id", levels.DamerauLevenshteinLevel("soc_sec_id", 2)),
        _alike("street_number"),
        _alike("address_1", levels.JaroWinklerLevel("address_1", 0.9)),
        _alike("suburb", levels.JaroWinklerLevel("suburb", 0.9)),
        _alike("postcode", levels.DamerauLevenshteinLevel("postcode", 1)),
    ],
    blocks=[
        *(["soc_sec_id"], ["born"], ["given_name", "surname"], ["surname", "postcode"], ["given_name", "postcode"]),
        *(["address_1", "street_number"], ["given_name", "birth_year"], ["surname", "birth_year"]),
    ],
    sure=[["soc_sec_id"], ["given_name", "surname", "born"]],
    trained_by=[["soc_sec_id"], ["born"], ["given_name", "surname"]],
)


def predict(rows: Sequence[Mapping[str, Any]], design: Design) -> tuple[list[tuple[int, int, float]], float]:
    """Pairs of places with their match probability, and the seconds that training and predicting took."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    begun = perf_counter()
    frame = pandas.DataFrame(list(rows)).replace({"": None})
    frame["unique_id"] = range(len(frame))
    linker = Linker(DuckDBAPI().register(frame), _settings(design), log_level=None)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on(*rule) for rule in design.sure], recall=0.8)
    training.estimate_u_using_random_sampling(max_pairs=5e6, seed=SEED)
    for rule in design.trained_by:
        training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    found = linker.inference.predict(threshold_match_probability=LEAST).as_pandas_dataframe()
    columns = (found["unique_id_l"], found["unique_id_r"], found["match_probability"])
    return list(zip(*(column.tolist() for column in columns), strict=True)), perf_counter() - begun


def _settings(design: Design) -> Any:
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=list(design.comparisons),
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in design.blocks],
        retain_matching_columns=False,
    )


def reached(pairs: Sequence[tuple[int, int, float]], truths: Sequence[str]) -> Sequence[Reached]:
    """What it amounts to at each threshold, where merged pairs make residents as the hub's do."""
    return [_reached(pairs, truths, threshold) for threshold in THRESHOLDS]


def _reached(pairs: Sequence[tuple[int, int, float]], truths: Sequence[str], threshold: float) -> Reached:
    clusters = _joined(len(truths), [(one, other) for one, other, probability in pairs if probability >= threshold])
    true, merged = _within(truths), _within(clusters)
    both = _within(list(zip(truths, clusters, strict=True)))
    return Reached(
        threshold=threshold,
        precision=both / merged if merged else 1.0,
        recall=both / true,
        f1=2 * both / (merged + true),
        false=merged - both,
    )


def _within(groups: Sequence[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(groups).values())


def _joined(count: int, pairs: Sequence[tuple[int, int]]) -> Sequence[int]:
    """The group of each place, where pairs join groups."""
    groups = list(range(count))
    members = {place: [place] for place in range(count)}
    for one, other in pairs:
        small, large = sorted((groups[one], groups[other]), key=lambda group: len(members[group]))
        if small != large:
            for place in members[small]:
                groups[place] = large
            members[large] += members.pop(small)
    assert sorted(chain.from_iterable(members.values())) == list(range(count))
    return groups
