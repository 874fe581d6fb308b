"""A GPU in Ollama's container: it stays over a daemon-reload, and a lost one is reported."""

from pathlib import Path

import pytest

from .boot_host import LIB, MANY, Host
from .bundles import Bundle

LOST = "on the CPU: it sees no GPU"
LINKS = "nvidia-ctk system create-dev-char-symlinks"


def _with_gpu(host: Host) -> Host:
    host.attach_volume()
    host.attach_gpu()
    host.write("/dev/nvidia0", "")
    return host


@pytest.fixture(scope="module", name="ready")
def _ready(laid_down_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = _with_gpu(laid_down_host.copy(tmp_path_factory.mktemp("gpu") / "host"))
    assert set(host.start_all().values()) == {0}, host.read("/var/log/geusemaker-boot.log")
    return host


@pytest.fixture(name="host")
def _host(ready: Host, tmp_path: Path) -> Host:
    """A ready host with a GPU, for one test."""
    return ready.copy(tmp_path / "host")


@pytest.fixture(name="new")
def _new(laid_down: Host) -> Host:
    """A new host with a GPU, before its first step."""
    return _with_gpu(laid_down)


def _five_minutes_later(host: Host) -> dict[str, str]:
    host.path(f"{LIB}/gpu.seen").unlink(missing_ok=True)
    host.start("sync")
    return host.record()


def test_a_daemon_reload_does_not_take_the_gpu_from_ollama(host: Host) -> None:
    assert host.read(f"{LIB}/current/compose.devices.yaml") == (
        "services:\n  ollama:\n    devices:\n"
        "      - /dev/nvidia0:/dev/nvidia0\n"
        "      - /dev/nvidiactl:/dev/nvidiactl\n"
        "      - /dev/nvidia-uvm:/dev/nvidia-uvm\n"
    )
    host._run(["/usr/bin/systemctl", "daemon-reload"])
    record = _five_minutes_later(host)
    assert (record["state"], record["service.ollama"]) == ("ready", "healthy")
    # Nor does an update, and no container is created again for it.
    made = host.containers()["ollama"].split()[1]
    host.name(Bundle(caddyfile="https://another\n"))
    assert _five_minutes_later(host)["state"] == "ready"
    assert host.containers()["ollama"].split()[1] == made
    assert host.calls("docker compose rm") == []


def test_after_a_reboot_the_links_are_made_before_docker_starts_containers(host: Host) -> None:
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        host.path(f"/dev/{name}").unlink()
        host.path(f"/dev/char/{name}").unlink()
    host.restart()
    host.write("/dev/nvidia0", "")
    assert set(host.start_each("data", "efs", "docker").values()) == {0}
    assert host.path("/dev/char/nvidia-uvm").is_symlink()
    assert host.mistakes() == []


def test_an_older_tool_links_the_existing_devices(new: Host) -> None:
    new.write("/dev/nvidiactl", "")
    new.write("/dev/nvidia-uvm", "")
    new.late("nvidia-ctk", 1)
    assert set(new.start_all().values()) == {0}
    assert new.calls("nvidia-ctk")[-1] == LINKS
    new._run(["/usr/bin/systemctl", "daemon-reload"])
    assert _five_minutes_later(new)["state"] == "ready"


def test_a_host_that_lost_its_gpu_is_not_ready_until_services_are_started(new: Host) -> None:
    new.late("nvidia-ctk", 2)  # there are no links, so the next reload takes it
    assert set(new.start_all().values()) == {0}
    new._run(["/usr/bin/systemctl", "daemon-reload"])
    # A recent check counts.
    assert new.sync()["state"] == "ready"
    record = _five_minutes_later(new)
    assert (record["state"], record["service.ollama"]) == ("not-ready", LOST)
    assert record["reason"] == f"the host is not ready; ollama is {LOST}"
    # The container is not restarted, which would cut its answers off.
    made = new.containers()["ollama"]
    assert _five_minutes_later(new)["state"] == "not-ready"
    assert new.containers()["ollama"] == made
    # The dump does not depend on it.
    assert new.start("dump").returncode == 0
    assert new.start_each("services", "ready") == {"services": 0, "ready": 0}
    assert new.containers()["ollama"] != made
    assert new.record()["state"] == "ready"


def test_a_host_whose_driver_did_not_answer_at_the_start_is_not_ready(host: Host) -> None:
    host.late("gpu", 2)  # while an update writes what Compose reads
    host.name(Bundle(tag="2"))
    record = _five_minutes_later(host)
    assert (record["state"], record["service.ollama"]) == ("not-ready", LOST)
    host.start_each("services", "ready")
    assert host.record()["state"] == "ready"


def test_a_slow_answer_is_not_a_lost_gpu(host: Host) -> None:
    host.late("gpu-answer", MANY)
    assert _five_minutes_later(host)["state"] == "ready"


@pytest.mark.parametrize("gpu", [True, False])
def test_without_a_gpu_or_a_request_for_one_the_container_is_not_checked(
    laid_down: Host, gpu: bool
) -> None:
    host = laid_down
    host.attach_volume()
    if gpu:
        host.attach_gpu()
        host.name(Bundle(services=("caddy", "postgres"), gpu=False))
    assert set(host.start_all().values()) == {0}
    assert [call for call in host.calls("docker compose exec") if "nvidia" in call] == []
