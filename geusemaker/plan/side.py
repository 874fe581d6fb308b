"""One side of a comparison: a program with its config, ready to run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from geusemaker.config import DeploymentConfig
from geusemaker.config.documents import read_yaml
from geusemaker.config.sources import Given, read_file
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.messages import NAMESPACE, StackOrigin, as_text
from geusemaker.plan import stack_values
from geusemaker.plan.adopted import StandIns
from geusemaker.plan.run import Program
from geusemaker.plan.stack_values import StackValues


@dataclass(frozen=True)
class Side:
    """A program, its validated config, and what in it cannot be checked here."""

    program: Program
    config: DeploymentConfig
    stand_ins: StandIns
    unchecked: tuple[str, ...]


def side(
    folder: Path, stack: str, region: str, values: StackValues, more: Iterable[Given] = ()
) -> Side:
    """The program in a folder with the values of a stack, and those that override them.

    Raises:
        ConfigError: The config is invalid.
    """
    given = {one.key: one for one in (*values.defaults, *more)}
    config = DeploymentConfig.from_given(given.values())
    texts = config.stack_values()
    passed = {
        f"{NAMESPACE}:{key}": (
            str(one.value)
            if isinstance(one.origin, StackOrigin)
            else texts.get(key, as_text(one.value))
        )
        for key, one in given.items()
    }
    secrets = frozenset(f"{NAMESPACE}:{one.key}" for one in given.values() if one.secret)
    return Side(
        Program(
            folder, stack, region, {**passed, REGION_KEY: region}, secrets, values.default_tags
        ),
        config,
        StandIns.of_config(config, region),
        tuple(_hidden(values.encrypted)),
    )


def of_file(project: Path, file: Path) -> tuple[StackValues, list[Given]]:
    """The values in a config file: a stack's file, or a mapping of keys.

    Raises:
        ConfigError: The file cannot be read or parsed.
    """
    if file.suffix.lower() in (".yaml", ".yml"):
        content = read_yaml(file)
        if isinstance(content, Mapping) and "config" in content:
            values = stack_values.read(project, file)
            return values, list(values.given)
    given = read_file(file)
    taken = {one.key for one in given}
    return StackValues(defaults=stack_values.defaults(project, taken)), given


def _hidden(keys: Iterable[str]) -> Iterable[str]:
    for key in keys:
        yield (
            f"geusemaker:{key} is encrypted. Only a run with the stack's passphrase can read it, "
            "so a stand-in took its place."
        )
