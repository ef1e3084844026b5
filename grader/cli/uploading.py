"""Send the transcripts of files to a service, and keep count of what became of them.

Memory does not grow with the stream, but for the ids where a caller wants them: names wait only
until their line is answered.
"""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grader.cli.output import note
from grader.cli.progress import progress_bar
from grader.cli.reading import Reading, line_of, name_of
from grader.errors import ServerAnswered, ServerFailed

if TYPE_CHECKING:
    from grader.cli.progress import Bar
    from grader.client import Client

_MOST_KEPT = 1_000
_MOST_NOTED = 20


class Upload:
    """A stream of transcripts to a service, and what became of them."""

    def __init__(self, client: "Client", reading: Reading) -> None:
        self._client = client
        self._reading = reading
        self._refused: list[str] = []
        self._refusals = 0
        self.summary = {"received": 0, "created": 0, "existing": 0, "rejected": 0}
        """The service's own counts."""

    @property
    def rejected(self) -> list[str]:
        """What could not be read here, and what the service refused: the first of each."""
        return self._reading.rejected + self._refused

    @property
    def rejections(self) -> int:
        """How many could not be read, or were refused."""
        return self._reading.rejections + self._refusals

    def send(self) -> dict[str, str]:
        """Send everything; return each transcript's name by its id."""
        names: dict[str, str] = {}
        for transcript_id, name in self._answers():
            names.setdefault(transcript_id, name)
        return names

    def send_all(self) -> None:
        """Send everything, and remember nothing but the counts."""
        for _ in self._answers():
            pass

    def _answers(self) -> Iterator[tuple[str, str]]:
        """Yield id and name of each transcript that the service has."""
        waiting: deque[str] = deque()
        try:
            with progress_bar(self._reading.paths, "sending") as bar:
                lines = self._lines(waiting, bar)
                for answer in self._client.add_transcripts(lines, format="native"):
                    if "summary" in answer:
                        continue
                    name = waiting.popleft()
                    self.summary["received"] += 1
                    self.summary[answer["status"]] += 1
                    bar.count(self.summary["received"])
                    if answer["status"] == "rejected":
                        self._refuse(f"{name}: {answer['error']['detail']}")
                    else:
                        yield answer["transcript_id"], name
        except (ServerAnswered, ServerFailed):
            stored = self.summary["created"] + self.summary["existing"]
            note(f"{stored:,} transcripts are stored; the same command again goes on from there")
            raise

    def _lines(self, waiting: deque[str], bar: "Bar") -> Iterator[bytes]:
        for found in self._reading.transcripts(bar):
            waiting.append(name_of(found))
            yield line_of(found.transcript)

    def _refuse(self, told: str) -> None:
        self._refusals += 1
        if self._refusals <= _MOST_NOTED:
            note(f"rejected: {told}")
        if len(self._refused) < _MOST_KEPT:
            self._refused.append(told)


def counts_of(upload: Upload) -> dict[str, Any]:
    """Return what an upload comes to, as it is printed."""
    return {
        "transcripts": upload.summary["received"],
        "created": upload.summary["created"],
        "existing": upload.summary["existing"],
        "rejected": upload.rejections,
    }
