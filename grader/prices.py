"""What a judge's tokens cost: from its panel, from the installation's file, or from a library.

The panel's own prices win, then the YAML file that GRADER_PRICES names, then the package
genai-prices, whose data came with it: nothing is fetched, so prices are as old as the package. Its
prices are list prices of the providers' own servers, so they are used for these addresses alone: a
model of the same name on another server costs whatever its owner says, in panel or file.

Dearer tokens beyond some length of the prompt are not known here: the price of short ones is taken.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import TypeAdapter, ValidationError

from grader.domain.judge import LLMJudgeSpec, Prices
from grader.domain.panel import Panel
from grader.errors import InvalidInput, UnpricedModel

PriceList = Mapping[str, Prices]
"""Prices by model, `provider/model` or `address/model`."""

_OWN_HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "google": "generativelanguage.googleapis.com",
}
_LIST: TypeAdapter[dict[str, Prices]] = TypeAdapter(dict[str, Prices])


def load_prices(path: Path) -> PriceList:
    """Read a YAML file of prices: model (or `provider/model`) → input, cached_input, output.

    Raises:
        InvalidInput: the file cannot be read, or is no list of prices.
    """
    try:
        return _LIST.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the price list {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"the price list {path} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InvalidInput(
            f"the price list {path}: {where}: {first['msg']}; write dollars for a million tokens "
            "such as `gpt-5.2: {input: 1.75, cached_input: 0.175, output: 14}`"
        ) from error


def find_prices(spec: LLMJudgeSpec, overrides: PriceList) -> Prices | None:
    """Return what a judge's tokens cost, or None where nobody says."""
    if spec.prices is not None:
        return spec.prices
    names = [f"{spec.provider}/{spec.model}", spec.model]
    if spec.base_url is not None:
        names.insert(0, f"{spec.base_url.rstrip('/')}/{spec.model}")
    for name in names:
        if name in overrides:
            return overrides[name]
    if not _is_own_server(spec):
        return None
    return _look_up(spec.provider, spec.model, datetime.now(UTC).date().isoformat())


def price_panel(panel: Panel, overrides: PriceList) -> Panel:
    """Return the panel with the prices of every LLM judge filled in as far as they are known."""
    judges = tuple(
        judge.model_copy(update={"prices": find_prices(judge, overrides)})
        if judge.kind == "llm"
        else judge
        for judge in panel.judges
    )
    return panel.model_copy(update={"judges": judges})


def check_priced(panel: Panel) -> None:
    """Raise UnpricedModel unless it is known what every judge costs; 0 is a price."""
    unpriced = [j for j in panel.judges if j.kind == "llm" and j.prices is None]
    if unpriced:
        named = ", ".join(f"{j.name!r} (model {j.model} at {j.base_url})" for j in unpriced)
        raise UnpricedModel(
            f"a budget cannot be kept, because nobody knows what these judges cost: {named}; give "
            "them `prices: {input: …, output: …}` in the panel or in the file that GRADER_PRICES "
            "names (0 for a server that costs nothing), or leave the budget out"
        )


def _is_own_server(spec: LLMJudgeSpec) -> bool:
    if spec.base_url is None:
        return True
    return urlsplit(spec.base_url).hostname == _OWN_HOSTS[spec.provider]


@cache
def _look_up(provider: str, model: str, day: str) -> Prices | None:
    # Imported when asked for: it takes a quarter of a second. `day` bounds the life of an answer.
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    listed = found.get_prices(datetime.fromisoformat(day).replace(tzinfo=UTC))
    given, produced = _dollars(listed.input_mtok), _dollars(listed.output_mtok)
    if given is None or produced is None:
        return None
    return Prices(input=given, output=produced, cached_input=_dollars(listed.cache_read_mtok))


def _dollars(listed: Any) -> float | None:
    """Return a listed price; of one in steps, the first."""
    base = getattr(listed, "base", listed)
    return float(base) if isinstance(base, Decimal) else None
