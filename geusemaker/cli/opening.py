"""Opens the stack that a command is about, and makes what goes wrong fit what was typed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from geusemaker.cli import fixes
from geusemaker.cli.target import Target, open_target, say
from geusemaker.errors import GeuseMakerError
from geusemaker.local import lifecycle
from geusemaker.local.places import Places


@contextmanager
def opened(
    stack: str | None, region: str | None, local: bool, *, own_region: bool = False
) -> Iterator[Target]:
    """The target of a command; the commands in its errors are made to fit what was typed.

    With `own_region` only the stack's own Region will do.
    """
    try:
        target = open_target(stack, region, local)
        if own_region:
            target.check_own_region()
        with ExitStack() as held:
            if local:
                held.enter_context(lifecycle.locked(Places(target.project), say))
            yield target
    except GeuseMakerError as error:
        error.args = (fixes.reword(str(error), stack=stack, local=local, region=region),)
        raise


def fitting(stack: str | None, region: str | None, local: bool) -> Callable[[str], str]:
    """Makes the commands in a text those for what was typed."""
    return partial(fixes.reword, stack=stack, local=local, region=region)
