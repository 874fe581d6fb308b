"""Scripts for the host, such as its dumps and the restores by the docs, with a stand-in for Docker.

`docker compose exec -T postgres COMMAND` runs the command against a cluster here. Other commands
for Docker and systemd are only recorded.
"""

import re
import shutil
import subprocess
from pathlib import Path

from geusemaker.userdata import bundle_program
from real_stack.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
BACKUPS = "/srv/geusemaker/efs/backups"

_STAND_IN = """#!/bin/sh
said="${0##*/} $*"
case $said in
"docker compose exec -T postgres "*) shift 4; exec "$@" ;;
*) echo "$said" >>"$CALLS" ;;
esac
"""


# Replaces the boot script's functions, and the host's users, which do not exist here.
_DUMP = """set -euo pipefail
{program}
in_backups() {{ "$@"; }}
one_line() {{ cat; }}
log() {{ printf '%s\\n' "$*" >&2; }}
dump_to "$1" 300
"""


def dump(cluster: Cluster, folder: Path) -> Path:
    """Writes a dump by the function of the host's program."""
    to = folder / "postgres-20261124T031700Z.sql.gz"
    run(cluster, folder, _DUMP.format(program=bundle_program()), str(to))
    return to


def restore(cluster: Cluster, dumped: Path, folder: Path) -> list[str]:
    """Runs the block of docs/backup-and-restore.md. Returns the recorded commands."""
    page = (ROOT / "docs/backup-and-restore.md").read_text(encoding="utf-8")
    chapter = page.split("\n## Restore a dump\n")[1].split("\n## ")[0]
    choice, block, *_ = re.findall(r"^```sh\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    assert f"dump={BACKUPS}/{dumped.name}" == choice.strip()
    current = folder / "current"
    current.mkdir(exist_ok=True)
    assert "cd /var/lib/geusemaker/current\n" in block
    local = block.replace("/var/lib/geusemaker/current", str(current))
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    run(cluster, folder, choice.replace(BACKUPS, str(dumped.parent)) + local)
    return calls.read_text().splitlines()


def run(cluster: Cluster, folder: Path, script: str, *arguments: str) -> str:
    """Runs a script of the host and returns what it prints."""
    stand_ins = folder / "stand-ins"
    stand_ins.mkdir(exist_ok=True)
    for name in ("docker", "systemctl"):
        (stand_ins / name).write_text(_STAND_IN)
        (stand_ins / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    path = f"{stand_ins}:{cluster.environment['PATH']}"
    ran = subprocess.run(
        [bash, "-c", script, "bash", *arguments],
        env=cluster.environment | {"PATH": path, "CALLS": str(folder / "calls")},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
