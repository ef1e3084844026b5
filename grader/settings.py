"""Settings: everything that is configured from outside, with its unit in its name.

Built once in a `main`, in `create_app` or in a test, and handed on as the few values that a part
needs; nothing below `bootstrap` sees this class. Providers' keys keep the names their SDKs know.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from environment variables with the prefix `GRADER_`, frozen."""

    model_config = SettingsConfigDict(
        env_prefix="GRADER_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        # Compose files hand on variables that nobody set as empty ones.
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    database_url: str = "sqlite:///grader-data/grader.db"
    """Where the truth is kept: SQLite or PostgreSQL, as SQLAlchemy writes it."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    """The queue and the shared limits; may be lost without losing anything."""

    host: str = "127.0.0.1"
    """The address the API listens on."""

    port: int = Field(default=8321, ge=0, le=65535)
    """The port the API listens on."""

    max_body_bytes: int = Field(default=64_000_000, ge=1_000)
    """The most bytes one request may have, streams apart."""

    max_line_bytes: int = Field(default=64_000_000, ge=1_000)
    """The most bytes one line of a bulk stream may have."""

    shard_transcripts: int = Field(default=25, ge=1)
    """How many transcripts make a shard."""

    lease_seconds: float = Field(default=30.0, ge=0.5)
    """How long a worker holds a shard without a sign of life."""

    slice_seconds: float = Field(default=20.0, ge=0.1)
    """How long a worker stays with one run while others wait."""

    sweep_seconds: float = Field(default=2.0, ge=0.1)
    """How often the database is searched for work that no job stands for."""

    stop_grace_seconds: float = Field(default=15.0, ge=0)
    """How long a worker that is told to stop waits for the calls in flight."""

    flush_seconds: float = Field(default=0.1, ge=0.01, le=0.2)
    """How long a judgment may wait to be written."""

    provider_max_in_flight: int = Field(default=200, ge=1)
    """Calls at once for each base URL, all workers together."""

    provider_requests_per_minute: float | None = Field(default=None, gt=0)
    """Calls a minute for each base URL and model, all workers together; what the provider's own
    headers say counts where it is less."""

    provider_tokens_per_minute: float | None = Field(default=None, gt=0)
    """Tokens a minute for each base URL and model, likewise."""

    provider_outage_seconds: float = Field(default=300.0, gt=0)
    """How long a server may answer nothing but faults before runs that need it are paused."""

    provider_tries: int = Field(default=4, ge=1)
    """How often a call that fails in transport is made."""

    provider_backoff_seconds: float = Field(default=0.5, ge=0)
    """The wait after the first failure in transport; it doubles with each."""

    providers: dict[str, SecretStr] = Field(default_factory=dict)
    """More servers that judges may be asked at: a JSON object from base URL to key (may be empty).
    A judge's `base_url` must be one of these or the provider's own."""

    interactive_judgments: int = Field(default=500, ge=0)
    """A run of at most so many judgments goes before bulk runs unless it says otherwise."""

    prices: Path | None = None
    """A YAML file of prices by model, which go before those that the installation knows."""

    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    """OpenAI's key."""

    openai_base_url: str = Field(
        default="https://api.openai.com/v1", validation_alias="OPENAI_BASE_URL"
    )
    """Where judges of the provider `openai` are asked unless they name a server."""

    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    """Anthropic's key."""

    google_api_key: SecretStr | None = Field(default=None, validation_alias="GOOGLE_API_KEY")
    """Google's key."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged."""
