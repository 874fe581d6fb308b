"""The paths of the local environment: all files of a clone are in its `.geusemaker/`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geusemaker.config.documents import read_yaml
from geusemaker.errors import LocalError

STACK = "dev"
PROJECT_NAME = "geusemaker"


@dataclass(frozen=True)
class Places:
    """The paths of one clone."""

    project: Path

    @property
    def root(self) -> Path:
        return self.project / ".geusemaker"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def account_file(self) -> Path:
        """Written by the simulator when it is ready."""
        return self.root / "account.json"

    @property
    def log_file(self) -> Path:
        return self.root / "logs" / "account.log"

    @property
    def output_file(self) -> Path:
        """The simulator's output; its last line is the reason when it cannot start."""
        return self.root / "logs" / "account.out"

    @property
    def pulumi_log(self) -> Path:
        return self.root / "logs" / "pulumi.log"

    @property
    def backend(self) -> Path:
        return self.root / "backend"

    @property
    def pulumi_home(self) -> Path:
        return self.root / "pulumi"

    @property
    def empty_file(self) -> Path:
        """Replaces the user's AWS config and credentials files."""
        return self.root / "empty"

    @property
    def scratch(self) -> Path:
        """A folder with a copy of `Pulumi.yaml`, in which the stack is created."""
        return self.root / "scratch"

    @property
    def committed_config(self) -> Path:
        return self.project / f"Pulumi.{STACK}.yaml"

    @property
    def config(self) -> Path:
        """The copy of the committed config that local runs read and write."""
        return self.root / "config" / f"Pulumi.{STACK}.yaml"

    @property
    def config_origin(self) -> Path:
        """The committed config as it was when the copy was made."""
        return self.root / "config" / "origin.yaml"

    @property
    def set_aside(self) -> Path:
        return self.root / "set-aside"

    @property
    def stack_file(self) -> Path:
        return self.backend / ".pulumi" / "stacks" / PROJECT_NAME / f"{STACK}.json"

    def shown(self, path: Path) -> str:
        """The path relative to the project's folder, if it is inside."""
        return (
            str(path.relative_to(self.project)) if path.is_relative_to(self.project) else str(path)
        )


def find_project(start: Path) -> Path:
    """The clone that contains `start`, else the one that this package was installed from.

    `ConfigError` for a `Pulumi.yaml` on the way that does not parse.
    """
    for folder in (start, *start.parents, Path(__file__).resolve().parents[2]):
        if _is_project(folder / "Pulumi.yaml"):
            return folder
    raise LocalError(
        f"There is no GeuseMaker project in {start} or above it (a `Pulumi.yaml` with"
        f" `name: {PROJECT_NAME}`): go into your clone and run the command again."
    )


def named_project(start: Path, say: Callable[[str], None]) -> Path:
    """`find_project`, with a note where `start` is not in the clone that it returns."""
    project = find_project(start)
    if project not in (start, *start.parents):
        say(f"note: {start} is not in a clone of GeuseMaker; using the clone in {project}")
    return project


def pulumi_project(start: Path) -> Path | None:
    """The folder whose Pulumi project the CLI uses in `start`; None if there is none."""
    names = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in names):
            return folder
    return None


def _is_project(file: Path) -> bool:
    content = read_yaml(file) if file.is_file() else None
    return isinstance(content, dict) and content.get("name") == PROJECT_NAME
