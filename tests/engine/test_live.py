"""`scripts/live` in the simulated account: what it does there, and that nothing is left."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from .door import PROJECT, Door

LIVE = PROJECT / "scripts" / "live"
PASSED = (
    "doctor",
    "up",
    "a setting in place, on the same host",
    "the host replaced, with the same data",
    "stop",
    "start",
    "refresh",
    "a preview without changes",
    "copies that go with the stack",
    "destroy",
    "nothing of the stack left in the account",
)
# The first deployment fails at the host, when most of the stack is there.
OVER_THE_QUOTA = f"""
import sys
sys.path.insert(0, {str(LIVE.parent)!r})
from live import command, run, stack, steps
stack.CONFIG = {{"instanceType": "p5.48xlarge", "osType": "ubuntu-24.04"}}
whole = run.run
run.run = lambda live: whole(live, steps.STEPS[1:])  # without doctor, which names the quota
raise SystemExit(command.main(sys.argv[1:]))
"""


def results(file: Path) -> dict[str, str]:
    return {one["name"]: one["result"] for one in json.loads(file.read_text())["steps"]}


def left_folders(out: str) -> list[Path]:
    return [
        Path(word) for word in out.split() if "geusemaker-live-" in word and Path(word).is_dir()
    ]


def test_every_step_without_a_host_passes_and_the_others_are_named_as_not_run(
    door: Door, tmp_path: Path
) -> None:
    file = tmp_path / "answers.json"
    ran = door.run("sh", "-c", f"echo 000000000000 | {sys.executable} {LIVE} --answers {file}")
    assert ran.code == 0, str(ran)
    assert door.resources() == []
    assert left_folders(ran.out) == []
    found = results(file)
    assert [name for name, result in found.items() if result == "passed"] == list(PASSED)
    assert {found[name] for name in found.keys() - set(PASSED)} == {"not run"}
    assert "11 passed, 7 not run, in the simulated account." in ran.out
    for word in ("no host boots here", "SIMULATED account 000000000000"):
        assert word in ran.out

    text = file.read_text()
    answers = json.loads(text)["answers"]
    (host,) = answers["up"]["listed"]["instance"]
    assert (host["InstanceType"], host["State"]["Name"]) == ("m6i.large", "running")
    assert answers["stop"]["listed"]["instance"][0]["State"]["Name"] == "stopped"
    assert answers["refresh"]["resources"].keys() == answers["up"]["resources"].keys()
    assert "replace" in {*answers["the host replaced, with the same data"]["planned"].values()}
    for word in ("000000000000", "us-east-1", "live-2026"):
        assert word not in text


def test_a_stack_that_was_made_in_part_is_removed(door: Door, tmp_path: Path) -> None:
    script, file = tmp_path / "over.py", tmp_path / "answers.json"
    script.write_text(OVER_THE_QUOTA)
    command = f"{sys.executable} {script} --max-usd 100000 --answers {file}"
    ran = door.run("sh", "-c", f"echo 000000000000 | {command}")
    assert ran.code == 1, str(ran)
    assert "VcpuLimitExceeded" in ran.out
    assert door.resources() == []
    assert left_folders(ran.out) == []
    assert list(results(file).items()) == [
        ("up", "FAILED"),
        *((name, "passed") for name in PASSED[-3:]),
        ("no recovery point left", "not run"),
    ]


def test_after_ctrl_c_the_stack_is_removed_and_a_second_one_does_not_stop_that(
    door: Door, tmp_path: Path
) -> None:
    file = tmp_path / "answers.json"
    with subprocess.Popen(
        [sys.executable, str(LIVE), "--answers", str(file)],
        cwd=door.places.project,
        env=door.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write("000000000000\n")
        run.stdin.close()
        while not door.resources():
            assert run.poll() is None
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        out = ""
        for line in run.stdout:
            out += line
            if "copies that go" in line:
                run.send_signal(signal.SIGINT)
    assert run.returncode == 1, out
    assert door.resources() == []
    assert left_folders(out) == []
    assert "interrupted" in out
    assert "The stack is being removed" in out
    assert results(file)["destroy"] == "passed"
