"""Figures: rounds of floor and hub by turns, their medians, and one printed line a measurement."""

from collections.abc import Awaitable, Callable, Mapping
from statistics import median

Measure = Callable[[], Awaitable[float]]
"""One round; returns how many a second."""


async def by_turns(measures: Mapping[str, Measure], rounds: int) -> dict[str, float]:
    """The median of each, measured by turns so that a busy moment of the machine meets all of them."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(await measure())
    return {name: median(rates) for name, rates in found.items()}


def show(what: str, floor: float, hub: float, aim: str) -> float:
    """Print one line of the table; returns hub over floor."""
    ratio = hub / floor
    print(f"\n{what:<72} floor {floor:>9,.1f}  hub {hub:>9,.1f}  ratio {ratio:>5.2f}  aim {aim}", end="", flush=True)
    return ratio
