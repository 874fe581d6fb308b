"""The list of settings, and what the containers get of them."""

import re
from typing import Any

import pytest
import yaml

from geusemaker.bundle import CONTAINERS, SERVICES, BundleFacts, render
from geusemaker.bundle.configured import MODULES
from geusemaker.bundle.containers import BUILDERS
from geusemaker.bundle.service_settings import Setting, load_settings, time_zones

from .variants import compose, facts, rendered

SETTINGS = [one for service in load_settings().values() for one in service.settings.values()]
EACH = pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.variable)

# What the security of the stack rests on, or what would break it. Literal: the list must not open.
FORBIDDEN = {
    "n8n": [
        "N8N_ENCRYPTION_KEY", "N8N_ENCRYPTION_KEY_FILE", "N8N_SMTP_PASS_FILE",
        "DB_POSTGRESDB_HOST", "DB_TYPE", "N8N_INSTANCE_OWNER_EMAIL", "N8N_HOST", "N8N_PORT",
        "N8N_PATH", "N8N_PROTOCOL", "N8N_LISTEN_ADDRESS", "N8N_EDITOR_BASE_URL", "WEBHOOK_URL",
        "N8N_WEBHOOK_URL", "N8N_PROXY_HOPS", "N8N_SECURE_COOKIE", "N8N_SAMESITE_COOKIE",
        "N8N_SSRF_PROTECTION_ENABLED", "N8N_BLOCK_ENV_ACCESS_IN_NODE",
        "N8N_BLOCK_FILE_ACCESS_TO_N8N_FILES", "N8N_RESTRICT_FILE_ACCESS_TO",
        "N8N_RUNNERS_AUTH_TOKEN", "N8N_RUNNERS_MODE", "N8N_RUNNERS_INSECURE_MODE",
        "N8N_RUNNERS_BUILTINS_DENY", "N8N_DIAGNOSTICS_ENABLED", "N8N_PUBLIC_API_DISABLED",
        "N8N_UNVERIFIED_PACKAGES_ENABLED", "N8N_USER_MANAGEMENT_JWT_SECRET", "NODES_EXCLUDE",
        "NODE_OPTIONS", "NODE_ENV", "EXTERNAL_HOOK_FILES", "N8N_USER_FOLDER", "N8N_MFA_ENABLED",
        "EXECUTIONS_MODE", "N8N_DEFAULT_BINARY_DATA_MODE",
    ],
    "ollama": ["OLLAMA_HOST", "OLLAMA_MODELS", "OLLAMA_NO_CLOUD", "OLLAMA_REMOTES", "OLLAMA_AUTH",
               "OLLAMA_DEBUG_LOG_REQUESTS", "HTTPS_PROXY"],
    "qdrant": ["QDRANT__SERVICE__API_KEY", "QDRANT__SERVICE__HOST", "QDRANT__TELEMETRY_DISABLED",
               "QDRANT__STORAGE__STORAGE_PATH", "QDRANT__CLUSTER__ENABLED"],
    "crawl4ai": ["CRAWL4AI_API_TOKEN", "CRAWL4AI_HOOKS_ENABLED", "CRAWL4AI_ALLOW_INTERNAL_URLS",
                 "GUNICORN_BIND", "SECRET_KEY", "REDIS_PASSWORD"],
    "postgres": ["POSTGRES_PASSWORD", "TZ"],
}  # fmt: skip


def configured(**settings: dict[str, str]) -> BundleFacts:
    return facts(settings=settings)


def containers(one: BundleFacts) -> dict[str, Any]:
    return dict(compose(one)["services"])


@EACH
def test_each_setting_is_whole(setting: Setting) -> None:
    assert setting.about.endswith(".")
    assert set(setting.containers) <= set(CONTAINERS)
    assert setting.values
    assert setting.allows(setting.example)
    assert not setting.allows("")
    assert not setting.allows("a\nb")
    assert not setting.allows("x" * 5000 + "\x00")
    if setting.kind in ("whole", "number"):
        assert setting.allows(str(setting.least))
        assert setting.allows(str(setting.most))
        assert not setting.allows(str(setting.least - 1))
        assert not setting.allows(str(setting.most + 1))
    if setting.kind == "text":
        assert re.compile(setting.pattern)
        assert setting.form


def test_every_service_is_in_the_list_with_its_source() -> None:
    assert tuple(load_settings()) == ("n8n", "ollama", "qdrant", "crawl4ai", "postgres") == SERVICES
    assert all(service.source for service in load_settings().values())
    names = [one.variable for one in SETTINGS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("service", "variable"), [(one, name) for one, names in FORBIDDEN.items() for name in names]
)
def test_what_the_stack_rests_on_is_no_setting_and_says_who_sets_it(
    service: str, variable: str
) -> None:
    assert variable not in load_settings()[service].settings
    assert load_settings()[service].why_not(variable)


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_of_a_container_is_a_setting_or_has_a_reason(service: str) -> None:
    of_service = load_settings()[service]
    own = {"HOME"} if service == "ollama" else set()
    for variable in set(BUILDERS[service](facts())["environment"]) - own:
        assert variable in of_service.settings or of_service.why_not(variable), variable
    assert not any(of_service.why_not(variable) for variable in of_service.settings)
    assert of_service.why_not("UNHEARD_OF") is None or service == "postgres"


def test_without_settings_nothing_is_rendered_differently() -> None:
    empty = facts(settings={"n8n": {}, "ollama": {}}, secret_settings=())
    assert render(empty) == render(facts())
    assert "labels" not in rendered(facts())["compose.yaml"]


@EACH
def test_each_setting_reaches_its_containers_and_no_other(setting: Setting) -> None:
    if setting.is_secret:
        one = facts(secret_settings=((setting.service, setting.variable),))
    else:
        one = configured(**{setting.service: {setting.variable: setting.example}})
    before, after = containers(facts()), containers(one)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set(setting.containers)
    for name in changed:
        if not setting.is_secret:
            assert after[name]["environment"][setting.variable] == setting.example
        # Nothing else of its environment.
        names = {setting.variable, f"{setting.variable}_FILE"}
        kept = {k: v for k, v in after[name]["environment"].items() if k not in names}
        assert kept.items() <= before[name]["environment"].items()


def test_a_dollar_in_a_value_is_not_expanded_by_compose() -> None:
    one = configured(n8n={"N8N_SMTP_USER": "a$b${HOME}"})
    assert containers(one)["n8n"]["environment"]["N8N_SMTP_USER"] == "a$$b$${HOME}"


def test_n8n_reads_a_secret_setting_from_its_own_file() -> None:
    one = facts(secret_settings=(("n8n", "N8N_SMTP_PASS"),))
    service = containers(one)["n8n"]
    assert service["environment"]["N8N_SMTP_PASS_FILE"] == "/run/secrets/N8N_SMTP_PASS"
    source = "n8n_n8n.N8N_SMTP_PASS"
    assert {"source": source, "target": "N8N_SMTP_PASS"} in service["secrets"]
    file = "/var/lib/geusemaker/secrets/n8n/n8n.N8N_SMTP_PASS"
    assert compose(one)["secrets"][source] == {"file": file}
    assert "secret n8n n8n.N8N_SMTP_PASS 1000\n" in rendered(one)["manifest"]
    # Another value is another time of its file, which creates the container again.
    assert service["labels"] == {"geusemaker.secrets": "${GEUSEMAKER_SECRETS_N8N:-}"}


def test_crawl4ai_gets_its_keys_from_files_before_its_own_entry_point_runs() -> None:
    keys = (("crawl4ai", "OPENAI_API_KEY"), ("crawl4ai", "GROQ_API_KEY"))
    service = containers(facts(secret_settings=keys))["crawl4ai"]
    assert service["entrypoint"][:2] == ["/bin/bash", "-c"]
    assert service["entrypoint"][2] == (
        'OPENAI_API_KEY="$$(cat /run/secrets/OPENAI_API_KEY)" && export OPENAI_API_KEY && '
        'GROQ_API_KEY="$$(cat /run/secrets/GROQ_API_KEY)" && export GROQ_API_KEY && '
        "exec bash entrypoint.sh"
    )
    assert (
        "secret crawl4ai crawl4ai.GROQ_API_KEY 999\n"
        in rendered(facts(secret_settings=keys))["manifest"]
    )


def test_the_settings_of_a_service_that_does_not_run_are_left_out() -> None:
    one = facts(services=("ollama",), settings={"ollama": {"OLLAMA_MAX_QUEUE": "7"}})
    document = yaml.safe_load(render(one)["compose.yaml"])
    assert document["services"]["ollama"]["environment"]["OLLAMA_MAX_QUEUE"] == "7"
    assert set(document["services"]) == {"ollama", "caddy"}


def test_the_launcher_is_started_on_its_own_file_only_for_modules() -> None:
    assert "CONFIG_PATH" not in containers(facts())["n8n-runners"]["entrypoint"][-1]
    zone = configured(n8n={"TZ": "UTC"})
    assert "CONFIG_PATH" not in containers(zone)["n8n-runners"]["entrypoint"][-1]
    for variable in (name for names in MODULES.values() for name in names):
        start = containers(configured(n8n={variable: "re"}))["n8n-runners"]["entrypoint"][-1]
        assert start.endswith("exec /usr/local/bin/task-runner-launcher javascript python")
        assert "export N8N_RUNNERS_CONFIG_PATH=/tmp/n8n-task-runners.json && exec" in start
        assert "$" not in start.partition("node -e")[2], "Compose would expand it"


def test_time_zones_do_not_depend_on_the_machine() -> None:
    assert {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Etc/GMT+3"} <= time_zones()
    assert not {"localtime", "Factory", "posix/UTC", "Europe/Atlantis", ""} & time_zones()
    assert len(time_zones()) == 597
