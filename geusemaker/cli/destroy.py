"""`geusemaker destroy`: previews, prompts, removes the stack with or without its data."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Final

import typer

from geusemaker import terminal
from geusemaker.cli import fixes, removal_text, stack_file
from geusemaker.cli.confirm import agree, agree_by_name
from geusemaker.cli.deploy import in_sight
from geusemaker.cli.obstacles import Account
from geusemaker.cli.opening import locked, open_target
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption, YesOption
from geusemaker.cli.removal import (
    Members,
    Receipt,
    Removal,
    Shown,
    entries_of,
    not_of_the_stack,
    total,
)
from geusemaker.cli.target import Identity, Target
from geusemaker.cost.resources import INSTANCE, VAULT
from geusemaker.errors import GeuseMakerError, PulumiError
from geusemaker.pulumi_cli.output import reason
from geusemaker.pulumi_cli.run import PulumiCli
from geusemaker.pulumi_cli.state import Recorded, StackState

_NOTHING: Final = "Nothing was deleted"
_PROTECT: Final = "geusemaker:protectData"

DeleteDataOption = Annotated[
    bool,
    typer.Option(
        "--delete-data",
        help="Delete the data too, its copies and its keys. Prompts for the stack's name.",
    ),
]
ConfirmOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The stack's name, for scripts: answers the prompt of --delete-data."
    ),
]


def destroy(
    stack: StackOption = None,
    region: RegionOption = None,
    delete_data: DeleteDataOption = False,
    confirm: ConfirmOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove the host and all that costs, and keep the data; --delete-data removes it too.

    Previews first, shows what goes and what stays, and prompts. Ends with a receipt of every id.
    """
    if confirm is not None and not delete_data:
        raise typer.BadParameter("--confirm answers the prompt of --delete-data: add --delete-data")
    if as_json and not (confirm if delete_data else yes):
        needed = "--confirm NAME" if delete_data else "--yes"
        raise typer.BadParameter(f"--json prints the receipt only, and no prompt: add {needed}")
    fit = partial(fixes.reword, stack=stack, local=local, region=region)
    with fixes.fitted(fit):
        target = open_target(stack, region, local, need_engine=True)
        target.check_own_region()
        with locked(target, local):
            _Command(target, fit, delete_data, confirm, yes, as_json).run()


@dataclass
class _Command:
    target: Target
    fit: Callable[[str], str]
    delete_data: bool
    confirm: str | None
    yes: bool
    as_json: bool
    _workers: Mapping[str, Members] = field(default_factory=dict)

    def run(self) -> None:
        name, cli, _ = self.target.required_stack()
        if self.confirm not in (None, name):
            raise PulumiError(
                f"{_NOTHING}: --confirm is {self.confirm!r}, but the stack is {name}."
            )
        before = cli.state()
        if before.region:
            self.target.region = before.region  # where the resources are, whatever the config says
        who = self.target.identity()
        _check_account(before, who, name)
        removal = Removal(before, self.delete_data)
        self._tell(f"{self.target.region}, {self.target.shown_account(who)}, stack {name}")
        if not removal.goes and not (self.delete_data and before.resources):
            self._nothing_to_do(removal, who)
            return
        account = Account(self.target.required_region(), self.target.client)
        with terminal.working("Checking the account"):
            shown = {one.urn: account.shown(one) for one in before.resources}
            obstacles = account.obstacles(removal)
        if obstacles:
            raise PulumiError(
                f"{_NOTHING}: AWS would refuse in the middle, because {'; and '.join(obstacles)}. "
                "Then run this command again."
            )
        for note in account.notes:
            self._tell(f"note: {note}")
        options = [*removal.options, *_refresh(before, shown)]
        self._preview(cli, options)
        self._workers = {
            one.id: shown[one.urn].members for one in removal.goes if shown[one.urn].members
        }
        forecast = entries_of(
            removal, removal.kept, lambda one: shown[one.urn], account.region, self._workers
        )
        if not self.as_json:
            removal_text.show_forecast(removal, forecast, self.fit)
        self._agree(removal, name)
        if _ids(cli.state()) != _ids(before):
            raise PulumiError(
                f"{_NOTHING}: stack {name} has changed since the preview, by another run of "
                "Pulumi, and what was shown is no longer what would go. Run this command again."
            )
        failure, end = self._delete(cli, removal, shown, options)
        try:
            after = cli.state()
        except GeuseMakerError as error:
            raise PulumiError(
                f"{failure or 'The removal has ended.'} There is no receipt, because the stack's "
                f"state cannot be read: {reason(str(error))} -- run the same command again: it "
                "shows what is left."
            ) from end
        receipt = self._receipt(removal, after, who, failure)
        if self.as_json:
            typer.echo(receipt.json_text())
        else:
            removal_text.show_receipt(receipt, self.fit)
        if end is not None:
            raise end

    def _tell(self, text: str) -> None:
        terminal.paragraph(self.fit(text), err=self.as_json)

    def _preview(self, cli: PulumiCli, options: list[str]) -> None:
        try:
            self._pulumi(cli, "--preview-only", *options)
        except GeuseMakerError as error:
            raise PulumiError(f"{_NOTHING}: {_why_no_preview(str(error))}") from None

    def _pulumi(self, cli: PulumiCli, *options: str) -> None:
        """`pulumi destroy`. On a terminal Pulumi draws its tree, else it writes line by line."""
        if terminal.is_interactive() and not self.as_json:
            cli.destroy_on_terminal(*options)
        else:
            cli.destroy_with_output(partial(in_sight, err=self.as_json), *options)

    def _agree(self, removal: Removal, name: str) -> None:
        if self.confirm is not None:
            return
        if removal.deletes_data and removal.has_data:
            script = shlex.join(["geusemaker", "destroy", "--delete-data", "--confirm", name])
            agree_by_name(name, _NOTHING, f"`{script}`")
            return
        agree("Delete it?", _NOTHING, "delete it", yes=self.yes)

    def _delete(
        self, cli: PulumiCli, removal: Removal, shown: dict[str, Shown], options: list[str]
    ) -> tuple[str | None, BaseException | None]:
        """Deletes. Returns why it ended early, and what to raise after the receipt."""
        try:
            self._empty_vault(cli, removal, shown)
            self._pulumi(cli, "--yes", "--skip-preview", *options)
        except KeyboardInterrupt as interrupt:
            return "It was interrupted.", interrupt
        except GeuseMakerError as error:
            why = f"The removal has failed: {reason(str(error))}"
            return why, PulumiError(
                f"{why} -- fix the cause, then run the same command again: it continues."
            )
        return None, None

    def _empty_vault(self, cli: PulumiCli, removal: Removal, shown: dict[str, Shown]) -> None:
        """Has Pulumi delete the copies with the vault, which it does not while data is protected.

        Only a deployment with protectData false changes that. It is of the vault alone, and with a
        copy of the stack's file.
        """
        _, _, file = self.target.required_stack()
        vaults = [
            one
            for one in removal.goes
            if one.type == VAULT
            and not one.outputs.get("forceDestroy")
            and shown[one.urn].used != 0
        ]
        if not vaults:
            return
        self._tell(
            f"The vault {vaults[0].id} has copies, which Pulumi deletes with it only after a "
            f"deployment with {_PROTECT} false. First step: such a deployment of the vault alone; "
            f"{file.name} stays as it is."
        )
        with stack_file.trial(cli, file, {_PROTECT: "false"}) as trial:
            cli.up_with_output(
                partial(in_sight, err=self.as_json),
                config_file=trial.copy,
                targets=[one.urn for one in vaults],
            )

    def _nothing_to_do(self, removal: Removal, who: Identity) -> None:
        receipt = self._receipt(removal, removal.state, who, None)
        if self.as_json:
            typer.echo(receipt.json_text())
        elif not removal.state.resources:
            self._tell(
                f"Stack {receipt.stack} has no resources: it was never deployed, or is destroyed. "
                f"{removal_text.WITHOUT_RESOURCES}"
            )
        else:
            self._tell("Nothing is left to delete but the data.")
            removal_text.show_receipt(receipt, self.fit)

    def _receipt(
        self, removal: Removal, after: StackState, who: Identity, failure: str | None
    ) -> Receipt:
        account = Account(self.target.required_region(), self.target.client)
        entries = entries_of(removal, after.resources, account.shown, account.region, self._workers)
        is_complete = failure is None and not any(one.is_left for one in entries)
        amount, is_known = total(entries)
        name, _, _ = self.target.required_stack()
        pending = [
            f"{one}: its creation was interrupted; it may exist outside Pulumi's state"
            for one in removal.state.pending
        ]
        return Receipt(
            stack=name,
            region=account.region,
            account=who.account,
            simulated=self.target.simulated,
            is_complete=is_complete,
            entries=entries,
            usd_a_month=amount,
            is_cost_complete=is_known,
            not_of_the_stack=not_of_the_stack(removal.state),
            notes=(*pending, *account.notes),
            failure=failure,
            next=tuple(map(self._fitted, self._next(removal, after, is_complete))),
        )

    def _fitted(self, command: str) -> str:
        return self.fit(f"`{command}`").strip("`")

    def _next(self, removal: Removal, after: StackState, is_complete: bool) -> list[str]:
        if not is_complete:
            return ["geusemaker destroy" + (" --delete-data" if removal.deletes_data else "")]
        if after.resources:
            return ["geusemaker deploy", "geusemaker destroy --delete-data"]
        return ["geusemaker local down"] if self.target.simulated else ["pulumi stack rm"]


def _check_account(state: StackState, who: Identity, name: str) -> None:
    """Another account shows nothing of the stack, and a refresh there would empty its state."""
    accounts = {one.account for one in state.resources if one.account}
    if accounts and who.account not in accounts:
        raise PulumiError(
            f"{_NOTHING}: these AWS credentials are of the account {who.account}, but stack {name} "
            f"is in {' and '.join(sorted(accounts))}, so nothing of it can be checked. Use "
            "credentials of that account, for example by `export AWS_PROFILE=NAME`, and run this "
            "command again."
        )


def _ids(state: StackState) -> set[tuple[str, str, bool]]:
    return {(one.urn, one.id, one.protect) for one in state.resources}


def _refresh(state: StackState, shown: dict[str, Shown]) -> list[str]:
    """Pulumi cannot detach the volume from a host that was terminated without it."""
    gone: list[Recorded] = [one for one in state.of(INSTANCE) if shown[one.urn].exists is False]
    return ["--refresh"] if gone else []


def _why_no_preview(text: str) -> str:
    """Why Pulumi's preview of the removal has failed."""
    if "passphrase" in text:
        which = "is wrong" if "incorrect passphrase" in text else "is not set"
        return (
            f"the passphrase of this stack {which}, and Pulumi needs it for the stack's secrets. "
            "Set PULUMI_CONFIG_PASSPHRASE to it, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that "
            "has it. Then run this command again."
        )
    if "currently locked" in text:
        return (
            "another run of Pulumi works on this stack, or was killed. Wait for it; if there is "
            "none, `pulumi cancel` removes its lock."
        )
    return f"Pulumi's preview of the removal has failed: {reason(text)}."
