"""Places of a document that rows read: ``/recordTarget/patientRole/id`` in the header, ``DE05.01.024.00`` by the number
of a data element wherever it stands, ``./effectiveTime`` of the entry at hand, ``#section`` about it.

``/recordTarget/patientRole/id[2.16.156.10011.1.33]`` is the id of that root; ``DE04.50.131.00{主观}`` the element whose
name says so: two things of one number are told apart by what the sender calls them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hub.mapping.codes import CodeTable
from hub.message import Datum, Statement

_PLACE = re.compile(
    r"(?P<of>/|\./|#|DE\d{2}\.\d{2}\.\d{3}\.\d{2}(?=$|/|\{|\[))"
    r"(?:\{(?P<label>[^{}\s|]+)\})?/?(?P<path>[A-Za-z][A-Za-z/]*)?(?:\[(?P<root>[\d.]+)\])?"
)
ENTRY_WORDS = frozenset({"section", "label", "role", "number", "mood", "status", "type"})
WORDS = frozenset({"kind", "lineage", "replaces", "visit", "class", "written", "readable", "original", *ENTRY_WORDS})
"""What may stand behind ``#``: things that are known of the document or of the entry, whatever its layout."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a row names it. `of` is ``/`` (the header), ``.`` (the entry at hand), ``#`` (a word about it) or the
    number of a data element; `root` limits an id to those of one root, `label` an element to those so called."""

    of: str
    path: str
    root: str = ""
    label: str = ""


def read_place(text: str) -> Place:
    """A place as written in a row. Raises ValueError with a sentence."""
    found = _PLACE.fullmatch(text.strip())
    of = found["of"] if found else ""
    path = (found["path"] or "") if found else ""
    is_element = of.startswith("DE")
    label = (found["label"] or "") if found else ""
    is_odd = (of == "#" and path not in WORDS) or (bool(label) and not is_element)
    if found is None or (not path and not is_element) or is_odd:
        raise ValueError(f"{text!r} is no place such as /author/time, DE05.01.024.00, ./value or #section")
    return Place("." if of == "./" else of, path or "value", found["root"] or "", label)


def read_places(text: str) -> tuple[Place, ...]:
    """Places with a bar between them: the first that says something counts."""
    return tuple(read_place(part) for part in text.split("|"))


Seen = set[tuple[int, str]]
"""What has been looked at: the number of the statement (0: the header) and the steps to the element."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One element of a document with what is below it; `number` is that of its statement, 0 for the header. Whoever
    reads of it is noted in `seen`: what nobody has read is told."""

    path: str
    number: int
    data: tuple[Datum, ...]
    seen: Seen = field(default_factory=set)

    @property
    def main(self) -> Datum | None:
        """The element itself, where it says something."""
        return self._read(self.data[0]) if self.data[0].path == self.path else None

    @property
    def first(self) -> Datum:
        """The element itself, else the first that says something below it."""
        return self._read(self.data[0])

    def at(self, *names: str) -> Datum | None:
        """What stands below the element under one of these names, or paths of names; the first name counts first."""
        below = {datum.path.removeprefix(f"{self.path}/"): datum for datum in reversed(self.data)}
        found = next((below[name] for name in names if name in below), None)
        return self._read(found) if found else None

    def below(self, *names: str) -> Datum | None:
        """The first element of one of these names, however deep."""
        return next(self.all_below(*names), None)

    def all_below(self, *names: str) -> Iterator[Datum]:
        """Every element of one of these names, however deep."""
        ends = tuple(f"/{name}" for name in names)
        return (self._read(datum) for datum in self.data if datum.path.endswith(ends))

    def alone(self, datum: Datum) -> "Branch":
        """One of the elements, by itself."""
        return Branch(datum.path, self.number, (datum,), self.seen)

    @property
    def text(self) -> str:
        """What decides a condition or a key: the code, else the value, else what it is called."""
        said = self.data[0]
        return said.code or said.value or said.display

    def _read(self, datum: Datum) -> Datum:
        self.seen.add((self.number, datum.steps))
        return datum


class Branches:
    """The elements of one statement, or of the header, by their paths."""

    def __init__(self, data: Sequence[Datum], number: int, seen: Seen) -> None:
        self._number = number
        self._seen = seen
        self._by_path: dict[str, dict[str, list[Datum]]] = {}
        self._made: dict[tuple[str, str], list[Branch]] = {}
        for datum in data:
            path, steps = datum.path, datum.steps
            while path:  # what is above an element has it below
                self._by_path.setdefault(path, {}).setdefault(steps, []).append(datum)
                path, steps = path.rpartition("/")[0], steps.rpartition("/")[0]

    def at(self, path: str, root: str = "") -> list[Branch]:
        """Those at a path, each with what is below it."""
        found = self._by_path.get(path)
        if not found:
            return []
        if (made := self._made.get((path, root))) is None:
            made = [Branch(path, self._number, tuple(data), self._seen) for data in found.values()]
            made = [one for one in made if not root or one.data[0].system == root]
            self._made[path, root] = made
        return made


@dataclass(frozen=True, slots=True)
class Standing:
    """A statement with its elements by path, and the canonical number of its data element."""

    said: Statement
    element: str
    branches: Branches


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What the rows of one resource look at: the header, the statements that belong together (the first of them is the
    entry at hand), and words about them."""

    header: Branches
    group: Sequence[Standing] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    by_element: Mapping[str, Sequence[Standing]] | None = None
    """The group by its data elements, where it is a whole document."""

    def find(self, place: Place) -> list[Branch]:
        """Everything at a place."""
        if place.of == "/":
            return self.header.at(place.path, place.root)
        if place.of == "#":
            said = self.words.get(place.path, "")
            return [_word(place.path, said, self.group)] if said else []
        if place.of == ".":
            return self.group[0].branches.at(place.path, place.root) if self.group else []
        if self.by_element is not None:
            held = self.by_element.get(place.of, ())
        else:
            held = [of for of in self.group if of.element == place.of]
        return [one for of in held if place.label in of.said.label for one in of.branches.at(place.path, place.root)]

    def first(self, places: Sequence[Place]) -> Branch | None:
        """The first element at the first of these places that has any."""
        return next((found[0] for place in places if (found := self.find(place))), None)

    def text(self, places: Sequence[Place]) -> str:
        """What it says there; "" where nothing."""
        found = self.first(places)
        return found.text if found else ""


def _word(name: str, said: str, group: Sequence[Standing]) -> Branch:
    where = group[0].said.where if group and name in ENTRY_WORDS else "ClinicalDocument"
    return Branch(name, 0, (Datum(path=name, steps=f"#{name}", where=where, value=said),))


# -- conditions --------------------------------------------------------------------------------------------------------

Condition = Callable[[View], bool]


def read_condition(text: str, tables: Mapping[str, CodeTable]) -> Condition:
    """``PLACE empty``, ``valued``, ``is VALUE``, ``in TABLE``, joined by ``and``, negated by ``not``. Raises ValueError
    with a sentence."""
    clauses = [_clause(part.split(), tables) for part in text.split(" and ")]
    return clauses[0] if len(clauses) == 1 else lambda view: all(clause(view) for clause in clauses)


def places_in(text: str) -> tuple[Place, ...]:
    """The places that a condition reads."""
    return tuple(read_place(word) for word in text.split() if _PLACE.fullmatch(word))


def _clause(words: list[str], tables: Mapping[str, CodeTable]) -> Condition:
    if words[:1] == ["not"]:
        inner = _clause(words[1:], tables)
        return lambda view: not inner(view)
    match words:
        case [place, "empty"]:
            at = read_places(place)
            return lambda view: not view.text(at)
        case [place, "valued"]:
            at = read_places(place)
            return lambda view: bool(view.text(at))
        case [place, "is", wanted]:
            at = read_places(place)
            return lambda view: view.text(at) == wanted
        case [place, "in", name]:
            if name not in tables:
                raise ValueError(f"there is no code table {name!r}")
            at, table = read_places(place), tables[name]
            return lambda view: table.find(view.text(at)) is not None
    raise ValueError(f"{' '.join(words)!r} is not a condition: write PLACE empty, valued, is VALUE or in TABLE")
