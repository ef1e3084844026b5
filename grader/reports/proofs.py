"""The proof of a judgment, put together again from what is kept.

The prompt is rendered anew from the same transcript, rubric, view and secret, and its hash is
compared with that of the prompt that was sent: storing every prompt would keep each transcript
once a rubric, a judge and a repeat.
"""

from typing import cast

import sqlalchemy as sa

from grader.domain.judge import LLMJudgeSpec, Mode
from grader.domain.judgment import Judgment
from grader.domain.rubric import Rubric
from grader.domain.view import View
from grader.judges.prompt import Prompt, prompt_hash
from grader.reports.records import Proof, proof
from grader.store import runs, transcripts
from grader.store.catalogue import get_rubric_by_hash
from grader.store.judgments import get_judgment
from grader.store.ratings_elsewhere import ELSEWHERE
from grader.views import SeenTranscript, look


def prove(connection: sa.Connection, judgment_id: str, *, secret: bytes) -> Proof:
    """Return a judgment with all that is needed to check it; raises NotFound."""
    # These bring in the providers' libraries: only who asks for a proof pays for them.
    from grader.judges.llm import in_order
    from grader.judges.provider import answer_schema

    stored = get_judgment(connection, judgment_id)
    judgment = stored.judgment
    transcript_id, transcript = transcripts.find_any(connection, judgment.transcript_hash)
    spec = None
    if stored.run_id != ELSEWHERE:
        run = runs.get_run(connection, stored.run_id)
        judges = run.spec.panel.judges
        spec = next((j for j in judges if j.judge_hash == judgment.judge_hash), None)
    prompt = None
    schema = None
    if isinstance(spec, LLMJudgeSpec):
        hashes = spec.companions or (judgment.rubric_hash,)
        rubrics = in_order([get_rubric_by_hash(connection, each) for each in hashes])
        seen = look(transcript, _view(run.spec.view, judgment))
        prompt, mode = _render_again(judgment, spec, seen, rubrics, secret)
        schema = answer_schema(*rubrics, mode=mode)
    return proof(
        judgment,
        transcript_id=transcript_id,
        run_id=stored.run_id,
        judge_spec=spec.model_dump(mode="json") if spec is not None else None,
        prompt=prompt.messages if prompt else None,
        prompt_is_exact=prompt_hash(prompt.messages) == judgment.prompt_hash if prompt else None,
        answer_schema=schema,
    )


def _render_again(
    judgment: Judgment,
    spec: LLMJudgeSpec,
    seen: SeenTranscript,
    rubrics: tuple[Rubric, ...],
    secret: bytes,
) -> tuple[Prompt, Mode]:
    """Return the prompt of the last call, and its output mode.

    Where no call was made, the mode is the first whose prompt has the judgment's hash.
    """
    from grader.judges.llm import render_prompt_of

    if judgment.attempts:
        mode = cast(Mode, judgment.attempts[-1].mode)
        return render_prompt_of(seen, rubrics, mode, secret), mode
    tried = [(render_prompt_of(seen, rubrics, mode, secret), mode) for mode in spec.modes]
    return next((one for one in tried if one[0].prompt_hash == judgment.prompt_hash), tried[0])


def _view(view: View, judgment: Judgment) -> View:
    assert view.name == judgment.view
    return view
