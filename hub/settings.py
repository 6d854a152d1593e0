"""Every setting, read once: ``HUB_*`` variables or a ``.env`` file. ``hub/docs/settings.md`` is made from it."""

from pathlib import Path
from typing import Literal

from pydantic import DirectoryPath, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hub.errors import refuse


class Settings(BaseSettings):
    """Where the hub keeps things, listens, and how far it goes."""

    model_config = SettingsConfigDict(env_prefix="HUB_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(Path("var"), description="Folder of the bundled server's data and of the hub's keys.")
    database_url: str = Field(
        "",
        description="A PostgreSQL of your own (15 or newer), as the application's login; empty: the bundled server.",
    )
    owner_database_url: str = Field(
        "",
        description="The same database by its owner's login, for `hub migrate`; empty: HUB_DATABASE_URL serves both.",
    )
    config_dir: DirectoryPath | None = Field(
        None, description="The site's own folder: `sources/NAME/source.toml` and what lies beside it."
    )
    region: str = Field(
        "",
        description="The region whose rules hold, by the name of its policy: `weihai-2023`, `baodi-2017`, "
        "`pudong-2023`, `guangzhou-2017`, `fujian-2022`, or one of the site's own; empty: none, and whatever needs a "
        "rule is refused.",
    )
    bind: str = Field("127.0.0.1", description="Address that all listeners bind to.")
    http_port: int = Field(8080, ge=0, le=65535, description="Port of GraphQL, FHIR and ingest; 0: any free one.")
    mllp_port: int = Field(2575, ge=0, le=65535, description="Port of the MLLP listener; 0: any free one.")
    locale: Literal["zh", "en"] = Field("zh", description="Language of the command line and of acknowledgement texts.")
    max_message_bytes: int = Field(16 * 1024 * 1024, ge=1024, description="Largest message taken, in bytes.")
    mllp_idle_seconds: float = Field(
        30.0, gt=0, description="How long half a frame may stand still before it is reported."
    )
    mllp_connections: int = Field(500, ge=1, description="Most MLLP connections at a time.")
    fhir_wait_seconds: float = Field(
        20.0,
        ge=0,
        description="How long POST /fhir waits for the merge before it answers 202 with a status address.",
    )
    validate_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of v2 messages whose mapped resources are fully validated, off the path.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")


def load_settings(**given: object) -> Settings:
    """The settings of the environment, with those given laid over. Raises Refused (bad-setting)."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as fault:
        first = fault.errors()[0]
        name = "HUB_" + "_".join(str(part) for part in first["loc"]).upper()
        raise refuse("bad-setting", name, reason=first["msg"]) from None
