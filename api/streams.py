"""Answers without an end in sight: exports and events.

A client that goes away, or that takes nothing for a minute, ends its stream. An error in the middle
breaks the connection: an end that looks well would pass half an export for a whole one.
"""

import asyncio
from collections.abc import Callable, Generator

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_PATIENCE_SECONDS = 60.0


class Stream(StreamingResponse):
    """A response made piece by piece; its iterator is closed whatever becomes of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces = asyncio.ensure_future(self._send_all(send))
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        try:
            await asyncio.wait((pieces, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, pieces):
                task.cancel()
            await asyncio.gather(gone, pieces, return_exceptions=True)
            if (aclose := getattr(self.body_iterator, "aclose", None)) is not None:
                await aclose()
        if not pieces.cancelled() and (error := pieces.exception()) is not None:
            raise error

    async def _send_all(self, send: Send) -> None:
        async def send_patiently(message: Message) -> None:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await send(message)

        await self.stream_response(send_patiently)


class ThreadedPieces:
    """What a generator yields that reads from a database, piece by piece in the thread pool."""

    def __init__(self, pieces: Generator[bytes, None, None], *, on_close: Callable[[], None]):
        self._pieces = pieces
        self._on_close = on_close
        self._first: bytes | None = None
        self._is_closed = False

    async def begin(self) -> None:
        """Get the first piece, so that what is wrong from the start is an error, not a break."""
        try:
            self._first = await run_in_threadpool(next, self._pieces, None)
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> "ThreadedPieces":
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, b""
        while not piece:
            if piece is None:
                # Before the client is told that this was all, and may ask for more.
                await self.aclose()
                raise StopAsyncIteration
            piece = await run_in_threadpool(next, self._pieces, None)
        return piece

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            try:
                await run_in_threadpool(self._pieces.close)
            finally:
                self._on_close()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
