"""The environment in which the plain Pulumi CLI uses the simulated account. Pure.

Every AWS and Pulumi variable of the user that is not set here is unset, by prefix: a list of names
would miss new ones.
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
# Formatting and tracing only: these cannot lead to another account.
_HARMLESS = (
    "AWS_PAGER",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PYTHONIOENCODING",
    "PYTHONUTF8",
    "PYTHONWARNINGS",
)
# These name the clone's stack and its file; the rest names the account and the backend.
_OF_STACK = (
    "PULUMI_STACK",
    "PULUMI_OPTION_CONFIG_FILE",
    "PULUMI_OPTION_PRESERVE_CONFIG",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Environment:
    """Variables to set and to unset in an environment."""

    set: Mapping[str, str]
    unset: tuple[str, ...]

    def applied_to(self, base: Mapping[str, str]) -> dict[str, str]:
        """The complete environment for a child process."""
        kept = {name: value for name, value in base.items() if name not in self.unset}
        return kept | dict(self.set)

    def for_other_project(self) -> "Environment":
        """The same account, for a project that has its own stacks and files."""
        values = {name: value for name, value in self.set.items() if name not in _OF_STACK}
        return Environment(values, tuple(sorted({*self.unset, *_OF_STACK})))

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
    """The changes to `base` that make the local environment of this clone."""
    values = {
        "PATH": _path([bin_dir, engine_dir], base.get("PATH", os.defpath)),
        "VIRTUAL_ENV": str(bin_dir.parent),
        "AWS_ACCESS_KEY_ID": account.access_key_id,
        "AWS_SECRET_ACCESS_KEY": account.secret_access_key,
        "AWS_ENDPOINT_URL": account.endpoint,
        # For boto3 and the AWS CLI; the program reads the Region from the stack's aws:region.
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "PULUMI_HOME": str(places.pulumi_home),
        "PULUMI_BACKEND_URL": f"file://{quote(str(places.backend))}",
        # Not a secret: the account is simulated.
        "PULUMI_CONFIG_PASSPHRASE": "simulated",
        "PULUMI_STACK": STACK,
        "PULUMI_OPTION_CONFIG_FILE": str(places.config),
        # `stack rm` would delete the committed file despite the line above.
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
    """The environment of the simulator's process: no account yet, and no login of the user."""
    values = {
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        **sealed(places),
        **_no_proxy(base),
    }
    return Environment(values, _foreign(base, values)).applied_to(base)


def sealed(places: Places) -> dict[str, str]:
    """Keeps boto3 and the AWS CLI from this machine's AWS files and metadata service."""
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
    """Keeps the user's proxy for other hosts, never for loopback."""
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
