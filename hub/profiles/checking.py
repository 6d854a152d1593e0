"""What ``hub source check`` says: every fault of a profile, and what is sound and still odd."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.errors import Language, Refusal
from hub.mapping.library import Base
from hub.message import OWN_SOURCE, Format, Source, Tells
from hub.profiles.library import Known, Library, Loaded, Places, Profile
from hub.sources import find_faults
from hub.sources.lines import Path as KeyPath
from hub.sources.lines import find_line

_READ = (re.compile(r"source\.toml"), re.compile(r"codes/[^/]+\.csv"), re.compile(r"hl7v2/[^/]+\.toml"))
_BESIDE = frozenset({".pem", ".crt", ".key", ".md", ".txt"})
"""What may lie in a profile's folder without being read as rows or tables: certificates, notes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something odd that keeps nothing from working. `where` is a file with a line where it has one."""

    where: str
    en: str
    zh: str

    def said(self, language: Language) -> str:
        """As a sentence."""
        return f"{self.where}: {self.en}." if language == "en" else f"{self.where}：{self.zh}。"


def faults_of(profile: Profile, known: Known) -> Sequence[Refusal]:
    """All that is wrong with a profile's own file, else the first fault of what lies beside it."""
    found = find_faults(profile.file, known.kinds, known.is_charset, known.is_version)
    return found or ([profile.refusal] if profile.refusal else [])


def remarks_on(profile: Profile, places: Places) -> list[Remark]:
    """What is odd about a sound profile, the file itself first."""
    if profile.written is None:
        return []
    text = profile.file.read_text(encoding="utf-8-sig")
    of_keys = [
        Remark(where=f"{profile.file}:{find_line(text, path) or 1}", en=en, zh=zh)
        for path, en, zh in _odd_keys(profile.written, places)
    ]
    return [*of_keys, *_odd_files(profile.written, places.base)]


def _odd_keys(loaded: Loaded, places: Places) -> Iterator[tuple[KeyPath, str, str]]:
    source = loaded.source
    if source.name == OWN_SOURCE:
        return
    kinds = {rule.kind for rule in source.identifiers}
    if not any(rule.of_patient for rule in source.identifiers) and not source.speaks(Format.FHIR):
        yield (
            ("identifiers",),
            "no identifier is of_patient: patients are told apart by whichever declared number comes first",
            "没有标识类型标为 of_patient：将以首个已声明的号码区分患者",
        )
    if Tells.RECORD in source.tells and all(places.base.kinds[kind].strength != "strong" for kind in kinds):
        yield (
            ("identifiers",),
            "no citizen-id or other strong number: only one in PID-19 joins its patients with those of other sources",
            "没有 citizen-id 等强标识：除 PID-19 中的号码外，其患者不会与其他来源的居民合并",
        )
    mapped = loaded.reads.v2.plans if loaded.reads.v2 else {}
    for kind in sorted(source.kinds - set(mapped)):
        yield ("kinds",), f"{kind} is mapped by nobody, and refused", f"{kind} 没有映射，将被拒绝"
    yield from _odd_edges(source, places)


def _odd_edges(source: Source, places: Places) -> Iterator[tuple[KeyPath, str, str]]:
    for key in ("ca", "certificate"):
        path = getattr(source.outbound, key) if source.outbound else ""
        if path and not Path(path).is_file():
            yield ("outbound", key), f"there is no file {path}", f"没有文件 {path}"
    for at, view in enumerate(source.views):
        if not os.environ.get(view.url_from):
            reason = f"the environment has no {view.url_from} here", f"当前环境没有变量 {view.url_from}"
            yield ("views", at, "url_from"), *reason
        if not places.known.is_sheet(view.sheet):
            yield ("views", at, "sheet"), f"no kind of file is called {view.sheet}", f"没有名为 {view.sheet} 的文件类型"


def _odd_files(loaded: Loaded, base: Base) -> Iterator[Remark]:
    files = [file for file in sorted(loaded.folder.rglob("*")) if file.is_file() and not file.name.startswith(".")]
    for file in files:
        name = file.relative_to(loaded.folder).as_posix()
        if not any(pattern.fullmatch(name) for pattern in _READ):
            if file.suffix not in _BESIDE:
                yield Remark(where=str(file), en="it is not read", zh="不会被读取")
        elif name != "source.toml" and loaded.reads.v2 is None:
            yield Remark(where=str(file), en="rows and tables are for v2 sources", zh="映射行与代码表仅用于 v2 来源")
    if loaded.reads.v2 is not None:
        yield from _unused(loaded, base, files)


def _unused(loaded: Loaded, base: Base, files: Sequence[Path]) -> Iterator[Remark]:
    """Own tables that no row names, own row sets that no message reads."""
    assert loaded.reads.v2 is not None
    rows = "\n".join(file.read_text(encoding="utf-8") for file in files if file.parent.name == "hl7v2")
    used = {row_set.name for plan in loaded.reads.v2.plans.values() for row_set in plan.row_sets}
    known = {row_set.name for plan in base.plans.values() for row_set in plan.row_sets} | {"messages"}
    for file in files:
        if file.parent.name == "codes" and file.stem not in base.tables and file.stem not in rows:
            yield Remark(where=str(file), en="no row reads this table", zh="没有映射行使用此代码表")
        elif file.parent.name == "hl7v2" and file.stem not in used | known:
            yield Remark(where=str(file), en="no message type is read by it", zh="没有消息类型使用此映射")


def shown(profile: Profile, language: Language) -> dict[str, object]:
    """A profile as ``hub source list`` shows it: what is in force, and what is refused."""
    source = profile.in_force.source if profile.in_force else None
    refusal = profile.refusal
    header = f"{source.sending_application}|{source.sending_facility}" if source else ""
    return {
        "name": profile.name,
        "organisation": source.organisation if source else "",
        "format": source.format.value if source else "",
        "also": sorted(source.also) if source else [],
        "transports": sorted(source.transports) if source else [],
        "sender": header.strip("|"),
        "file": str(profile.file),
        "in_force": source is not None,
        "code": refusal.code if refusal else "",
        "where": refusal.where if refusal else "",
        "reason": refusal.message(language) if refusal else "",
        "next_step": refusal.next_step(language) if refusal else "",
    }


def chosen(library: Library, names: Sequence[str]) -> list[Profile]:
    """The profiles of these names, all for none. Raises KeyError with the name that is none."""
    return [library.profiles[name] for name in names or sorted(library.profiles)]
