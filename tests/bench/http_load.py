"""Front ends in a process of their own: each connection sends its request again as soon as it is answered.

Started as ``python -m tests.bench.http_load``; each line of its input is a `Load`, each line of its output the seconds
that it took. Every answer has to be 200, and as long as the first one.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import orjson

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """`requests` of one kind over `connections`."""

    port: int
    path: str
    token: str
    body: str
    requests: int
    connections: int = 8

    def request(self) -> bytes:
        """The bytes of one request."""
        body = self.body.encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class FrontEnds:
    """The process, as the bench sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, load: Load) -> float:
        """Requests a second."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(asdict(load)) + b"\n")
        return load.requests / float(await self._process.stdout.readline())


@asynccontextmanager
async def front_ends() -> AsyncIterator[FrontEnds]:
    """The front ends, ready to be told what to ask."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, stdin=pipe, stdout=pipe)
    try:
        yield FrontEnds(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def carry(load: Load) -> float:
    """Send a load; the seconds it took."""
    request = load.request()
    began = time.perf_counter()
    share = load.requests // load.connections
    await asyncio.gather(*(_connection(load.port, request, share) for _ in range(load.connections)))
    return time.perf_counter() - began


async def _connection(port: int, request: bytes, times: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024 * 1024)
    lengths = set()
    for _ in range(times):
        writer.write(request)
        head = await reader.readuntil(_HEAD_END)
        found = _LENGTH.search(head)
        if b" 200 " not in head[:20] or found is None:
            raise AssertionError(head)
        lengths.add(len(await reader.readexactly(int(found[1]))))
    writer.close()
    if len(lengths) > 1:
        raise AssertionError(f"answers of different lengths: {lengths}")


def main() -> None:
    """Carry loads until the input ends."""
    for line in sys.stdin.buffer:
        print(asyncio.run(carry(Load(**orjson.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
