"""A stack's config file: what is in it, and changes to it that are tried on a copy first."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geusemaker.config.sources import read_own_file
from geusemaker.errors import ConfigError
from geusemaker.pulumi_cli.run import PulumiCli


@dataclass(frozen=True)
class Trial:
    """A copy of the stack's file with the changes; `adopt` replaces the file with it."""

    copy: Path
    file: Path
    before: bytes | None

    @property
    def changed(self) -> bool:
        """Whether the copy differs from the file."""
        return self.copy.exists() and self.copy.read_bytes() != (self.before or b"")

    def adopt(self) -> None:
        """Replaces the file with the copy.

        `ConfigError` when the file has changed meanwhile: that change would be lost.
        """
        if _content(self.file) != self.before:
            raise ConfigError(
                f"{self.file} was changed while this command was running, so nothing was written "
                "to it and nothing was deployed. Check the file, then run the command again."
            )
        if not self.changed:
            return
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            shutil.copyfile(self.copy, part)
            if self.file.exists():
                shutil.copymode(self.file, part)
            part.replace(self.file)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def trial(
    cli: PulumiCli, file: Path, writes: Mapping[str, str], removes: Sequence[str] = ()
) -> Iterator[Trial]:
    """A copy of the stack's file with full keys written and removed; deleted after the block.

    Pulumi edits it, so its form, comments and secrets stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix="geusemaker-") as folder:
        copy = Path(folder) / file.name
        before = _content(file)
        if before is not None:
            copy.write_bytes(before)
        if removes and before is not None:
            cli.remove_all(list(removes), copy)
        if writes:
            cli.set_all(writes, copy)
        # A symbolic link stays one: its target is written.
        yield Trial(copy, file.resolve(), before)


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def file_of(project: Path, env: Mapping[str, str], stack: str) -> Path:
    """The config file of a stack; it may not exist yet."""
    if named := env.get("PULUMI_OPTION_CONFIG_FILE"):
        return project / named
    bare = stack.rpartition("/")[2]
    return project / f"Pulumi.{bare}.yaml"


def own_keys(file: Path) -> dict[str, bool]:
    """The full keys in a stack's file, and whether each is encrypted. Raises `ConfigError`."""
    return {key: _holds_secret(value) for key, value in read_own_file(file).items()}


def _holds_secret(value: object) -> bool:
    """Whether a value, or a part of it, is encrypted."""
    if isinstance(value, dict):
        return "secure" in value or any(map(_holds_secret, value.values()))
    return isinstance(value, list) and any(map(_holds_secret, value))


def plain_value(file: Path, key: str) -> str | None:
    """A key's text; None where it is not in the file, is encrypted, or is not a text."""
    value = read_own_file(file).get(key)
    return value if isinstance(value, str) and value else None
