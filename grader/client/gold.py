"""Gold sets, and the reviews in which people rate their items."""

from collections.abc import Iterator
from typing import Any

from grader.client.connection import Connection, Json, read_json, segment


class Gold(Connection):
    def make_gold(self, wanted: Json) -> Json:
        """Draw a gold set; the same again is the same set."""
        return self._post("/v1/gold", wanted)

    def iter_gold(self) -> Iterator[Json]:
        return self._pages("/v1/gold")

    def get_gold(self, name: str) -> Json:
        """Return a set with progress, agreement and looks."""
        return self._get(f"/v1/gold/{segment(name)}")

    def iter_gold_items(self, name: str, *, split: str | None = None) -> Iterator[Json]:
        """Yield which transcripts are in a set, without what people said."""
        return self._pages(f"/v1/gold/{segment(name)}/items", split=split)

    def iter_gold_values(self, name: str, *, split: str = "development") -> Iterator[Json]:
        """Yield items with ratings and gold values; of held-out ones this is a recorded look."""
        return self._pages(f"/v1/gold/{segment(name)}/values", split=split)

    def add_gold_ratings(self, name: str, ratings: list[Json]) -> Json:
        return self._post(f"/v1/gold/{segment(name)}/ratings", {"ratings": ratings})

    def adjudicate(self, name: str, decided: Json) -> Json:
        return self._post(f"/v1/gold/{segment(name)}/adjudications", decided)

    def get_gold_accuracy(self, name: str, **asked: Any) -> Json:
        """Return how right a run's judges are; of held-out items this is a recorded look."""
        return self._get(f"/v1/gold/{segment(name)}/accuracy", **asked)

    def next_review(self, gold: str, rater: str) -> Json | None:
        """Return the next item for a rater, or None where nothing is left."""
        params = {"gold": gold, "rater": rater}
        response = self._request("GET", "/v1/reviews/next", params=params)
        if response.status_code == 204:
            return None
        task: Json = read_json(response)
        return task

    def add_review(self, review_id: str, said: Json) -> Json:
        return self._post(f"/v1/reviews/{segment(review_id)}", said)
