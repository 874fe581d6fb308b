"""The stack, Region and account that a command works on.

With `--local`, or inside `make shell`, the account is the simulated one. Otherwise the user's own
AWS and Pulumi settings choose it.
"""

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, Protocol, TypeVar

from geusemaker import terminal
from geusemaker.cli import fixes
from geusemaker.cli.stack_file import file_of, own_keys, plain_value
from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import Given
from geusemaker.ec2 import regions
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.errors import ConfigError, EngineError, GeuseMakerError, LocalError
from geusemaker.local import lifecycle, session
from geusemaker.local.places import STACK, Places, find_project
from geusemaker.messages import NAMESPACE, StackOrigin, nearest
from geusemaker.pulumi_cli.find import find_engine, find_ready_engine
from geusemaker.pulumi_cli.run import PulumiCli
from geusemaker.services.aws_errors import translate
from geusemaker.services.ec2 import EC2Service

# With these Pulumi calls AWS with another identity than boto3 does.
_OTHER_LOGINS = ("aws:assumeRoles", "aws:assumeRole", "aws:accessKey", "aws:endpoints")


T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """The caller, as AWS names it."""

    account: str
    arn: str


@dataclass
class Target:
    """One stack, or none, and access to AWS.

    Attributes:
        env: The environment that Pulumi and boto3 work in.
        stack: The stack's name; None where none is selected.
        stack_file: The stack's config file; it may not exist yet.
        region: None where nothing names one; `region_source` is what names it.
        stack_region: The aws:region of the stack's own config.
        profile: The stack's aws:profile, which Pulumi uses; None for the default.
        no_stack: Why there is no stack, for a message.
        calls: API calls sent so far, retries included.
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
    _ahead: dict[str, Future[Any]] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client of that service in the Region."""
        import boto3  # slow to import, and not every command calls AWS
        from botocore.config import Config

        # The adaptive mode may delay a single call; standard retries with jitter, a bounded number.
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
        """The caller, by GetCallerIdentity. Raises `AwsError` or `ConfigError`."""
        self.required_region()  # a misspelt Region would be reported as a network error
        with self._translated("sts", "GetCallerIdentity"):
            answer = self.client("sts").get_caller_identity()
        return Identity(answer["Account"], answer["Arn"])

    def ec2(self) -> EC2Service:
        """The look-up of images. Raises `ConfigError` without a Region, or `AwsError`."""
        region = self.required_region()
        with self._translated("ec2", "DescribeImages"):
            return EC2Service(region, client=self.client("ec2"))

    @contextlib.contextmanager
    def _translated(self, service: str, operation: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        # The last two: boto3 raises them for an invalid endpoint and for an AWS config file that
        # cannot be read.
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as error:
            raise translate(
                error, service=service, operation=operation, region=self.region or ""
            ) from error

    def required_region(self) -> str:
        """The Region. `ConfigError` when nothing names one, or the name is unknown."""
        if self.region is None:
            raise ConfigError(
                "No Region is set: neither --region, nor the stack's aws:region, nor AWS_REGION "
                "names one, and images differ between Regions. Set it: "
                "`pulumi config set aws:region us-east-1` for the stack, or --region us-east-1 for "
                "this command."
            )
        regions.check(self.region, self.region_source)
        return self.region

    @property
    def is_elsewhere(self) -> bool:
        """Whether the Region is not the one that the stack is in."""
        return self.stack_region is not None and self.region != self.stack_region

    def check_own_region(self) -> None:
        """`ConfigError` when the Region is not the one that the stack is in."""
        if self.is_elsewhere:
            raise ConfigError(
                f"--region is {self.region!r}, but stack {self.stack} is in {self.stack_region}, "
                "and this command works in the stack's Region only. Omit --region; "
                f"`geusemaker ami list` shows the images in {self.region}."
            )

    def required_stack(self) -> tuple[str, PulumiCli, Path]:
        """The stack's name, its CLI and its file. `ConfigError` when there is none."""
        if self.stack is None or self.cli is None or self.stack_file is None:
            raise ConfigError(self.no_stack)
        return self.stack, self.cli, self.stack_file

    def read_ahead(self) -> None:
        """Starts the Pulumi CLI for `given` and `outputs`, which then wait for its results.

        For a command that needs both, and calls AWS in the meantime. Each is used once.
        """
        aside = ThreadPoolExecutor(max_workers=2)
        self._ahead = {
            "given": aside.submit(self._given),
            "outputs": aside.submit(self._outputs),
        }
        aside.shutdown(wait=False)

    def _read(self, name: str, read: Callable[[], T]) -> T:
        started = self._ahead.pop(name, None)
        return read() if started is None else started.result()

    def given(self) -> list[Given]:
        """The keys of this program that the stack's own file sets; empty without a stack.

        Pulumi reads the values, so they are the ones that the program sees.
        """
        return self._read("given", self._given)

    def _given(self) -> list[Given]:
        if self.cli is None or self.stack_file is None:
            return []
        own = own_keys(self.stack_file)
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
        """The stack's config; all defaults without a stack. Raises `ConfigError`."""
        return DeploymentConfig.from_given(self.given())

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; empty without a stack, or before its first deployment."""
        return self._read("outputs", self._outputs)

    def _outputs(self) -> dict[str, Any]:
        return self.cli.outputs() if self.cli and self.stack else {}

    def facts(self, identity: Identity, stack: str) -> dict[str, Any]:
        """The first keys of a command's JSON."""
        return {
            "region": self.region,
            "account": identity.account,
            "simulated": self.simulated,
            "stack": stack,
        }

    def shown_account(self, identity: Identity) -> str:
        """The account as every command prints it."""
        return f"{'SIMULATED ' if self.simulated else ''}account {identity.account}"


class Say(Protocol):
    """Prints a note for the user on stderr."""

    def __call__(self, text: str, /) -> None: ...


def say(text: str) -> None:
    """Prints a note on stderr: stdout is for the result."""
    terminal.paragraph(text, err=True)


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

    With `need_engine` a missing Pulumi CLI is installed or built, which takes minutes; otherwise
    the target has no stack. With `any_region` an unknown Region is no error: the caller reports it.

    Raises:
        ConfigError: The named stack does not exist, or the named Region.
        LocalError: There is no project here, or no simulated account could be started.
    """
    if region is not None and not any_region:
        regions.check(region, regions.OF_FLAG)  # before anything is started or built
    here = Path.cwd()
    project = find_project(here)
    if project not in (here, *here.parents):
        say(f"note: {here} is not in a clone of GeuseMaker; using the clone in {project}")
    base = dict(os.environ)
    if local:
        if stack not in (None, STACK):
            raise LocalError(
                f"--stack is {stack!r}, but the simulated account has only the stack {STACK!r}: "
                f"omit --stack with --local."
            )
        with terminal.working("Preparing the simulated account"):
            env: Mapping[str, str] = session.open_session(Places(project), base, say).env
        stack = STACK
    else:
        env = base
    # With --local the session has just made sure that the stack exists.
    cli, why = _cli(project, env, stack, need_engine, say, is_known=local)
    name = cli.stack if cli else None
    file = file_of(project, env, name) if name else None
    own, _ = _region(None, cli, file, {})
    found, source = _region(region, cli, file, env)
    simulated = env.get("GEUSEMAKER_SIMULATED") == "1"
    if file and not simulated:
        for key in sorted({key for key in own_keys(file) if key in _OTHER_LOGINS}):
            say(
                f"note: the stack's {key} applies to Pulumi only; this command calls AWS without it"
            )
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
        # The simulated account has no profiles, whatever the stack's file names.
        profile=plain_value(file, "aws:profile") if file and not simulated else None,
        no_stack=why,
    )


@contextlib.contextmanager
def opened(
    stack: str | None, region: str | None, local: bool, *, own_region: bool = False
) -> Iterator[Target]:
    """The target of a command. Rewrites the commands in its errors to match the user's flags.

    With `own_region` only the stack's own Region is accepted.
    """
    # Meanwhile the Pulumi CLI runs; each takes 0.2 s.
    Thread(target=import_module, args=("boto3",)).start()
    try:
        target = open_target(stack, region, local)
        if own_region:
            target.check_own_region()
        with contextlib.ExitStack() as held:
            if local:
                held.enter_context(lifecycle.locked(Places(target.project), say))
            yield target
    except GeuseMakerError as error:
        error.args = (fixes.reword(str(error), stack=stack, local=local, region=region),)
        raise


def _cli(
    project: Path,
    env: Mapping[str, str],
    stack: str | None,
    need_engine: bool,
    say: Say,
    *,
    is_known: bool,
) -> tuple[PulumiCli | None, str]:
    """The CLI bound to the stack, or why there is none. A known stack is not looked up."""
    try:
        program = _program(env, need_engine, say)
    except EngineError as error:
        if need_engine:
            raise
        return None, str(error)
    # This Python first: the program and Pulumi's language host run in it.
    path = os.pathsep.join(
        [str(session.bin_dir()), str(program.parent), env.get("PATH", os.defpath)]
    )
    cli = PulumiCli(program, {**env, "PATH": path}, project)
    if is_known:
        cli.stack = stack
        return cli, ""
    try:
        stacks = cli.stacks()
    except GeuseMakerError as error:
        why = (
            f"The stacks of this project cannot be listed. Pulumi said: {error} -- if the login is "
            "missing, `pulumi login` or `pulumi login --local` fixes it."
        )
        if stack is not None:
            raise ConfigError(why) from None
        return None, why
    listed = ", ".join(stacks) or "none"
    if stack is None:
        stack = next((name for name, selected in stacks.items() if selected), None)
        if stack is None and (named := env.get("PULUMI_STACK")):
            return None, (
                f"PULUMI_STACK is {named!r}, and this project has no such stack (it has: "
                f"{listed}). `unset PULUMI_STACK` takes the selected one; --stack names another."
            )
        if stack is None:
            return None, (
                f"No stack is selected in {project.name} (it has: {listed}). Name one with "
                "--stack, or `pulumi stack select --create prod`."
            )
    elif not _is_there(stack, stacks):
        near = nearest(stack, stacks)
        use = f"Use `--stack {shlex.quote(near)}`, or create {stack!r}" if near else "Create it"
        raise ConfigError(
            f"--stack is {stack!r}, and this project has no such stack (it has: {listed}). "
            f"{use}: `pulumi stack init {shlex.quote(stack)}`."
        )
    cli.stack = stack
    return cli, ""


def _is_there(stack: str, stacks: Iterable[str]) -> bool:
    """Whether the project has it. Pulumi lists the user's own stacks without organisation."""
    names = set(stacks)
    bare = {name.rpartition("/")[2] for name in names}
    # `acme/geusemaker/dev` may be the listed `dev`; if not, Pulumi reports it.
    return stack in names | bare or ("/" in stack and stack.rpartition("/")[2] in bare)


def _program(env: Mapping[str, str], need_engine: bool, say: Say) -> Path:
    if need_engine:
        with terminal.working("Preparing the Pulumi CLI"):
            return find_engine(say, environ=env).path_dir / "pulumi"
    # The version does not matter for a command that only reads.
    if on_path := shutil.which("pulumi", path=env.get("PATH")):
        return Path(on_path)
    engine, tried = find_ready_engine(environ={**env, "GEUSEMAKER_ENGINE_SOURCES": "cache"})
    if engine is None:
        why = f" ({'; '.join(tried)})" if tried else ""
        raise EngineError(
            f"There is no usable Pulumi CLI on this machine{why}, and this command installs none. "
            "`geusemaker deploy` installs or builds it once, in about 5 minutes; by hand: "
            "https://www.pulumi.com/docs/install/."
        )
    return engine.path_dir / "pulumi"


def _region(
    flag: str | None, cli: PulumiCli | None, file: Path | None, env: Mapping[str, str]
) -> tuple[str | None, str]:
    if flag:
        return flag, regions.OF_FLAG
    if file is not None:
        region = plain_value(file, REGION_KEY)
        if region is None and cli is not None and own_keys(file).get(REGION_KEY):
            region = cli.config().get(REGION_KEY)  # encrypted
        if region:
            return region, regions.OF_STACK
    for name in regions.VARIABLES:
        if region := env.get(name):
            return region, name
    return None, ""


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """Sets this process's environment, the only one that boto3 reads."""
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
