"""Run the simulated provider as a process: `python -m grader.testing.provider --port 8001`.

When it listens, it prints one line of JSON on stdout, `{"base_url": …}`; it ends on SIGTERM or
SIGINT with exit code 0. With `--with-parent` it also ends when the process that started it dies;
on Linux that is the kernel's promise (PR_SET_PDEATHSIG, which means the parent's *thread*: start
it from one that lives long enough).
"""

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import orjson

from grader.errors import GraderError, InvalidInput
from grader.testing.provider.behaviour import DISPOSITIONS
from grader.testing.provider.server import serve
from grader.testing.provider.simulation import Simulation

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    parent = os.getppid()
    options = _parser().parse_args(arguments)
    if options.with_parent:
        _end_with_parent()
    try:
        simulation = Simulation(_settings(options), {})
        asyncio.run(
            _serve(
                simulation,
                host=options.host,
                port=options.port,
                parent=parent if options.with_parent else None,
            )
        )
    except (GraderError, OSError) as error:
        print(f"simulated provider: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grader.testing.provider",
        description="An OpenAI-compatible server whose answers are simulated.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", help="seconds, or lognormal:MEDIAN:SIGMA:SEED")
    parser.add_argument("--max-in-flight", type=int)
    parser.add_argument("--requests-per-minute", type=float)
    parser.add_argument("--request-burst", type=int)
    parser.add_argument("--tokens-per-minute", type=float)
    parser.add_argument("--token-burst", type=int)
    parser.add_argument("--answer", choices=("keyword", "schema"))
    parser.add_argument("--disposition", choices=DISPOSITIONS)
    parser.add_argument("--prefix-cache", action="store_true", default=None)
    parser.add_argument("--behaviour", default="{}", help="any other settings, as a JSON object")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent ends")
    return parser


def _settings(options: argparse.Namespace) -> dict[str, object]:
    try:
        settings = orjson.loads(options.behaviour)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"--behaviour is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise InvalidInput("--behaviour is not a JSON object")
    for name in (
        "latency",
        "max_in_flight",
        "requests_per_minute",
        "request_burst",
        "tokens_per_minute",
        "token_burst",
        "answer",
        "disposition",
        "prefix_cache",
    ):
        if (value := getattr(options, name)) is not None:
            settings[name] = value
    return settings


async def _serve(simulation: Simulation, *, host: str, port: int, parent: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(simulation, host=host, port=port) as base_url:
        print(orjson.dumps({"base_url": base_url}).decode(), flush=True)
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), None if parent is None else _LOOK_SECONDS)
            # Also where the kernel promises nothing, and if the parent died before it was asked.
            if parent is not None and os.getppid() != parent:
                stop.set()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
