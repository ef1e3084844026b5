"""A view: what judges may see of a transcript. Versioned and hashed."""

from functools import cached_property
from typing import Literal

from pydantic import Field

from grader.domain.noun import JsonObject, Noun
from grader.domain.rubric import Name
from grader.hashing import hash_json


class View(Noun):
    name: Name
    """The view's name."""

    version: str = "1"
    """The version of the view's definition."""

    identity: Literal["shown", "blinded"] = "shown"
    """Whether names of models and makers are replaced."""

    stakes: Literal["shown", "blinded"] = "shown"
    """Whether what a label leads to is hidden."""

    channels: Literal["all", "without_reasoning", "actions_and_observations"] = "all"
    """Which parts of messages are shown."""

    long_transcripts: Literal["refuse"] = "refuse"
    """What happens to a transcript longer than a judge's context: `refuse` fails the judgment with
    `context_overflow`, nothing is ever cut in silence."""

    metadata_keys: tuple[str, ...] = Field(default=())
    """The metadata that judges are shown; none by default."""

    def view_hash(self, metadata: JsonObject) -> str:
        """Return the hash of the view as this transcript is seen through it.

        Metadata that is shown joins the hash, so that two transcripts which differ in nothing
        that a judge sees share their judgments, and others don't.
        """
        shown = {key: metadata[key] for key in self.metadata_keys if key in metadata}
        return self._hash_with(shown) if shown else self._bare_hash

    @cached_property
    def _bare_hash(self) -> str:
        # A run asks for it once a transcript.
        return self._hash_with({})

    def _hash_with(self, shown: JsonObject) -> str:
        return hash_json({"view": self.model_dump(mode="json"), "metadata": shown})
