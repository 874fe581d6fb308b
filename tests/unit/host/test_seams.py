"""The host's own shell writes the report, and these words are read out of it."""

import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from geusemaker import userdata
from geusemaker.bundle.compose import PROJECT
from geusemaker.host import logs, screen
from geusemaker.host.report import parse
from geusemaker.host.status import Instance, Look, Verdict

from .looks import ID, NEW, OLD

FACTS = userdata.HostFacts(
    region="us-east-1",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0"},
    data_volume_id="vol-0123456789abcdef0",
    settings_parameter="geusemaker-compute-settings-0123456",
    secrets_parameter="geusemaker-identity-credentials-0123456",
    status_parameter="geusemaker-compute-status-0123456",
)
LIB = "/var/lib/geusemaker"


class Shell:
    """The host program with its folder elsewhere; it runs nothing but its functions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = userdata.render(FACTS)
        begin, is_there, _ = program.rpartition('main "$@"')
        assert is_there
        assert LIB in begin
        self._program = f"{begin.replace(LIB, str(folder))}\nthis_boot() {{ echo boot-1; }}\n"
        self._program += userdata.bundle_program()
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

    def look(self) -> Look:
        told = self.run(f"INSTANCE={ID}\nstatus_text")
        return Look(instance=Instance(id=ID, state="running"), record=parse(told))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def steps(shell: Shell) -> list[str]:
    return shell.run('printf "%s\\n" "${STEPS[@]}"').split()


def test_every_step_of_the_host_is_known_by_what_it_is_about(shell: Shell) -> None:
    assert list(screen.STEPS) == steps(shell)


def test_a_host_that_boots_is_under_way_and_has_not_failed(shell: Shell) -> None:
    assert screen.situation(shell.look()) == "no: step data (the data volume) is under way"


def test_a_step_that_failed_is_told_with_its_reason(shell: Shell) -> None:
    shell.ok("data")
    shell.run("record efs failed 'step efs failed: no mount target'")
    told = shell.look()
    assert told.verdict is Verdict.NOT_READY
    assert screen.situation(told) == "no: step efs (the EFS mounts) failed: no mount target"


def test_services_that_start_are_told_without_the_step(shell: Shell) -> None:
    shell.ok(*steps(shell)[:-1])
    shell.run("record ready failed 'step ready failed: the host is not ready; n8n is starting'")
    assert screen.situation(shell.look()) == "no: n8n is starting"


def test_a_ready_host_is_ready(shell: Shell) -> None:
    shell.ok(*steps(shell))
    shell.write("pointer", f"sha256={NEW}")
    shell.write("applied", f"sha256={NEW}")
    shell.write("health", "service.n8n=healthy\nservice.caddy=healthy")
    shell.write("models", "model.llama3.2:3b=pulling 43%")
    shell.write("dump", "dump=2026-11-24T03:17:09Z")
    told = shell.look()
    assert told.verdict is Verdict.READY
    assert dict(told.record.services) == {"n8n": "healthy", "caddy": "healthy"}
    assert dict(told.record.models) == {"llama3.2:3b": "pulling 43%"}
    assert told.record.dump is not None


def test_a_dump_that_failed_is_told_beside_the_last_whole_one(shell: Shell) -> None:
    shell.ok(*steps(shell))
    shell.write("dump", "dump=2026-11-23T03:17:09Z")
    shell.run("note_failed_dump 'the host did not become ready'")
    told = shell.look().record
    assert told.dump is not None
    when, _, why = told.dump_failure.partition(" UTC: ")
    assert datetime.fromisoformat(when)
    assert why == "the host did not become ready"
    shell.run("note_failed_dump again")
    told = shell.look().record
    assert told.dump is not None
    assert told.dump_failure.endswith(" UTC: again")


def test_refused_settings_are_known_by_the_note(shell: Shell) -> None:
    shell.ok(*steps(shell))
    shell.write("pointer", f"sha256={NEW}")
    shell.write("applied", f"sha256={OLD}")
    assert shell.look().verdict is Verdict.APPLYING
    shell.write("note", f"bundle {NEW}: did not come up: n8n (unhealthy); {OLD} runs instead")
    assert shell.look().verdict is Verdict.REFUSED


def test_settings_that_do_not_come_up_are_known_by_the_reason(shell: Shell) -> None:
    shell.ok(*steps(shell)[:-2])
    shell.write("pointer", f"sha256={NEW}")
    shell.run(f"record services failed 'step services failed: bundle {NEW}: did not come up'")
    assert shell.look().verdict is Verdict.NOT_READY, "the first ones are taken when they come late"
    shell.write("applied", f"sha256={OLD}")
    assert shell.look().verdict is Verdict.REFUSED
    # The words of the test are those of the program.
    assert 'reason="bundle $(sha_in "$LIB/fetched"): ' in userdata.render(FACTS)


def test_logs_are_looked_for_where_they_are() -> None:
    assert f"readonly LOG={logs.BOOT_LOG}\n" in userdata.render(FACTS)
    assert f"-p {PROJECT} logs" in "\n".join(logs.script("n8n", 1))
