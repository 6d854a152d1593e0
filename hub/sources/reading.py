"""One ``source.toml`` into a `Source`, or every fault of it with its line."""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

from hub.errors import Refusal, Refused
from hub.message import (
    VISIT_BY_ADMISSION,
    Acknowledging,
    DropFolder,
    Format,
    IdentifierRule,
    Outbound,
    Reuse,
    Source,
    Tells,
    Transport,
    View,
)
from hub.sources.cells import Cells, Fault
from hub.sources.keys import known_in
from hub.sources.lines import find_line
from hub.toml import NotToml, read_toml

IsKnown = Callable[[str], bool]
"""Whether a name (a character set's, an HL7 version's, a kind of file's) is one that the hub knows."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_ZONE = re.compile(r"([+-])(\d{2}):(\d{2})")
_KIND = re.compile(r"[A-Z][A-Z0-9]{2}\^[A-Z][A-Z0-9]{2}")
_OID = re.compile(r"[012](\.(0|[1-9]\d*))+")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_IDENTIFIER = re.compile(r"[^\W\d][\w$#]{0,127}")
_TABLE = re.compile(rf"{_IDENTIFIER.pattern}(\.{_IDENTIFIER.pattern}){{0,2}}")
_FARTHEST = 14 * 60
"""Minutes that FHIR R4B lets a time zone stand from UTC (https://hl7.org/fhir/R4B/datatypes.html#dateTime)."""
_CENTURY = 36_525
_LONGEST_NAME = 255
"""Characters of a certificate's name (RFC 5280 and RFC 1035 allow no more in either place)."""

FORMATS_BY: Mapping[Transport, frozenset[Format]] = MappingProxyType(
    {
        Transport.MLLP: frozenset({Format.HL7V2}),
        Transport.INGEST: frozenset(Format),
        Transport.FHIR: frozenset({Format.FHIR}),
        Transport.SOAP: frozenset({Format.HL7V2, Format.CDA}),
        Transport.FILE: frozenset({Format.FHIR}),
        Transport.FOLDER: frozenset(Format),
        Transport.VIEW: frozenset({Format.FHIR}),
        Transport.HUB: frozenset({Format.FHIR}),
    }
)
"""Which formats come by which door. Rows of files and views become FHIR before they are kept."""


def load_sources(
    folders: Iterable[Path], kinds: Collection[str], is_charset: IsKnown, is_version: IsKnown | None = None
) -> dict[str, tuple[Source, Path]]:
    """Every ``NAME/source.toml`` below the folders; a later folder's profile replaces an earlier one of that name.

    `kinds` are the identifier kinds that profiles may name, `is_charset` knows the character sets, `is_version` the HL7
    versions. Raises Refused (bad-profile with file and line, ambiguous-source).
    """
    found: dict[str, tuple[Source, Path]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/source.toml")):
            source = read_source(file, kinds, is_charset, is_version)
            found[source.name] = (source, file.parent)
    check_apart(source for source, _ in found.values())
    return found


def check_apart(sources: Iterable[Source]) -> None:
    """Insist that no two v2 sources share application and facility. Raises Refused (ambiguous-source)."""
    seen: dict[tuple[str, str], str] = {}
    for source in sources:
        header = (source.sending_application, source.sending_facility)
        if source.speaks(Format.HL7V2) and source.sending_application:
            if header in seen:
                names = f"{source.name}, {seen[header]}"
                raise Refused(Refusal(code="ambiguous-source", where=f"{names}: MSH-3/MSH-4"))
            seen[header] = source.name


def read_source(file: Path, kinds: Collection[str], is_charset: IsKnown, is_version: IsKnown | None = None) -> Source:
    """One profile. Raises Refused (bad-profile) with file and line of its first fault."""
    source, faults = _read(file, kinds, is_charset, is_version)
    if faults or source is None:
        raise Refused(faults[0])
    return source


def find_faults(
    file: Path, kinds: Collection[str], is_charset: IsKnown, is_version: IsKnown | None = None
) -> Sequence[Refusal]:
    """Everything that is wrong with a profile, in the order of its lines; nothing where it may be used."""
    return _read(file, kinds, is_charset, is_version)[1]


def _read(
    file: Path, kinds: Collection[str], is_charset: IsKnown, is_version: IsKnown | None
) -> tuple[Source | None, Sequence[Refusal]]:
    try:
        text, profile = read_toml(file)
    except NotToml as fault:
        return None, [_refusal(fault.place(file), fault.en, fault.zh)]
    faults: list[Fault] = []
    reader = _Reader(file.parent, kinds, is_charset, is_version or _looks_like_version)
    source = reader.read(Cells(profile, faults))
    placed = sorted(((find_line(text, fault.path) or 0, fault) for fault in faults), key=_line_order)
    return source if not faults else None, [_refusal(f"{file}:{line or 1}", one.en, one.zh) for line, one in placed]


def _line_order(placed: tuple[int, Fault]) -> tuple[bool, int]:
    """By line; what is missing, and so stands nowhere, comes last: a slip in a key's name is both."""
    return not placed[0], placed[0]


def _refusal(where: str, en: str, zh: str) -> Refusal:
    return Refusal(code="bad-profile", where=where, given={"en": en, "zh": zh})


def _visit_by(cells: Cells) -> str:
    said = cells.text("visit_by")
    if said and said != VISIT_BY_ADMISSION and not _OID.fullmatch(said):
        example = "2.16.156.10011.1.12"
        cells.fault("visit_by", f"is admission, or an OID such as {example}", f"应为 admission 或形如 {example} 的 OID")
    return said


def _looks_like_version(text: str) -> bool:
    return re.fullmatch(r"2\.\d(\.\d)?", text) is not None


@dataclass(frozen=True, slots=True)
class _Reader:
    """What a profile is read with: its folder, and what its names are held against."""

    folder: Path
    kinds: Collection[str]
    is_charset: IsKnown
    is_version: IsKnown

    def read(self, cells: Cells) -> Source:
        cells.check_keys(known_in())
        v2 = cells.table("hl7v2")
        v2.check_keys(known_in("hl7v2"))
        source = Source(
            name=self._name(cells),
            organisation=cells.text("organisation", required=True),
            organisation_en=cells.text("organisation_en"),
            organisation_id=cells.text("organisation_id"),
            format=cells.choice(Format, "format", Format.HL7V2, required=True),
            also=cells.choices(Format, "also"),
            transports=cells.choices(Transport, "transports"),
            time_zone=_zone(cells),
            tells=cells.choices(Tells, "tells", (Tells.RECORD,)),
            identifiers=self._identifiers(cells),
            kinds=_kinds(cells),
            addresses=_addresses(cells),
            certificates=_certificates(cells),
            acknowledging=cells.choice(Acknowledging, "acknowledging", Acknowledging.ORIGINAL),
            reuse=cells.choice(Reuse, "reuse", Reuse.FLAG),
            retention_days=cells.whole("retention_days", 0, 1, _CENTURY),
            sending_application=v2.text("sending_application"),
            sending_facility=v2.text("sending_facility"),
            charset=self._charset(v2),
            versions=self._versions(v2),
            outbound=self._outbound(cells),
            folder=_folder(cells),
            views=_views(cells),
            visit_by=_visit_by(cells),
        )
        _check_ways(cells, source)
        _check_v2(cells, source)
        return source

    def _name(self, cells: Cells) -> str:
        name = cells.text("name", required=True)
        if name and (name != self.folder.name or not _NAME.fullmatch(name)):
            cells.fault(
                "name",
                "must be that of the folder: small letters, digits and hyphens",
                "必须与文件夹同名，且只含小写字母、数字和连字符",
            )
        return name

    def _identifiers(self, cells: Cells) -> tuple[IdentifierRule, ...]:
        rules = [self._rule(one) for one in cells.tables("identifiers")]
        types = [rule.type.casefold() for rule in rules]
        for at, rule in enumerate(rules):
            if rule.type.casefold() in types[:at]:
                one = Cells({}, cells.faults, (*cells.path, "identifiers", at))
                one.fault("type", f"{rule.type!r} stands here twice", f"{rule.type!r} 重复")
        if not rules and not cells.is_faulty("identifiers"):
            cells.fault("identifiers", "is missing", "缺失")
        return tuple(rules)

    def _rule(self, cells: Cells) -> IdentifierRule:
        cells.check_keys(known_in("identifiers[]"))
        kind = cells.text("kind", required=True)
        if kind and kind not in self.kinds:
            names = ", ".join(sorted(self.kinds))
            cells.fault("kind", f"{kind!r} is not one of {names}", f"{kind!r} 不在以下取值中：{names}")
        return IdentifierRule(type=cells.text("type"), kind=kind, of_patient=cells.flag("of_patient"))

    def _charset(self, v2: Cells) -> str:
        charset = v2.text("charset")
        if charset and not self.is_charset(charset):
            v2.fault("charset", f"{charset!r} is not known", f"{charset!r} 无法识别")
        return charset

    def _versions(self, v2: Cells) -> frozenset[str]:
        versions = v2.texts("versions")
        for version in versions:
            if not self.is_version(version):
                v2.fault("versions", f"{version!r} is no version of HL7 v2", f"{version!r} 不是 HL7 v2 的版本")
        return frozenset(versions)

    def _outbound(self, cells: Cells) -> Outbound | None:
        if "outbound" not in cells:
            return None
        table = cells.table("outbound")
        table.check_keys(known_in("outbound"))
        outbound = Outbound(
            host=table.text("host", required=True),
            port=table.whole("port", 1, 1, 65_535, required=True),
            tls=table.flag("tls"),
            ca=self._beside(table.text("ca")),
            certificate=self._beside(table.text("certificate")),
            seconds=table.seconds("seconds", 30.0, 0.1, 3600),
        )
        for key in ("ca", "certificate"):
            if key in table and not outbound.tls and not table.is_faulty("tls"):
                table.fault(key, "is of use with tls = true only", "仅在 tls = true 时有效")
        return outbound

    def _beside(self, path: str) -> str:
        """A file's path, as from the profile's own folder."""
        return str((self.folder / path).absolute()) if path else ""


# -- single keys -----------------------------------------------------------------------------------------------------


def _zone(cells: Cells) -> timezone:
    text = cells.text("time_zone", "+08:00")
    found = _ZONE.fullmatch(text)
    if found is None:
        cells.fault("time_zone", f"{text!r} is not written as +08:00", f"{text!r} 的写法应如 +08:00")
        return UTC
    sign, hours, minutes = -1 if found[1] == "-" else 1, int(found[2]), int(found[3])
    if hours * 60 + minutes > _FARTHEST or minutes > 59:
        cells.fault(
            "time_zone",
            f"{text!r} is no time zone of the earth: -14:00 to +14:00",
            f"{text!r} 不是有效时区：应在 -14:00 至 +14:00 之间",
        )
        return UTC
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def _kinds(cells: Cells) -> frozenset[str]:
    kinds = cells.texts("kinds")
    for kind in kinds:
        if not _KIND.fullmatch(kind):
            cells.fault("kinds", f"{kind!r} is not written as ADT^A01", f"{kind!r} 的写法应如 ADT^A01")
    return frozenset(kinds)


def _addresses(cells: Cells) -> tuple[str, ...]:
    networks = []
    for text in cells.texts("addresses"):
        try:
            networks.append(str(ipaddress.ip_network(text)))
        except ValueError:
            cells.fault("addresses", f"{text!r} is {_no_network(text)[0]}", f"{text!r} {_no_network(text)[1]}")
    return tuple(networks)


def _no_network(text: str) -> tuple[str, str]:
    """Why a text is no network, in both languages; a network with the bits of a host is the usual slip."""
    try:
        meant = ipaddress.ip_interface(text).network
    except ValueError:
        return "no address or network such as 10.1.2.0/24", "不是 10.1.2.0/24 形式的地址或网段"
    return f"an address within a network; the network is {meant}", f"是网段内的地址；该网段为 {meant}"


def _certificates(cells: Cells) -> tuple[str, ...]:
    names = cells.texts("certificates")
    for name in names:
        if not name.isprintable() or name != name.strip() or len(name) > _LONGEST_NAME:
            cells.fault("certificates", "holds what is no name of a certificate", "含有不是证书名称的内容")
    return names


def _folder(cells: Cells) -> DropFolder | None:
    if "folder" not in cells:
        return None
    table = cells.table("folder")
    table.check_keys(known_in("folder"))
    path, pattern = table.text("path", required=True), table.text("pattern", "*", required=True)
    if ".." in Path(path).parts:
        table.fault("path", "does not lead upward: no '..'", "不得含有 ..")
    if "/" in pattern:
        table.fault("pattern", "is of file names: without '/'", "只匹配文件名，不得含有 /")
    return DropFolder(path=path, pattern=pattern, seconds=table.seconds("seconds", 5.0, 0.1, 86_400))


def _views(cells: Cells) -> tuple[View, ...]:
    views = [_view(one) for one in cells.tables("views")]
    names = [view.name for view in views]
    for at, name in enumerate(names):
        if name in names[:at]:
            one = Cells({}, cells.faults, (*cells.path, "views", at))
            one.fault("name", f"{name!r} stands here twice", f"{name!r} 重复")
    return tuple(views)


def _view(cells: Cells) -> View:
    cells.check_keys(known_in("views[]"))
    plain = ("is a name of letters, digits and _, never SQL", "应为由字母、数字和 _ 组成的名称，不能是 SQL")
    columns = cells.pairs("columns")
    for _, column in columns:
        if not _IDENTIFIER.fullmatch(column):
            cells.fault("columns", f"{column!r} {plain[0]}", f"{column!r} {plain[1]}")
    return View(
        name=cells.matching("name", _NAME, "is of small letters, digits and hyphens", "只含小写字母、数字和连字符"),
        url_from=cells.matching(
            "url_from",
            _VARIABLE,
            "names an environment variable such as DONGHU_VIEW_URL; the URL itself stands there",
            "应为环境变量名（如 DONGHU_VIEW_URL），连接地址写在该变量中",
        ),
        table=cells.matching("table", _TABLE, *plain),
        watermark=cells.matching("watermark", _IDENTIFIER, *plain),
        sheet=cells.matching("sheet", _NAME, "names a kind of CSV file", "应为一种 CSV 文件的名称"),
        columns=columns,
        seconds=cells.seconds("seconds", 60.0, 1, 86_400),
        most=cells.whole("most", 500, 1, 100_000),
    )


# -- keys that must fit each other -----------------------------------------------------------------------------------


def _check_ways(cells: Cells, source: Source) -> None:
    if not source.transports and not cells.is_faulty("transports"):
        cells.fault("transports", "is missing", "缺失")
    spoken = {source.format, *source.also}
    is_clear = not cells.is_faulty("format") and not cells.is_faulty("also")
    for transport in sorted(source.transports):
        if is_clear and not FORMATS_BY[transport] & spoken:
            named = ", ".join(sorted(spoken))
            cells.fault(
                "transports", f"{named} messages do not come by {transport}", f"{named} 消息不能以 {transport} 发送"
            )
    for key, transport in (("folder", Transport.FOLDER), ("views", Transport.VIEW)):
        if (key in cells) != (transport in source.transports):
            cells.fault(
                key if key in cells else "transports",
                f"and the transport {transport.value!r} belong together: both, or neither",
                f"与传输方式 {transport.value!r} 必须同时配置",
            )


def _check_v2(cells: Cells, source: Source) -> None:
    speaks = source.speaks(Format.HL7V2)
    if Transport.MLLP in source.transports and not source.sending_application.strip():
        cells.fault("hl7v2", "needs sending_application (MSH-3.1)", "缺少 sending_application（MSH-3.1）")
    if not speaks and "hl7v2" in cells:
        cells.fault("hl7v2", "is for sources that send v2", "仅用于发送 v2 消息的来源")
    if not speaks and source.kinds:
        cells.fault("kinds", "are types of v2 messages", "为 v2 消息类型")
