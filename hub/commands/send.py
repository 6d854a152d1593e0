"""``hub send``: HL7 v2 messages in files, over MLLP, to a receiver or back to a source's own listener."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from hub.app import set_up_logs
from hub.commands.parts import print_json, read_file
from hub.errors import Language, Refusal, Refused, refuse
from hub.message import Outbound
from hub.profiles.library import read_library
from hub.profiles.samples import v2_messages
from hub.settings import Settings, load_settings
from hub.wiring import profile_places, sender_to

_HEADS: Mapping[Language, Sequence[str]] = {
    "en": ("file", "no.", "control id", "answer", "text"),
    "zh": ("文件", "序号", "控制号", "应答", "说明"),
}
_SAID: Mapping[Language, str] = {
    "en": "{messages} messages to {receiver}: {accepted} accepted, {refused} refused, {unsent} not sent.",
    "zh": "向 {receiver} 发送 {messages} 条消息：接受 {accepted}，拒绝 {refused}，未发送 {unsent}。",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One message and what was said of it; `code` is MSA-1, empty where nothing was. `refusal` says why it stayed
    without an answer."""

    file: str
    number: int
    control_id: str = ""
    code: str = ""
    text: str = ""
    errors: tuple[str, ...] = ()
    is_accepted: bool = False
    refusal: Refusal | None = None


def send(
    files: Annotated[list[Path], typer.Argument(help="Files of HL7 v2 messages; FHS and BHS batches are unwrapped.")],
    to: Annotated[str, typer.Option("--to", help="Where to: HOST:PORT.")] = "",
    source: Annotated[str, typer.Option(help="Or a source, whose profile says where: its outbound table.")] = "",
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS.")] = False,
    ca: Annotated[Path | None, typer.Option(help="PEM file of whom to trust; none: whom this machine trusts.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file of a certificate to show, with its key.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long one acknowledgement is waited for.")] = 30,
    tries: Annotated[int, typer.Option(min=1, help="How often a message is sent whose connection fails.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Send HL7 v2 messages over MLLP, each once the one before it is acknowledged.

    Status 1 unless every one was accepted (AA or CA). After a message that got no answer none is sent any more:
    messages of one patient must not overtake each other.
    """
    settings = load_settings()
    set_up_logs("warning")  # to standard error: what is printed is JSON
    outbound = _outbound(settings, to, source)
    if not source:
        outbound = replace(outbound, tls=tls or bool(ca or certificate), ca=str(ca or ""), seconds=seconds)
        outbound = replace(outbound, certificate=str(certificate or ""))
    messages = list(_messages(files))
    sent = asyncio.run(_send_all(outbound, messages, tries))
    _tell(sent, f"{outbound.host}:{outbound.port}", settings.locale, as_json=as_json)
    if not all(one.is_accepted for one in sent):
        raise typer.Exit(1)


def _outbound(settings: Settings, to: str, source: str) -> Outbound:
    """Where to. Raises Refused (bad-argument, unknown-source, no-outbound)."""
    if bool(to) == bool(source):
        raise refuse("bad-argument", "--to", reason="--to HOST:PORT / --source NAME")
    if source:
        return _of_source(settings, source)
    host, _, port = to.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise refuse("bad-argument", "--to", reason="HOST:PORT")
    return Outbound(host=host, port=int(port))


def _of_source(settings: Settings, name: str) -> Outbound:
    source = read_library(profile_places(settings)).book.by_name.get(name)
    if source is None:
        raise refuse("unknown-source", "--source")
    if source.outbound is None:
        raise refuse("no-outbound", name)
    return source.outbound


def _messages(files: Sequence[Path]) -> Iterator[tuple[str, int, bytes]]:
    """File, number in the file, message with CR at the end of each segment. Raises Refused (unreadable-file,
    not-v2)."""
    for file in files:
        found = list(v2_messages(read_file(file).removeprefix(b"\xef\xbb\xbf")))
        if not found:
            raise refuse("not-v2", str(file))
        for number, raw in enumerate(found, 1):
            yield file.name, number, raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r") + b"\r"


async def _send_all(outbound: Outbound, messages: Sequence[tuple[str, int, bytes]], tries: int) -> list[Sent]:
    sent: list[Sent] = []
    async with sender_to(outbound, tries) as client:
        for file, number, raw in messages:
            one = Sent(file=file, number=number)
            if sent and sent[-1].refusal:
                sent.append(replace(one, refusal=sent[-1].refusal))
                continue
            try:
                answer = await client.send(raw)
            except Refused as refused:
                sent.append(replace(one, refusal=refused.refusal))
                continue
            one = replace(one, control_id=answer.control_id, code=answer.code, is_accepted=answer.is_accepted)
            sent.append(replace(one, text=answer.text, errors=answer.errors))
    return sent


def _tell(sent: Sequence[Sent], receiver: str, language: Language, *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(one, language) for one in sent])
        return
    table = Table(*(Column(head, overflow="fold") for head in _HEADS[language]))
    for one in sent:
        text = one.refusal.message(language) if one.refusal else "\n".join(filter(None, (one.text, *one.errors)))
        table.add_row(one.file, str(one.number), one.control_id, one.code or "-", text)
    Console(markup=False, highlight=False).print(table)
    counts = {
        "messages": len(sent),
        "accepted": sum(one.is_accepted for one in sent),
        "unsent": sum(one.refusal is not None for one in sent),
    }
    counts["refused"] = counts["messages"] - counts["accepted"] - counts["unsent"]
    print(_SAID[language].format(receiver=receiver, **counts))
    if unanswered := next((one.refusal for one in sent if one.refusal), None):
        print(unanswered.next_step(language))


def _as_json(one: Sent, language: Language) -> dict[str, Any]:
    return {
        "file": one.file,
        "number": one.number,
        "control_id": one.control_id,
        "code": one.code,
        "accepted": one.is_accepted,
        "text": one.text,
        "errors": one.errors,
        "refusal": one.refusal.code if one.refusal else "",
        "reason": one.refusal.message(language) if one.refusal else "",
    }
