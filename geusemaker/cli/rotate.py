"""`geusemaker credentials rotate NAME`: gives a name of `apiKeys` another key."""

from collections.abc import Mapping
from typing import Final

from geusemaker import terminal
from geusemaker.bundle.api_keys import entry
from geusemaker.cli import stack_file
from geusemaker.cli.confirm import agree
from geusemaker.cli.host import Host
from geusemaker.errors import ConfigError, GeuseMakerError, PulumiError
from geusemaker.local.places import Places
from geusemaker.messages import NAMESPACE, as_text

KEY: Final = f"{NAMESPACE}:apiKeys"


def rotate(host: Host, name: str | None, *, yes: bool) -> None:
    """Counts the name up in the stack's file and deploys that; prompts before.

    Raises:
        ConfigError: The config has no such name.
        PulumiError: The deployment failed.
    """
    stack, cli, file = host.target.required_stack()
    numbers = dict(found for item in host.target.config().api_keys if (found := entry(item)))
    if name not in numbers:
        raise _unknown(stack, name, numbers)
    items = _items({**numbers, name: numbers[name] + 1})
    with stack_file.trial(cli, file, {KEY: as_text(items)}) as trial:
        with terminal.working("Previewing"):
            outcome = cli.preview(trial.copy)
        terminal.paragraph(outcome.would(), "Preview: ")
        if outcome.replaced:
            terminal.paragraph(outcome.replaces(), "  replaces: ")
        for warning in outcome.warnings:
            terminal.paragraph(f"{terminal.mark('warning', 'warning:')} {host.fit(warning)}")
        agree(f"Give {name} another key?", "Nothing was changed", "deploy", yes=yes)
        trial.adopt()
    shown = Places(host.target.project).shown(file)
    terminal.paragraph(f"Written to {shown}: {KEY}: {as_text(items)}")
    try:
        with terminal.working("Deploying"):
            done = cli.up().did()
    except GeuseMakerError as error:
        raise PulumiError(
            f"The deployment has failed, so {name} may have its old key still. The file has the "
            f"new number, and `geusemaker deploy` continues. Pulumi said: {error}"
        ) from None
    terminal.paragraph(f"Deployed: {done}")
    host.tell(
        f"{name} has another key; `geusemaker credentials` shows it. The host takes it, and "
        "refuses the old one, once `geusemaker status` shows that the settings run as requested."
    )


def _items(numbers: Mapping[str, int]) -> list[str]:
    return [name if number == 1 else f"{name}:{number}" for name, number in numbers.items()]


def _unknown(stack: str, name: str | None, numbers: Mapping[str, int]) -> ConfigError:
    names = ", ".join(numbers) or "none"
    if not name or entry(name) != (name, 1):
        example = next(iter(numbers), "laptop")
        return ConfigError(
            f"NAME is {name or 'missing'}, which is not a name of {KEY} (stack {stack} has: "
            f"{names}). `geusemaker credentials rotate {example}` gives one of them another key."
            if numbers
            else f"Stack {stack} has no {KEY}, so there is no key to rotate. To make one: `pulumi "
            f"config set {KEY} {example}`, then `pulumi up`."
        )
    return ConfigError(
        f"NAME is {name}, which is not a name of {KEY} (stack {stack} has: {names}). To make a key "
        f"of that name: `pulumi config set {KEY} {as_text([*_items(numbers), name])}`, then "
        "`pulumi up`."
    )
