"""Views: what judges may see of a transcript.

A view keeps the number of every message, so that `M7` means the same in every view and evidence can
be located in the canonical transcript. Blinding of identity and stakes is not built: a view that
asks for it is refused rather than half obeyed, because partial anonymising hides a bias instead of
removing it. Nor is showing metadata.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Message, Transcript
from grader.domain.view import View
from grader.errors import NotBuilt, NotFound

SHIPPED = {
    "plain": View(name="plain"),
    "blind": View(name="blind", identity="blinded", stakes="blinded"),
}


def get_view(name: str) -> View:
    """Return the shipped view of that name.

    Raises:
        NotFound: there is none.
        NotBuilt: it asks for blinding.
    """
    view = SHIPPED.get(name)
    if view is None:
        raise NotFound(f"no view is called {name!r}; there are {', '.join(SHIPPED)}")
    check_view(view)
    return view


def check_view(view: View) -> None:
    """Raise NotBuilt for a view this version cannot show faithfully."""
    if "blinded" in (view.identity, view.stakes):
        raise NotBuilt(
            f"the view {view.name!r} blinds identity or stakes, which this version does not do; "
            "use the view 'plain'"
        )
    if view.metadata_keys:
        raise NotBuilt(
            f"the view {view.name!r} shows judges the metadata {', '.join(view.metadata_keys)}, "
            "which this version does not do; leave metadata_keys out"
        )


def see(transcript: Transcript, view: View) -> tuple[Message, ...]:
    """Return the messages as a judge sees them, as many as there are, hidden parts empty."""
    check_view(view)
    match view.channels:
        case "all":
            return transcript.messages
        case "without_reasoning":
            return tuple(m.model_copy(update={"reasoning": None}) for m in transcript.messages)
        case "actions_and_observations":
            return tuple(
                m.model_copy(
                    update={"reasoning": None} | ({"content": ""} if m.role == "assistant" else {})
                )
                for m in transcript.messages
            )


class SeenTranscript:
    """A transcript as one view shows it: what all judges and rubrics of a run look at.

    Its hash and metadata are enough to plan and to aggregate; the messages are needed only where
    a question is really asked, and a relabel in which nothing changed never loads them.
    """

    def __init__(
        self,
        view: View,
        *,
        transcript_hash: str,
        metadata: JsonObject,
        load: Callable[[], Transcript],
    ) -> None:
        check_view(view)
        self.view = view
        self.view_hash = view.view_hash(metadata)
        self.transcript_hash = transcript_hash
        self.metadata = metadata
        self.renderings: dict[str, Any] = {}
        """What prompts show, by nonce: made once, by the judges' floor, for all that are asked."""
        self._load = load

    @cached_property
    def transcript(self) -> Transcript:
        """The whole transcript, as it is."""
        return self._load()

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages as the view shows them."""
        return see(self.transcript, self.view)

    @cached_property
    def coverage(self) -> float:
        """The share of the transcript's characters that is seen."""
        if self.messages is self.transcript.messages:
            return 1.0
        seen = Transcript.model_construct(messages=self.messages).characters
        return seen / self.transcript.characters


def look(transcript: Transcript, view: View) -> SeenTranscript:
    """See a transcript through a view; raises NotBuilt as `check_view` does."""
    return SeenTranscript(
        view,
        transcript_hash=transcript.transcript_hash,
        metadata=transcript.metadata,
        load=lambda: transcript,
    )
