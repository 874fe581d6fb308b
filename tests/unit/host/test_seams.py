"""The report that the host's shell program writes is the one that this package reads."""

import dataclasses
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest

from geusemaker import userdata
from geusemaker.bundle.compose import PROJECT
from geusemaker.host import logs, screen
from geusemaker.host.report import Record, moment, parse
from geusemaker.host.status import HostStatus, Instance, Verdict
from geusemaker.host.workers import Member, Worker, worker_status

from .statuses import ID, NEW, OLD

FACTS = userdata.HostFacts(
    region="us-east-1",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0"},
    data_volume_id="vol-0123456789abcdef0",
    settings_parameter="geusemaker-compute-settings-0123456",
    secrets_parameter="geusemaker-identity-credentials-0123456",
    status_parameter="geusemaker-compute-status-0123456",
)
WORKER_FACTS = dataclasses.replace(
    FACTS,
    access_points={"n8n-home": "fsap-0123456789abcdef0", "n8n-files": "fsap-0123456789abcdef1"},
    data_volume_id="",
    status_parameter="",
    reports="settings-bucket",
)
LIB = "/var/lib/geusemaker"


class Shell:
    """The functions of the host's program, with its folder in a temporary one."""

    def __init__(
        self,
        folder: Path,
        role: Literal["head", "worker"] = "head",
        *,
        queue: bool = False,
    ) -> None:
        self.folder = folder
        program = userdata.render(WORKER_FACTS if role == "worker" else FACTS)
        begin, is_there, _ = program.rpartition('main "$@"')
        assert is_there
        assert LIB in begin
        self._program = f"{begin.replace(LIB, str(folder))}\nthis_boot() {{ echo boot-1; }}\n"
        self._program += userdata.bundle_program(role, queue=queue)
        (folder / "state").mkdir()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(f"{text}\n")

    def run(self, lines: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{self._program}{lines}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ok(self, *steps: str) -> None:
        self.run("".join(f"record {step} ok 'step {step} succeeded'\n" for step in steps))

    def status(self) -> HostStatus:
        report = self.run(f"INSTANCE={ID}\nstatus_text")
        return HostStatus(instance=Instance(id=ID, state="running"), record=parse(report))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def steps(shell: Shell) -> list[str]:
    return shell.run('printf "%s\\n" "${STEPS[@]}"').split()


def test_every_step_of_the_host_has_a_description(shell: Shell) -> None:
    assert list(screen.STEPS) == steps(shell)


def test_a_booting_host_is_not_shown_as_failed(shell: Shell) -> None:
    assert screen.situation(shell.status()) == "no: step data (the data volume) is under way"


def test_a_failed_step_is_shown_with_its_reason(shell: Shell) -> None:
    shell.ok("data")
    shell.run("record efs failed 'step efs failed: no mount target'")
    seen = shell.status()
    assert seen.verdict is Verdict.NOT_READY
    assert screen.situation(seen) == "no: step efs (the EFS mounts) failed: no mount target"


def test_starting_services_are_shown_without_the_step(shell: Shell) -> None:
    shell.ok(*steps(shell)[:-1])
    shell.run("record ready failed 'step ready failed: the host is not ready; n8n is starting'")
    assert screen.situation(shell.status()) == "no: n8n is starting"


def test_a_ready_host_is_ready(shell: Shell) -> None:
    shell.ok(*steps(shell))
    shell.write("pointer", f"sha256={NEW}")
    shell.write("applied", f"sha256={NEW}")
    shell.write("health", "service.n8n=healthy\nservice.caddy=healthy")
    shell.write("models", "model.llama3.2:3b=pulling 43%")
    shell.write("dump", "dump=2026-11-24T03:17:09Z")
    seen = shell.status()
    assert seen.verdict is Verdict.READY
    assert dict(seen.record.services) == {"n8n": "healthy", "caddy": "healthy"}
    assert dict(seen.record.models) == {"llama3.2:3b": "pulling 43%"}
    assert seen.record.dump is not None


def test_the_queue_is_reported_with_the_time_since_when_something_waits(tmp_path: Path) -> None:
    shell = Shell(tmp_path, queue=True)
    shell.ok(*steps(shell))

    def record(waiting: int, now: str) -> Record:
        answered = f"from_container() {{ printf '{waiting}\\n0\\n7\\n'; }}"
        clock = f"date() {{ echo {now}; }}"
        alone = "plain_bundle_health() { echo service.n8n=healthy; }\npublish_queue() { :; }"
        shell.run(f"{answered}\n{clock}\n{alone}\nbundle_problem >/dev/null")
        return shell.status().record

    began, later = "2026-11-24T01:02:03Z", "2026-11-24T01:09:03Z"
    seen = record(3, began)
    assert (seen.waiting, seen.executing, seen.waiting_since) == (3, 7, moment(began))
    assert record(2, later).waiting_since == moment(began)
    seen = record(0, later)
    assert (seen.waiting, seen.waiting_since) == (0, None)
    assert record(1, later).waiting_since == moment(later), "it waits anew"


def test_the_report_of_a_worker_is_the_one_that_its_state_follows_from(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "worker")
    member = Member(id=ID, type="m6i.xlarge", zone="us-east-1a", lifecycle="InService")
    shell.write("pointer", f"sha256={NEW}")
    shell.write("applied", f"sha256={NEW}")

    def worker(leaving: str = "") -> Worker:
        (tmp_path / "leaving").write_text(leaving)
        shell.run(
            f"LEAVING={tmp_path}/leaving\nfollow_head() {{ :; }}\n"
            "count_executions() { echo 4; }\n"
            "plain_bundle_health() { echo service.n8n=healthy; }\nbundle_problem >/dev/null"
        )
        record = shell.status().record
        return Worker(member, worker_status(member, record, NEW, None, simulated=False))

    assert worker().state == "starting"
    shell.ok(*steps(shell))
    assert (worker().state, worker().executions) == ("ready", 4)
    leaves = worker("state=draining\nreason=its Auto Scaling group ends it\n")
    assert (leaves.state, leaves.executions) == ("draining", 4)
    assert worker("state=left\nreason=the host shuts down\n").state == "left"
    shell.run("record efs failed 'step efs failed: no mount target'")
    failed = worker()
    assert (failed.state, failed.step, failed.reason) == ("failed", "efs", "no mount target")


def test_a_failed_dump_is_shown_with_the_last_complete_one(shell: Shell) -> None:
    shell.ok(*steps(shell))
    shell.write("dump", "dump=2026-11-23T03:17:09Z")
    shell.run("note_failed_dump 'the host did not become ready'")
    seen = shell.status().record
    assert seen.dump is not None
    when, _, why = seen.dump_failure.partition(" UTC: ")
    assert datetime.fromisoformat(when)
    assert why == "the host did not become ready"
    shell.run("note_failed_dump again")
    seen = shell.status().record
    assert seen.dump is not None
    assert seen.dump_failure.endswith(" UTC: again")


def test_refused_settings_are_recognised_by_the_note(shell: Shell) -> None:
    shell.ok(*steps(shell))
    shell.write("pointer", f"sha256={NEW}")
    shell.write("applied", f"sha256={OLD}")
    assert shell.status().verdict is Verdict.APPLYING
    shell.write("note", f"bundle {NEW}: did not come up: n8n (unhealthy); {OLD} runs instead")
    assert shell.status().verdict is Verdict.REFUSED


def test_settings_whose_services_do_not_start_are_recognised_by_the_reason(shell: Shell) -> None:
    shell.ok(*steps(shell)[:-2])
    shell.write("pointer", f"sha256={NEW}")
    shell.run(f"record services failed 'step services failed: bundle {NEW}: did not come up'")
    assert shell.status().verdict is Verdict.NOT_READY, (
        "the first bundle is kept when its services start late"
    )
    shell.write("applied", f"sha256={OLD}")
    assert shell.status().verdict is Verdict.REFUSED
    # The reason in this test has the program's form.
    assert 'reason="bundle $(sha_in "$LIB/fetched"): ' in userdata.render(FACTS)


def test_the_log_script_names_the_hosts_own_log_file_and_compose_project() -> None:
    assert f"readonly LOG={logs.BOOT_LOG}\n" in userdata.render(FACTS)
    assert f"-p {PROJECT} logs" in "\n".join(logs.script("n8n", 1))
