"""Declare runs, steer them and look at them.

Waiting for a run is in `following.py`, what it came to in `results.py`.
"""

from collections.abc import Iterator
from typing import Any, Literal

import httpx2

from grader.client.connection import Connection, Json, segment

RunAction = Literal["cancel", "pause", "resume", "retry"]


class Runs(Connection):
    def create_run(
        self,
        *,
        rubrics: list[str],
        panel: str | Json,
        transcripts: Json,
        view: str = "plain",
        repeats: int | None = None,
        budget_usd: float | None = None,
        mode: str = "live",
        priority: str | None = None,
        wait_seconds: float | None = None,
    ) -> Json:
        """Declare a run and return it; with `wait_seconds`, finished if it can be by then."""
        given = {"repeats": repeats, "budget_usd": budget_usd, "priority": priority}
        wanted: Json = {
            "rubrics": rubrics,
            "panel": panel,
            "transcripts": transcripts,
            "view": view,
            "mode": mode,
            **{name: value for name, value in given.items() if value is not None},
        }
        if wait_seconds is None:
            return self._post("/v1/runs", wanted)
        return self._post(
            "/v1/runs",
            wanted,
            headers={"Prefer": f"wait={wait_seconds:g}"},
            timeout=httpx2.Timeout(wait_seconds + 30.0, connect=10.0),
        )

    def estimate_run(self, **wanted: Any) -> Json:
        """Return what a run would ask and cost, by the arguments of `create_run`; none is made."""
        given = {name: value for name, value in wanted.items() if value is not None}
        timeout = httpx2.Timeout(600.0, connect=10.0)
        return self._post("/v1/runs", {**given, "dry_run": True}, timeout=timeout)

    def get_run(self, run_id: str) -> Json:
        return self._get(f"/v1/runs/{segment(run_id)}")

    def iter_runs(self, *, status: str | None = None) -> Iterator[Json]:
        """Yield the runs, newest first."""
        return self._pages("/v1/runs", status=status)

    def steer_run(self, run_id: str, action: RunAction) -> Json:
        """Cancel, pause, resume or retry a run."""
        return self._post(f"/v1/runs/{segment(run_id)}:{action}", None)

    def resume_run(self, run_id: str, *, budget_usd: float | None) -> Json:
        """Let a run go on with another budget, or with None without any; see `steer_run`."""
        return self._post(f"/v1/runs/{segment(run_id)}:resume", {"budget_usd": budget_usd})
