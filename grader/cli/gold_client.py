"""The client with the addresses of gold sets and reviews, for the commands that need them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import typer

from grader.cli.connection import find_key
from grader.client import Client

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


class GoldClient(Client):
    """A client that also knows gold sets; see `grader.client`."""

    def make_gold(self, wanted: Json) -> Json:
        """Draw a gold set; the same again is the same set."""
        return self._post("/v1/gold", wanted)

    def iter_gold(self) -> Iterator[Json]:
        return self._pages("/v1/gold")

    def get_gold(self, name: str) -> Json:
        """Return a set with progress, agreement and looks."""
        return self._get(f"/v1/gold/{_segment(name)}")

    def iter_gold_items(self, name: str, *, split: str | None = None) -> Iterator[Json]:
        """Yield which transcripts are in a set, without what people said."""
        return self._pages(f"/v1/gold/{_segment(name)}/items", split=split)

    def iter_gold_values(self, name: str, *, split: str = "development") -> Iterator[Json]:
        """Yield items with ratings and gold values; of held-out ones this is a recorded look."""
        return self._pages(f"/v1/gold/{_segment(name)}/values", split=split)

    def add_gold_ratings(self, name: str, ratings: list[Json]) -> Json:
        return self._post(f"/v1/gold/{_segment(name)}/ratings", {"ratings": ratings})

    def adjudicate(self, name: str, decided: Json) -> Json:
        return self._post(f"/v1/gold/{_segment(name)}/adjudications", decided)

    def get_gold_accuracy(self, name: str, **asked: Any) -> Json:
        """Return how right a run's judges are; of held-out items this is a recorded look."""
        return self._get(f"/v1/gold/{_segment(name)}/accuracy", **asked)

    def next_review(self, gold: str, rater: str) -> Json | None:
        """Return the next item for a rater, or None where nothing is left."""
        params = {"gold": gold, "rater": rater}
        response = self._request("GET", "/v1/reviews/next", params=params)
        if response.status_code == 204:
            return None
        task: Json = response.json()
        return task

    def add_review(self, review_id: str, said: Json) -> Json:
        return self._post(f"/v1/reviews/{_segment(review_id)}", said)


def open_gold_client(url: str, key: str | None, data: "Path") -> GoldClient:
    """Return a client for the service; no key at all is wrong use."""
    found = find_key(key, data)
    if found is None:
        raise typer.BadParameter(
            "there is no key: give --key, set GRADER_KEY, or name with --data the data folder of "
            "a running `grader up`",
            param_hint="--key",
        )
    return GoldClient(url, found)


def _segment(name: str) -> str:
    """Return a name as one part of a path, whatever somebody typed."""
    return quote(name, safe="")
