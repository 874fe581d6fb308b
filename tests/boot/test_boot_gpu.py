"""A GPU in Ollama's container: kept over a daemon-reload, and missed where it is lost anyway."""

from pathlib import Path

import pytest

from .boot_host import GOOD, LIB, MANY, STEPS, Host
from .bundles import Bundle

LOST = "on the CPU: it sees no GPU"
LINKS = "nvidia-ctk system create-dev-char-symlinks"


@pytest.fixture(name="host")
def _host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.attach_volume()
    host.attach_gpu()
    host.write("/dev/nvidia0", "")
    return host


def _boot(host: Host) -> Host:
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    return host


def _five_minutes_later(host: Host) -> dict[str, str]:
    host.path(f"{LIB}/gpu.seen").unlink(missing_ok=True)
    host.start("sync")
    return host.record()


def test_a_daemon_reload_does_not_take_the_gpu_from_ollama(host: Host) -> None:
    _boot(host)
    assert host.read(f"{LIB}/current/compose.devices.yaml") == (
        "services:\n  ollama:\n    devices:\n"
        "      - /dev/nvidia0:/dev/nvidia0\n"
        "      - /dev/nvidiactl:/dev/nvidiactl\n"
        "      - /dev/nvidia-uvm:/dev/nvidia-uvm\n"
    )
    host._run(["/usr/bin/systemctl", "daemon-reload"])
    record = _five_minutes_later(host)
    assert (record["state"], record["service.ollama"]) == ("ready", "healthy")
    # Nor does an update, and nothing is made anew for it.
    made = host.containers()["ollama"].split()[1]
    host.name(Bundle(caddyfile="https://another\n"))
    assert _five_minutes_later(host)["state"] == "ready"
    assert host.containers()["ollama"].split()[1] == made
    assert host.calls("docker compose rm") == []


def test_at_a_boot_the_links_are_there_before_docker_starts_what_ran(host: Host) -> None:
    _boot(host)
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        host.path(f"/dev/{name}").unlink()
        host.path(f"/dev/char/{name}").unlink()
    host.restart()
    host.write("/dev/nvidia0", "")
    assert set(host.start_each("data", "efs", "docker").values()) == {0}
    assert host.path("/dev/char/nvidia-uvm").is_symlink()
    assert host.mistakes() == []


def test_a_tool_that_knows_less_links_what_is_there(host: Host) -> None:
    host.write("/dev/nvidiactl", "")
    host.write("/dev/nvidia-uvm", "")
    host.late("nvidia-ctk", 1)
    _boot(host)
    assert host.calls("nvidia-ctk")[-1] == LINKS
    host._run(["/usr/bin/systemctl", "daemon-reload"])
    assert _five_minutes_later(host)["state"] == "ready"


def test_a_lost_gpu_takes_ready_back_and_only_who_starts_services_gets_it_back(host: Host) -> None:
    host.late("nvidia-ctk", 2)  # there are no links, so the next reload takes it
    _boot(host)
    host._run(["/usr/bin/systemctl", "daemon-reload"])
    # What was seen a moment ago counts.
    host.start("sync")
    assert host.record()["state"] == "ready"
    record = _five_minutes_later(host)
    assert (record["state"], record["service.ollama"]) == ("not-ready", LOST)
    assert record["reason"] == f"the host is not ready; ollama is {LOST}"
    # Nothing that Ollama answers is cut off by itself.
    made = host.containers()["ollama"]
    assert _five_minutes_later(host)["state"] == "not-ready"
    assert host.containers()["ollama"] == made
    # The dump does not depend on it.
    assert host.start("dump").returncode == 0
    assert host.start_each("services", "ready") == {"services": 0, "ready": 0}
    assert host.containers()["ollama"] != made
    assert host.record()["state"] == "ready"


def test_a_driver_that_did_not_answer_at_the_start_leaves_no_ready_host(host: Host) -> None:
    _boot(host)
    host.late("gpu", 2)  # while an update writes what Compose reads
    host.name(Bundle(tag="2"))
    record = _five_minutes_later(host)
    assert (record["state"], record["service.ollama"]) == ("not-ready", LOST)
    host.start_each("services", "ready")
    assert host.record()["state"] == "ready"


def test_no_answer_in_time_is_no_lost_gpu(host: Host) -> None:
    _boot(host)
    host.late("gpu-answer", MANY)
    assert _five_minutes_later(host)["state"] == "ready"


@pytest.mark.parametrize("gpu", [True, False])
def test_without_a_gpu_or_a_request_for_one_nobody_asks(tmp_path: Path, gpu: bool) -> None:
    host = Host(tmp_path)
    host.attach_volume()
    if gpu:
        host.attach_gpu()
        host.name(Bundle(services=("caddy", "postgres"), gpu=False))
    assert host.boot() == GOOD
    assert [call for call in host.calls("docker compose exec") if "nvidia" in call] == []
    assert len(STEPS) == len(GOOD) - 1
