"""What tokens cost: the panel says it, or the installation's file, or a list that came along."""

from pathlib import Path
from typing import Any

import pytest

from grader.domain.judge import LLMJudgeSpec, Prices
from grader.domain.panel import Panel
from grader.errors import InvalidInput, UnpricedModel
from grader.prices import check_priced, find_prices, load_prices, price_panel

OPENAI = "https://api.openai.com/v1"
OWN = Prices(input=9, output=9)


def judge(model: str = "gpt-4.1-mini", **more: Any) -> LLMJudgeSpec:
    return LLMJudgeSpec(name="one", model=model, **{"base_url": OPENAI, **more})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (judge(), Prices(input=0.4, cached_input=0.1, output=1.6)),
        (judge("gpt-4.1-mini-2025-04-14"), Prices(input=0.4, cached_input=0.1, output=1.6)),
        (
            judge("claude-haiku-4-5", provider="anthropic", base_url="https://api.anthropic.com"),
            Prices(input=1, cached_input=0.1, output=5),
        ),
        (
            judge(
                "gemini-2.5-pro",
                provider="google",
                base_url="https://generativelanguage.googleapis.com",
            ),
            Prices(input=1.25, cached_input=0.125, output=10),
        ),
        (judge(base_url=None), Prices(input=0.4, cached_input=0.1, output=1.6)),
        (judge("a-model-nobody-sells"), None),
        (judge(base_url="http://127.0.0.1:8000/v1"), None),
        (judge(base_url="https://api.openai.com.evil.example/v1"), None),
        (judge(base_url="https://openrouter.ai/api/v1"), None),
        (judge(provider="anthropic"), None),
    ],
)
def test_the_library_knows_a_providers_own_server(
    spec: LLMJudgeSpec, expected: Prices | None
) -> None:
    assert find_prices(spec, {}) == expected


@pytest.mark.parametrize(
    ("spec", "names", "expected"),
    [
        (judge(), {"gpt-4.1-mini"}, "gpt-4.1-mini"),
        (judge(), {"gpt-4.1-mini", "openai/gpt-4.1-mini"}, "openai/gpt-4.1-mini"),
        (judge(), {"openai/gpt-4.1-mini", f"{OPENAI}/gpt-4.1-mini"}, f"{OPENAI}/gpt-4.1-mini"),
        (judge("mine", base_url="http://127.0.0.1:8000/v1"), {"mine"}, "mine"),
    ],
)
def test_the_file_goes_before_the_library_and_the_narrower_name_before_the_wider(
    spec: LLMJudgeSpec, names: set[str], expected: str
) -> None:
    listed = {name: Prices(input=len(name), output=1) for name in names}
    assert find_prices(spec, listed) == listed[expected]


def test_the_panel_goes_before_everything() -> None:
    listed = {"gpt-4.1-mini": Prices(input=1, output=1)}
    assert find_prices(judge(prices=OWN), listed) == OWN


def test_prices_are_filled_in_and_change_no_judge() -> None:
    panel = Panel.model_validate({"name": "p", "judges": [judge().model_dump(), {"kind": "rules"}]})
    priced = price_panel(panel, {"gpt-4.1-mini": OWN})
    first, rules = priced.judges
    assert first.kind == "llm"
    assert first.prices == OWN
    assert first.judge_hash == panel.judges[0].judge_hash
    assert rules == panel.judges[1]
    check_priced(priced)


def test_a_judge_without_prices_is_named_with_what_to_do() -> None:
    free = judge("mine", prices=Prices(input=0, output=0))
    unknown = judge("theirs", base_url="http://127.0.0.1:8000/v1").model_copy(
        update={"name": "two"}
    )
    panel = Panel(name="p", judges=(free, unknown))
    with pytest.raises(UnpricedModel, match=r"'two' \(model theirs at http.*GRADER_PRICES"):
        check_priced(panel)
    check_priced(Panel(name="p", judges=(free,)))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(
        "gpt-5.2: {input: 1.75, cached_input: 0.175, output: 14}\nmine: {input: 0, output: 0}"
    )
    assert load_prices(path) == {
        "gpt-5.2": Prices(input=1.75, cached_input=0.175, output=14),
        "mine": Prices(input=0, output=0),
    }
    path.write_text("")
    assert load_prices(path) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpt-5.2: 3", "gpt-5.2: Input should be"),
        ("gpt-5.2: {input: 1}", r"gpt-5.2.output: Field required"),
        ("gpt-5.2: {input: -1, output: 1}", r"gpt-5.2.input: .*greater than or equal to 0"),
        ("gpt-5.2: {input: 1, output: 1, tax: 1}", r"gpt-5.2.tax: Extra inputs"),
        ("- gpt-5.2", "the whole: Input should be a valid dict"),
        ("a: [", "is no YAML"),
        ("a: !!python/object/apply:os.system [ls]", "is no YAML"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_price_list_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "prices.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        load_prices(path)
