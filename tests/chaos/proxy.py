"""A proxy between a function and one part of the cloud that gets in the way, as a plan says."""

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from tests.chaos.plan import Fault, Plan

from sendit.emulators.ports import HOST, free_port

T = TypeVar("T")

_PIECE = 64 * 1024
_LONGEST_HEAD = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_AT_ONCE = struct.pack("ii", 1, 0)
_GONE = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Proxy:
    """Listens on a port of its own while it is entered, and leads to `target` (host:port), which may change.

    What the plan calls a piece is a request of HTTP/1.1 with its answer if `http`, else what comes at one time in one
    direction.
    """

    def __init__(self, target: str, plan: Plan, *, http: bool = False) -> None:
        self.target = target
        self.plan = plan
        self.port = free_port()
        self._pass = self._pass_requests if http else self._pass_bytes
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen()).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return f"{HOST}:{self.port}"

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, HOST, self.port, limit=_LONGEST_HEAD)

    async def _end(self) -> None:
        self._refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _refuse(self) -> None:
        """Reset every connection and accept no other."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            _reset(writer)

    async def _cut_off(self) -> None:
        self._refuse()
        seconds = self.plan.cut_off()
        await asyncio.sleep(seconds)
        await self._listen()
        self.plan.longest = max(self.plan.longest, seconds)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        writers = {writer}
        self._writers.add(writer)
        try:
            host, _, port = self.target.rpartition(":")
            to_reader, to_writer = await asyncio.open_connection(host, int(port), limit=_LONGEST_HEAD)
            writers.add(to_writer)
            self._writers.add(to_writer)
            await self._pass(reader, writer, to_reader, to_writer)
            for one in writers:
                one.close()  # what is written still gets there
            await asyncio.gather(*(one.wait_closed() for one in writers))
        except (*_GONE, asyncio.CancelledError):
            pass  # one side has gone, or was sent away
        finally:
            self._writers -= writers
            for one in writers:
                _reset(one)

    async def _pass_bytes(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_reader: asyncio.StreamReader,
        to_writer: asyncio.StreamWriter,
    ) -> None:
        """Both directions, until either ends."""

        async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(_PIECE):
                await self._put(data, sink, self.plan.next())

        ways = {asyncio.ensure_future(one_way(reader, to_writer)), asyncio.ensure_future(one_way(to_reader, writer))}
        try:
            ended, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        for way in ended:
            way.result()

    async def _pass_requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_reader: asyncio.StreamReader,
        to_writer: asyncio.StreamWriter,
    ) -> None:
        """Request and answer, one after the other."""
        while True:
            head, body = await _message(reader)
            fault = self.plan.next()
            if fault in {Fault.TOO_MANY, Fault.UNAVAILABLE}:
                writer.write(f"HTTP/1.1 {fault} Not now\r\nContent-Length: 0\r\n\r\n".encode("ascii"))
                continue
            await self._put(head + body, to_writer, fault)
            head, body = await _message(to_reader)
            if fault is Fault.ANSWER_LOST:
                raise ConnectionResetError
            if fault in {Fault.TRUNCATED, Fault.SHORTENED}:
                body = body[: len(body) // 2]
                if fault is Fault.SHORTENED:
                    head = _LENGTH.sub(b"\r\nContent-Length: %d" % len(body), head)
                writer.write(head + body)
                return
            writer.write(head + body)
            await writer.drain()

    async def _put(self, data: bytes, sink: asyncio.StreamWriter, fault: Fault | None) -> None:
        """Let a piece through, with what a fault does to it on its way."""
        match fault:
            case Fault.RESET:
                raise ConnectionResetError
            case Fault.RESET_WITHIN:
                sink.write(data[: len(data) // 2])
                await sink.drain()
                raise ConnectionResetError
            case Fault.STALLED:
                await asyncio.sleep(self.plan.seconds())
            case Fault.CUT_OFF:
                self._keep(asyncio.ensure_future(self._cut_off()))
                raise ConnectionResetError
        sink.write(data)
        await sink.drain()

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Until it is done: the loop itself holds tasks loosely."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let the other side see that the connection broke, not that it ended."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """A request or an answer of HTTP/1.1, head and body. One that tells no length has no body."""
    head = await reader.readuntil(b"\r\n\r\n")
    if length := _LENGTH.search(head):
        return head, await reader.readexactly(int(length[1]))
    body = b""
    if _CHUNKED.search(head):
        while not body.endswith(b"\r\n0\r\n\r\n") and body != b"0\r\n\r\n":
            size = await reader.readuntil(b"\r\n")
            body += size + await reader.readexactly(int(size, 16) + 2)
    return head, body
