"""The heart: one transcript through one panel. Start reading here.

    look       a transcript through a view                       views
    plan       which questions go to which judges                here
    ask        each question becomes a judgment                  judges
    derive     the judgments of a criterion become a label       here, by aggregation

Nothing here knows that anything is stored or queued: `grade` does it all in memory, for one
transcript; a run does the same steps over many, and asks only what no stored judgment answers.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.aggregation import aggregate
from grader.domain.judge import JudgeSpec, find_family, plain_model_name
from grader.domain.judgment import Judgment, JudgmentKey
from grader.domain.label import Flag, Label, LabelEvidence, Vote
from grader.domain.noun import JsonObject
from grader.domain.panel import Panel
from grader.domain.rubric import Criterion, Rubric, Value
from grader.domain.transcript import Transcript
from grader.domain.view import View
from grader.errors import InvalidPanel, NotBuilt
from grader.judges.question import JointJudge, Judge, Question
from grader.views import SeenTranscript, look

Judges = Mapping[str, Judge]
"""The judges of a panel by their hash."""

Judgments = Mapping[JudgmentKey, Judgment]

Seat = Literal["seated", "flagged", "excluded"]


@dataclass(frozen=True, slots=True)
class Grading:
    """What a panel made of one transcript."""

    judgments: tuple[Judgment, ...]
    labels: dict[str, tuple[Label, ...]]
    """The labels of each rubric, by the rubric's name."""


async def grade(
    transcript: Transcript, rubrics: Sequence[Rubric], panel: Panel, judges: Judges, view: View
) -> Grading:
    """Label one transcript by one panel, every judge at once, with nothing stored.

    Raises:
        InvalidPanel: the panel asks jointly, and its judges were not told what together.
        JudgeUnavailable: a provider refuses a judge for good.
        ProviderBusy: a provider asks to wait longer than a call may.
    """
    if panel.asking == "jointly" and len(rubrics) > 1 and not _have_companions(panel):
        raise InvalidPanel(
            f"the panel {panel.name} asks jointly: tell its judges by `seat_companions` which "
            "rubrics they are asked together"
        )
    seen = look(transcript, view)
    groups = group_questions(plan_questions(seen, rubrics, panel))
    asked = [asyncio.ensure_future(ask(group, judges)) for group in groups]
    try:
        judgments = {j.key: j for made in await asyncio.gather(*asked) for j in made}
    finally:
        # Where one judge is refused for good, the calls of the others would be paid for nothing.
        for call in asked:
            call.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return Grading(
        tuple(judgments.values()),
        {r.name: derive_labels(seen, r, panel, judgments) for r in rubrics},
    )


def _have_companions(panel: Panel) -> bool:
    return all(judge.companions for judge in panel.judges if judge.kind == "llm")


def plan_questions(
    seen: SeenTranscript, rubrics: Sequence[Rubric], panel: Panel
) -> tuple[Question, ...]:
    """Return every question the panel is asked about a transcript.

    One judge's rubrics stand next to one another, so that a provider's cache sees the transcript
    again while it is warm. Judges that the conflict policy keeps out are asked nothing.
    """
    return tuple(
        Question(seen, rubric, judge, repeat)
        for judge in panel.judges
        if seat(judge, panel, seen.metadata) != "excluded"
        for repeat in range(repeats_of(judge, panel))
        for rubric in rubrics
    )


def group_questions(questions: Iterable[Question]) -> list[tuple[Question, ...]]:
    """Return planned questions by the calls that ask them, each call where its first stood.

    A group is one question, or all that a judge with companions is asked of one transcript in one
    repeat.
    """
    groups: dict[JudgmentKey, list[Question]] = {}
    for question in questions:
        is_joint = question.judge.kind == "llm" and question.judge.companions
        call = question.key._replace(rubric_hash="") if is_joint else question.key
        groups.setdefault(call, []).append(question)
    return [tuple(group) for group in groups.values()]


async def ask(group: Sequence[Question], judges: Judges) -> list[Judgment]:
    """Return a judgment for each question of a group that `group_questions` made.

    The tokens and cost of a joint call stand with the first question: where some are answered
    already, put one first that is not. Raises as the judge does.
    """
    judge = judges[group[0].judge.judge_hash]
    if len(group) == 1:
        return [await judge.judge(group[0])]
    if not isinstance(judge, JointJudge):
        raise NotBuilt(f"the judge {group[0].judge.name!r} answers one rubric at a time")
    return await judge.judge_jointly(group)


def count_votes(panel: Panel) -> int:
    """Return how many judgments one rubric of one transcript takes, excluded ones included."""
    return sum(repeats_of(judge, panel) for judge in panel.judges)


def repeats_of(judge: JudgeSpec, panel: Panel) -> int:
    """Return how often a judge is asked the same; rules give the same answer each time."""
    return panel.repeats if judge.kind == "llm" else 1


def seat(judge: JudgeSpec, panel: Panel, metadata: JsonObject) -> Seat:
    """Tell whether the panel's conflict policy lets a judge judge the agent of this transcript."""
    agent = metadata.get("agent_model")
    if judge.kind != "llm" or not isinstance(agent, str) or not agent.strip():
        return "seated"
    rules = []
    if plain_model_name(judge.model) == plain_model_name(agent):
        rules.append(panel.conflict.same_model)
    family = judge.family.strip().lower() if judge.family else find_family(judge.model)
    if family is not None and family == find_family(agent):
        rules.append(panel.conflict.same_family)
    if "exclude" in rules:
        return "excluded"
    return "flagged" if "flag" in rules else "seated"


def derive_labels(
    seen: SeenTranscript, rubric: Rubric, panel: Panel, judgments: Judgments
) -> tuple[Label, ...]:
    """Return a label for each criterion of a rubric, from the judgments there are.

    A judgment that is missing is a vote with the status `pending`; only given ones count.
    """
    return tuple(
        _derive(seen, rubric, criterion, panel, judgments) for criterion in rubric.criteria
    )


def _derive(
    seen: SeenTranscript,
    rubric: Rubric,
    criterion: Criterion,
    panel: Panel,
    judgments: Judgments,
) -> Label:
    votes: list[Vote] = []
    supporting: list[tuple[Vote, Judgment]] = []
    flags: list[Flag] = []
    for judge in panel.judges:
        place = seat(judge, panel, seen.metadata)
        for repeat in range(repeats_of(judge, panel)):
            judgment = judgments.get(Question(seen, rubric, judge, repeat).key)
            vote = _vote(judge, repeat, judgment, criterion, excluded=place == "excluded")
            votes.append(vote)
            if judgment is not None and vote.status == "given":
                supporting.append((vote, judgment))
                if place == "flagged" and "conflict" not in flags:
                    flags.append("conflict")
    values = [vote.value for vote in votes if vote.value is not None]
    outcome = aggregate(values, criterion, panel)
    evidence = tuple(
        LabelEvidence(**found.model_dump(), judge=vote.judge)
        for vote, judgment in supporting
        if outcome.status == "decided" and _supports(vote.value, outcome.value)
        for found in judgment.evidence
    )
    if (
        outcome.value is not None
        and criterion.demands_evidence(outcome.value)
        and not any(found.found for found in evidence)
    ):
        flags.append("unverified")
    return Label(
        criterion=criterion.name,
        status=outcome.status,
        value=outcome.value,
        votes=tuple(votes),
        evidence=evidence,
        flags=tuple(flags),
    )


def _vote(
    judge: JudgeSpec,
    repeat: int,
    judgment: Judgment | None,
    criterion: Criterion,
    *,
    excluded: bool,
) -> Vote:
    if excluded:
        return Vote(
            judgment_id=None, judge=judge.name, repeat=repeat, value=None, status="excluded"
        )
    if judgment is None:
        return Vote(judgment_id=None, judge=judge.name, repeat=repeat, value=None, status="pending")
    return Vote(
        judgment_id=judgment.judgment_id,
        judge=judge.name,
        repeat=repeat,
        value=judgment.values.get(criterion.name),
        status=judgment.status,
    )


def _supports(given: Value | None, decided: Value | None) -> bool:
    """Tell whether a vote speaks for a label: on an interval every number does for their middle."""
    if _is_number(decided):
        return _is_number(given)
    return given == decided and type(given) is type(decided)


def _is_number(value: Value | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
