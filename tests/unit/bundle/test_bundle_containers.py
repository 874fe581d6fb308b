"""What each image needs to start, to answer and to keep its data.

Literal values, because no test here runs an image.
"""

from typing import Any

import pytest

from .variants import compose, facts

READY = "http://198.18.42.10:5678/healthz/readiness"
DATA, EFS = "/srv/geusemaker/data", "/srv/geusemaker/efs"


def container(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose(facts())["services"][name]
    return found


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        (
            "n8n",
            {
                "DB_TYPE": "postgresdb",
                "DB_POSTGRESDB_HOST": "postgres",
                "DB_POSTGRESDB_PORT": "5432",
                "DB_POSTGRESDB_DATABASE": "n8n",
                "DB_POSTGRESDB_USER": "n8n",
                "DB_POSTGRESDB_PASSWORD_FILE": "/run/secrets/postgres-password",
                # Otherwise n8n generates a key that is not kept.
                "N8N_ENCRYPTION_KEY_FILE": "/run/secrets/n8n-encryption-key",
                "N8N_HOST": "${GEUSEMAKER_HOST:?}",
                "N8N_EDITOR_BASE_URL": "${GEUSEMAKER_URL:?}",
                "N8N_WEBHOOK_URL": "${GEUSEMAKER_URL:?}",
                "N8N_PROXY_HOPS": "1",
                "N8N_SECURE_COOKIE": "true",
                "N8N_RUNNERS_AUTH_TOKEN_FILE": "/run/secrets/n8n-runners-token",
                # By default the broker listens on loopback, which the runner cannot reach.
                "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": "198.18.42.42",
                "N8N_RUNNERS_TASK_TIMEOUT": "300",
                "N8N_UNVERIFIED_PACKAGES_ENABLED": "false",
                "N8N_DIAGNOSTICS_ENABLED": "false",
                "N8N_PERSONALIZATION_ENABLED": "false",
                "GENERIC_TIMEZONE": "UTC",
                "NODE_OPTIONS": "--max-http-header-size=81920"
                " --network-family-autoselection-attempt-timeout=2000",
            },
        ),
        (
            "n8n-runners",
            {
                "N8N_RUNNERS_TASK_BROKER_URI": "http://n8n:5679",
                # The launcher has its own limit.
                "N8N_RUNNERS_TASK_TIMEOUT": "300",
                "GENERIC_TIMEZONE": "UTC",
            },
        ),
        ("ollama", {"OLLAMA_HOST": "0.0.0.0:11434", "OLLAMA_MODELS": "/models"}),
        # The default folder is on the read-only root.
        ("qdrant", {"QDRANT_INIT_FILE_PATH": "/qdrant/storage/.qdrant-initialized"}),
        # The default needs IPv6.
        ("crawl4ai", {"GUNICORN_BIND": "0.0.0.0:11235"}),
        (
            "postgres",
            {
                "POSTGRES_USER": "n8n",
                "POSTGRES_DB": "n8n",
                "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres-password",
            },
        ),
    ],
)
def test_a_container_has_the_environment_that_it_needs(
    name: str, environment: dict[str, str]
) -> None:
    assert environment.items() <= container(name)["environment"].items()


@pytest.mark.parametrize(
    ("name", "mounts"),
    [
        (
            "n8n",
            {f"{EFS}/n8n/home": "/home/node/.n8n", f"{EFS}/n8n/files": "/home/node/.n8n-files"},
        ),
        ("n8n-runners", {}),
        (
            "ollama",
            {
                "${GEUSEMAKER_MODELS_DIR:?}": "/models",
                "/var/lib/geusemaker/model-cache": "/model-cache",
            },
        ),
        (
            "qdrant",
            {
                f"{DATA}/qdrant/storage": "/qdrant/storage",
                f"{DATA}/qdrant/snapshots": "/qdrant/snapshots",
            },
        ),
        ("crawl4ai", {}),
        ("postgres", {f"{DATA}/postgres": "/var/lib/postgresql"}),
        # Certificates, the ACME account, and Caddy's own authority.
        ("caddy", {"${GEUSEMAKER_CADDY_DIR:?}": "/etc/caddy", f"{DATA}/caddy": "/data"}),
    ],
)
def test_data_is_mounted_where_the_image_expects_it(name: str, mounts: dict[str, str]) -> None:
    volumes = container(name).get("volumes", [])
    assert {volume["source"]: volume["target"] for volume in volumes} == mounts


@pytest.mark.parametrize(
    ("name", "uid", "folders"),
    [
        ("n8n", 1000, ["/home/node/.cache", "/home/node/.npm"]),
        ("n8n-runners", 1000, []),
        ("ollama", 11434, ["/home/ollama"]),
        ("qdrant", 1000, []),
        (
            "crawl4ai",
            999,
            [
                "/var/lib/redis",
                "/var/lib/crawl4ai/outputs",
                "/home/appuser/.crawl4ai",
                "/home/appuser/.cache/url_seeder",
                "/home/appuser/.gunicorn",
            ],
        ),
        ("postgres", 999, ["/var/run/postgresql"]),
        ("caddy", 1000, ["/config"]),
    ],
)
def test_folders_that_the_image_writes_are_tmpfs_of_its_user(
    name: str, uid: int, folders: list[str]
) -> None:
    # After a restart, Docker mounts a folder without an owner as root.
    found = dict(mount.split(":", 1) for mount in container(name)["tmpfs"])
    assert found.pop("/tmp") == "mode=1777"  # noqa: S108
    assert list(found) == folders
    for folder, options in found.items():
        owner, _, mode = options.rpartition(",")
        assert owner == f"uid={uid},gid={uid}", folder
        assert mode == ("mode=0775" if name == "postgres" else "mode=0700")


QUIET = "wget -q -O /dev/null"


@pytest.mark.parametrize(
    ("name", "command", "start"),
    [
        # n8n migrates its database, Qdrant loads its collections.
        ("n8n", f"{QUIET} {READY}", "600s"),
        ("n8n-runners", f"{QUIET} http://127.0.0.1:5680/healthz", "30s"),
        ("ollama", "ollama list", "60s"),
        ("crawl4ai", "curl -fsS -o /dev/null http://127.0.0.1:11235/health", "90s"),
        ("postgres", "pg_isready -q -h 127.0.0.1 -U n8n -d n8n", "60s"),
        ("caddy", f"{QUIET} http://127.0.0.1:2019/config/", "15s"),
    ],
)
def test_a_health_check_uses_a_program_in_the_image_and_waits_for_its_first_start(
    name: str, command: str, start: str
) -> None:
    """Never `localhost`: that is ::1, where no service listens."""
    check = container(name)["healthcheck"]
    assert check["test"] == ["CMD", *command.split()]
    assert check["start_period"] == start


def test_qdrant_is_checked_by_bash_alone() -> None:
    check = container("qdrant")["healthcheck"]
    assert check["start_period"] == "300s"
    assert check["test"][:3] == ["CMD", "/bin/bash", "-c"]
    for words in ("/dev/tcp/127.0.0.1/6333", "GET /readyz HTTP/1.0", "= 200"):
        assert words in check["test"][3]


def test_stops_have_enough_time() -> None:
    for name, grace in (("n8n", "45s"), ("postgres", "60s"), ("qdrant", "60s")):
        assert container(name)["stop_grace_period"] == grace


def test_containers_have_higher_limits_than_dockers_defaults() -> None:
    assert container("crawl4ai")["shm_size"] == "1gb"
    assert container("postgres")["shm_size"] == "256mb"
    for name in ("qdrant", "postgres"):
        assert container(name)["ulimits"]["nofile"] == {"soft": 65536, "hard": 65536}


def test_a_secret_has_the_file_name_and_user_that_the_image_expects() -> None:
    # The entry point reads this name. Without the token, Crawl4AI listens on loopback only.
    assert [secret["target"] for secret in container("crawl4ai")["secrets"]] == ["api_token"]
    for name in ("n8n", "n8n-runners", "qdrant", "postgres", "caddy"):
        assert container(name)["user"] == ("999:999" if name == "postgres" else "1000:1000")
