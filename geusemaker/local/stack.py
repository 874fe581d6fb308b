"""The Pulumi CLI in the local environment: one stack, a log, and removal of stale locks."""

import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from geusemaker.errors import LocalError
from geusemaker.local import process
from geusemaker.local.places import STACK, Places
from geusemaker.pulumi_cli.outcome import Outcome
from geusemaker.pulumi_cli.run import PulumiCli

_PROTECTED = (
    "geusemaker:protectData is true, so the data volume and the file system are protected, and"
    " nothing was removed. To remove them too, run in `make shell`: `geusemaker destroy"
    " --delete-data`, then run `make down` again."
)


class LocalCli(PulumiCli):
    """The CLI in the local environment; it logs every run."""

    error = LocalError

    def __init__(self, places: Places, program: Path, env: Mapping[str, str]) -> None:
        super().__init__(program, env, places.project)
        self._places = places

    def ensure_stack(self) -> None:
        """Creates the stack, in the scratch folder to keep the work tree clean."""
        if self._places.stack_file.exists():
            return
        ran = self._run("stack", "init", STACK, cwd=self._places.scratch)
        if ran.returncode != 0:
            raise LocalError(self._error_text(ran, []))

    def destroy(self) -> Outcome:
        # Without a preview, Pulumi deletes resources before it reaches a protected one.
        self._run_with_document("destroy", "--preview-only", "--json")
        return self._run_with_events("destroy", "--yes", "--skip-preview", "--json")

    def _known_error(self, messages: list[str]) -> str | None:
        return _PROTECTED if any("because it is protected" in text for text in messages) else None

    def _no_reason(self, code: int) -> str:
        log = self._places.shown(self._places.pulumi_log)
        return f"The Pulumi CLI ended with code {code} and gave no reason: see {log}."

    def _run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        ran = self._logged(*arguments, cwd=cwd)
        if ran.returncode == 0 or not _is_stale_lock(ran.stdout + ran.stderr):
            return ran
        # A killed CLI leaves its lock, and Pulumi never removes it.
        self._logged("cancel", "--yes")
        return self._logged(*arguments, cwd=cwd)

    def _logged(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        ran = super()._run(*arguments, cwd=cwd)
        with self._places.pulumi_log.open("a", encoding="utf-8") as log:
            log.write(f"$ pulumi {' '.join(arguments)}\n{ran.stdout}{ran.stderr}")
            log.write(f"[ended with code {ran.returncode}]\n")
        return ran


def _is_stale_lock(text: str) -> bool:
    """Whether the stack is locked, only by ended processes of this machine."""
    if "the stack is currently locked by" not in text:
        return False
    holders = re.findall(r"created by \S+@(\S+) \(pid (\d+)\)", text)
    here = platform.node()
    return bool(holders) and all(
        host == here and not process.is_running(int(pid)) for host, pid in holders
    )
