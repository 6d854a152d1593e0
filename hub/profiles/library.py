"""All profiles with what lies beside them, read into one value that never changes; a reload makes another.

A profile with a fault does not keep the others from loading. What was last good of it stays in force, and the fault
with it, to be seen.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from hub.errors import Refusal, Refused
from hub.mapping.library import Base, Mappings, Reads, gather, load_own
from hub.message import Format, Source
from hub.sources import IsKnown, SourceBook, read_source
from hub.sources.lines import find_line

Mark = tuple[tuple[str, int, int], ...]
"""Path, time of change and size of every file of a profile: where it is the same, nothing has changed."""

_FILE = "source.toml"
_BESIDE = (("codes", "*.csv"), ("hl7v2", "*.toml"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the names in a profile are held against: kinds of identifiers, character sets, HL7 versions, kinds
    of files."""

    kinds: Collection[str]
    is_charset: IsKnown
    is_version: IsKnown
    is_sheet: IsKnown


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where profiles lie and what they are read with. In `folders` (``.../sources``) a later one's profile replaces an
    earlier one's of that name; drop folders are relative to `home`."""

    base: Base
    folders: tuple[Path, ...]
    home: Path
    known: Known


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """One profile that was read without a fault, with its rows and tables."""

    source: Source
    reads: Reads
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One profile as it stands. `written` is what its files say now, None where that has a `refusal`; `in_force` is
    what messages are read by: the same, else what was last good, None where nothing ever was."""

    name: str
    file: Path
    mark: Mark
    written: Loaded | None
    in_force: Loaded | None
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class Library:
    """Every profile by name, and what is made of those in force. One value: nobody sees half of a change."""

    base: Base
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @cached_property
    def book(self) -> SourceBook:
        """The sources by name and by header."""
        return SourceBook({name: one.source for name, one in self._in_force()})

    @cached_property
    def mappings(self) -> Mappings:
        """How each source's messages are read."""
        return gather(self.base, {name: one.reads for name, one in self._in_force()})

    @cached_property
    def organisations(self) -> Mapping[str, str]:
        """The directory's ids of organisations by the names of sources; "" where a profile names none."""
        return {name: one.source.organisation_id for name, one in self._in_force()}

    @property
    def faults(self) -> Sequence[Profile]:
        """The profiles whose files are refused, by name."""
        return [self.profiles[name] for name in sorted(self.profiles) if self.profiles[name].refusal]

    def marks(self) -> Mapping[str, Mark]:
        """What the files looked like when this was read."""
        return {name: profile.mark for name, profile in self.profiles.items()}

    def _in_force(self) -> Iterator[tuple[str, Loaded]]:
        return ((name, one.in_force) for name, one in self.profiles.items() if one.in_force)


def read_library(places: Places, before: Library | None = None) -> Library:
    """The profiles as their files are now. What has not changed since `before` is taken from it; of what is refused, it
    gives the last good one. Raises nothing: faults stand in the result."""
    known = before.profiles if before else {}
    profiles = {
        name: _profile(places, name, folders, known.get(name)) for name, folders in _folders_of(places.folders).items()
    }
    return Library(base=places.base, profiles=_apart(profiles, known))


def marks_of(folders: Iterable[Path]) -> Mapping[str, Mark]:
    """What the files of every profile look like now."""
    return {name: _mark(found) for name, found in _folders_of(folders).items()}


def _folders_of(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """The folders of each name, the earliest first."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"*/{_FILE}")):
            found.setdefault(file.parent.name, []).append(file.parent)
    return found


def _mark(folders: Iterable[Path]) -> Mark:
    marks = []
    for folder in folders:
        beside = [file for name, pattern in _BESIDE for file in sorted((folder / name).glob(pattern))]
        for file in (folder / _FILE, *beside):
            try:
                seen = file.stat()
            except OSError:  # gone between two looks: the next one sees it so
                continue
            marks.append((str(file), seen.st_mtime_ns, seen.st_size))
    return tuple(marks)


def _profile(places: Places, name: str, folders: Sequence[Path], before: Profile | None) -> Profile:
    mark = _mark(folders)  # taken before the files are read: what changes meanwhile is seen as a change
    if before and before.mark == mark:
        in_force = before.written or before.in_force
        return replace(before, in_force=in_force, refusal=None if before.written else before.refusal)
    written, refusal = _load(places, folders[-1])
    last_good = before.in_force if before else None
    if refusal and last_good is None:  # the hub's own profile stands where a site's of that name cannot
        last_good = next((found for one in reversed(folders[:-1]) if (found := _load(places, one)[0])), None)
    return Profile(
        name=name,
        file=folders[-1] / _FILE,
        mark=mark,
        written=written,
        in_force=written or last_good,
        refusal=refusal,
    )


def _load(places: Places, folder: Path) -> tuple[Loaded | None, Refusal | None]:
    known = places.known
    try:
        source = _at_home(read_source(folder / _FILE, known.kinds, known.is_charset, known.is_version), places.home)
        return Loaded(source=source, reads=load_own(places.base, source, folder), folder=folder), None
    except Refused as refused:
        return None, refused.refusal
    except OSError as fault:  # a table that was taken away while we read
        given = {"en": f"cannot be read ({fault.strerror})", "zh": f"无法读取（{fault.strerror}）"}
        return None, Refusal(code="bad-profile", where=str(fault.filename or folder), given=given)


def _at_home(source: Source, home: Path) -> Source:
    """The source with the path of its drop folder as from the hub's home."""
    if source.folder is None:
        return source
    path = Path(source.folder.path)
    ours = replace(source.folder, path=str(home.absolute() / path), is_ours=not path.is_absolute())
    return replace(source, folder=ours)


# -- no two with one header ------------------------------------------------------------------------------------------


def _apart(profiles: Mapping[str, Profile], before: Mapping[str, Profile]) -> dict[str, Profile]:
    """The profiles, none of which shares application and facility with another in force.

    Who had them before keeps them; whoever comes to share them is refused. Where nobody had them, all who claim them
    are refused: one hospital's messages must not reach the record as another's. Ends, since each round takes one
    profile back to what was in force before, when no two shared anything.
    """
    held = {name: one.in_force for name, one in before.items()}
    found = dict(profiles)
    while claims := _clashes(found):
        for header, names in claims:
            newcomers = [name for name in names if _header(held.get(name)) != header] or names
            for name in newcomers:
                others = ", ".join(other for other in names if other != name)
                found[name] = replace(
                    found[name], in_force=_taken_back(held.get(name), header), refusal=_shared(found[name], others)
                )
    return found


def _clashes(profiles: Mapping[str, Profile]) -> list[tuple[tuple[str, str], list[str]]]:
    by_header: dict[tuple[str, str], list[str]] = {}
    for name, profile in sorted(profiles.items()):
        if header := _header(profile.in_force):
            by_header.setdefault(header, []).append(name)
    return [(header, names) for header, names in by_header.items() if len(names) > 1]


def _header(loaded: Loaded | None) -> tuple[str, str] | None:
    if loaded is None or not loaded.source.speaks(Format.HL7V2) or not loaded.source.sending_application:
        return None
    return loaded.source.sending_application, loaded.source.sending_facility


def _taken_back(last_good: Loaded | None, header: tuple[str, str]) -> Loaded | None:
    return None if _header(last_good) == header else last_good


def _shared(profile: Profile, others: str) -> Refusal:
    try:
        text = profile.file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""
    line = find_line(text, ("hl7v2", "sending_application")) or 1
    return Refusal(
        code="bad-profile",
        where=f"{profile.file}:{line}",
        given={
            "en": f"sending_application and sending_facility are also those of {others}",
            "zh": f"sending_application 与 sending_facility 同 {others} 重复",
        },
    )
