"""Profiles, files and samples, with what the adapters know of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from importlib.resources import files
from pathlib import Path

from adapters.fhir import validation as fhir_validation
from adapters.files.columns import FILE_KINDS
from adapters.files.reading import Checks, FilesRead, read_each, read_files, read_singly
from adapters.files.sheet import NamedFile, read_sheet
from adapters.hl7v2.charset import codec_of, is_charset
from adapters.hl7v2.client import MllpClient, Patience, receiver_of
from adapters.hl7v2.dictionary import Dictionary, is_known
from adapters.hl7v2.tokenizer import tokenize
from hub.errors import Refused
from hub.identifiers import read_citizen_id
from hub.mapping.bundles import SUPPORTED
from hub.mapping.library import load_base
from hub.message import Outbound, Source, Tells, Transport
from hub.profiles import Known, Places, read_library
from hub.profiles.samples import Eyes
from hub.settings import Settings


def read_named_files(settings: Settings, source: str, files: Mapping[str, bytes]) -> tuple[FilesRead, Source]:
    """What files hold that a source's people load by hand, and the source. Raises Refused (unknown-source, not-allowed,
    bad-profile); what is wrong with the files stands in the result."""
    library = read_library(profile_places(settings))
    if (profile := library.profiles.get(source)) and profile.refusal:
        raise Refused(profile.refusal)
    sender = library.book.get(source, Transport.FILE)
    return read_files_of([NamedFile(name=name, raw=raw) for name, raw in files.items()], sender), sender


def sender_to(outbound: Outbound, tries: int) -> MllpClient:
    """A client of whoever listens there. Raises Refused (bad-tls)."""
    return MllpClient(receiver_of(outbound), patience=Patience(tries=tries))


def read_files_of(files: Sequence[NamedFile], source: Source) -> FilesRead:
    """What files of a source hold, each fault at its place."""
    return read_files(files, source, _checks())


def read_singly_of(file: NamedFile, source: Source) -> FilesRead:
    """What one file of a source holds, its sound rows beside the faults of the others."""
    return read_singly(file, source, _checks())


def read_each_of(
    name: str, kind: str, columns: tuple[str, ...], lines: Sequence[tuple[int, tuple[str, ...]]], source: Source
) -> list[FilesRead]:
    """What each row of a source's view holds."""
    return read_each(name, kind, columns, lines, source, _checks())


def _checks() -> Checks:
    return Checks(is_number=_is_number, validate=_check_bundle)


def _is_number(kind: str, text: str) -> bool:
    return kind != "citizen-id" or read_citizen_id(text) is not None


def _check_bundle(body: bytes) -> None:
    fhir_validation.validate_body(body, SUPPORTED)


def profile_places(settings: Settings) -> Places:
    """Where a site's profiles lie, and what they are read with. Raises Refused (bad-mapping) for the hub's own rows."""
    own = Path(str(files("mappings")))
    base = load_base(own, Dictionary())
    return Places(
        base=base,
        folders=(own / "sources", *([settings.config_dir / "sources"] if settings.config_dir else [])),
        home=settings.home,
        known=Known(
            kinds=base.kinds,
            is_charset=is_charset,
            is_version=is_known,
            is_sheet=lambda name: any(kind.name == name for kind in FILE_KINDS),
        ),
    )


def sample_eyes() -> Eyes:
    """What sample messages are looked at with."""

    def sheet_of(raw: bytes) -> tuple[str, Tells] | None:
        kind = read_sheet(NamedFile(name="", raw=raw), UTC).kind
        return (kind.name, kind.tells) if kind else None

    return Eyes(tokenize=tokenize, codec_of=codec_of, sheet_of=sheet_of)
