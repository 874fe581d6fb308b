"""The environment in which the plain Pulumi CLI works against the simulated account.

Pure: from the clone's paths, the engine, the account and what the user's environment holds, to
what is set and what is unset. Whatever names AWS or Pulumi and is not set here goes away, by
prefix: a list of known variables would miss the next one that AWS invents.
"""

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from geusemaker.local.account import Account
from geusemaker.local.places import STACK, Places

_FOREIGN_PREFIXES = ("AWS_", "PULUMI_", "PYTHON", "MOTO_", "BOTO", "GRPC_PROXY", "no_grpc_proxy")
_FOREIGN_NAMES = ("grpc_proxy", "NO_GRPC_PROXY")
# Only how things look or are traced: nothing that leads elsewhere.
_HARMLESS = (
    "AWS_PAGER",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PYTHONIOENCODING",
    "PYTHONUTF8",
    "PYTHONWARNINGS",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Environment:
    """What to set and what to unset, on top of an environment."""

    set: Mapping[str, str]
    unset: tuple[str, ...]

    def applied_to(self, base: Mapping[str, str]) -> dict[str, str]:
        """A whole environment, for a program that is started in it."""
        kept = {name: value for name, value in base.items() if name not in self.unset}
        return kept | dict(self.set)

    def as_shell(self) -> str:
        """Lines for `eval` in sh, bash and zsh."""
        lines = [f"unset {name}" for name in self.unset]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in self.set.items()]
        return "\n".join(lines) + "\n"


def for_account(
    places: Places,
    engine_dir: Path,
    bin_dir: Path,
    account: Account,
    base: Mapping[str, str],
) -> Environment:
    """The local environment of this clone, seen from the environment `base`."""
    values = {
        "PATH": _path([bin_dir, engine_dir], base.get("PATH", os.defpath)),
        "VIRTUAL_ENV": str(bin_dir.parent),
        "AWS_ACCESS_KEY_ID": account.access_key_id,
        "AWS_SECRET_ACCESS_KEY": account.secret_access_key,
        "AWS_ENDPOINT_URL": account.endpoint,
        # For boto3 and the AWS CLI; the program takes the Region from the stack's aws:region.
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "PULUMI_HOME": str(places.pulumi_home),
        "PULUMI_BACKEND_URL": f"file://{quote(str(places.backend))}",
        # It protects nothing: the account is made up, and its secrets end with it.
        "PULUMI_CONFIG_PASSPHRASE": "simulated",
        "PULUMI_STACK": STACK,
        "PULUMI_OPTION_CONFIG_FILE": str(places.config),
        # `stack rm` would delete the committed file, whatever the line above says.
        "PULUMI_OPTION_PRESERVE_CONFIG": "true",
        "PULUMI_DEBUG_PROVIDERS": f"aws:{account.provider_port}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "GEUSEMAKER_SIMULATED": "1",
        **sealed(places),
        **_no_proxy(base),
    }
    return Environment(values, _foreign(base, values))


def for_simulator(places: Places, base: Mapping[str, str]) -> dict[str, str]:
    """What the simulator's own process gets: no account yet, and none of the user's."""
    values = {
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        **sealed(places),
        **_no_proxy(base),
    }
    return Environment(values, _foreign(base, values)).applied_to(base)


def sealed(places: Places) -> dict[str, str]:
    """Keeps boto3 and the AWS CLI from files, and from the metadata service, of this machine."""
    nothing = str(places.empty_file)
    return {
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "BOTO_CONFIG": nothing,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _path(first: Iterable[Path], rest: str) -> str:
    front = [str(folder) for folder in first]
    others = [folder for folder in rest.split(os.pathsep) if folder and folder not in front]
    return os.pathsep.join(dict.fromkeys([*front, *others]))


def _no_proxy(base: Mapping[str, str]) -> dict[str, str]:
    """A proxy stays for the rest of the world, but never comes between here and loopback."""
    named = f"{base.get('NO_PROXY', '')},{base.get('no_proxy', '')}".split(",")
    hosts = dict.fromkeys([*_LOOPBACK, *(host.strip() for host in named if host.strip())])
    return {"NO_PROXY": ",".join(hosts), "no_proxy": ",".join(hosts)}


def _foreign(base: Mapping[str, str], ours: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        sorted(
            name
            for name in base
            if (name.startswith(_FOREIGN_PREFIXES) or name in _FOREIGN_NAMES)
            and name not in ours
            and name not in _HARMLESS
        )
    )
