"""What is in the images: programs of this system under the names that the images have."""

import atexit
import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import real_n8n  # noqa: E402

PATH: Final = f"/usr/local/bin:{os.defpath}"
COMMANDS: Final = {"n8n": ["n8n"]}
"""What images run where the bundle names no command."""

HOMES: Final = {"n8n": "/home/node", "n8n-runners": "/home/runner"}

_POSTGRES: Final = """#!/bin/sh
# As the image's: makes the cluster at its first start, then runs the server.
set -eu
shift
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
data=/var/lib/postgresql/18/docker
if [ ! -s "$data/PG_VERSION" ]; then
  "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \\
    --auth=scram-sha-256 --encoding=UTF8 --locale=C >/dev/null
  echo "CREATE DATABASE $POSTGRES_DB;" | "$bin/postgres" --single -D "$data" postgres >/dev/null
fi
exec "$bin/postgres" -D "$data" --listen_addresses='*' "$@"
"""

_LAUNCHER: Final = """
const http = require("http");
const { spawn } = require("child_process");
const broker = new URL(process.env.N8N_RUNNERS_TASK_BROKER_URI);
const token = process.env.N8N_RUNNERS_AUTH_TOKEN;
const ask = () => {
  const options = { method: "POST", headers: { "content-type": "application/json" } };
  const request = http.request(new URL("/runners/auth", broker), options, (response) => {
    let text = "";
    response.on("data", (part) => (text += part));
    response.on("end", () => {
      if (response.statusCode !== 200) return setTimeout(ask, 500);
      const env = { ...process.env, N8N_RUNNERS_GRANT_TOKEN: JSON.parse(text).data.token };
      spawn(process.execPath, [process.argv[1]], { env, stdio: "inherit" }).on("exit", ask);
    });
  });
  request.on("error", () => setTimeout(ask, 500));
  request.end(JSON.stringify({ token }));
};
ask();
"""
"""The image's launcher is no npm package. This one starts the real task runner as it does."""


def queue_server() -> dict[str, str]:
    """The paths of Valkey's programs here, or of Redis's."""
    for kind in ("valkey", "redis"):
        found = {f"valkey-{end}": shutil.which(f"{kind}-{end}") for end in ("server", "cli")}
        if all(found.values()):
            return {name: str(path) for name, path in found.items()}
    raise AssertionError(
        "There is no Valkey and no Redis here (`valkey-server` or `redis-server` on PATH): install"
        " Redis by `sudo apt-get install redis-server` on Debian or Ubuntu."
    )


@functools.cache
def tools() -> Path:
    """A folder with the programs, for /usr/local/bin."""
    folder = Path(tempfile.mkdtemp(prefix="gm-scale-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    n8n = real_n8n.ensure()
    runner = n8n.packages / "@n8n/task-runner/dist/start.js"
    texts = {
        "n8n": f'#!/bin/sh\nexec {n8n.node} {n8n.script} "$@"\n',
        "tini": '#!/bin/sh\nshift\nexec "$@"\n',
        "docker-entrypoint.sh": _POSTGRES,
        "task-runner-launcher": f"#!/bin/sh\nexec {n8n.node} -e '{_LAUNCHER}' {runner}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    # Copies, since the name of the program decides what it does.
    for name, path in queue_server().items():
        shutil.copy(path, folder / name)
    for one in (folder, *folder.iterdir()):
        one.chmod(0o755)
    return folder


def n8n_folder() -> Path:
    """The folder of n8n and Node.js, which is outside of /usr."""
    return real_n8n.ensure().packages.parents[1]
