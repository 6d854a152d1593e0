"""DataLoaders: what one answer asks for in one place is read in one statement, however many residents it is about."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from strawberry.dataloader import DataLoader

from hub.care.visit import Visit
from hub.errors import refuse
from hub.store.records import Found, Page, Row

K = TypeVar("K")
T = TypeVar("T")

MOST_LINES = 20_000
"""Lines of records that one list of one answer may ask for: 20 residents with 500 results each fit twice."""


class Wanted(NamedTuple):
    """A page of one resident's entries."""

    resident_id: UUID
    page: Page


class Loaders:
    """The loaders of one visit."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._entries: dict[str, DataLoader[Wanted, Found]] = {}
        self._entries_by_id: dict[str, DataLoader[UUID, Any]] = {}
        self._by: dict[Any, DataLoader[Any, Any]] = {}

    @cached_property
    def residents(self) -> DataLoader[UUID, Row]:
        """Residents by id. Awaiting one raises Refused (no-relation) where there is none to them."""
        return DataLoader(load_fn=cast(Any, self._visit.residents))

    @cached_property
    def numbers(self) -> DataLoader[UUID, list[Row]]:
        """The strong numbers of a resident."""
        return DataLoader(load_fn=self._visit.numbers)

    @cached_property
    def patients(self) -> DataLoader[UUID, list[Row]]:
        """The patients that stand for a resident."""
        return DataLoader(load_fn=self._visit.patients)

    def entries(self, kind: str) -> DataLoader[Wanted, Found]:
        """Pages of entries of a kind."""
        return _kept(self._entries, kind, lambda: DataLoader(load_fn=self._load_entries(kind)))

    def entries_by_id(self, kind: str) -> DataLoader[UUID, Any]:
        """Entries of a kind by id."""
        return _kept(self._entries_by_id, kind, lambda: DataLoader(load_fn=self._load_by_id(kind)))

    def by(self, load: Callable[[Visit, Sequence[K]], Awaitable[Sequence[T]]]) -> DataLoader[K, T]:
        """What a function of `hub.care` reads for many keys at once, in their order: one loader a function."""

        async def load_all(keys: list[K]) -> Sequence[T]:
            return await load(self._visit, keys)

        return _kept(self._by, load, lambda: DataLoader(load_fn=cast(Any, load_all)))

    def named(self, name: str, load: Callable[[list[K]], Awaitable[Sequence[T]]]) -> DataLoader[K, T]:
        """What a function of the API finds for many keys at once, in their order: one loader a name."""
        return _kept(self._by, name, lambda: DataLoader(load_fn=cast(Any, load)))

    def _load_entries(self, kind: str) -> Any:
        async def load(wanted: list[Wanted]) -> list[Found]:
            alike: dict[Page, list[UUID]] = {}
            for one in wanted:
                alike.setdefault(one.page, []).append(one.resident_id)
            found: dict[Wanted, Found] = {}
            for page, residents in alike.items():
                _check_lines(page, residents)
                pages = await self._visit.entries(kind, residents, page)
                found |= {Wanted(of, page): each for of, each in zip(residents, pages, strict=True)}
            return [found[one] for one in wanted]

        return load

    def _load_by_id(self, kind: str) -> Any:
        async def load(ids: list[UUID]) -> Any:
            return await self._visit.entries_by_id(kind, ids)

        return load


def _kept(loaders: dict[Any, T], kind: Any, make: Callable[[], T]) -> T:
    if kind not in loaders:
        loaders[kind] = make()
    return loaders[kind]


def _check_lines(page: Page, residents: Sequence[UUID]) -> None:
    asked = page.most * len(residents)
    if asked > MOST_LINES:
        raise refuse("page-too-large", "first", asked=str(asked), most=str(MOST_LINES))
