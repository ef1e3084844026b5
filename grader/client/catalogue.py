"""The rubrics and panels that a service knows."""

from collections.abc import Iterator

import httpx2

from grader.client.connection import Connection, Json, segment


class Catalogue(Connection):
    def iter_rubrics(self) -> Iterator[Json]:
        return self._pages("/v1/rubrics")

    def get_rubric(self, name: str, *, version: str | None = None) -> Json:
        return self._get(f"/v1/rubrics/{segment(name)}", version=version)

    def add_rubric(self, source: str) -> Json:
        """Store a rubric from its YAML or JSON; the same text twice is fine."""
        return self._post("/v1/rubrics", source)

    def iter_panels(self) -> Iterator[Json]:
        return self._pages("/v1/panels")

    def add_panel(self, source: str) -> Json:
        """Store a panel from its YAML or JSON; it becomes the panel of its name."""
        return self._post("/v1/panels", source)

    def check_panel(self, name: str) -> Json:
        """Let the service ask every judge of a panel one tiny question."""
        return self._post(f"/v1/panels/{segment(name)}:check", None, timeout=httpx2.Timeout(600.0))
