"""One stream to a service that carries every call there, several in a message where several are ready.

What gRPC does for a unary call costs more than the call itself; on a stream it is done once for many.
"""

import asyncio
import time
from collections.abc import Mapping
from itertools import count

import grpc
import grpc.aio
from kontor_protos.kontor.platform.v1.calls_pb import AnswerBatch, CallBatch, NumberedAnswer, NumberedCall

RUN = "/kontor.platform.v1.Calls/Run"
# A service ends a connection ten seconds after it asked for another one; a stream and its last call end before that.
CARRIES_S = 6.0


class StreamBroken(Exception):
    """The stream ended before the answer came; the call may be made again. `offered`: the service has such streams."""

    def __init__(self, *, offered: bool = True) -> None:
        super().__init__()
        self.offered = offered


class CallStream:
    """One stream, from its first call until it is broken, or old and out of calls."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stream: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(RUN)()
        self._began = time.monotonic()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[NumberedAnswer]] = {}
        self._outgoing: list[NumberedCall] = []
        self._wake = asyncio.Event()
        self._retired = False
        self._tasks = [asyncio.create_task(each) for each in (self._send(), self._receive())]

    @property
    def takes_calls(self) -> bool:
        """Whether it carries further calls."""
        return not self._retired and time.monotonic() - self._began < CARRIES_S

    async def call(self, rpc: str, request: bytes, metadata: Mapping[str, str], timeout_s: float) -> NumberedAnswer:
        """The answer to a call; raises StreamBroken, or TimeoutError after `timeout_s` seconds."""
        if self._retired:
            raise StreamBroken
        number = next(self._numbers)
        answer: asyncio.Future[NumberedAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._outgoing.append(
            NumberedCall(
                number=number, rpc=rpc, request=request, timeout_ms=int(timeout_s * 1000), metadata=dict(metadata)
            )
        )
        self._wake.set()
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except (TimeoutError, asyncio.CancelledError):
            self._outgoing.append(NumberedCall(number=number))
            self._wake.set()
            raise
        finally:
            self._waiting.pop(number, None)
            if self._retired and not self._waiting:
                self._wake.set()

    def retire(self) -> None:
        """Takes no more calls, and ends once those under way are answered."""
        self._retired = True
        self._wake.set()

    async def close(self) -> None:
        """Ends at once."""
        self._retired = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stream.cancel()
        self._break(offered=True)

    async def _send(self) -> None:
        try:
            while self._outgoing or self._waiting or not self._retired:
                if not self._outgoing:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                calls, self._outgoing = self._outgoing, []
                await self._stream.write(CallBatch(calls=calls).to_binary())
            await self._stream.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            self._break(offered=True)

    async def _receive(self) -> None:
        offered = True
        try:
            while isinstance(data := await self._stream.read(), bytes):
                for answer in AnswerBatch.from_binary(data).answers:
                    waiting = self._waiting.get(answer.number)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(answer)
            offered = await self._stream.code() is not grpc.StatusCode.UNIMPLEMENTED
        except grpc.aio.AioRpcError as error:
            offered = error.code() is not grpc.StatusCode.UNIMPLEMENTED
        finally:
            self._break(offered=offered)

    def _break(self, *, offered: bool) -> None:
        self._retired = True
        self._wake.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(StreamBroken(offered=offered))
