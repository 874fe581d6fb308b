"""A temporary PostgreSQL cluster of the system's own packages, set up as the image does it.

The product runs PostgreSQL 18 from its image. Here it is what the system has: Debian 12's is 15.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from real_stack.programs import Program, free_port, wait_until

_TRIES = 5


class Cluster:
    """A cluster with the superuser n8n, its password, and an empty database n8n."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.port = free_port()
        self._bin = _programs()
        # PostgreSQL refuses root, and other users cannot read pytest's folders. The name is short
        # because a socket's path may have about a hundred characters.
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="gm-pg-"))
        self._server: Program | None = None
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """Makes PostgreSQL's programs connect to this cluster only."""
        return {
            "PATH": f"{self._bin}:{os.defpath}",
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGPASSWORD": self.password,
        }

    def start(self, *settings: str) -> None:
        """Starts it, with more settings of the form `name=value`."""
        more = [part for setting in settings for part in ("-c", setting)]
        for _ in range(_TRIES):
            server = Program(
                [
                    str(self._bin / "postgres"),
                    *("-D", str(self.folder / "data")),
                    *("-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"),
                    *("-c", f"unix_socket_directories={self.folder}", *more),
                ],
                log=self.folder / "log",
                env=self.environment,
                cwd=self.folder,
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
            )
            self._server = server
            wait_until("PostgreSQL started or ended", self._settled)
            if server.code is None:
                return
            self.port = free_port()  # another program took the port
        raise AssertionError(f"PostgreSQL does not start: {server.said()[-3000:]}")

    def _settled(self) -> bool:
        return self._server is None or self._server.code is not None or self.answers()

    def answers(self) -> bool:
        """Whether it answers, also where it listens on its socket only."""
        return self.run(["pg_isready", "-q", "-h", str(self.folder)]).returncode == 0

    def stop(self) -> None:
        """Stops it with the signal that the image uses."""
        if self._server is not None:
            self._server.stop(signal.SIGINT)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def run(
        self, command: Sequence[str], *, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs one of PostgreSQL's programs, or a script of them, against this cluster."""
        return subprocess.run(
            command,
            env=self.environment | dict(more or {}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, statement: str, database: str = "n8n") -> str:
        ran = self.run(
            [
                *("psql", "-X", "-At", "-v", "ON_ERROR_STOP=1"),
                *("-U", "n8n", "-d", database, "-c", statement),
            ]
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def _make(self) -> None:
        word = self.folder / "password"
        word.write_text(self.password)
        if self._user is not None:
            os.chown(word, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            [
                *(str(self._bin / "initdb"), "-D", str(self.folder / "data"), "-U", "n8n"),
                *("--auth=scram-sha-256", f"--pwfile={word}", "--encoding=UTF8", "--locale=C"),
            ],
            env=self.environment,
            cwd=self.folder,
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=None if self._user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        word.unlink()
        self.start()
        self.ask("CREATE DATABASE n8n", database="postgres")


def _programs() -> Path:
    """The folder of the server's programs, which is not on PATH in Debian."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    by_version = sorted(places, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))])
    assert by_version, (
        "There is no PostgreSQL server here (no `initdb` on PATH, none below /usr/lib/postgresql):"
        " install the package postgresql, by `sudo apt-get install postgresql` on Debian or Ubuntu."
    )
    return by_version[-1].parent


def _unprivileged() -> pwd.struct_passwd | None:
    """The user to run as. None where the caller is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("PostgreSQL refuses root, and there is no user postgres or nobody here.")
