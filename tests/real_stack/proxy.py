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
    """Caddy on free loopback ports, in place of 80 and 443.

    `local` maps parts of the Caddyfile to their replacements here: names of containers, ports and
    paths. Each must exist, so that a test fails when the template changes.
    """

    def __init__(
        self,
        folder: Path,
        caddyfile: str,
        local: Mapping[str, str],
        *,
        sites: str = "https://localhost, https://127.0.0.1",
        host: str = "localhost",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port, self.http_port = free_port(), free_port()
        self.data = folder / "data"
        config = folder / "Caddyfile"
        # A container has its own interfaces, and so its own admin port.
        here = {
            "admin 127.0.0.1:2019": (
                f"admin off\n\tdefault_bind 127.0.0.1\n\thttps_port {self.port}\n"
                f"\thttp_port {self.http_port}"
            ),
            **local,
        }
        for inside, outside in here.items():
            assert inside in caddyfile, f"the Caddyfile has no {inside!r}"
            caddyfile = caddyfile.replace(inside, outside)
        folder.mkdir(parents=True)
        config.write_text(caddyfile)
        self.program = Program(
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
                "GEUSEMAKER_HOST": host,
                "GEUSEMAKER_SITES": sites,
                **(environment or {}),
            },
            cwd=folder,
        )
        names = [site.removeprefix("https://") for site in sites.split(", ")]
        try:
            # It listens before it has its certificates.
            self.program.until("Caddy had its certificates", lambda: self._greets(names))
        except BaseException:
            self.stop()
            raise

    def _greets(self, names: list[str]) -> bool:
        if not self.root.is_file():
            return False
        tls = ssl.create_default_context(cafile=str(self.root))
        try:
            for name in names:
                with (
                    socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain,
                    tls.wrap_socket(plain, server_hostname=name),
                ):
                    pass
        except OSError:
            return False
        return True

    @property
    def root(self) -> Path:
        """The certificate of Caddy's own authority, which clients must trust."""
        return self.data / "caddy/pki/authorities/local/root.crt"

    def stop(self) -> None:
        self.program.stop()
