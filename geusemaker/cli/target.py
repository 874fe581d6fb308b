"""Where a command works: which stack, in which Region, of which account.

Two doors. By `--local`, or inside `make shell`, it is the simulated account; else whatever
account the user's own AWS and Pulumi settings lead to.
"""

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import Given
from geusemaker.ec2 import regions
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.errors import ConfigError, EngineError, GeuseMakerError, LocalError
from geusemaker.local import session
from geusemaker.local.places import STACK, Places, find_project
from geusemaker.messages import NAMESPACE, StackOrigin
from geusemaker.pulumi_cli.find import find_engine, find_ready_engine
from geusemaker.pulumi_cli.run import PulumiCli
from geusemaker.services.aws_errors import translate
from geusemaker.services.ec2 import EC2Service

# With these Pulumi asks AWS as somebody else than boto3 here would.
_OTHER_LOGINS = ("aws:assumeRoles", "aws:assumeRole", "aws:accessKey", "aws:endpoints")


@dataclass(frozen=True)
class Identity:
    """Who AWS says is asking."""

    account: str
    arn: str


@dataclass
class Target:
    """One stack, or none, and the way to AWS beside it.

    Attributes:
        env: The environment that Pulumi and boto3 work in.
        stack: The stack's name; None where none is selected.
        stack_file: Where that stack's config is written; it may not be there yet.
        region: None where nothing names one; `region_source` says what did.
        stack_region: What the stack's own config says of it.
        profile: The stack's aws:profile, with which Pulumi asks AWS; None for the default.
        no_stack: Why there is no stack, for a message.
        calls: API calls that went out so far, tries again included.
    """

    project: Path
    env: Mapping[str, str]
    simulated: bool
    cli: PulumiCli | None
    stack: str | None
    stack_file: Path | None
    region: str | None
    region_source: str
    stack_region: str | None = None
    profile: str | None = None
    no_stack: str = ""
    calls: int = 0
    _session: Any = field(default=None, repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client of that service in the Region."""
        import boto3  # here, since it is slow to load and not every command asks AWS
        from botocore.config import Config

        # Standard: bounded retries with jitter; the adaptive mode may hold a single call back.
        retries = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10)
        with _environment(self.env):
            if self._session is None:
                self._session = boto3.Session(profile_name=self.profile, region_name=self.region)
            made = self._session.client(service, config=retries)
        made.meta.events.register("before-send", self._count)
        return made

    def _count(self, **_: Any) -> None:
        self.calls += 1

    def identity(self) -> Identity:
        """Who is asking: one call, GetCallerIdentity. Raises `AwsError`, or `ConfigError`."""
        self.required_region()  # else a misspelt one is told as trouble with the network
        with self._translated("sts", "GetCallerIdentity"):
            told = self.client("sts").get_caller_identity()
        return Identity(told["Account"], told["Arn"])

    def ec2(self) -> EC2Service:
        """What asks for images. Raises `ConfigError` without a Region, else `AwsError`."""
        region = self.required_region()
        with self._translated("ec2", "DescribeImages"):
            return EC2Service(region, client=self.client("ec2"))

    @contextlib.contextmanager
    def _translated(self, service: str, operation: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        # The last two: what making a client ends with, for an address that is none and for files
        # of AWS's config that cannot be read.
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as error:
            raise translate(
                error, service=service, operation=operation, region=self.region or ""
            ) from error

    def required_region(self) -> str:
        """The Region. `ConfigError` when nothing names one, or the name is none."""
        if self.region is None:
            raise ConfigError(
                "No Region is set: neither --region, nor the stack's aws:region, nor AWS_REGION "
                "names one, and images differ from Region to Region. Name it: "
                "`pulumi config set aws:region us-east-1` for the stack, or --region us-east-1 for "
                "this one command."
            )
        regions.check(self.region, self.region_source)
        return self.region

    @property
    def is_elsewhere(self) -> bool:
        """Whether the Region is another than the one that the stack is in."""
        return self.stack_region is not None and self.region != self.stack_region

    def check_own_region(self) -> None:
        """`ConfigError` when another Region is asked about than the one that the stack is in."""
        if self.is_elsewhere:
            raise ConfigError(
                f"--region is {self.region!r}, but stack {self.stack} is in {self.stack_region}, "
                "and images of one Region say nothing of a host in another. Leave --region out; "
                f"`geusemaker ami list` shows what {self.region} has."
            )

    def required_stack(self) -> tuple[str, PulumiCli, Path]:
        """The stack's name, its CLI and its file. `ConfigError` when there is none."""
        if self.stack is None or self.cli is None or self.stack_file is None:
            raise ConfigError(self.no_stack)
        return self.stack, self.cli, self.stack_file

    def given(self) -> list[Given]:
        """What the stack's own file sets in this program's namespace; nothing without a stack.

        Pulumi reads the values, so that they are what the program will see.
        """
        if self.cli is None or self.stack_file is None:
            return []
        own = _own_keys(self.stack_file)
        ours = [key for key in own if key.partition(":")[0] == NAMESPACE]
        if not ours:
            return []
        secret = {key for key in ours if own[key]}
        values = self.cli.config(show_secrets=bool(secret))
        return [
            Given(bare, values[key], StackOrigin(bare), key in secret)
            for key in ours
            if key in values
            for bare in [key.partition(":")[2]]
        ]

    def config(self) -> DeploymentConfig:
        """What the stack's config says; all defaults without a stack. Raises `ConfigError`."""
        return DeploymentConfig.from_given(self.given())

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; empty when it was never deployed, or without a stack."""
        return self.cli.outputs() if self.cli and self.stack else {}

    def shown_account(self, identity: Identity) -> str:
        """The account as each screen names it."""
        return f"{'SIMULATED ' if self.simulated else ''}account {identity.account}"


class Say(Protocol):
    """Writes one line for the user, beside the answer."""

    def __call__(self, text: str, /) -> None: ...


def say(text: str) -> None:
    """A line on stderr: stdout is for the answer."""
    print(text, file=sys.stderr, flush=True)


def open_target(
    stack: str | None = None,
    region: str | None = None,
    local: bool = False,
    *,
    need_engine: bool = False,
    any_region: bool = False,
    say: Say = say,
) -> Target:
    """Finds project, engine, stack and Region.

    With `need_engine` a missing Pulumi CLI is installed or built, which takes minutes; else the
    command does without a stack. With `any_region` a Region that is none is taken as it is, for a
    command that is about that.

    Raises:
        ConfigError: The named stack does not exist, or the named Region.
        LocalError: There is no project here, or no simulated account could be started.
    """
    if region is not None and not any_region:
        regions.check(region, regions.OF_FLAG)  # before anything is started or built for it
    here = Path.cwd()
    project = find_project(here)
    if project not in (here, *here.parents):
        say(f"note: {here} is in no clone of GeuseMaker; this is about the one in {project}")
    base = dict(os.environ)
    if local:
        if stack not in (None, STACK):
            raise LocalError(
                f"--stack is {stack!r}, but the simulated account has the one stack {STACK!r}: "
                f"leave --stack out beside --local."
            )
        env: Mapping[str, str] = session.open_session(Places(project), base, say).env
        stack = STACK
    else:
        env = base
    cli, why = _cli(project, env, stack, need_engine, say)
    name = cli.stack if cli else None
    file = _stack_file(project, env, name) if name else None
    own, _ = _region(None, cli, file, {})
    found, source = _region(region, cli, file, env)
    simulated = env.get("GEUSEMAKER_SIMULATED") == "1"
    if file and not simulated:
        for key in sorted({key for key in _own_keys(file) if key in _OTHER_LOGINS}):
            say(f"note: the stack's {key} is for Pulumi; this command asks AWS without it")
    return Target(
        project=project,
        env=env,
        simulated=simulated,
        cli=cli,
        stack=name,
        stack_file=file,
        region=found,
        region_source=source,
        stack_region=own,
        # The local door has no profiles, whatever the committed file names.
        profile=_plain(file, "aws:profile") if file and not simulated else None,
        no_stack=why,
    )


def _cli(
    project: Path, env: Mapping[str, str], stack: str | None, need_engine: bool, say: Say
) -> tuple[PulumiCli | None, str]:
    """The CLI bound to the stack, or why there is none."""
    try:
        program = _program(env, need_engine, say)
    except EngineError as error:
        if need_engine:
            raise
        return None, str(error)
    # This Python first: the program runs in it, and so does Pulumi's language host.
    path = os.pathsep.join(
        [str(session.bin_dir()), str(program.parent), env.get("PATH", os.defpath)]
    )
    cli = PulumiCli(program, {**env, "PATH": path}, project)
    try:
        stacks = cli.stacks()
    except GeuseMakerError as error:
        why = (
            f"The stacks of this project cannot be listed. Pulumi said: {error} -- if that is "
            "about a login, `pulumi login` or `pulumi login --local` fixes it."
        )
        if stack is not None:
            raise ConfigError(why) from None
        return None, why
    listed = ", ".join(stacks) or "none"
    if stack is None:
        stack = next((name for name, selected in stacks.items() if selected), None)
        if stack is None and (named := env.get("PULUMI_STACK")):
            return None, (
                f"PULUMI_STACK is {named!r}, and this project has no such stack (there is: "
                f"{listed}). `unset PULUMI_STACK` takes the selected one; --stack names another."
            )
        if stack is None:
            return None, (
                f"No stack is selected in {project.name} (there is: {listed}). Name one by "
                "--stack, or `pulumi stack select --create prod`."
            )
    elif not _is_there(stack, stacks):
        raise ConfigError(
            f"--stack is {stack!r}, and this project has no such stack (there is: {listed}). Make "
            f"it: `pulumi stack init {shlex.quote(stack)}`."
        )
    cli.stack = stack
    return cli, ""


def _is_there(stack: str, stacks: Iterable[str]) -> bool:
    """Whether the project has it; Pulumi lists a stack of one's own without organisation."""
    names = set(stacks)
    bare = {name.rpartition("/")[2] for name in names}
    # `acme/geusemaker/dev` may be the `dev` of the list; if it is not, Pulumi says so.
    return stack in names | bare or ("/" in stack and stack.rpartition("/")[2] in bare)


def _program(env: Mapping[str, str], need_engine: bool, say: Say) -> Path:
    if need_engine:
        return find_engine(say, environ=env).path_dir / "pulumi"
    # What is on PATH needs no look at its version to list an image.
    if on_path := shutil.which("pulumi", path=env.get("PATH")):
        return Path(on_path)
    engine, tried = find_ready_engine(environ={**env, "GEUSEMAKER_ENGINE_SOURCES": "cache"})
    if engine is None:
        why = f" ({'; '.join(tried)})" if tried else ""
        raise EngineError(
            f"There is no Pulumi CLI that will do on this machine{why}, and this command gets "
            "none. `geusemaker deploy` installs or builds it, about 5 minutes, once; by hand: "
            "https://www.pulumi.com/docs/install/."
        )
    return engine.path_dir / "pulumi"


def _stack_file(project: Path, env: Mapping[str, str], stack: str) -> Path:
    if named := env.get("PULUMI_OPTION_CONFIG_FILE"):
        return project / named
    bare = stack.rpartition("/")[2]
    return project / f"Pulumi.{bare}.yaml"


def _own_keys(file: Path) -> dict[str, bool]:
    """The keys that stand in a stack's file, and whether each is encrypted.

    A file that Pulumi cannot read either is told by Pulumi, when it is asked.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        config = content["config"]
        return {str(key): _holds_secret(value) for key, value in config.items()}
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def _holds_secret(value: object) -> bool:
    """Whether a value is encrypted, or a part of it."""
    if isinstance(value, dict):
        return "secure" in value or any(map(_holds_secret, value.values()))
    return isinstance(value, list) and any(map(_holds_secret, value))


def _region(
    flag: str | None, cli: PulumiCli | None, file: Path | None, env: Mapping[str, str]
) -> tuple[str | None, str]:
    if flag:
        return flag, regions.OF_FLAG
    if file is not None:
        told = _plain(file, REGION_KEY)
        if told is None and cli is not None and _own_keys(file).get(REGION_KEY):
            told = cli.config().get(REGION_KEY)  # it is encrypted
        if told:
            return told, regions.OF_STACK
    for name in regions.VARIABLES:
        if told := env.get(name):
            return told, name
    return None, ""


def _plain(file: Path, key: str) -> str | None:
    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8"))["config"][key]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) and value else None


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """boto3 reads this process's environment, and nothing else can be given to it whole."""
    before = dict(os.environ)
    if before == dict(env):
        yield
        return
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
