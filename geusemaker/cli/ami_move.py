"""`geusemaker ami pin` and `ami update`: write an image into the stack's file."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml

from geusemaker import terminal
from geusemaker.cli import ami_show, stack_file
from geusemaker.cli.ami_table import built
from geusemaker.cli.confirm import agree
from geusemaker.cli.target import Target
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import Recognised, recognise
from geusemaker.dlami.catalogue import numeric
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.naming import build_in
from geusemaker.dlami.pins import drop_hint
from geusemaker.errors import PinError
from geusemaker.local.places import Places
from geusemaker.messages import NAMESPACE
from geusemaker.services.ec2 import EC2Service

By = Literal["name", "id"]
_KEYS: Mapping[By, str] = {"name": "amiName", "id": "amiId"}


@dataclass
class Move:
    """Pins one stack to an image. The methods yield the lines to print."""

    target: Target
    service: EC2Service
    today: date
    yes: bool
    local: bool = False

    def pin(self, wanted: str | None, by: By) -> Iterator[str]:
        """Pins the running image, or the one of that id or name. Prompts before a replacement."""
        name, _, _ = self.target.required_stack()
        config, outputs = self.target.config(), self.target.outputs()
        running = outputs.get("amiId")
        if wanted is None and running is None:
            raise PinError(
                f"Stack {name} runs no image yet, so there is none to pin. Name an image: "
                "`geusemaker ami list --json` shows ids and names; or deploy first: `geusemaker "
                "deploy`."
            )
        if wanted == "":
            raise PinError(
                "IMAGE is empty, so nothing was written: perhaps a shell variable is unset. "
                "`geusemaker ami list --json` shows ids and names; `geusemaker ami pin` without "
                "IMAGE pins the running image."
            )
        subject = "IMAGE" if wanted else "The image that the stack runs"
        image = self._find(wanted or str(running), config, subject=subject)
        if by == "name" and not self._is_of_its_name(image, config):
            # A private copy may have the name of AWS's image.
            yield f"Its name selects another image, so it is pinned by id: {_named(image)}"
            by = "id"
        if self._is_pinned_to(config, image, by):
            yield f"Stack {name} is already pinned to {_named(image)}; nothing was written."
            return
        yield f"{'Pin':<8} {_named(image)}"
        replaces = image.id != running and running is not None
        yield from self._write(image, by, replaces, runs_what_fits=_fits(config, outputs))

    def update(self) -> Iterator[str]:
        """Pins the newest image for the config, unless it runs already."""
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
        pinned = next((by for by, key in _KEYS.items() if key == config.pin_key), None)
        if stays := self._stays(name, config, outputs, newest):
            yield stays
            return
        if pinned and self._is_pinned_to(config, newest, pinned):
            done = "runs it" if newest.id == running else f"`{self._next}` moves to it"
            yield f"Stack {name} is pinned to the newest, {_named(newest)}: {done}."
            return
        yield f"{'Old':<8} {outputs.get('amiName')} ({running})"
        yield f"{'New':<8} {_named(newest)}"
        yield from self._write(
            newest,
            pinned or "name",
            replaces=newest.id != running,
            runs_what_fits=_fits(config, outputs),
        )

    def _stays(
        self,
        name: str,
        config: DeploymentConfig,
        outputs: Mapping[str, Any],
        newest: FoundImage,
    ) -> str | None:
        """Why there is nothing to write; None when the stack can move to the newest image."""
        pin = config.ami_id or config.ami_name
        running, runs = outputs.get("amiId"), str(outputs.get("amiName"))
        if running is None and pin:
            return (
                f"Stack {name} runs no image yet and is pinned to {pin}. `pulumi config rm "
                f"{NAMESPACE}:{config.pin_key}` lets the first deployment take the newest, "
                f"{_named(newest)}. Nothing was written."
            )
        if running is None:
            return (
                f"Stack {name} runs no image yet: `geusemaker deploy` takes the newest, "
                f"{_named(newest)}. Nothing was written."
            )
        if newest.id == running:
            if pin in (None, newest.id, newest.name):
                of = ami_show.of_version(config)
                return f"Stack {name} runs the newest{of}: {_named(newest)}. Nothing was written."
            return None
        old, new = recognise(runs), recognise(newest.name)
        if old is None:
            return (
                f"Stack {name} runs {runs} ({running}), which is of no line that GeuseMaker knows, "
                "so there is no newer image to move to. Nothing was written."
            )
        same = (old.os_type, old.ami_type) == (config.os_type, config.ami_type)
        if same and new and _age(old, runs) >= _age(new, newest.name):
            return (
                f"Stack {name} runs {runs} ({running}), and the newest image for its config, "
                f"{_named(newest)}, is no newer. Nothing was written."
            )
        if pin is None and config.ami_policy == "latest":
            return (
                f"Stack {name} has amiPolicy latest: the next `pulumi up` moves it from {runs} to "
                f"{_named(newest)}. Nothing was written."
            )
        if pin is None and not same:
            return (
                f"Stack {name} runs {runs}, and its config now requests another line: the next "
                f"`pulumi up` moves it to {_named(newest)}. Nothing was written."
            )
        return None

    @property
    def _next(self) -> str:
        """The command that applies the config."""
        return "pulumi up" if not self.local else "geusemaker deploy --local"

    def _find(
        self,
        wanted: str,
        config: DeploymentConfig,
        *,
        subject: str = "IMAGE",
        silent: bool = False,
    ) -> FoundImage:
        """The image of that id or name. `PinError` where AWS does not show it or it does not fit.

        Messages call it `subject`.
        """
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
            # The error is about a pin in the config; this one was not written.
            other = f"; or {error.other_fix}" if error.other_fix else ""
            raise PinError(
                f"{subject}{error.fault} Nothing was written; `geusemaker ami list --json` shows "
                f"the images{other}."
            ) from None
        for warning in () if silent else self.service.warnings:
            key = f"{NAMESPACE}:{_KEYS['id' if is_id else 'name']}"
            text = warning.removeprefix(key).removesuffix(drop_hint(key))
            marked = terminal.mark("warning", "warning:", stream=sys.stderr)
            terminal.paragraph(f"{marked} {subject}{text}", err=True)
        return image

    def _is_of_its_name(self, image: FoundImage, config: DeploymentConfig) -> bool:
        """Whether a pin by the image's name selects that image."""
        try:
            return self._find(image.name, config, silent=True).id == image.id
        except PinError:
            return False

    def _is_pinned_to(self, config: DeploymentConfig, image: FoundImage, by: By) -> bool:
        return image.id == config.ami_id if by == "id" else image.name == config.ami_name

    def _write(
        self, image: FoundImage, by: By, replaces: bool, *, runs_what_fits: bool
    ) -> Iterator[str]:
        """Writes the pin. The running image can be pinned again only where it fits the config."""
        _, cli, file = self.target.required_stack()
        key = _KEYS[by]
        other = f"{NAMESPACE}:{_KEYS['name' if by == 'id' else 'id']}"
        full, value = f"{NAMESPACE}:{key}", image.id if by == "id" else image.name
        with stack_file.trial(cli, file, {full: value}, [other]) as trial:
            _annotate(trial.copy, full, self._comment(image, by))
            if replaces:
                with terminal.working("Previewing"):
                    outcome = cli.preview(trial.copy)
                yield f"{'Preview':<8} {outcome.would()}"
                yield f"{'Replaces':<8} {outcome.replaces()}"
                for warning in outcome.warnings:
                    yield f"warning: {warning}"
                agree("Write it?", "Nothing was written", "write", yes=self.yes)
            trial.adopt()
        shown = Places(self.target.project).shown(file)
        yield f"Written to {shown}: {full}: {value}"
        if replaces:
            back = "; until then `geusemaker ami pin` pins the running image again"
            yield f"Next: `{self._next}` applies it{back if runs_what_fits else ''}."
        removal = (
            "removes it, and the next deployment takes the newest, because amiPolicy is latest"
            if self.target.config().ami_policy == "latest"
            else "removes it, and replaces nothing once the pinned image runs"
        )
        yield (
            "With the pin, a preview reports no newer image; `geusemaker ami list` does. "
            f"`pulumi config rm {full}` {removal}."
        )

    def _comment(self, image: FoundImage, by: By) -> str:
        what = f"{image.id} in {self.service.region}" if by == "name" else image.name
        return f"{what}, built {built(image)}, pinned {self.today}"


def _fits(config: DeploymentConfig, outputs: Mapping[str, Any]) -> bool:
    """Whether a pin of the running image fits the config."""
    return ami_show.view(config, outputs, ()).fits


def _age(known: Recognised, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The order of a line's images: by framework version, then by build."""
    return numeric(known.framework_version or "0"), build_in(name)


def _named(image: FoundImage) -> str:
    return f"{image.name} ({image.id})"


def _annotate(file: Path, key: str, comment: str) -> None:
    """Adds a comment after the key's value, where the file's values stay the same."""
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
