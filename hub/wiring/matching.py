"""How a site compares persons: its rules, and how often names occur there."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from hub.likeness import Matcher, load_matcher
from hub.mapping.codes import IdentifierKind
from hub.matching.comparing import LEAST_PERSONS, Frequencies
from hub.rounds import Rounds
from hub.settings import Settings
from hub.store import candidates
from hub.wiring.profiles import profile_places

_MOST_NAMES = 20_000
"""Names that are counted, the most frequent: the others are rare at any site."""
_EVERY_SECONDS = 6 * 3600.0
_LONGEST_PAUSE = 3600.0


class SiteNames:
    """How often names occur among a site's patients, counted anew as long as it runs."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._counted: Frequencies | None = None
        self._rounds = Rounds("names", _LONGEST_PAUSE)

    def __call__(self) -> Frequencies | None:
        """As they were counted last; None before that, and for a site that is too small to tell."""
        return self._counted

    def start(self) -> None:
        """Begin to count."""
        self._rounds.start((self.count, _EVERY_SECONDS))

    async def stop(self) -> None:
        """Finish, then end."""
        await self._rounds.stop()

    async def count(self) -> None:
        """Count them now."""
        async with self._engine.begin() as connection:
            names, persons = await candidates.count_names(connection, _MOST_NAMES)
        if persons >= LEAST_PERSONS:
            self._counted = Frequencies(names=names)


async def open_matcher(settings: Settings, engine: AsyncEngine) -> Matcher:
    """A matcher for one command. Raises Refused (bad-mapping)."""
    names = SiteNames(engine)
    await names.count()
    return load_matcher(_kinds(settings), settings.config_dir, names)


def _kinds(settings: Settings) -> Mapping[str, IdentifierKind]:
    return profile_places(settings).base.kinds
