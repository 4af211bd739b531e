"""Many calls over one stream: the same calls as the unary face takes, without what gRPC does for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import grpc
import grpc.aio
from kontor_protos.kontor.platform.v1.calls_pb import AnswerBatch, CallBatch, NumberedAnswer, NumberedCall
from opentelemetry import propagate
from opentelemetry.context import attach, detach

from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import DeadlineExceeded, InvalidField, NotFound, Refusal
from kontor_platform.faces.rpc import DRY_RUN, MAX_DEADLINE_S, asked, previewed
from kontor_platform.runtime.dispatcher import Dispatcher

SERVICE, METHOD = "kontor.platform.v1.Calls", "Run"

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class CallStreams:
    """Answers streams of calls until it is drained; then each stream ends with the calls it has."""

    def __init__(self, operations: Iterable[Operation], dispatcher: Dispatcher) -> None:
        self._operations = {each.rpc: each for each in operations if not each.is_streamed}
        self._dispatcher = dispatcher
        self._draining = asyncio.Event()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Adds the rpc to a server."""
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            METHOD: grpc.stream_stream_rpc_method_handler(self.run)
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    def drain(self) -> None:
        """Takes no more calls; callers make theirs elsewhere."""
        self._draining.set()

    async def run(self, _: object, context: Context) -> None:
        """Serves one stream."""
        stream = Stream(self, context)
        draining = asyncio.create_task(self._draining.wait())
        try:
            await stream.served(draining)
        finally:
            draining.cancel()

    async def answered(self, call: NumberedCall, address: str) -> NumberedAnswer:
        """What comes of one call."""
        metadata = dict(call.metadata)
        token = attach(propagate.extract(metadata)) if "traceparent" in metadata else None
        try:
            return await self._answered(call, metadata, address)
        except Refusal as refusal:
            return refused(call, refusal)
        finally:
            if token is not None:
                detach(token)

    async def _answered(self, call: NumberedCall, metadata: Mapping[str, str], address: str) -> NumberedAnswer:
        operation = self._operations.get(call.rpc)
        if operation is None:
            raise NotFound("There is no such operation.")
        if not 0 < call.timeout_ms <= MAX_DEADLINE_S * 1000:
            raise InvalidField(f"A call has at most {MAX_DEADLINE_S:.0f} seconds.", field="timeout_ms")
        try:
            async with asyncio.timeout(call.timeout_ms / 1000):
                outcome = await self._dispatcher.dispatch(asked(operation, call.request, metadata, address))
        except TimeoutError as error:
            raise DeadlineExceeded from error
        return NumberedAnswer(
            number=call.number,
            message=outcome.message.to_binary(),
            replayed=outcome.replayed,
            secret_withheld=outcome.secret_withheld,
            preview=previewed(outcome) if metadata.get(DRY_RUN) == "true" else b"",
        )


class Stream:
    """One stream: a task for each call under way, and answers that are sent together when several are ready."""

    def __init__(self, streams: CallStreams, context: Context) -> None:
        self._streams, self._context = streams, context
        self._running: dict[int, asyncio.Task[None]] = {}
        self._ready: list[NumberedAnswer] = []
        self._wake = asyncio.Event()
        self._ended = False

    async def served(self, draining: asyncio.Task[bool]) -> None:
        """Takes calls until the caller or the service is done, and answers all it took."""
        sending = asyncio.create_task(self._send())
        try:
            async with asyncio.TaskGroup() as calls:
                await self._take(calls, draining, sending)
            self._ended = True
            self._wake.set()
            await sending
        finally:
            sending.cancel()

    async def _take(self, calls: asyncio.TaskGroup, draining: asyncio.Task[bool], sending: asyncio.Task[None]) -> None:
        while True:
            reading = asyncio.ensure_future(self._context.read())
            await asyncio.wait((reading, draining, sending), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                return
            data = reading.result()
            if not isinstance(data, bytes):
                return
            for call in CallBatch.from_binary(data).calls:
                self._begin(calls, call)

    def _begin(self, calls: asyncio.TaskGroup, call: NumberedCall) -> None:
        known = self._running.get(call.number)
        if not call.rpc:
            if known is not None:
                known.cancel()
        elif known is None:
            task = self._running[call.number] = calls.create_task(self._run(call))
            task.add_done_callback(lambda _: self._running.pop(call.number, None))

    async def _run(self, call: NumberedCall) -> None:
        answer = await self._streams.answered(call, self._context.peer())
        self._ready.append(answer)
        self._wake.set()

    async def _send(self) -> None:
        while self._ready or not self._ended:
            if not self._ready:
                self._wake.clear()
                await self._wake.wait()
                continue
            answers, self._ready = self._ready, []
            await self._context.write(AnswerBatch(answers=answers).to_binary())


def refused(call: NumberedCall, refusal: Refusal) -> NumberedAnswer:
    """The answer to a call that was refused."""
    return NumberedAnswer(number=call.number, problem=refusal.to_message())
