"""The floor: what one structured call costs with nothing between us and the wire.

aiohttp, orjson and one pydantic model; a session, a semaphore, a list. No Instructor, no retries,
no errors, nothing kept: not what anybody should run, but what Python can't go below. Speaks like
`plain_script.py`.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import aiohttp
import orjson
from pydantic import BaseModel


class Quote(BaseModel):
    message: int
    quote: str


class Judgment(BaseModel):
    explanation: str
    evidence: list[Quote]
    occurred: bool


TOOL = {"name": "Judgment", "parameters": Judgment.model_json_schema()}


async def main() -> None:
    settings = json.loads(sys.stdin.readline())
    prompts = json.loads(Path(settings["prompts"]).read_text())
    slots = asyncio.Semaphore(settings["slots"])
    url = settings["base_url"] + "/chat/completions"
    rest = {
        "tools": [{"type": "function", "function": TOOL}],
        "tool_choice": {"type": "function", "function": {"name": "Judgment"}},
    }
    headers = {"Authorization": "Bearer none", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers
    ) as session:

        async def judge(prompt: list[dict[str, str]]) -> Judgment:
            body = orjson.dumps({"model": "simulated", "messages": prompt, **rest})
            async with slots, session.post(url, data=body) as response:
                answer = orjson.loads(await response.read())
            call = answer["choices"][0]["message"]["tool_calls"][0]
            return Judgment.model_validate_json(call["function"]["arguments"])

        first = settings.get("warm_up", 0)
        await asyncio.gather(*(judge(prompt) for prompt in prompts[:first]))
        print(json.dumps({"ready": True}), flush=True)
        sys.stdin.readline()
        used = resource.getrusage(resource.RUSAGE_SELF)
        before, started = used.ru_utime + used.ru_stime, time.monotonic()
        results = await asyncio.gather(*(judge(prompt) for prompt in prompts[first:]))
        seconds = time.monotonic() - started
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = used.ru_utime + used.ru_stime - before
    print(json.dumps({"seconds": seconds, "cpu": cpu, "judgments": len(results)}), flush=True)


asyncio.run(main())
