"""Create a run: resolve everything that could change later, then store the declaration.

Servers are fixed here: a judge without a `base_url` gets the one its provider has today, and with
it a hash that no other server's answers share. A judge may only name servers that the installation
knows, because its key is sent there.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from grader.domain.identity import new_id
from grader.domain.judge import JudgeSpec
from grader.domain.panel import Panel
from grader.domain.rubric import Rubric
from grader.domain.run import Priority, RubricReference, RunMode, RunSpec
from grader.domain.selection import Where
from grader.domain.view import View
from grader.errors import EmptyRun, InvalidPanel, NotBuilt
from grader.grading import count_votes
from grader.prices import check_priced
from grader.store import runs
from grader.views import check_view

KnownServers = Mapping[str, Sequence[str]]
"""The base URLs that judges of each provider may be asked at; the first is the default."""


def create_run(
    connection: sa.Connection,
    *,
    rubrics: Sequence[Rubric],
    panel: Panel,
    view: View,
    selection: dict[str, object],
    shard_transcripts: int,
    ids: Sequence[str] | None = None,
    where: Where | None = None,
    mode: RunMode = "live",
    priority: Priority = "bulk",
    budget_microusd: int | None = None,
    estimated_microusd: int | None = None,
) -> str:
    """Store a run over `ids` or `where`, and return its id; `panel` must be resolved.

    Raises:
        EmptyRun: nothing is selected, or no rubric is named.
        NotFound: an id that is not stored.
        NotBuilt: a panel, view or mode that this version cannot serve.
        UnpricedModel: there is a budget, and nobody knows what a judge costs.
    """
    check_run(rubrics=rubrics, panel=panel, view=view, mode=mode, budget_microusd=budget_microusd)
    unique = {rubric.rubric_hash: rubric for rubric in rubrics}
    spec = RunSpec(
        rubrics=tuple(
            RubricReference(name=r.name, version=r.version, rubric_hash=r.rubric_hash)
            for r in unique.values()
        ),
        panel=seat_companions(panel, tuple(unique.values())),
        view=view,
        selection=selection,
        mode=mode,
    )
    run_id = new_id("run")
    count = runs.add_run(
        connection,
        run_id=run_id,
        spec=spec,
        votes=count_votes(panel) * len(unique),
        shard_transcripts=shard_transcripts,
        ids=ids,
        where=where,
        priority=priority,
        budget_microusd=budget_microusd,
        estimated_microusd=estimated_microusd,
    )
    check_selected(count)
    return run_id


def check_run(
    *,
    rubrics: Sequence[Rubric],
    panel: Panel,
    view: View,
    mode: RunMode = "live",
    budget_microusd: int | None = None,
) -> None:
    """Raise what `create_run` would, as far as the transcripts play no part in it."""
    check_view(view)
    check_panel(panel)
    if not rubrics:
        raise EmptyRun("the run names no rubric; name one at least")
    if mode == "batch":
        for judge in panel.judges:
            if judge.kind == "llm" and judge.provider != "openai":
                raise NotBuilt(
                    f"the judge {judge.name!r} is asked at {judge.provider}, whose batch API is "
                    "not built; use `mode: live`, or judges of the provider openai"
                )
    if budget_microusd is not None:
        check_priced(panel)


def check_selected(count: int) -> None:
    """Raise EmptyRun for a run over no transcript."""
    if not count:
        raise EmptyRun("the run selects no transcript; look with GET /v1/transcripts?where=…")


def choose_priority(judgments: int, *, interactive_judgments: int) -> Priority:
    """Return the priority of a run that asks for none: somebody waits for a small one."""
    return "interactive" if judgments <= interactive_judgments else "bulk"


def resolve_panel(panel: Panel, servers: KnownServers, *, repeats: int | None = None) -> Panel:
    """Return the panel with every LLM judge's server fixed, and its repeats if given.

    Raises:
        InvalidPanel: a judge names a server that the installation does not know, or companions.
    """
    judges = tuple(_resolve(judge, servers) for judge in panel.judges)
    changes: dict[str, object] = {"judges": judges}
    if repeats is not None:
        changes["repeats"] = repeats
    return Panel.model_validate(panel.model_copy(update=changes).model_dump())


def seat_companions(panel: Panel, rubrics: Sequence[Rubric]) -> Panel:
    """Return a panel that asks jointly with its LLM judges told by what they are asked together.

    A rubric may be answered otherwise in company: such judgments are never taken for those of the
    same rubric by itself, or in another company. Other panels, and one rubric, stay as they are.
    """
    hashes = tuple(sorted({rubric.rubric_hash for rubric in rubrics}))
    if panel.asking != "jointly" or len(hashes) < 2:
        return panel
    judges = tuple(
        judge.model_copy(update={"companions": hashes}) if judge.kind == "llm" else judge
        for judge in panel.judges
    )
    return Panel.model_validate(panel.model_copy(update={"judges": judges}).model_dump())


def check_panel(panel: Panel) -> None:
    """Raise NotBuilt for a panel that this version cannot serve."""
    for judge in panel.judges:
        if judge.kind == "human":
            raise NotBuilt(
                f"the judge {judge.name!r} is a person, and there is no desk for people yet; "
                "leave human judges out of the panel"
            )


def _resolve(judge: JudgeSpec, servers: KnownServers) -> JudgeSpec:
    if judge.kind != "llm":
        return judge
    if judge.companions:
        raise InvalidPanel(
            f"the judge {judge.name!r} names companions, which follow from the run's rubrics; "
            "leave them out"
        )
    known = servers.get(judge.provider, ())
    if judge.base_url is None:
        return judge.model_copy(update={"base_url": known[0] if known else None})
    wanted = judge.base_url.rstrip("/")
    if wanted not in known:
        raise InvalidPanel(
            f"the judge {judge.name!r} names the server {wanted}, which this installation does not "
            f"know ({', '.join(known) or 'none'}); add it to GRADER_PROVIDERS"
        )
    return judge.model_copy(update={"base_url": wanted})
