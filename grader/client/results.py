"""What runs came to: labels, judgments and proofs, exports, agreement, and what differs."""

from collections.abc import Iterator
from typing import Any

import httpx2

from grader.client.connection import Connection, Json, problem_in, segment, translated


class Results(Connection):
    def iter_labels(self, run_id: str) -> Iterator[Json]:
        return self._pages(f"/v1/runs/{segment(run_id)}/labels")

    def iter_judgments(self, run_id: str, *, status: str | None = None) -> Iterator[Json]:
        return self._pages(f"/v1/runs/{segment(run_id)}/judgments", status=status)

    def iter_failures(self, run_id: str) -> Iterator[Json]:
        return self._pages(f"/v1/runs/{segment(run_id)}/failures")

    def get_judgment(self, judgment_id: str) -> Json:
        """Return a judgment with its whole proof."""
        return self._get(f"/v1/judgments/{segment(judgment_id)}")

    def export_run(
        self,
        run_id: str,
        *,
        format: str = "jsonl",  # noqa: A002
        what: str = "labels",
    ) -> Iterator[bytes]:
        """Yield a run's labels, judgments or failures as a file, in pieces.

        Raises ServerFailed where the connection breaks before the end: what came is not whole.
        """
        with (
            translated(self.base_url),
            self._http.stream(
                "GET",
                f"{self.base_url}/v1/runs/{segment(run_id)}/export",
                params={"format": format, "what": what},
                timeout=httpx2.Timeout(600.0, connect=10.0),
            ) as response,
        ):
            if not response.is_success:
                raise problem_in(response)
            yield from response.iter_bytes()

    def get_manifest(self, run_id: str, *, transcripts: bool = False) -> Json:
        """Return all that is needed to redo a run; with `transcripts`, each one's hash."""
        return self._get(
            f"/v1/runs/{segment(run_id)}/manifest", transcripts="true" if transcripts else None
        )

    def get_agreement(self, run_id: str, *, draws: int = 1000, seed: int = 0, **asked: Any) -> Json:
        """Return how far a run's judges agree; `asked` are the other parameters of REST."""
        return self._get(f"/v1/runs/{segment(run_id)}/agreement", draws=draws, seed=seed, **asked)

    def compare_runs(self, before: str, after: str, *, limit: int = 100) -> Json:
        """Return what differs between two runs, with the first `limit` labels that changed."""
        return self._get(f"/v1/runs/{segment(after)}/diff", against=before, limit=limit)

    def iter_differences(self, before: str, after: str) -> Iterator[Json]:
        """Yield every label that differs between two runs."""
        return self._pages(f"/v1/runs/{segment(after)}/diff", against=before)
