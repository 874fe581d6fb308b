"""What a run would change, from its steps against a state. Pure."""

import base64
import binascii
import difflib
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from geusemaker import bundle, userdata
from geusemaker.config import DeploymentConfig
from geusemaker.config.service_settings import secret_variables
from geusemaker.cost.resources import FILES, INSTANCE, PARAMETER, VAULT, VOLUME
from geusemaker.errors import UserDataError
from geusemaker.plan.build import Steps, known
from geusemaker.plan.cost import unknown_change
from geusemaker.plan.model import (
    Against,
    Change,
    Comparison,
    Cost,
    FileDiff,
    Outage,
    PropertyChange,
)
from geusemaker.plan.ran import Ran
from geusemaker.plan.workers import NAME as WORKERS
from geusemaker.plan.workers import changes_of
from geusemaker.userdata.render import Bounds
from pulumi_moto import state as recorded
from pulumi_moto.state import ENCRYPTED, STASH, State, Step, top
from pulumi_moto.wire import has_unknown

_OBJECT: Final = "aws:s3/bucketObjectv2:BucketObjectv2"
_DATA: Final = frozenset({FILES, VOLUME, VAULT})
_SECRETS: Final = ("geusemaker-id", "geusemaker-identity-credentials")
_LONGEST: Final = 200
"""Characters of a value that is shown."""
SCRIPT: Final = "boot script"
_SCRIPTS: Final = (
    (SCRIPT, "geusemaker-compute-user-data"),
    (f"{SCRIPT} of workers", f"{WORKERS}-user-data"),
)
"""What is shown of each boot script: a name, and the stash that keeps it."""


def comparison_of(
    ran: Ran,
    state: State,
    config: DeploymentConfig,
    against: Against,
    *,
    boot_seconds: int,
    before: Cost | None,
    after: Cost | None,
) -> Comparison:
    """The change from a state to a run that was made against it.

    `boot_seconds` is the limit of a boot; the costs are those before and after the change.
    """
    changes = [_change(step) for step in ran.steps if step.operation != "same"]
    gone = [one for one in changes if one.operation in ("replace", "delete")]
    files, notes = _files(ran, state)
    if against.kind == "state" and any(
        ENCRYPTED in (*one.inputs.values(), *one.outputs.values())
        for one in state.resources.values()
    ):
        notes.append(
            "The state has encrypted values, for which stand-ins were taken: they count as changed "
            "only where what they come from changes. `pulumi stack export --show-secrets` has them "
            "in plain text; do not keep that file."
        )
    steps = Steps(ran.steps)
    outages = tuple(_outages(changes, config, steps, state, boot_seconds))
    costs = (before, after) if before and after else None
    if costs and (unknown := unknown_change(*costs)):
        costs = None
        notes.append(f"The change of the cost, because no total has that of {', '.join(unknown)}.")
    return Comparison(
        against=against,
        changes=tuple(changes),
        unchanged=sum(step.operation == "same" for step in ran.steps),
        replaces_host=any(one.holds == "host" for one in gone),
        replaces_data=any(one.holds == "data" for one in gone),
        refused=tuple(one.name for one in gone if one.is_protected),
        outages=outages,
        workers=tuple(
            changes_of(
                ran.steps,
                _bundle_before(state, of_workers=True),
                _bundle_after(steps, of_workers=True),
                config.worker_drain_seconds,
                host_stops=any(one.services == ("host",) for one in outages),
            )
        ),
        cost_low=round(costs[1].low - costs[0].low, 2) if costs else None,
        cost_high=round(costs[1].high - costs[0].high, 2) if costs else None,
        files=tuple(files),
        notes=tuple(notes),
    )


def _change(step: Step) -> Change:
    assert step.operation != "same"  # noqa: S101 - for the type checker
    return Change(
        operation=step.operation,
        name=step.name,
        type=step.type,
        holds=_holds(step),
        is_protected=step.protect,
        properties=tuple(_property(step, one) for one in step.changes),
    )


def _holds(step: Step) -> Literal["host", "data", ""]:
    if step.type == INSTANCE:
        return "host"
    is_secret = step.name in _SECRETS and step.type in (STASH, PARAMETER)
    return "data" if step.type in _DATA or is_secret else ""


def _property(step: Step, change: recorded.Change) -> PropertyChange:
    is_secret = top(change.path) in step.secrets
    return PropertyChange(
        path=change.path,
        kind="add" if change.kind == "add" else "delete" if change.kind == "delete" else "update",
        before=None if is_secret else _short(_at(step.before, change.path)),
        after=None if is_secret else _short(_at(step.inputs, change.path)),
        replaces=change.replaces,
    )


def _at(value: Any, path: str) -> Any:
    """The value at a path in Pulumi's form; None without one."""
    if not path:
        return value
    if isinstance(value, Mapping):
        for key, part in value.items():
            rest = path.removeprefix(key)
            if rest != path and (not rest or rest[0] in ".["):
                return _at(part, rest.removeprefix("."))
    if isinstance(value, list) and path.startswith("["):
        index, _, rest = path[1:].partition("]")
        if index.isdigit() and int(index) < len(value):
            return _at(value[int(index)], rest.removeprefix("."))
    return None


def _short(value: Any) -> str | None:
    if value is None or value is ENCRYPTED or has_unknown(value):
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else None


def _outages(
    changes: Iterable[Change],
    config: DeploymentConfig,
    steps: Steps,
    state: State,
    seconds: int,
) -> Iterator[Outage]:
    host = next((one for one in changes if one.holds == "host"), None)
    if host is not None and host.operation in ("replace", "delete"):
        yield Outage(
            services=("host",),
            why="the old host stops, and the new one boots with the data volume",
            seconds=seconds,
        )
        return
    if host is not None and any(one.path == "instanceType" for one in host.properties):
        yield Outage(
            services=("host",), why="it is stopped and started with the new type", seconds=seconds
        )
        return
    limit = Bounds().services_seconds
    if restarted := bundle.restarted(_bundle_before(state), _bundle_after(steps)):
        yield Outage(
            services=tuple(restarted),
            why="their containers are created again with new settings",
            seconds=limit,
        )
    if any(
        one.name == "geusemaker-compute-secrets" and one.operation == "update" for one in changes
    ):
        # Caddy reads another key of `apiKeys` while it runs.
        services = {service for service, _ in secret_variables(config.service_settings)}
        if services:
            yield Outage(
                services=tuple(sorted(services)), why="their secrets may change", seconds=limit
            )


def _files(ran: Ran, state: State) -> tuple[list[FileDiff], list[str]]:
    """Diffs of the boot scripts and of the bundles' files, and what cannot be compared."""
    steps, notes = Steps(ran.steps), list[str]()
    before, after = dict(_bundle_before(state)), dict(_bundle_after(steps))
    old_worker = _bundle_before(state, of_workers=True)
    new_worker = _bundle_after(steps, of_workers=True)
    if old_worker and new_worker:
        before |= {f"workers/{path}": text for path, text in old_worker.items()}
        after |= {f"workers/{path}": text for path, text in new_worker.items()}
    for name, stash in _SCRIPTS:
        kept = state.named(stash, STASH)
        old = _text_of_script(kept.outputs.get("output")) if kept else None
        new = _text_of_script(steps.stash(stash))
        if old is not None and new is not None:
            before[name], after[name] = old, new
        elif old is not None and any(one.name == stash for one in steps.all):
            notes.append(f"The {name}: it has values that AWS assigns to new resources.")
    diffs = [
        FileDiff(path=path, diff=diff)
        for path in sorted(before.keys() | after.keys())
        if (diff := _diff(path, before.get(path, ""), after.get(path, "")))
    ]
    return (diffs if state.resources else []), notes


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"before/{path}", f"after/{path}", lineterm=""
    )
    return "\n".join(lines)


def _text_of_script(packed: Any) -> str | None:
    if not isinstance(packed, str):
        return None
    try:
        return userdata.decode(packed)
    except UserDataError:
        return None


def _bundle_before(state: State, *, of_workers: bool = False) -> Mapping[str, str]:
    found = (
        one
        for urn, one in state.resources.items()
        if one.type == _OBJECT and _is_of_workers(urn) == of_workers
    )
    return _unpacked(next((one.inputs.get("contentBase64") for one in found), None))


def _bundle_after(steps: Steps, *, of_workers: bool = False) -> Mapping[str, str]:
    found = (one for one in steps.of(_OBJECT) if _is_of_workers(one.urn) == of_workers)
    return _unpacked(next((known(one.inputs.get("contentBase64")) for one in found), None))


def _is_of_workers(urn: str) -> bool:
    return urn.rpartition("::")[2].startswith(WORKERS)


def _unpacked(encoded: Any) -> Mapping[str, str]:
    """The texts of a bundle's files by path; empty for what is no bundle."""
    if not isinstance(encoded, str):
        return {}
    try:
        return bundle.unpack(base64.b64decode(encoded))
    except (binascii.Error, tarfile.TarError, UnicodeDecodeError):
        return {}
