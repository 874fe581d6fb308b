"""The real Caddy with the rendered Caddyfile."""

import os
import socket
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from real_stack.programs import Program, free_port

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import real_tools  # noqa: E402


class Proxy:
    """Caddy on a free loopback port, in place of port 443.

    `local` maps parts of the Caddyfile to their replacements here: names of containers, ports and
    paths. Each must exist, so that a test fails when the template changes.
    """

    def __init__(self, folder: Path, caddyfile: str, local: Mapping[str, str]) -> None:
        self.port = free_port()
        self.data = folder / "data"
        config = folder / "Caddyfile"
        # A container has its own interfaces, and so its own admin port.
        here = {
            "admin 127.0.0.1:2019": (
                f"admin off\n\tdefault_bind 127.0.0.1\n\thttps_port {self.port}"
            ),
            **local,
        }
        for inside, outside in here.items():
            assert inside in caddyfile, f"the Caddyfile has no {inside!r}"
            caddyfile = caddyfile.replace(inside, outside)
        folder.mkdir(parents=True)
        config.write_text(caddyfile)
        self._program = Program(
            [
                *(str(real_tools.ensure("caddy")), "run"),
                *("--config", str(config), "--adapter", "caddyfile"),
            ],
            log=folder / "log",
            env={
                "PATH": os.defpath,
                "HOME": str(folder),
                # The image's own names for /data and /config.
                "XDG_DATA_HOME": str(self.data),
                "XDG_CONFIG_HOME": str(folder / "config"),
                "GEUSEMAKER_HOST": "localhost",
                "GEUSEMAKER_SITES": "https://localhost, https://127.0.0.1",
            },
            cwd=folder,
        )
        try:
            # It listens before it has its certificates.
            self._program.until("Caddy had its certificates", self._greets)
        except BaseException:
            self.stop()
            raise

    def _greets(self) -> bool:
        if not self.root.is_file():
            return False
        tls = ssl.create_default_context(cafile=str(self.root))
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain,
                tls.wrap_socket(plain, server_hostname="localhost"),
            ):
                return True
        except OSError:
            return False

    @property
    def root(self) -> Path:
        """The certificate of Caddy's own authority, which clients must trust."""
        return self.data / "caddy/pki/authorities/local/root.crt"

    def stop(self) -> None:
        self._program.stop()
