"""A provider's prompt cache: exact prefixes, in blocks of 128 tokens, from 1,024 tokens on.

The documented behaviour of OpenAI's prompt caching, with a token taken as four bytes, over what a
model reads: tools or response format first, then the messages. A prefix is cached when its first
call has been *answered*: calls about one transcript that start together all pay in full, as they
would elsewhere. Nothing expires; beyond `_MOST_BLOCKS` the oldest go.
"""

from grader.testing.provider.request import BYTES_PER_TOKEN

_BLOCK_TOKENS = 128
_LEAST_TOKENS = 1024
_BLOCK_BYTES = _BLOCK_TOKENS * BYTES_PER_TOKEN
_MOST_BLOCKS = 1_000_000


class PrefixCache:
    def __init__(self) -> None:
        self._known: dict[int, None] = {}

    def chain(self, model: str, prefix: bytes) -> list[int]:
        """Return a hash for each whole block that covers the block and all before it."""
        hashes: list[int] = []
        last = hash(model)
        for start in range(0, len(prefix) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
            last = hash((last, prefix[start : start + _BLOCK_BYTES]))
            hashes.append(last)
        return hashes

    def cached_tokens(self, chain: list[int]) -> int:
        """Return how many tokens of the longest known prefix are served from the cache."""
        blocks = 0
        for link in chain:
            if link not in self._known:
                break
            blocks += 1
        tokens = blocks * _BLOCK_TOKENS
        return tokens if tokens >= _LEAST_TOKENS else 0

    def add(self, chain: list[int]) -> None:
        self._known.update(dict.fromkeys(chain))
        while len(self._known) > _MOST_BLOCKS:
            del self._known[next(iter(self._known))]
