"""`geusemaker credentials`: the logins, read from Systems Manager each time."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import typer

from geusemaker import terminal
from geusemaker.bundle import DEFAULT_OWNER_EMAIL
from geusemaker.bundle.api_keys import entry
from geusemaker.cli.host import Host, opened_host
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption, YesOption
from geusemaker.cli.rotate import rotate
from geusemaker.cli.target import say
from geusemaker.errors import GeuseMakerError, HostError
from geusemaker.host import report
from geusemaker.host import secrets as secret_lines


def credentials(
    action: Annotated[
        Literal["rotate"] | None,
        typer.Argument(help="rotate: give NAME another key, after a prompt. Default: show."),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A name of apiKeys, with rotate.")
    ] = None,
    internal: Annotated[
        bool,
        typer.Option(
            "--all", help="Also secrets that are no logins, such as n8n's encryption key."
        ),
    ] = False,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the logins: n8n's owner, and the keys of Ollama, Qdrant and Crawl4AI.

    Needs ssm:GetParameter on the stack's parameter, and kms:Decrypt with its key.
    """
    with opened_host(stack, region, local, reads_config=True) as host:
        if action is not None:
            rotate(host, name, yes=yes)
            return
        target, who = host.target, host.target.identity()
        parameter = host.output("credentialsParameter")
        secrets = secret_lines.parse(host.service.parameter(parameter, secret=True))
        if not secrets:
            raise HostError(
                f"The parameter {parameter} of stack {host.stack} has none of the stack's secrets: "
                "it was overwritten. `pulumi up --refresh` restores them from the stack's state. "
                "With geusemaker:kmsKeyArn run `pulumi up` once more: the first run encrypts them "
                "with AWS's own key, the second with yours."
            )
        services, owner, names = _chosen(host)
        keys = _named_keys(host) if names is None or names else {}
        logins = secret_lines.logins_of(services)
        given = host.outputs.get("url")
        url = given.rstrip("/") if isinstance(given, str) else None
        if as_json:
            head = target.facts(who, host.stack)
            document = secret_lines.as_json(secrets, logins, url, owner, internal=internal)
            typer.echo(json.dumps(head | document | ({"apiKeys": dict(keys)} if keys else {})))
            return
        terminal.paragraph(f"{target.region}, {target.shown_account(who)}, stack {host.stack}")
        # Neither rewritten nor wrapped: a value is printed as it is.
        for line in secret_lines.lines(secrets, logins, url, owner, internal=internal):
            typer.echo(f"  {line}")
        for line in secret_lines.key_lines(names or (), keys):
            typer.echo(f"  {line}")
        if target.simulated:
            terminal.paragraph("SIMULATED: no host booted, nothing answers at this url")
        elif url is not None and url.startswith("https://localhost"):
            host.tell("`geusemaker connect` opens this url on this machine")
        elif url is not None:
            host.tell(
                "without access to this url: `geusemaker connect`, then https://localhost:8443"
            )


def _named_keys(host: Host) -> Mapping[str, str]:
    """The keys of `apiKeys`, from the parameter that the stack's settings name."""
    settings = report.values(host.service.parameter(host.output("settingsParameter")))
    parameter = settings.get("secrets", "").rpartition(":")[0]
    if not parameter:
        return {}
    return secret_lines.named_keys(host.service.parameter(parameter, secret=True))


def _chosen(host: Host) -> tuple[Sequence[str] | None, str, Sequence[str] | None]:
    """The stack's services, n8n's owner, and the names of keys.

    Where the config is invalid, None for all services, and None for all names.
    """
    try:
        config = host.target.config()
    except GeuseMakerError as error:
        say(
            "note: the stack's config cannot be read, so all services are shown, with the default "
            f"owner: {host.fit(str(error))}"
        )
        return None, DEFAULT_OWNER_EMAIL, None
    names = [found[0] for item in config.api_keys if (found := entry(item))]
    return config.services, config.owner_email or DEFAULT_OWNER_EMAIL, names
