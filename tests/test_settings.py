"""Every setting has its environment name and its default; one that cannot be used says what is allowed."""

from pathlib import Path

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import usual_handlers
from tests.doubles import RunLedger, ScriptedTool

DEFAULTS = {
    "TOOL_PERMISSION_ENABLED": True,
    "TOOL_ALLOWED_ROLES": {},
    "TOOL_RATE_LIMIT_ENABLED": True,
    "TOOL_RATE_LIMITS": {},
    "TOOL_RATE_LIMIT_PER": "tool",
    "TOOL_RATE_LIMIT_MAX_WAIT": 0.0,
    "TOOL_RATE_LIMIT_WHEN_DOWN": None,
    "TOOL_WORKERS": 1,
    "TOOL_PARALLEL_ENABLED": True,
    "TOOL_PARALLEL_MAX_CONCURRENT": 5,
    "TOOL_BANDIT_ENABLED": False,
    "TOOL_BANDIT_POLICY": "adaptive",
    "TOOL_BANDIT_EPSILON": 0.1,
    "TOOL_BANDIT_QUALITY": 0.5,
    "TOOL_BANDIT_MAX_EXPLORATION": 1.0,
    "TOOL_BANDIT_LEAST": {},
    "TOOL_BANDIT_MOST": {},
    "TOOL_BANDIT_AB_POLICY": None,
    "TOOL_BANDIT_AB_SHARE": 0.1,
    "TOOL_BANDIT_GUARDRAIL": None,
    "TOOL_BANDIT_GUARDRAIL_WINDOW": 50,
    "TOOL_BANDIT_GUARDRAIL_HOLD": 300.0,
    "TOOL_BANDIT_LOG": None,
    "TOOL_BANDIT_LOG_MAX_BYTES": 50_000_000,
    "TOOL_RETRY_ENABLED": True,
    "TOOL_RETRY_MAX_ATTEMPTS": 3,
    "TOOL_RETRY_BASE_DELAY": 1.0,
    "TOOL_CACHE_ENABLED": True,
    "TOOL_CACHE_TTL": 60.0,
    "TOOL_CACHE_STALE": 0.0,
    "TOOL_CACHE_EMPTY_TTL": None,
    "TOOL_CACHE_MAX_ENTRIES": 1000,
    "TOOL_CACHE_LRU_ENABLED": True,
    "TOOL_CACHE_ACCESS_TRACKING": True,
    "TOOL_APPROVAL_ENABLED": False,
    "TOOL_IDEMPOTENCY_ENABLED": True,
    "TOOL_CIRCUIT_BREAKER_ENABLED": True,
    "TOOL_CIRCUIT_BREAKER_FAILURES": 5,
    "TOOL_CIRCUIT_BREAKER_OPEN": 30.0,
    "TOOL_MASKING_ENABLED": False,
    "TOOL_TIMEOUT_ENABLED": True,
    "TOOL_TIMEOUT": 30.0,
    "TOOL_METRICS_ENABLED": True,
    "TOOL_STATUS_ENABLED": True,
    "TOOL_HEALTH_TTL": 30.0,
    "TOOL_HEALTH_TIMEOUT": 2.0,
    "TOOL_API_TOKEN": None,
    "TOOL_API_ROLE": "system",
    "TOOL_API_TENANT": None,
    "TOOL_API_JWT_KEY": None,
    "TOOL_PUBLIC_URL": None,
    "TOOL_STAGES": {},
    "TOOL_DATA_DIR": Path(".salesboost"),
    "TOOL_DATABASE_URL": None,
    "TOOL_SMS_PROVIDER": "outbox",
    "TOOL_TWILIO_ACCOUNT_SID": None,
    "TOOL_TWILIO_AUTH_TOKEN": None,
    "TOOL_TWILIO_FROM": None,
    "TOOL_TWILIO_MESSAGING_SERVICE_SID": None,
    "TOOL_TWILIO_STATUS_CALLBACK_URL": None,
    "TOOL_TWILIO_BASE_URL": "https://api.twilio.com",
    "TOOL_SMS_DISPATCH_INTERVAL": 5.0,
    "TOOL_SMS_CONSENT_REQUIRED": True,
    "TOOL_SMS_RECIPIENT_CAP": 3,
    "TOOL_SMS_RECIPIENT_WINDOW": 86400.0,
    "TOOL_SMS_QUIET_HOURS": None,
    "TOOL_SMS_DEFAULT_REGION": None,
    "TOOL_HUBSPOT_TOKEN": None,
    "TOOL_HUBSPOT_TENANT": "default",
    "TOOL_HUBSPOT_STAGES": {},
    "TOOL_HUBSPOT_COMPETITOR_PROPERTY": None,
    "TOOL_HUBSPOT_BASE_URL": "https://api.hubapi.com",
    "TOOL_REDIS_URL": None,
    "TOOL_COMPLIANCE_RULES": None,
    "TOOL_PROFILE_ROLES": None,
    "TOOL_PRICE_BOOK": None,
    "TOOL_BATTLECARDS": None,
    "TOOL_KNOWLEDGE_DIR": None,
    "TOOL_KNOWLEDGE_SEARCH": "lexical",
    "TOOL_MINILM_DIR": None,
}

OTHER_VALUES = {
    "TOOL_PERMISSION_ENABLED": ("false", False),
    "TOOL_ALLOWED_ROLES": (
        '{"sms_outreach": ["coach"], "price_calculator": []}',
        {"sms_outreach": ["coach"], "price_calculator": []},
    ),
    "TOOL_RATE_LIMIT_ENABLED": ("0", False),
    "TOOL_RATE_LIMITS": (
        '{"crm_integration": "60/minute", "sms_outreach": ["1/second", "20/hour"]}',
        {"crm_integration": "60/minute", "sms_outreach": ["1/second", "20/hour"]},
    ),
    "TOOL_RATE_LIMIT_PER": ("tenant", "tenant"),
    "TOOL_RATE_LIMIT_MAX_WAIT": ("2.5", 2.5),
    "TOOL_RATE_LIMIT_WHEN_DOWN": ("closed", "closed"),
    "TOOL_WORKERS": ("4", 4),
    "TOOL_PARALLEL_ENABLED": ("no", False),
    "TOOL_PARALLEL_MAX_CONCURRENT": ("50", 50),
    "TOOL_BANDIT_ENABLED": ("true", True),
    "TOOL_BANDIT_POLICY": ("linear-thompson", "linear_thompson"),
    "TOOL_BANDIT_EPSILON": ("0.25", 0.25),
    "TOOL_BANDIT_QUALITY": ("0", 0.0),
    "TOOL_BANDIT_MAX_EXPLORATION": ("0.2", 0.2),
    "TOOL_BANDIT_LEAST": ('{"knowledge_retriever_lexical": 0.05}', {"knowledge_retriever_lexical": 0.05}),
    "TOOL_BANDIT_MOST": ('{"knowledge_retriever_lexical": 0.5}', {"knowledge_retriever_lexical": 0.5}),
    "TOOL_BANDIT_AB_POLICY": ("first", "first"),
    "TOOL_BANDIT_AB_SHARE": ("0.5", 0.5),
    "TOOL_BANDIT_GUARDRAIL": ("0.8", 0.8),
    "TOOL_BANDIT_GUARDRAIL_WINDOW": ("20", 20),
    "TOOL_BANDIT_GUARDRAIL_HOLD": ("60", 60.0),
    "TOOL_BANDIT_LOG": ("/var/log/choices.jsonl", Path("/var/log/choices.jsonl")),
    "TOOL_BANDIT_LOG_MAX_BYTES": ("1000000", 1_000_000),
    "TOOL_RETRY_ENABLED": ("off", False),
    "TOOL_RETRY_MAX_ATTEMPTS": ("1", 1),
    "TOOL_RETRY_BASE_DELAY": ("30", 30.0),
    "TOOL_CACHE_ENABLED": ("False", False),
    "TOOL_CACHE_TTL": ("0", 0.0),
    "TOOL_CACHE_STALE": ("30", 30.0),
    "TOOL_CACHE_EMPTY_TTL": ("5", 5.0),
    "TOOL_CACHE_MAX_ENTRIES": ("1", 1),
    "TOOL_CACHE_LRU_ENABLED": ("false", False),
    "TOOL_CACHE_ACCESS_TRACKING": ("false", False),
    "TOOL_APPROVAL_ENABLED": ("true", True),
    "TOOL_IDEMPOTENCY_ENABLED": ("false", False),
    "TOOL_CIRCUIT_BREAKER_ENABLED": ("false", False),
    "TOOL_CIRCUIT_BREAKER_FAILURES": ("3", 3),
    "TOOL_CIRCUIT_BREAKER_OPEN": ("5", 5.0),
    "TOOL_MASKING_ENABLED": ("true", True),
    "TOOL_TIMEOUT_ENABLED": ("false", False),
    "TOOL_TIMEOUT": ("0.5", 0.5),
    "TOOL_METRICS_ENABLED": ("false", False),
    "TOOL_STATUS_ENABLED": ("false", False),
    "TOOL_HEALTH_TTL": ("0", 0.0),
    "TOOL_HEALTH_TIMEOUT": ("5", 5.0),
    "TOOL_API_TOKEN": ("s3cret", "s3cret"),
    "TOOL_API_ROLE": ("coach", "coach"),
    "TOOL_API_TENANT": ("acme", "acme"),
    "TOOL_API_JWT_KEY": ("k" * 32, "k" * 32),
    "TOOL_STAGES": (
        '{"qualify": ["opening", "discovery"], "win": ["closing"]}',
        {"qualify": ["opening", "discovery"], "win": ["closing"]},
    ),
    "TOOL_DATA_DIR": ("/srv/sales", Path("/srv/sales")),
    "TOOL_DATABASE_URL": ("sqlite+aiosqlite:///crm.db", "sqlite+aiosqlite:///crm.db"),
    "TOOL_SMS_PROVIDER": ("twilio", "twilio"),
    "TOOL_TWILIO_ACCOUNT_SID": ("AC1", "AC1"),
    "TOOL_TWILIO_AUTH_TOKEN": ("secret", "secret"),
    "TOOL_TWILIO_FROM": ("+15005550006", "+15005550006"),
    "TOOL_TWILIO_MESSAGING_SERVICE_SID": ("MG1", "MG1"),
    "TOOL_TWILIO_STATUS_CALLBACK_URL": ("https://hooks.example/sms", "https://hooks.example/sms"),
    "TOOL_TWILIO_BASE_URL": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "TOOL_PUBLIC_URL": ("https://sales.example.com/tools", "https://sales.example.com/tools"),
    "TOOL_SMS_DISPATCH_INTERVAL": ("0", 0.0),
    "TOOL_SMS_CONSENT_REQUIRED": ("false", False),
    "TOOL_SMS_RECIPIENT_CAP": ("5", 5),
    "TOOL_SMS_RECIPIENT_WINDOW": ("3600", 3600.0),
    "TOOL_SMS_QUIET_HOURS": ("/etc/hours.yaml", Path("/etc/hours.yaml")),
    "TOOL_SMS_DEFAULT_REGION": ("US", "US"),
    "TOOL_HUBSPOT_TOKEN": ("pat-1", "pat-1"),
    "TOOL_HUBSPOT_TENANT": ("acme", "acme"),
    "TOOL_HUBSPOT_STAGES": ('{"closing": "1042"}', {"closing": "1042"}),
    "TOOL_HUBSPOT_COMPETITOR_PROPERTY": ("rival", "rival"),
    "TOOL_HUBSPOT_BASE_URL": ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    "TOOL_REDIS_URL": ("redis://localhost:6379/0", "redis://localhost:6379/0"),
    "TOOL_PROFILE_ROLES": ("/srv/roles.yaml", Path("/srv/roles.yaml")),
    "TOOL_COMPLIANCE_RULES": ("/srv/rules", Path("/srv/rules")),
    "TOOL_PRICE_BOOK": ("/srv/book.yaml", Path("/srv/book.yaml")),
    "TOOL_BATTLECARDS": ("/srv/cards", Path("/srv/cards")),
    "TOOL_KNOWLEDGE_DIR": ("/srv/documents", Path("/srv/documents")),
    "TOOL_KNOWLEDGE_SEARCH": ("hybrid", "hybrid"),
    "TOOL_MINILM_DIR": ("/srv/minilm", Path("/srv/minilm")),
}

WRONG = {
    "TOOL_RATE_LIMIT_ENABLED": ("perhaps", "boolean"),
    "TOOL_RATE_LIMITS": ('{"crm_integration": "often"}', "crm_integration"),
    "TOOL_RATE_LIMIT_PER": ("session", "'tool', 'tenant' or 'user'"),
    "TOOL_RATE_LIMIT_MAX_WAIT": ("-1", "greater than or equal to 0"),
    "TOOL_RATE_LIMIT_WHEN_DOWN": ("ajar", "'local', 'closed' or 'open'"),
    "TOOL_WORKERS": ("0", "greater than or equal to 1"),
    "TOOL_PARALLEL_MAX_CONCURRENT": ("0", "greater than or equal to 1"),
    "TOOL_BANDIT_EPSILON": ("1.5", "less than or equal to 1"),
    "TOOL_RETRY_MAX_ATTEMPTS": ("0", "greater than or equal to 1"),
    "TOOL_RETRY_BASE_DELAY": ("31", "less than or equal to 30"),
    "TOOL_CACHE_TTL": ("-1", "greater than or equal to 0"),
    "TOOL_CACHE_STALE": ("-1", "greater than or equal to 0"),
    "TOOL_CACHE_EMPTY_TTL": ("-1", "greater than or equal to 0"),
    "TOOL_CACHE_MAX_ENTRIES": ("few", "valid integer"),
    "TOOL_TIMEOUT": ("0", "greater than 0"),
    "TOOL_CIRCUIT_BREAKER_FAILURES": ("0", "greater than or equal to 1"),
    "TOOL_CIRCUIT_BREAKER_OPEN": ("0", "greater than 0"),
    "TOOL_SMS_PROVIDER": ("pigeon", "'outbox' or 'twilio'"),
    "TOOL_SMS_RECIPIENT_CAP": ("0", "greater than or equal to 1"),
    "TOOL_SMS_DEFAULT_REGION": ("Germany", "pattern"),
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment in which nothing is set."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def field_of(name: str) -> str:
    return name.removeprefix("TOOL_").lower()


def test_these_are_all_the_settings_there_are():
    assert set(Settings.model_fields) == {field_of(name) for name in DEFAULTS}


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_every_setting_has_a_default_and_a_description(name, default):
    assert getattr(Settings(), field_of(name)) == default
    assert Settings.model_fields[field_of(name)].description.endswith(".")


@pytest.mark.parametrize(("name", "text", "value"), [(name, *pair) for name, pair in OTHER_VALUES.items()])
def test_every_setting_is_read_from_its_environment_name(environment, name, text, value):
    environment.setenv(name, text)
    assert getattr(Settings(), field_of(name)) == value


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_empty_variable_counts_as_not_set(environment, name):
    environment.setenv(name, "")
    assert getattr(Settings(), field_of(name)) == DEFAULTS[name]


@pytest.mark.parametrize(("name", "text", "allowed"), [(name, *pair) for name, pair in WRONG.items()])
def test_a_value_that_cannot_be_used_names_the_variable_and_what_is_allowed(environment, name, text, allowed):
    environment.setenv(name, text)
    with pytest.raises(ConfigurationError) as refused:
        Settings()
    assert f"{name}: " in str(refused.value)
    assert allowed in str(refused.value)


def test_rate_limits_that_are_no_json_say_how_they_are_written(environment):
    environment.setenv("TOOL_RATE_LIMITS", "crm_integration=60/minute")
    with pytest.raises(ConfigurationError, match=r'TOOL_RATE_LIMITS: .* \{"crm_integration": "60/minute"\}'):
        Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"sms_outreach": ["coach", "boss"]}', "sms_outreach: no role is called 'boss'; there are: coach, compliance"),
        ('{"sms_outreach": "coach"}', "valid list"),
        ('{"sms_outreach": null}', "valid list"),
        ("sms_outreach=coach", r'has to be an object in JSON, for example \{"sms_outreach": \["coach"\]\}'),
    ],
)
def test_unknown_roles_are_refused_and_the_known_ones_named(environment, text, said):
    environment.setenv("TOOL_ALLOWED_ROLES", text)
    with pytest.raises(ConfigurationError, match=f"TOOL_ALLOWED_ROLES: .*{said}"):
        Settings()


def test_stages_that_are_no_json_say_how_they_are_written(environment):
    environment.setenv("TOOL_STAGES", "pitch=presentation")
    with pytest.raises(ConfigurationError, match=r'TOOL_STAGES: .* \{"pitch": \["presentation"\]\}'):
        Settings()


def test_all_that_is_wrong_is_said_at_once(environment):
    environment.setenv("TOOL_TIMEOUT", "0")
    environment.setenv("TOOL_BANDIT_EPSILON", "7")
    with pytest.raises(ConfigurationError, match=r"TOOL_TIMEOUT: .*; TOOL_BANDIT_EPSILON: "):
        Settings()


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(ConfigurationError, match="TOOL_RETRIES"):
        Settings(retries=3)


def test_a_wrong_value_and_a_connections_password_are_not_shown(environment):
    environment.setenv("TOOL_DATABASE_URL", "postgresql+asyncpg://sales:hunter2@db/crm")
    environment.setenv("TOOL_TIMEOUT", "hunter3")
    with pytest.raises(ConfigurationError) as refused:
        Settings()
    assert "hunter" not in str(refused.value)
    environment.delenv("TOOL_TIMEOUT")
    environment.setenv("TOOL_TWILIO_AUTH_TOKEN", "hunter4")
    assert "hunter" not in repr(Settings())


def test_arguments_take_precedence_over_the_environment(environment):
    environment.setenv("TOOL_TIMEOUT", "5")
    assert Settings(timeout=7).timeout == 7


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().timeout = 7


FEATURES = [name for name in DEFAULTS if name.endswith("_ENABLED")]
A_WAY_OF_CACHING = "TOOL_CACHE_LRU_ENABLED"


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_can_be_switched_off(environment, name):
    environment.setenv(name, "false")
    assert getattr(Settings(), field_of(name)) is False


@pytest.mark.parametrize("name", [name for name in FEATURES if name != A_WAY_OF_CACHING])
def test_everything_off_means_every_feature(name):
    assert getattr(Settings.everything_off(), field_of(name)) is False


def test_with_everything_off_no_handler_is_left_and_the_rest_stays_as_it_was():
    off = Settings.everything_off(timeout=7)
    assert usual_handlers(off) == ()
    assert off.timeout == 7


def test_single_features_can_be_left_on():
    kept = usual_handlers(Settings.everything_off(retry_enabled=True))
    assert [type(handler).__name__ for handler in kept] == ["RetryHandler"]


def test_with_everything_off_a_governed_tool_behaves_like_the_bare_one():
    spec = ToolSpec(effect=Effect.READ, allowed_roles=(), rate_limit="1/day", cache_ttl_s=60, timeout_s=0.001)
    for script in (("a", "b"), (OSError("down"), "up")):
        outcomes = []
        for make in (lambda tool: tool, lambda tool: govern(tool, *usual_handlers(Settings.everything_off()))):
            inner, ledger = ScriptedTool(*script, spec=spec), RunLedger()
            seen = []
            for _ in range(3):
                try:
                    seen.append(make(inner).invoke({"query": "q"}, {"callbacks": [ledger]}))
                except OSError as error:
                    seen.append(repr(error))
            outcomes.append((seen, inner.started, len(ledger.started), ledger.every_run_closed_once()))
        assert outcomes[0] == outcomes[1]
