"""Commands and environments that download and build the Pulumi CLI. Starts no process."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geusemaker.pulumi_cli import download

VERSION = download.VERSION
BUILD_SECONDS = 2700.0

_CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_SYMBOL = f"{_SDK_MODULE}/go/common/version.Version"
_SCRIPT = Path("python/cmd/pulumi-language-python-exec")

# The user's Go settings that would change or break the build.
_GO_UNSET = ("GOOS", "GOARCH", "GOWORK", "GOFLAGS", "GOBIN", "GO111MODULE", "CGO_ENABLED")


@dataclass(frozen=True)
class Step:
    """One command of the build; `then` gets its output."""

    title: str
    command: Sequence[str]
    cwd: Path
    then: Callable[[str], None] | None = None

    def shown(self) -> str:
        return f"{' '.join(self.command[:2])} {self.command[-1]}"


def steps(tools: Path, out: Path) -> list[Step]:
    """The steps that put the CLI, the language host and its start script into `out`."""
    build = ["go", "build", "-trimpath", "-buildvcs=false"]
    version = ["-ldflags", f"-X {_VERSION_SYMBOL}=v{VERSION}"]
    return [
        Step(
            "Python language host (1 of 3)",
            [*build, "-o", str(out / "pulumi-language-python"), _HOST_PACKAGE],
            tools / "pulumi-language-python",
        ),
        Step(
            "start script of the language host (2 of 3)",
            ["go", "mod", "download", "-json", _SDK_MODULE],
            tools / "pulumi",
            lambda printed: _copy_script(printed, out / "pulumi-language-python-exec"),
        ),
        Step(
            "Pulumi CLI (3 of 3)",
            [*build, *version, "-o", str(out / "pulumi"), _CLI_PACKAGE],
            tools / "pulumi",
        ),
    ]


def script_in(printed: str) -> Path:
    """The path of the language host's script, from the output of `go mod download -json`."""
    folder = json.loads(printed).get("Dir", "")
    if folder and (found := Path(folder) / _SCRIPT).is_file():
        return found
    raise ValueError(f"the Go module {_SDK_MODULE} has no {_SCRIPT}")


def _copy_script(printed: str, to: Path) -> None:
    shutil.copyfile(script_in(printed), to)
    to.chmod(0o755)


def go_env(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's environment without variables that would change the build."""
    kept = {name: value for name, value in environ.items() if name not in _GO_UNSET}
    return kept | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}


def download_command(folder: Path) -> list[str]:
    return [sys.executable, "-m", download.__name__, str(folder)]


def download_env(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's environment with its proxies and without its logins."""
    kept = {k: v for k, v in environ.items() if not k.startswith(("PULUMI_", "AWS_", "PYTHON"))}
    return kept | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
