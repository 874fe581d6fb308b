"""What commands print on a terminal of 80 columns, and in a pipe."""

import re
import sys

import pytest

from geusemaker.doctor import Findings
from geusemaker.doctor.check import Check

from .deployed import Deployed
from .world import RUNS_OLD, World

COMMANDS = [
    ["status"],
    ["credentials", "--all"],
    ["ami", "list"],
    ["ami", "list", "--all"],
    ["ami", "show"],
]
STYLE = re.compile(r"\x1b\[[0-9;]*m|\r\x1b\[K")


def on_terminal(world: World) -> None:
    """80 columns that show colours."""
    world.patch.setenv("COLUMNS", "80")
    world.patch.setenv("TERM", "xterm")
    world.patch.delenv("NO_COLOR", raising=False)
    for stream in (sys.stdout, sys.stderr):
        world.patch.setattr(stream, "isatty", lambda: True, raising=False)


def is_for_copying(line: str) -> bool:
    """Whether a long line is one command, which a terminal wraps and a user copies whole."""
    return re.match(r"(aws|pulumi|geusemaker|https?://)", line) is not None


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_screen_fits_80_columns(host: Deployed, command: list[str]) -> None:
    host.report("ready", "service.n8n=healthy", "service.ollama=unhealthy")
    piped = host.world.run(*command).out
    assert "\x1b" not in piped
    on_terminal(host.world)
    shown = STYLE.sub("", host.world.run(*command).out)
    too_long = [line for line in shown.splitlines() if len(line) > 80]
    assert [line for line in too_long if not is_for_copying(line)] == []
    signs = r"[`✓✗!?.,;]"
    words = re.sub(signs, "", piped).split()
    assert re.sub(signs, "", shown).split() == words, "no word is broken or lost"


def test_what_is_ready_and_what_is_not_differ_in_colour_and_sign(host: Deployed) -> None:
    report = ("service.n8n=healthy", "service.ollama=unhealthy")
    host.report("not-ready", *report, step="services", reason="ollama (unhealthy)")
    on_terminal(host.world)
    shown = host.world.run("status").out
    assert "  ready     \x1b[31m✗ \x1b[0mno: " in shown
    assert "  services  \x1b[32m✓ \x1b[0mn8n" in shown
    assert "            \x1b[31m✗ \x1b[0mollama" in shown
    host.world.patch.setenv("NO_COLOR", "1")
    plain = host.world.run("status").out
    assert "  ready     no: " in plain
    assert "\x1b[3" not in plain


def test_a_check_has_a_sign_and_its_fix_is_under_it(world: World) -> None:
    found = Findings(
        "123456789012",
        (
            Check("Region", "ok", "us-east-1"),
            Check("vCPU quota", "failed", "8 vCPU are needed, and 4 are left.", "`pulumi up` " * 6),
        ),
    )
    world.patch.setattr("geusemaker.cli.doctor.examine", lambda *_: found)
    on_terminal(world)
    _, _, ok, failed, *fix = world.run("doctor", code=1, notes=True).out.splitlines()
    assert ok == "\x1b[32m✓ ok       \x1b[0mRegion         us-east-1"
    assert failed.startswith("\x1b[31m✗ failed   \x1b[0mvCPU quota     8 vCPU are needed")
    assert {line[:26] for line in fix} == {" " * 26}
    assert max(map(len, fix)) <= 80


def test_an_error_has_a_sign_on_a_terminal_only(world: World) -> None:
    on_terminal(world)
    said = world.run("ami", "list", "--region", "nonsense", code=1, notes=True).err
    assert "\x1b[31m✗ \x1b[0mUnknown AWS Region 'nonsense'" in said
    assert max(map(len, STYLE.sub("", said).splitlines())) <= 80


def test_the_values_of_a_deployment_fit_80_columns(world: World) -> None:
    long = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly-and-more"
    world.config(f"geusemaker:tags:\n    owner: {long}")
    world.answers(output=RUNS_OLD)
    world.terminal(False)
    on_terminal(world)
    shown = world.run("deploy", code=1, notes=True).out
    assert long in shown, "the value is whole"
    assert "us-east-1  the stack's aws:region" in re.sub(r" {3,}", "  ", shown), "others are rows"
