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
    max_file_bytes: int = Field(
        128 * 1024 * 1024,
        ge=1024,
        description="Largest file taken from a drop folder, in bytes, unpacked; each message of it may have as many as "
        "HUB_MAX_MESSAGE_BYTES.",
    )
    mllp_idle_seconds: float = Field(
        30.0, gt=0, description="How long half a frame may stand still before it is reported."
    )
    mllp_buffer_bytes: int = Field(
        256 * 1024 * 1024,
        ge=1024,
        description="Bytes that all MLLP connections together may hold unanswered, half-sent messages too; beyond "
        "them one connection at a time is read from.",
    )
    mllp_port_shared: bool = Field(
        False,
        description="Whether several hubs of one machine listen on HUB_MLLP_PORT together; the operating system deals "
        "the connections out.",
    )
    mllp_connections: int = Field(500, ge=1, description="Most MLLP connections at a time.")
    mllp_connections_of_address: int = Field(100, ge=1, description="Most MLLP connections from one address.")
    mllp_frame_seconds: float = Field(
        300.0, gt=0, description="How long one MLLP message may take from its first byte to its last."
    )
    mllp_silent_seconds: float = Field(
        3600.0, gt=0, description="How long an MLLP connection may say nothing at all before it is closed."
    )
    mllp_application_seconds: float = Field(
        60.0, ge=0, description="How long the application acknowledgement of enhanced mode waits for the merge."
    )
    mllp_tls_certificate: Path | None = Field(
        None, description="PEM file of the MLLP listener's certificate; with it MLLP speaks TLS."
    )
    mllp_tls_key: Path | None = Field(
        None, description="PEM file of its private key; empty: it stands in the certificate's file."
    )
    mllp_tls_client_ca: Path | None = Field(
        None, description="PEM file of who signs the senders' certificates; with it every sender has to show one."
    )
    mllp_tls_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="A second port for MLLP over TLS, beside a plain HUB_MLLP_PORT; empty: HUB_MLLP_PORT speaks TLS "
        "where there is a certificate.",
    )
    max_segments: int = Field(10_000, ge=1, description="Most segments of a v2 message.")
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
    retention_days: int = Field(
        400,
        ge=0,
        description="How long the bytes of merged messages are kept, unless a source's profile says otherwise; 0: for "
        "ever. What waits or is parked is kept, and so is each message's line: source, time, kind, numbers, fate.",
    )
    alert_webhooks: str = Field(
        "",
        description="Where alerts are told: http or https URLs, separated by spaces. The same for every process.",
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
