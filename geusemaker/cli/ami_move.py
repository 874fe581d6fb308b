"""`geusemaker ami pin` and `ami update`: write an image into the stack's file, seen beforehand."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import typer
import yaml

from geusemaker.cli import stack_file
from geusemaker.cli.ami_table import built
from geusemaker.cli.target import Target
from geusemaker.config import DeploymentConfig
from geusemaker.config_problem import NAMESPACE
from geusemaker.dlami.image import FoundImage
from geusemaker.errors import PinError, PulumiError
from geusemaker.local.places import Places
from geusemaker.services.ec2 import EC2Service

By = Literal["name", "id"]
_KEYS: Mapping[str, str] = {"name": "amiName", "id": "amiId"}


@dataclass
class Move:
    """Moves one stack to an image, or holds it to one. The methods yield what to print."""

    target: Target
    service: EC2Service
    today: date
    yes: bool
    local: bool = False

    def pin(self, wanted: str | None, by: By) -> Iterator[str]:
        """Pin what runs, or the image of that id or name; asks when that replaces the host."""
        name, _, _ = self.target.required_stack()
        config, outputs = self.target.config(), self.target.outputs()
        running = outputs.get("amiId")
        if wanted is None and running is None:
            raise PinError(
                f"Stack {name} runs no image yet, so there is none to pin. Name one: `geusemaker "
                "ami list --json` shows ids and names; or deploy first: `geusemaker deploy`."
            )
        image = self._find(wanted or str(running), config)
        if self._is_pinned_to(config, image, by):
            yield f"Stack {name} is pinned to {_told(image)} already; nothing was written."
            return
        yield f"{'Pin':<8} {_told(image)}"
        yield from self._write(image, by, image.id != running and running is not None)

    def update(self) -> Iterator[str]:
        """Pin the newest image of the config's wish, unless it runs already."""
        name, _, _ = self.target.required_stack()
        config, outputs = self.target.config(), self.target.outputs()
        running = outputs.get("amiId")
        newest = self.service.find_dlami(
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
            today=self.today,
        )
        for warning in self.service.warnings:
            yield f"warning: {warning}"
        if running is None:
            yield (
                f"Stack {name} runs no image yet: `geusemaker deploy` takes the newest by itself, "
                f"{_told(newest)}. Nothing was written."
            )
            return
        pinned: By | None = "id" if config.ami_id else "name" if config.ami_name else None
        is_kept = pinned is None or self._is_pinned_to(config, newest, pinned)
        if newest.id == running and is_kept:
            yield f"Stack {name} runs the newest: {_told(newest)}. Nothing was written."
            return
        if pinned is None and config.ami_policy == "latest":
            yield (
                f"Stack {name} has amiPolicy latest: the next `pulumi up` moves it from "
                f"{outputs.get('amiName')} to {_told(newest)} by itself. Nothing was written."
            )
            return
        yield f"{'Old':<8} {outputs.get('amiName')} ({running})"
        yield f"{'New':<8} {_told(newest)}"
        yield from self._write(newest, pinned or "name", replaces=newest.id != running)

    @property
    def _next(self) -> str:
        """The command that brings the stack to its config."""
        return "pulumi up" if not self.local else "geusemaker deploy --local"

    def _find(self, wanted: str, config: DeploymentConfig) -> FoundImage:
        """The image of that id or name, once AWS shows it and it fits the config."""
        is_id = re.fullmatch(r"ami-[0-9a-f]{8,17}", wanted) is not None
        try:
            image = self.service.find_pinned(
                ami_id=wanted if is_id else None,
                ami_name=None if is_id else wanted,
                os_type=config.os_type,
                architecture=config.architecture,
                ami_type=config.ami_type,
                framework_version=config.framework_version,
            )
        except PinError as error:
            # Its words are for a pin that the config holds; this one was never written.
            text = re.sub(
                r"Drop the pin: `[^`]+`(; or pin [a-z ]+: `geusemaker ami list[^.;]*)?",
                "Nothing was written; `geusemaker ami list --json` shows what there is",
                str(error),
            )
            raise PinError(_as_argument(text)) from None
        for warning in self.service.warnings:
            text = re.sub(r" If it is not meant, `pulumi config rm [^`]*` drops it\.", "", warning)
            typer.echo(f"warning: {_as_argument(text)}", err=True)
        return image

    def _is_pinned_to(self, config: DeploymentConfig, image: FoundImage, by: By) -> bool:
        return image.id == config.ami_id if by == "id" else image.name == config.ami_name

    def _write(self, image: FoundImage, by: By, replaces: bool) -> Iterator[str]:
        _, cli, file = self.target.required_stack()
        key = _KEYS[by]
        other = f"{NAMESPACE}:{_KEYS['name' if by == 'id' else 'id']}"
        full, value = f"{NAMESPACE}:{key}", image.id if by == "id" else image.name
        with stack_file.trial(cli, file, {full: value}, [other]) as trial:
            _annotate(trial.copy, full, self._comment(image, by))
            if replaces:
                outcome = cli.preview(trial.copy)
                yield f"{'Preview':<8} {outcome.would()}"
                yield f"{'Replaces':<8} {outcome.replaces()}"
                for warning in outcome.warnings:
                    yield f"warning: {warning}"
                self._ask()
            trial.adopt()
        shown = Places(self.target.project).shown(file)
        yield f"Written to {shown}: {full}: {value}"
        if replaces:
            yield (
                f"Next: `{self._next}` does it; until then `geusemaker ami pin` goes back to what "
                "runs."
            )
        yield (
            "While the pin holds, a preview tells of no newer image, `geusemaker ami list` does; "
            f"once the pinned image runs, `pulumi config rm {full}` lifts it and replaces nothing."
        )

    def _comment(self, image: FoundImage, by: By) -> str:
        what = f"{image.id} in {self.service.region}" if by == "name" else image.name
        return f"{what}, built {built(image)}, pinned {self.today}"

    def _ask(self) -> None:
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise PulumiError(
                "Nothing was written: there is no terminal to ask on whether to go ahead. Add "
                "--yes to write without asking."
            )
        if not typer.confirm("Write it?", default=False):
            typer.echo("Nothing was written.")
            raise typer.Exit(1)


def _as_argument(text: str) -> str:
    """What speaks of a pin in the config, in words for the argument that was typed."""
    return re.sub(r"^geusemaker:ami(Id|Name)", "IMAGE", text)


def _told(image: FoundImage) -> str:
    return f"{image.name} ({image.id})"


def _annotate(file: Path, key: str, comment: str) -> None:
    """Puts a comment behind the key's value, when the file then still says the same."""
    text = file.read_text(encoding="utf-8")
    line = re.compile(rf"^(\s+{re.escape(key)}: [^\n#]*[^\n# ]) *(#[^\n]*)?$", re.MULTILINE)
    marked = line.sub(lambda found: f"{found[1]} # {comment}", text, count=1)
    if _values(marked) == _values(text):
        file.write_text(marked, encoding="utf-8")


def _values(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
