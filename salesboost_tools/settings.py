"""Settings from the environment, all optional; the README's table is made from these descriptions."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate_windows import as_rate_limits
from salesboost_tools.core.roles import ROLES
from salesboost_tools.selection.named_policies import PolicyName
from salesboost_tools.tools.crm.vocabulary import Stage

SETTINGS_FILE = "settings.env"
"""In the data folder: lines such as `TOOL_CACHE_TTL=30`."""

_PREFIX = "TOOL_"
_IN_JSON = {
    "ALLOWED_ROLES": '{"sms_outreach": ["coach"]}',
    "RATE_LIMITS": '{"crm_integration": "60/minute"}',
    "STAGES": '{"pitch": ["presentation"]}',
    "BANDIT_LEAST": '{"knowledge_retriever_lexical": 0.05}',
    "BANDIT_MOST": '{"knowledge_retriever_lexical": 0.5}',
    "HUBSPOT_STAGES": '{"closing": "contractsent"}',
}


class Settings(BaseSettings):
    """How the toolkit is set up. Every field is read from the environment variable `TOOL_` + its name in capitals.

    A variable that is empty counts as not set.

    Raises:
        ConfigurationError: A value cannot be used; the message names the variable and what is allowed.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    permission_enabled: bool = Field(default=True, description="Check the caller's role against the tool's roles.")
    allowed_roles: dict[str, list[str]] = Field(
        {},
        description='Roles by tool name, as JSON: `{"sms_outreach": ["coach"]}`; an empty list means nobody. They '
        "replace the defaults.",
    )
    approval_enabled: bool = Field(
        default=False, description="Ask a person before a write, through LangGraph's interrupt."
    )
    idempotency_enabled: bool = Field(
        default=True, description="See to it that a write with the same key happens once."
    )
    circuit_breaker_enabled: bool = Field(default=True, description="Leave a tool alone that keeps failing.")
    circuit_breaker_failures: int = Field(
        5, ge=1, le=1000, description="Failures within 30 seconds that open the breaker."
    )
    circuit_breaker_open: float = Field(30.0, gt=0, description="Seconds before a tool that failed is tried again.")
    masking_enabled: bool = Field(default=False, description="Mask personal data in results.")
    rate_limit_enabled: bool = Field(default=True, description="Keep each tool within its rate.")
    rate_limits: dict[str, str | list[str]] = Field(
        {},
        description='Rates by tool name, as JSON: `{"crm_integration": "60/minute"}`; a list of rates holds at once. '
        "They replace the defaults.",
    )
    rate_limit_per: Literal["tool", "tenant", "user"] = Field(
        "tool", description="Who shares a rate: `tool` (all its callers), `tenant` or `user`."
    )
    rate_limit_max_wait: float = Field(
        0.0, ge=0, description="Seconds a call may wait for its turn; one that would wait longer is refused at once."
    )
    rate_limit_when_down: Literal["local", "closed", "open"] | None = Field(
        None,
        description="While shared state does not answer: `local` (count here, at this worker's share), `closed` or "
        "`open`; unset: reads local, writes closed.",
    )
    workers: int = Field(1, ge=1, description="Processes that share the rates: each one's share while state is down.")
    cache_enabled: bool = Field(default=True, description="Answer equal reads from memory.")
    cache_ttl: float = Field(60.0, ge=0, description="Seconds a result stays fresh if the tool does not say.")
    cache_stale: float = Field(
        0.0,
        ge=0,
        description="Seconds for which a result may be answered after that, while one caller fetches it anew.",
    )
    cache_empty_ttl: float | None = Field(
        None, ge=0, description="Seconds at most for a result that says nothing was found; unset: like any other."
    )
    cache_max_entries: int = Field(1000, ge=1, description="Results kept at most.")
    cache_lru_enabled: bool = Field(
        default=True, description="The least recently used result leaves first; `false`: the oldest one."
    )
    cache_access_tracking: bool = Field(default=True, description="Count how often each stored result is read.")
    retry_enabled: bool = Field(default=True, description="Try failed reads again.")
    retry_max_attempts: int = Field(3, ge=1, le=20, description="Attempts at most, the first one included.")
    retry_base_delay: float = Field(
        1.0, ge=0, le=30, description="Seconds before the second attempt; doubled for each further one."
    )
    timeout_enabled: bool = Field(default=True, description="Give every attempt a time limit.")
    timeout: float = Field(30.0, gt=0, description="Seconds per attempt if the tool does not say.")
    metrics_enabled: bool = Field(default=True, description="Count and time calls for Prometheus.")
    status_enabled: bool = Field(default=True, description="Publish what calls are doing while they do it.")
    parallel_enabled: bool = Field(default=True, description="Run the calls of a message side by side.")
    parallel_max_concurrent: int = Field(5, ge=1, le=1000, description="Calls at once at most.")
    bandit_enabled: bool = Field(
        default=False,
        description="Let the policy choose among equal tools; `false`: the first one serves, the policy looks on.",
    )
    bandit_policy: PolicyName = Field(
        "adaptive",
        description="The policy: `adaptive`, `thompson`, `ucb1`, `epsilon_greedy`, `lin_ucb`, `linear_thompson`, or "
        "`first` (always the first available tool).",
    )
    bandit_epsilon: float = Field(
        0.1, ge=0, le=1, description="Share of choices that `epsilon_greedy` makes at random."
    )
    bandit_quality: float = Field(
        0.5,
        ge=0,
        le=100,
        description="What an answer of quality 1 earns beside the 1 for success, where a tool tells its quality.",
    )
    bandit_max_exploration: float = Field(
        1.0, ge=0, le=1, description="Share of choices that may go to other tools than the best so far."
    )
    bandit_least: dict[str, float] = Field(
        {},
        description='Least shares of choices by tool, as JSON: `{"knowledge_retriever_lexical": 0.05}`. They also keep '
        "the log good evidence for any other policy.",
    )
    bandit_most: dict[str, float] = Field({}, description="Greatest shares of choices by tool, as JSON.")
    bandit_ab_policy: PolicyName | None = Field(
        None, description="A second policy, for an A/B test beside `TOOL_BANDIT_POLICY`; unset: no test."
    )
    bandit_ab_share: float = Field(0.1, ge=0, le=1, description="Share of choices that the second policy makes.")
    bandit_guardrail: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Success rate of the policy's choices below which the first tool serves; unset: no guardrail.",
    )
    bandit_guardrail_window: int = Field(50, ge=2, description="Over how many outcomes, roughly.")
    bandit_guardrail_hold: float = Field(300.0, gt=0, description="Seconds before the policy may try again.")
    bandit_log: Path | None = Field(
        None,
        description="File to which every answered choice is appended (JSON lines, with probabilities); processes may "
        "share it. Unset: no log.",
    )
    bandit_log_max_bytes: int = Field(
        50_000_000, ge=1, description="Size at which the log is begun anew; the full one is kept as `<name>.1`."
    )
    health_ttl: float = Field(30.0, ge=0, description="Seconds for which the finding of a health probe is believed.")
    health_timeout: float = Field(2.0, gt=0, description="Seconds a health probe may take.")
    api_token: str | None = Field(
        None, repr=False, description="Secret of operators for the HTTP service; needed to listen beyond this machine."
    )
    api_role: str = Field("system", description="Role of whoever calls with `TOOL_API_TOKEN`, or without any token.")
    api_tenant: str | None = Field(None, description="Tenant of the same caller; unset: the default one.")
    api_jwt_key: str | None = Field(
        None,
        repr=False,
        description="Key that verifies further tokens (JWT); their claims `caller_role`, `user_id`, `tenant_id`, "
        "`session_id` say who calls.",
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#]+[^?#]*$",
        description="Where the outside reaches the HTTP service, behind a proxy; callbacks are signed with it.",
    )
    stages: dict[str, list[str]] = Field(
        {},
        description="Stages that `stage_classifier` answers in, as JSON, each made of the usual ones: "
        '`{"qualify": ["opening", "discovery"], "pitch": ["presentation"]}`.',
    )
    data_dir: Path = Field(
        Path(".salesboost"),
        description="Folder for the embedded database and the search index, made on first use, and for your own data "
        "(`salesboost init` makes a start). Its `settings.env` is read too; the environment takes precedence.",
    )
    price_book: Path | None = Field(
        None,
        description="YAML file: your price book; unset: `price_book.yaml` in `TOOL_DATA_DIR`, else the shipped one.",
    )
    battlecards: Path | None = Field(
        None,
        description="Folder of your battlecards; unset: `battlecards` in `TOOL_DATA_DIR`, else the shipped ones.",
    )
    knowledge_dir: Path | None = Field(
        None,
        description="Folder of your documents, followed at every start; unset: `knowledge` in `TOOL_DATA_DIR`. Without "
        "it, and if nothing was ingested: the shipped articles.",
    )
    knowledge_search: Literal["lexical", "semantic", "hybrid"] = Field(
        "lexical",
        description="How `knowledge_retriever` searches by itself, and which variant of its group serves first: by "
        "words, by meaning, or by both fused.",
    )
    minilm_dir: Path | None = Field(
        None,
        description="Folder with the files of all-MiniLM-L6-v2, for search by meaning (extra `minilm`); unset: a "
        "latent semantic space, learnt from the documents.",
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="SQLAlchemy URL of the database, SQLite or PostgreSQL (extra `postgres`); its tables are made and "
        "upgraded on opening. Unset: an SQLite file with the shipped data in `TOOL_DATA_DIR`.",
    )
    profile_roles: Path | None = Field(
        None,
        description="YAML file: which role sees what of people, and who may erase; unset: the shipped one.",
    )
    compliance_rules: Path | None = Field(
        None, description="Folder of your own compliance rules (`*.yaml`); unset: the shipped ones."
    )
    sms_provider: Literal["outbox", "twilio"] = Field(
        "outbox", description="Who carries texts: `twilio`, or nobody (`outbox`): then nothing leaves the machine."
    )
    sms_dispatch_interval: float = Field(
        5.0,
        ge=0,
        le=86_400,
        description="Seconds between the rounds in which the HTTP service sends texts that are due; 0: it sends none.",
    )
    sms_consent_required: bool = Field(default=True, description="Text only those whose consent is recorded.")
    sms_recipient_cap: int = Field(3, ge=1, le=1000, description="Texts one person gets at most in a window.")
    sms_recipient_window: float = Field(86400.0, gt=0, le=31_536_000, description="Seconds of that window.")
    sms_quiet_hours: Path | None = Field(
        None, description="YAML file with the hours in which texts may be sent; unset: the shipped one."
    )
    sms_default_region: str | None = Field(
        None,
        pattern=r"^[A-Z]{2}$",
        description="Country (`US`, `DE`) of numbers without a country code; unset: such numbers are refused.",
    )
    twilio_account_sid: str | None = Field(None, description="Twilio account, for `TOOL_SMS_PROVIDER=twilio`.")
    twilio_auth_token: str | None = Field(
        None, repr=False, description="Secret of that account: signs requests, and callbacks."
    )
    twilio_from: str | None = Field(None, description="Number or name that texts come from.")
    twilio_messaging_service_sid: str | None = Field(
        None, description="Twilio messaging service that chooses the sender, instead of `TOOL_TWILIO_FROM`."
    )
    twilio_status_callback_url: str | None = Field(
        None, description="Where Twilio reports what becomes of texts; unset: they are asked for one by one."
    )
    twilio_base_url: str = Field("https://api.twilio.com", description="Where Twilio's API is.")
    hubspot_token: str | None = Field(
        None,
        repr=False,
        description="Token of a HubSpot private app; set: HubSpot is the CRM, and the database is not asked for it.",
    )
    hubspot_tenant: str = Field("default", description="Tenant whose HubSpot account that is; others are refused.")
    hubspot_stages: dict[Stage, str] = Field(
        {},
        description='Ids of deal stages in HubSpot, as JSON: `{"closing": "1042"}`. Added to those of its default '
        "pipeline, which has none for `closing`.",
    )
    hubspot_competitor_property: str | None = Field(
        None, description="HubSpot's name of a deal property that holds the competitor; unset: deals have none."
    )
    hubspot_base_url: str = Field("https://api.hubapi.com", description="Address of HubSpot's API.")
    redis_url: str | None = Field(
        None,
        repr=False,
        description="URL of a Redis that workers share (extra `redis`); unset: state in this process.",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(_explain(error)) from None
        except SettingsError as error:  # a variable that holds JSON
            name, example = next(
                (name, example) for name, example in _IN_JSON.items() if f'"{name.lower()}"' in str(error)
            )
            raise ConfigurationError(
                f"settings cannot be used: {_PREFIX}{name}: has to be an object in JSON, for example {example}"
            ) from None

    @field_validator("bandit_policy", "bandit_ab_policy", mode="before")
    @classmethod
    def _hyphens_will_do(cls, name: Any) -> Any:
        return name.replace("-", "_") if isinstance(name, str) else name

    @field_validator("rate_limits")
    @classmethod
    def _limits_can_be_read(cls, limits: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for tool, given in limits.items():
            try:
                as_rate_limits(given)
            except ConfigurationError as error:
                raise ValueError(f"{tool}: {error}") from None
        return limits

    @field_validator("allowed_roles")
    @classmethod
    def _roles_exist(cls, allowed: dict[str, list[str]]) -> dict[str, list[str]]:
        for tool, roles in allowed.items():
            if unknown := sorted(set(roles) - ROLES):
                raise ValueError(f"{tool}: no role is called {unknown[0]!r}; there are: {', '.join(sorted(ROLES))}")
        return allowed

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (pydantic's signature)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from: arguments, the environment, the data folder's file; the first one counts."""
        given = {**env_settings(), **init_settings()}
        folder = Path(given.get("data_dir") or cls.model_fields["data_dir"].default)
        file = DotEnvSettingsSource(settings_cls, env_file=folder / SETTINGS_FILE, env_file_encoding="utf-8")
        return init_settings, env_settings, file

    @classmethod
    def everything_off(cls, **values: Any) -> Self:
        """Return settings with every handler switched off: tools then behave exactly like bare ones."""
        names = (name for name in cls.model_fields if name.endswith("_enabled") and not name.startswith("cache_lru"))
        return cls(**{**dict.fromkeys(names, False), **values})


def _explain(error: ValidationError) -> str:
    lines = [
        f"{_PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
        if problem["loc"]
        else problem["msg"]
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "settings cannot be used: " + "; ".join(lines)
