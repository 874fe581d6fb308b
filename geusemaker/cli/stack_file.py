"""Changes a stack's config file as a whole: tried on a copy first, then taken over or dropped."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geusemaker.errors import ConfigError
from geusemaker.pulumi_cli.run import PulumiCli


@dataclass(frozen=True)
class Trial:
    """A copy of the stack's file with the changes in it; `adopt` makes it the file."""

    copy: Path
    file: Path
    before: bytes | None

    @property
    def changed(self) -> bool:
        """Whether the copy differs from the file."""
        return self.copy.exists() and self.copy.read_bytes() != (self.before or b"")

    def adopt(self) -> None:
        """Puts the copy in the file's place, whole.

        `ConfigError` when somebody has changed the file meanwhile: their change would be lost.
        """
        if _content(self.file) != self.before:
            raise ConfigError(
                f"{self.file} was changed by somebody else while this command was at work, so "
                "nothing was written to it and nothing was deployed. Look at it, then run the "
                "command again."
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
    """The stack's file with full keys written and removed, as a copy that ends with the block.

    Pulumi itself edits it, so that its form, its comments and its secrets stay as they are.
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
        # A link stays one: what it leads to is written.
        yield Trial(copy, file.resolve(), before)


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
