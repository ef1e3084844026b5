"""What a user would write instead: asyncio, Instructor as documented, a semaphore, a list.

Written fairly: one shared client, room for all connections, retries left to the libraries. Nothing
is kept, no evidence is checked. Reads a JSON line of settings from standard input, and answers with
one when it is ready and one when it is done.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import instructor
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import BaseModel, Field


class Quote(BaseModel):
    message: int
    quote: str


class Judgment(BaseModel):
    explanation: str = Field(description="What speaks for and against, in a few sentences")
    evidence: list[Quote] = Field(description="Exact quotes that the answer rests on")
    occurred: bool


async def main() -> None:
    settings = json.loads(sys.stdin.readline())
    prompts = json.loads(Path(settings["prompts"]).read_text())
    client = instructor.from_openai(
        AsyncOpenAI(
            base_url=settings["base_url"],
            api_key="none",
            http_client=DefaultAsyncHttpxClient(),
        )
    )
    slots = asyncio.Semaphore(settings["slots"])

    async def judge(prompt: list[dict[str, str]]) -> Judgment:
        async with slots:
            return await client.chat.completions.create(
                model="simulated", messages=prompt, response_model=Judgment, max_retries=1
            )

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
