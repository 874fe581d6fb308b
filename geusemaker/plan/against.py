"""What a plan is compared with: another config file, a commit, or a saved state.

`side` imports the simulated account, so it is imported late: that must happen without the user's
AWS settings, and its packages may be missing.
"""

import contextlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from geusemaker.errors import ConfigError, GeuseMakerError
from geusemaker.plan import stack_values
from geusemaker.plan.model import Against

if TYPE_CHECKING:
    from geusemaker.plan.side import Side

_PARTS: Final = ("__main__.py", "geusemaker")
_FETCH: Final = (
    "In a shallow clone, such as that of a pull request, `git fetch --unshallow origin` gets all "
    "commits."
)


@dataclass(frozen=True)
class Export:
    """A saved state: the JSON of `pulumi stack export`, and the stack's name in it."""

    document: dict[str, Any]
    stack: str | None


def saved_state(what: str) -> Export | None:
    """The saved state in a file; None where `what` is no such file.

    Raises:
        ConfigError: The file cannot be read.
    """
    file = Path(what)
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--against is {what}, which is not a file with JSON: {error}. `pulumi stack export "
            f"--file {what}` writes one."
        ) from None
    if not isinstance(document, dict) or "deployment" not in document:
        return None
    resources = (document["deployment"] or {}).get("resources") or []
    urns = [one["urn"] for one in resources if isinstance(one, dict) and "urn" in one]
    return Export(document, urns[0].split(":")[2] if urns else None)


def kind_of(what: str) -> Against:
    """Whether `what` is a config file or a commit."""
    is_file = Path(what).is_file()
    return Against(kind="config" if is_file else "git", name=what)


def of_config(project: Path, file: Path, stack: str, region: str) -> "Side":
    """The program of this project with the config in another file.

    Raises:
        ConfigError: The file cannot be read, or its config is invalid.
    """
    from geusemaker.plan.side import of_file, side

    try:
        values, given = of_file(project, file)
        return side(project, stack, values.region or region, values, given)
    except GeuseMakerError as error:
        raise ConfigError(f"The config in {file} is invalid: {error}") from None


@contextmanager
def of_commit(
    project: Path, ref: str, stack: str, region: str
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Runs the program and the package of a commit, with its config, in a process of its own.

    Yields a function that waits for the state in the form of `pulumi stack export`.

    Raises:
        ConfigError: There is no such commit, or its program cannot be run.
    """
    from geusemaker.plan.side import side

    with tempfile.TemporaryDirectory(prefix="geusemaker-plan-") as temporary:
        folder = Path(temporary)
        _check_out(project, ref, folder)
        file = folder / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
        try:
            values = stack_values.read(folder, file)
            own = side(folder, stack, values.region or region, values, values.given)
        except GeuseMakerError as error:
            raise ConfigError(f"The config at {ref} is invalid: {error}") from None
        request = {
            "program": {**asdict(own.program), "secrets": sorted(own.program.secrets)},
            "stand_ins": asdict(own.stand_ins),
        }
        request["program"]["folder"] = str(folder)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "geusemaker.plan.at_commit"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def state() -> dict[str, Any]:
            printed, said = process.communicate(json.dumps(request))
            if process.returncode or not printed:
                last = (said.strip().splitlines() or ["it ended without a message"])[-1]
                raise ConfigError(f"The program at {ref} cannot be planned: {last}")
            found: dict[str, Any] = json.loads(printed)
            return found

        try:
            yield state
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.communicate()


def _check_out(project: Path, ref: str, folder: Path) -> None:
    """Puts the files that a run needs into a folder."""
    commit = _git(
        project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    if commit is None:
        raise ConfigError(
            f"--against is {ref!r}, which is neither a file nor a commit of {project}. {_FETCH}"
        )
    name = commit.decode().strip()
    listed = (_git(project, "ls-tree", "--name-only", name) or b"").decode().splitlines()
    if any(part not in listed for part in _PARTS):
        raise ConfigError(
            f"--against is {ref!r}, a commit without the program of GeuseMaker in "
            f"{project}: it is too old, or of another project. Name a later commit."
        )
    wanted = [*_PARTS, *(one for one in listed if one.startswith("Pulumi."))]
    packed = _git(project, "archive", "--format=tar", name, "--", *wanted) or b""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        # Python 3.11.2 of Debian 12 has no filters, and extractall() no argument for one.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        # Without links: one could name a file outside of the folder.
        archive.extractall(folder, [one for one in archive if one.isfile() or one.isdir()])  # noqa: S202


def _git(project: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails."""
    try:
        ran = subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, check=False
        )
    except FileNotFoundError:
        raise ConfigError(
            "git is not installed, and --against names a commit. Install git, or name a config "
            "file or a saved state."
        ) from None
    return ran.stdout if ran.returncode == 0 else None
