"""How a worker leaves: by its group, Spot or a shutdown. n8n ends what runs before the host."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from .boot_host import INSTANCE, LIB, PATIENCE, Host
from .workers import GROUP, LEAVING, QUEUE, booted, bundle_of, new_worker, report

LOG = "/var/log/geusemaker-boot.log"
COMPLETED = f"{GROUP} geusemaker-leave {INSTANCE}"
STOPPED = "docker stop -t 110 "
"""Ten seconds more than n8n takes itself."""


def _command(host: Host, which: str) -> list[str]:
    return host.unit("leave")["Service"][which].split()


def watch(host: Host) -> subprocess.CompletedProcess[str]:
    """What systemd keeps running. It ends when the worker has left."""
    return host._run(_command(host, "ExecStart"))


def shut_down(host: Host) -> subprocess.CompletedProcess[str]:
    return host._run(_command(host, "ExecStop"))


def ends(host: Host, why: str) -> None:
    """What AWS shows in the metadata of an instance that it ends."""
    if why == "group":
        host.set("lifecycle", "Terminated")
    else:
        host.set("spot", '{"action": "terminate", "time": "2026-11-30T12:00:00Z"}')


def state(host: Host) -> str:
    return host.path(LEAVING).read_text().splitlines()[0]


def has_left(host: Host) -> bool:
    n8n, others = host.containers()["n8n"], host.containers()["n8n-runners"]
    return (
        state(host) == "state=left"
        and n8n.split()[2] == "exited"
        and others.split()[2] == "running"  # executions that end need it
        and report(host)["worker"] == "left"
    )


@pytest.mark.parametrize(
    ("why", "reason"),
    [("group", "its Auto Scaling group ends it"), ("spot", "AWS takes its Spot capacity back")],
)
def test_a_worker_that_aws_ends_stops_n8n_and_then_completes_the_hook(
    worker: Host, why: str, reason: str
) -> None:
    ends(worker, why)
    assert watch(worker).returncode == 0
    assert has_left(worker)
    assert f"geusemaker leave: leaving: {reason}\n" in worker.read(LOG)
    order = [call for call in worker.calls() if call.startswith((STOPPED, "aws autoscaling"))]
    assert [call.split()[0] for call in order] == ["docker", "aws"]
    # Without an action of the group, AWS has none to complete, which is no failure.
    completed = [COMPLETED] if why == "group" else []
    assert worker._lines("completed") == completed
    assert ("No active Lifecycle Action found" in worker.read(LOG)) == (not completed)


@pytest.mark.parametrize("system", [("amzn", "2023"), ("amzn", "2")])
def test_a_worker_boots_and_leaves_on_other_systems(
    tmp_path: Path, system: tuple[str, str]
) -> None:
    worker = booted(new_worker(tmp_path, system=system))
    assert report(worker)["executions"] == "0"
    ends(worker, "group")
    assert watch(worker).returncode == 0
    assert has_left(worker)
    assert worker._lines("completed") == [COMPLETED]


def test_a_shutdown_ends_n8n_before_docker_is_stopped(worker: Host) -> None:
    unit = worker.unit("leave")
    # systemd stops in the opposite order.
    assert "docker.service" in unit["Unit"]["After"].split()
    assert int(unit["Service"]["TimeoutStopSec"]) > 110
    assert worker.calls("systemctl enable geusemaker-leave.service") or unit["Install"]
    assert shut_down(worker).returncode == 0
    assert has_left(worker)
    assert "leaving: the host shuts down" in worker.read(LOG)


def test_a_worker_that_nothing_ends_goes_on_and_sees_a_reason_later(worker: Host) -> None:
    worker.replace("sleep", "echo >>/world/looks; echo Terminated >/world/lifecycle\n")
    assert watch(worker).returncode == 0
    assert has_left(worker)
    # The first look found nothing.
    assert worker._lines("looks") == [""]
    assert worker.calls("curl")[-1:] != []


def test_the_metadata_service_without_an_answer_is_no_reason(worker: Host) -> None:
    ends(worker, "group")
    worker.late("imds", 2)
    worker.replace("sleep", "echo >>/world/looks\n")
    assert watch(worker).returncode == 0
    assert worker._lines("looks") == [""]
    assert has_left(worker)


def test_a_worker_leaves_once_however_many_ask_for_it(worker: Host) -> None:
    ends(worker, "group")
    held = worker.gate("stop")
    both = [worker.begin_command(_command(worker, one)) for one in ("ExecStart", "ExecStop")]
    worker.wait_for_calls("docker stop", 1)
    until = time.monotonic() + PATIENCE
    while report(worker).get("worker") != "draining":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert state(worker) == "state=draining"
    with held.open("w"):
        held.unlink()
    assert [one.wait() for one in both] == [0, 0]
    worker._note_owners()
    assert has_left(worker)
    assert len(worker.calls(STOPPED)) == 1
    assert worker._lines("completed") == [COMPLETED]
    # Nor again later.
    assert shut_down(worker).returncode == 0
    assert len(worker.calls(STOPPED)) == 1


def test_a_worker_whose_end_was_interrupted_leaves_again(worker: Host) -> None:
    worker.write(LEAVING, "state=draining\nreason=the host shuts down\n")
    ends(worker, "group")
    assert watch(worker).returncode == 0
    assert has_left(worker)
    assert worker._lines("completed") == [COMPLETED]


@pytest.mark.parametrize("fault", ["docker-stop", "s3-put", "imds"])
def test_a_failure_while_a_worker_leaves_does_not_keep_the_group_waiting(
    worker: Host, fault: str
) -> None:
    ends(worker, "group")
    if fault != "imds":
        worker.late(fault, 1)
    assert watch(worker).returncode == 0
    assert worker._lines("completed") == [COMPLETED]


def test_docker_without_an_answer_does_not_mean_that_n8n_has_ended(worker: Host) -> None:
    """A busy host answers late. Until it does, executions may run, and the group waits."""
    ends(worker, "group")
    worker.late("docker-ps", 3)
    worker.replace("sleep", ":\n")
    assert watch(worker).returncode == 0
    assert has_left(worker)
    order = [call for call in worker.calls() if call.startswith((STOPPED, "aws autoscaling"))]
    assert [call.split()[0] for call in order] == ["docker", "aws"]


def test_a_worker_whose_docker_never_answers_leaves_all_the_same(worker: Host) -> None:
    ends(worker, "group")
    worker.late("docker-ps", 1000)
    worker.replace("sleep", ":\n")
    assert watch(worker).returncode == 0
    assert "Docker does not answer, so n8n could not be stopped" in worker.read(LOG)
    assert worker._lines("completed") == [COMPLETED]


def test_a_worker_that_leaves_starts_nothing_but_goes_on_reporting(worker: Host) -> None:
    ends(worker, "group")
    watch(worker)
    other = bundle_of("worker", image_versions={"n8n": "docker.io/n8nio/n8n:9.9.9"})
    worker.name(other)
    worker.set("calls")
    assert worker.start("sync").returncode == 0
    found = report(worker)
    assert found["worker"] == "left"
    assert worker.calls("docker pull") == worker.calls("docker compose up") == []
    # The same for one whose services step is at work.
    assert worker.start("services").returncode != 0
    assert worker.calls("docker compose up") == []
    assert "this worker leaves and starts nothing" in worker.read(LOG)
    assert worker.containers()["n8n"].split()[2] == "exited"


def _until(host: Host, name: str, process: subprocess.Popen[bytes]) -> None:
    """Waits for a file that the process writes before it ends."""
    while not (host.world / name).exists():
        assert process.poll() is None, f"it has ended without {name}"
        time.sleep(0.05)


def test_n8n_that_a_step_starts_at_the_same_moment_is_stopped_too(worker: Host) -> None:
    """The step holds the lock. Compose starts n8n after the first stop has found none."""
    ends(worker, "group")
    (worker.world / "containers/n8n").rename(worker.world / "n8n")
    step = "exec 9>/var/lib/geusemaker/lock; flock 9; touch /world/locked; cat /world/gates/step;"
    step += " mv /world/n8n /world/containers/n8n"
    note = 'if [[ $* == "-w 60 8" ]]; then echo >/world/waits; fi'
    worker.replace("flock", f'{note}\nexec /usr/own/flock "$@"\n')
    held = worker.gate("step")
    starting = worker.begin_command(["/bin/bash", "-c", f"PATH+=:/real/bin; {step}"])
    _until(worker, "locked", starting)
    leaving = worker.begin_command(_command(worker, "ExecStart"))
    _until(worker, "waits", leaving)
    with held.open("w"):
        held.unlink()
    assert (starting.wait(), leaving.wait()) == (0, 0)
    worker._note_owners()
    assert has_left(worker)


def test_after_a_reboot_the_worker_comes_back(worker: Host) -> None:
    shut_down(worker)
    worker.restart()
    worker.path(LEAVING).unlink()  # /run is in memory
    later = ("data", "efs", "docker", "gpu", "bundle", "secrets", "services", "ready")
    assert set(worker.start_each(*later).values()) == {0}
    assert report(worker)["worker"] == "ready"
    assert worker.containers()["n8n"].split()[2] == "running"


def test_another_bundle_changes_how_a_worker_leaves_and_ends_none(worker: Host) -> None:
    worker.set("calls")
    worker.name(bundle_of("worker", replace(QUEUE, drain_seconds=600)))
    worker.start("sync")
    assert worker.unit("leave")["Service"]["TimeoutStopSec"] == "720"
    assert worker.calls("systemctl restart") == worker.calls("systemctl stop") == []
    ends(worker, "group")
    watch(worker)
    assert worker.calls("docker stop -t 610 ")


def test_only_root_can_say_that_a_worker_leaves(worker: Host) -> None:
    """A program in a container, should it ever see the folder, runs as another user."""
    for uid in (1000, 11434):
        worker.as_user(uid, f"! echo state=left 2>/dev/null >{LEAVING}")
    assert not worker.path(LEAVING).exists()
    ends(worker, "group")
    watch(worker)
    assert worker.owners[LEAVING] == ("f", 0o600, 0)
    for name in ("leave", "wall", "head", "health"):
        kind, mode, uid = worker.owners[f"{LIB}/{name}"]
        assert (kind, uid, mode & 0o022) == ("f", 0, 0)
    worker.as_user(1000, f"! cat {LEAVING} 2>/dev/null")
