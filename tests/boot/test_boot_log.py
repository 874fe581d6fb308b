"""The log of the steps: complete, in order, and a broken log never fails a step."""

from .boot_host import Host
from .bundles import Bundle, host_program

LOG = "/var/log/geusemaker-boot.log"
PROGRAM = "/usr/local/lib/geusemaker/host"

# A nested step prints to both streams. Then both are killed, without a last newline.
ODD = r"""
bundle_check() {
  printf '  two spaces \\ %%s\n-n\n\n'
  printf 'to the other stream\n' >&2
  printf '%0100000d\n' 7
  printf 'cut off'
  kill -KILL "$PPID" "$BASHPID"
}
"""


def _prints(odd: str) -> Bundle:
    return Bundle(more_files={"host.sh": host_program() + odd})


def test_every_line_reaches_log_and_console_in_order(
    booted: Host,
) -> None:
    booted.name(_prints(ODD))
    before = booted.read(LOG)
    shown = booted.start("bundle")
    assert shown.returncode == 128 + 9
    lines = ["  two spaces \\ %s", "-n", "", "to the other stream", f"{7:0100000}", "cut off"]
    assert shown.stdout.splitlines()[-6:] == lines
    assert booted.read(LOG) == before + shown.stdout


def test_a_log_that_cannot_be_written_does_not_fail_a_step(booted: Host) -> None:
    booted.path(LOG).unlink()
    booted.path(LOG).mkdir()
    shown = booted.start("secrets")
    assert shown.returncode == 0
    assert "secrets: succeeded" in shown.stdout
    assert booted.state("secrets") == "ok"


def test_a_closed_console_does_not_fail_a_step(booted: Host) -> None:
    script = f"{PROGRAM} secrets | true; echo ${{PIPESTATUS[0]}} >/world/statuses"
    booted._run(["/bin/bash", "-c", script])
    assert (booted.world / "statuses").read_text() == "0\n"
    assert booted.read(LOG).splitlines()[-1].endswith("secrets: succeeded")


def test_a_step_that_systemd_stops_says_so_in_the_log(booted: Host) -> None:
    booted.late("ended", 1)
    booted.name(Bundle(tag="2"))
    assert booted.start("sync").returncode != 0
    assert "services: FAILED (status 143): it was stopped, or took too long" in booted.read(LOG)
