"""Programs that differ between systems, and shell features that the script must not use."""

import re
from pathlib import Path

import pytest

from geusemaker.userdata import bundle_program, render

from .boot_host import COREUTILS, FACTS, GNU_ON_26_04, Host

# What bash 4.2 (Amazon Linux 2) lacks or does wrong, with an example.
NEWER_THAN_BASH_4_2 = {
    r"\$\{[^}]*@[QEPAaUuLKk]\}": 'echo "${name@Q}"',  # 4.4
    r"\b(declare|local|typeset) -\w*n": 'local -n list="$1"',  # 4.3
    r"\blocal -(?!\w)": "local -",  # 4.4
    r"\b(mapfile|readarray) -\w*d": "mapfile -d '' files",  # 4.4
    r"\bwait -[nfp]": "wait -n",  # 4.3
    r"-v \w+\[": "[[ -v values[name] ]]",  # 4.3
    r"\[\[ -R ": "[[ -R name ]]",  # 4.3
    r"\b\w+\[-\d+\]=": "list[-1]=last",  # 4.3
    r"\$\{ |\$\{\|": "text=${ cat file; }",  # 5.3
    r"EPOCH(SECONDS|REALTIME)|SRANDOM|BASH_ARGV0": 'echo "$EPOCHSECONDS"',  # 5.0
    r"inherit_errexit|localvar_inherit|globskipdots": "shopt -s inherit_errexit",  # 4.4
    r"\bunset -n": "unset -n name",  # 4.3
}
NEVER_EMPTY = {"STEPS", "EFS_NAMES", "EFS_ACCESS_POINTS"}
"""Arrays. Under `set -u`, bash before 4.4 ends at one that is empty."""


def program() -> str:
    """All bash that runs on a host, without comments."""
    whole = render(FACTS) + bundle_program(queue=True) + bundle_program("worker")
    return re.sub(r"(?m)^\s*#.*$", "", whole)


def newer(text: str) -> list[str]:
    return [found[0] for form in NEWER_THAN_BASH_4_2 for found in re.finditer(form, text)]


def test_the_program_uses_no_feature_newer_than_bash_4_2() -> None:
    assert newer(program()) == []
    arrays = set(re.findall(r"\$\{!?(\w+)\[[@*]\]", program()))
    for array in arrays - NEVER_EMPTY:
        assert f"((${{#{array}[@]}} == 0))" in program(), f"{array} may be empty: check its length"


@pytest.mark.parametrize("line", NEWER_THAN_BASH_4_2.values())
def test_each_newer_feature_is_detected(line: str) -> None:
    assert len(newer(line)) == 1


FAULTS = """
# Continues to write after tee has read a short first piece. A correct tee reads all.
{ echo a; for ((i = 0; i < 500; i++)); do sleep 0.01; echo b; done; } | tee /dev/null >/dev/null
echo "tee: ${PIPESTATUS[0]}"
install -d -o 999 -g 999 /tmp/folder
echo "install: $?"
for tool in $TOOLS; do "$tool" --version; done
"""


def test_ubuntu_26_04_has_the_coreutils_whose_defects_the_script_avoids(tmp_path: Path) -> None:
    tools = sorted(set(COREUTILS) - set(GNU_ON_26_04))
    host = Host(tmp_path, "ubuntu", "26.04")
    shown = host._run(["/bin/bash", "-c", f"TOOLS='{' '.join(tools)}'\n{FAULTS}"])
    lines = shown.stdout.splitlines()
    assert lines[:2] == ["tee: 141", "install: 1"]
    assert "invalid user: '999'" in shown.stderr
    assert lines[2:] == [f"{tool} (uutils coreutils) 0.8.0" for tool in tools]


@pytest.mark.parametrize(("os_id", "awk"), [("ubuntu", "mawk"), ("amzn", "GNU Awk")])
def test_each_system_has_its_own_awk(tmp_path: Path, os_id: str, awk: str) -> None:
    host = Host(tmp_path, os_id, "2023" if os_id == "amzn" else "24.04")
    shown = host._run(["/bin/bash", "-c", "awk -W version 2>&1 </dev/null; awk --version 2>&1"])
    assert awk in shown.stdout
