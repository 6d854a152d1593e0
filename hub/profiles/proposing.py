"""A commented ``source.toml`` out of findings. What was seen is said with its count; what is guessed is marked, for an
engineer to confirm."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hub.errors import Language
from hub.message import Format, Tells, plain
from hub.profiles.findings import UNREADABLE_TYPE, Findings, TypeFound
from hub.profiles.shapes import LOCAL, claims_citizen_id
from hub.sources import IsKnown

_GUESS = "?"
_FARTHEST = 14
_CHINA = "+08:00"
_VERSION = re.compile(r"[\d.]{1,10}")
_WIDEST = 100
_TELLING_BESIDES = frozenset({"health-record-number"})
"""What a source without numbers of its own tells its patients apart by: public health goes by its records."""

_SAID: dict[str, dict[Language, str]] = {
    "head": {
        "en": "Proposed by `hub source new` from {messages} messages ({files}). Lines that end in ? are guesses: "
        "confirm them with the sender, then run `hub source check {name}`.",
        "zh": "由 hub source new 根据 {messages} 条样例消息（{files}）生成。以 ? 结尾的行为推测，请与发送方核实后运行 "
        "hub source check {name}。",
    },
    "unreadable": {
        "en": "{count} messages or files could not be read, and are not counted below.",
        "zh": "另有 {count} 条消息或文件无法读取，未计入下文。",
    },
    "organisation": {"en": "its name, as readers see it", "zh": "机构名称，将显示给使用者"},
    "organisation_id": {"en": "its id in the directory", "zh": "机构目录中的代码"},
    "transports": {"en": "the doors that it may come by", "zh": "允许使用的传输方式"},
    "enveloped": {"en": "{count} messages came in XML envelopes", "zh": "{count} 条消息位于 XML 信封内"},
    "zone": {"en": "times name this zone in {count} messages", "zh": "{count} 条消息的时间带有此时区"},
    "no-zone": {"en": "no time names its zone; this is China's", "zh": "时间均未注明时区，按中国时区处理"},
    "tells": {"en": "by the kinds of files seen: {sheets}", "zh": "依据所见文件类型：{sheets}"},
    "kinds": {"en": "message types seen; uncomment to take no others", "zh": "所见消息类型；取消注释则只接收这些类型"},
    "unmapped-kinds": {
        "en": "not mapped, and refused until rows are written for them: {names}",
        "zh": "尚无映射，编写映射前将被拒绝：{names}",
    },
    "resources": {"en": "FHIR resources seen: {names}", "zh": "所见 FHIR 资源：{names}"},
    "unmapped-resources": {"en": "not taken: {names}", "zh": "不接收：{names}"},
    "asked": {
        "en": "MSH-15 and MSH-16 ask for: {names}. original answers once all the same, as most senders want who write "
        "AL|AL without a thought; as-asked follows them (CA, then AA); fast always answers AA",
        "zh": "MSH-15 与 MSH-16 的要求：{names}。多数发送方随手填写 AL|AL 而只等一个应答，original 即只应答一次；"
        "as-asked 按其要求（先 CA 后 AA）；fast 总是 AA",
    },
    "addresses": {"en": "networks that it may send from", "zh": "允许的来源网段"},
    "retention": {"en": "days that raw bytes are kept", "zh": "原始字节的保存天数"},
    "seen": {
        "en": "in {messages} messages, {numbers} different, {lengths} characters",
        "zh": "见于 {messages} 条消息，{numbers} 个不同号码，长度 {lengths}",
    },
    "citizen": {
        "en": "{valid} of {numbers} are valid citizen ID numbers (GB 11643)",
        "zh": "{numbers} 个中有 {valid} 个是有效的公民身份号码（GB 11643）",
    },
    "only-named": {
        "en": "its name says citizen ID number, its numbers do not: ask the sender",
        "zh": "类型名称像身份证号，但号码不符，请询问发送方",
    },
    "no-type": {"en": "numbers without a type", "zh": "没有类型的号码"},
    "bad-type": {
        "en": "in {count} messages the type is no name; it is left out here",
        "zh": "{count} 条消息的类型不是名称，此处略去",
    },
    "none-seen": {"en": "no number was seen in the samples", "zh": "样例中未见号码"},
    "elsewhere": {
        "en": "{position} is filled: {seen}",
        "zh": "{position} 有值：{seen}",
    },
    "pid-19": {
        "en": "PID-19 is read as a citizen ID number; if it is something else, say so:",
        "zh": "PID-19 按公民身份号码读取；如另有含义，请写明：",
    },
    "senders": {"en": "MSH-3 and MSH-4 seen: {names}", "zh": "所见 MSH-3 与 MSH-4：{names}"},
    "another": {"en": "another sender needs a profile of its own", "zh": "其他发送方需各自配置"},
    "empty-sender": {
        "en": "MSH-3 is empty in the samples: ask the sender what it will write there",
        "zh": "样例中 MSH-3 为空，请询问发送方将填写的内容",
    },
    "written": {"en": "the bytes are {names}; declared: {declared}", "zh": "实际字节为 {names}；声明为：{declared}"},
    "nothing": {"en": "nothing", "zh": "未声明"},
    "ascii": {"en": "no text beyond ASCII was seen: ask the sender", "zh": "样例中只有 ASCII 字符，请询问发送方"},
    "mismatched": {
        "en": "{count} messages are not in the character set that they declare: the sender has to correct MSH-18",
        "zh": "{count} 条消息的实际编码与声明不符，须由发送方更正 MSH-18",
    },
    "versions": {"en": "seen: {names}", "zh": "所见版本：{names}"},
    "unread": {
        "en": "Filled, and read by no row ({count} messages in all). They are kept with the message and do not reach "
        "the record:",
        "zh": "以下位置有值但没有映射（共 {count} 条消息），随原始消息保存，不进入健康档案：",
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What a profile is written with: its name, the names of the files, the reader's language."""

    name: str
    files: Sequence[str]
    language: Language
    is_version: IsKnown

    def propose(self, findings: Findings) -> str:
        """The text of ``source.toml``. It is a sound profile as it stands."""
        v2 = list(self._v2(findings)) if Format.HL7V2 in (findings.format, *findings.also) else []
        parts = [*self._head(findings), *self._identifiers(findings), *v2, *self._unread(findings)]
        return "\n".join(parts) + "\n"

    def _said(self, key: str, **given: object) -> str:
        return _SAID[key][self.language].format(**given)

    # -- the profile itself --------------------------------------------------------------------------------------------

    def _head(self, findings: Findings) -> Iterator[str]:
        files = ", ".join(plain(file, 60) for file in self.files)
        yield from _remarks(self._said("head", messages=findings.messages, files=files, name=self.name))
        if findings.unreadable:
            yield from _remarks(self._said("unreadable", count=findings.unreadable))
        yield f"name = {_quoted(self.name)}"
        yield f"organisation = {_quoted(self.name)}  # {self._said('organisation')} {_GUESS}"
        yield f"# organisation_id = {_quoted(self.name)}  # {self._said('organisation_id')}"
        yield f"format = {_quoted(findings.format)}"
        if findings.also:
            yield f"also = {_list(sorted(findings.also))}"
        yield from self._ways(findings)
        yield self._zone(findings)
        yield from self._kinds(findings)
        if Format.HL7V2 in (findings.format, *findings.also):
            asked = _counted({f"{one or '-'}/{other or '-'}": n for (one, other), n in findings.asked.items()})
            yield from _remarks(self._said("asked", names=asked))
            yield 'acknowledging = "original"'
        yield f'# addresses = ["10.0.0.0/24"]  # {self._said("addresses")}'
        yield f"# retention_days = 730  # {self._said('retention')}"

    def _ways(self, findings: Findings) -> Iterator[str]:
        if findings.enveloped:
            yield from _remarks(self._said("enveloped", count=findings.enveloped))
        yield f"transports = {_list(_transports(findings))}  # {self._said('transports')} {_GUESS}"
        if findings.sheets:
            tells = set(findings.tells) | ({Tells.RECORD.value} if "Patient" in findings.resources else set())
            yield f"tells = {_list(sorted(tells))}  # {self._said('tells', sheets=_counted(findings.sheets))} {_GUESS}"

    def _zone(self, findings: Findings) -> str:
        named = Counter({zone: n for offset, n in findings.offsets.items() if (zone := _zone_of(offset))})
        if not named:
            return f"time_zone = {_quoted(_CHINA)}  # {self._said('no-zone')} {_GUESS}"
        ((zone, count),) = named.most_common(1)
        return f"time_zone = {_quoted(zone)}  # {self._said('zone', count=count)}"

    def _kinds(self, findings: Findings) -> Iterator[str]:
        if findings.kinds:
            mapped = [kind for kind, _ in findings.kinds.most_common() if kind not in findings.unmapped_kinds]
            yield from _remarks(f"{self._said('kinds')}: {_counted(findings.kinds)}")
            yield f"# kinds = {_list(mapped)}"
        if findings.unmapped_kinds:
            yield from _remarks(self._said("unmapped-kinds", names=", ".join(findings.unmapped_kinds)))
        if findings.resources:
            yield from _remarks(self._said("resources", names=_counted(findings.resources)))
        if findings.unmapped_resources:
            yield from _remarks(self._said("unmapped-resources", names=", ".join(findings.unmapped_resources)))

    # -- identifiers ---------------------------------------------------------------------------------------------------

    def _identifiers(self, findings: Findings) -> Iterator[str]:
        yield "identifiers = ["
        telling = LOCAL if any(one.kind in LOCAL for one in findings.identifiers) else _TELLING_BESIDES
        most = max((one.messages for one in findings.identifiers if one.kind in telling), default=0)
        rules = [one for one in findings.identifiers if one.type != UNREADABLE_TYPE]
        for one in rules:
            of_patient = one.kind in telling and one.messages * 2 >= most
            yield from self._rule(one, of_patient=of_patient)
        if not rules:
            type_ = "" if findings.format is Format.HL7V2 else f"urn:hub:{self.name}:patient"
            rule = f"type = {_quoted(type_)}, kind = {_quoted('local-number')}, of_patient = true"
            yield f"  {{ {rule} }},  # {self._said('none-seen')} {_GUESS}"
        yield "]"
        for one in findings.identifiers:
            if one.type == UNREADABLE_TYPE:
                yield from _remarks(self._said("bad-type", count=one.messages))
        yield from self._elsewhere(findings)

    def _rule(self, one: TypeFound, *, of_patient: bool) -> Iterator[str]:
        yield f"  # {self._shape(one)}"
        if claims_citizen_id(one.type) and not one.shape.are_citizen_ids:
            yield f"  # {self._said('only-named')}"
        rule = f"type = {_quoted(one.type)}, kind = {_quoted(one.kind)}{', of_patient = true' if of_patient else ''}"
        yield f"  {{ {rule} }},  # {'' if one.type else self._said('no-type') + ' '}{_GUESS}"

    def _shape(self, one: TypeFound) -> str:
        seen = self._said("seen", messages=one.messages, numbers=one.shape.numbers, lengths=one.shape.lengths or "-")
        if not one.shape.citizen_ids:
            return seen
        return f"{seen}; {self._said('citizen', valid=one.shape.citizen_ids, numbers=one.shape.numbers)}"

    def _elsewhere(self, findings: Findings) -> Iterator[str]:
        for one in findings.elsewhere:
            seen = self._shape(one)
            yield from _remarks(self._said("elsewhere", position=one.type, seen=seen))
            if one.type == "PID-19" and not one.shape.are_citizen_ids:
                yield from _remarks(self._said("pid-19"))
                yield '#   { type = "PID-19", kind = "insurance-number" },'

    # -- HL7 v2 --------------------------------------------------------------------------------------------------------

    def _v2(self, findings: Findings) -> Iterator[str]:
        ((application, facility), _), *others = findings.senders.most_common()
        yield ""
        yield "[hl7v2]"
        names = _counted({f"{one or '-'}/{other or '-'}": n for (one, other), n in findings.senders.items()})
        yield from _remarks(self._said("senders", names=names))
        if others:
            yield from _remarks(self._said("another"))
        if application:
            yield f"sending_application = {_quoted(application)}"
        else:
            yield from _remarks(self._said("empty-sender"))
        yield f"sending_facility = {_quoted(facility)}"
        yield from self._charset(findings)
        yield from self._versions(findings)

    def _charset(self, findings: Findings) -> Iterator[str]:
        declared = _counted(findings.declared) or self._said("nothing")
        yield from _remarks(self._said("written", names=_counted(findings.written), declared=declared))
        if findings.mismatched:
            yield from _remarks(self._said("mismatched", count=findings.mismatched))
        utf_8 = findings.written["utf-8"]
        gb_18030 = findings.written["gb18030"] + (0 if utf_8 else findings.written["utf-8 or gb18030"])
        remark = "" if utf_8 or gb_18030 else f"  # {self._said('ascii')} {_GUESS}"
        yield f"charset = {_quoted('utf-8' if utf_8 > gb_18030 else 'gb18030')}{remark}"

    def _versions(self, findings: Findings) -> Iterator[str]:
        shown = {one if _VERSION.fullmatch(one) else "?": n for one, n in findings.versions.items()}
        yield from _remarks(self._said("versions", names=_counted(shown)))
        if known := sorted(one for one in findings.versions if self.is_version(one)):
            yield f"versions = {_list(known)}"

    def _unread(self, findings: Findings) -> Iterator[str]:
        if not findings.unread:
            return
        yield ""
        yield from _remarks(self._said("unread", count=findings.kinds.total()))
        for one in findings.unread:
            yield f"#   {' '.join((one.position, one.name)).strip()} ×{one.messages}"


def _transports(findings: Findings) -> Sequence[str]:
    spoken = {findings.format, *findings.also}
    ways: list[str] = []
    if Format.HL7V2 in spoken and findings.messages > findings.enveloped and findings.senders.most_common(1)[0][0][0]:
        ways.append("mllp")
    if findings.resources:
        ways.append("fhir")
    if findings.sheets:
        ways.append("file")
    if findings.enveloped or Format.CDA in spoken:
        ways.append("soap")
    return [*ways, "ingest"]


def _zone_of(offset: str) -> str:
    """``+0800`` as a profile writes it; "" where it is none of the earth."""
    if not offset or int(offset[1:3]) >= _FARTHEST or int(offset[3:]) > 59:
        return ""
    return f"{offset[:3]}:{offset[3:]}"


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's."""
    return json.dumps(plain(text), ensure_ascii=False)


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(_quoted(text) for text in texts)}]"


def _counted(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{plain(name, 60) or '-'} ×{count}" for name, count in Counter(counts).most_common())


def _remarks(text: str) -> Iterator[str]:
    """A comment, broken where it grows wide."""
    line = "#"
    for word in plain(text, 2000).split(" "):
        if len(line) > 1 and len(line) + len(word) > _WIDEST:
            yield line
            line = "#"
        line += f" {word}"
    yield line
