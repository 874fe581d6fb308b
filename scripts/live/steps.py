"""The steps of the run, in their order. Each is what a user does, and returns what AWS answered."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import account, host
from .stack import Failed, Live

NO_HOST: Final = "no host boots here"
NO_CALL: Final = "no such call here"
READY: Final = ("geusemaker", "status", "--wait", "--timeout", "40m")
ZONE: Final = "Europe/Berlin"
OTHER_OS: Final = "ubuntu-24.04"
INSTANCE: Final = "aws:ec2/instance:Instance"
COPIED: Final = ("aws:ebs/volume:Volume", "aws:efs/fileSystem:FileSystem")
"""Types with data, of which AWS Backup makes copies."""
KEPT: Final = ("stackId", "dataVolumeId", "fileSystemId", "credentialsParameter")
FILE: Final = "/srv/geusemaker/efs/n8n/files/geusemaker-live"
_GONE_SECONDS: Final = 300.0
"""AWS lists some things for minutes after their deletion."""


@dataclass(frozen=True)
class Step:
    """A step. `not_simulated` says why the simulated account cannot do it."""

    name: str
    do: Callable[[Live], Any]
    not_simulated: str = ""


def doctor(live: Live) -> None:
    live.run("geusemaker", "doctor")


def up(live: Live) -> Any:
    live.pulumi("up", "--yes", "--skip-preview")
    live.noted |= live.outputs()
    resources = live.resources()
    live.noted["copied"] = [
        of["arn"] for name, of in resources.items() if name.split()[0] in COPIED
    ]
    return look(live) | {"resources": resources}


def ready(live: Live) -> Any:
    live.run(*READY)
    return live.read("geusemaker", "status", "--json")


def services(live: Live) -> Any:
    logins = live.read("geusemaker", "credentials", "--json")
    with host.tunnel(live):
        found = host.statuses(logins)
    wrong = [
        name
        for name, of in found.items()
        if of["with its key"] != 200 or of["without"] not in (401, 403)
    ]
    if wrong:
        raise Failed(f"{', '.join(wrong)} should answer 200 with its key, and refuse else: {found}")
    return found


def setting(live: Live) -> Any:
    live.pulumi("config", "set", "--path", "geusemaker:serviceSettings.n8n.GENERIC_TIMEZONE", ZONE)
    planned = planned_without(live, *COPIED, INSTANCE)
    deploy(live, (*KEPT, "instanceId"))
    return {"planned": planned}


def setting_runs(live: Live) -> None:
    live.run(*READY)
    found = host.on_host(live, in_container("n8n", "printenv GENERIC_TIMEZONE")).strip()
    if found != ZONE:
        raise Failed(f"n8n has the time zone {found!r}, not {ZONE}.")


def write(live: Live) -> None:
    live.noted["word"] = secrets.token_hex(16)
    host.on_host(live, written(live.noted["word"]))


def replace(live: Live) -> Any:
    before = live.outputs()["instanceId"]
    live.pulumi("config", "set", "geusemaker:osType", OTHER_OS)
    planned = planned_without(live, *COPIED)
    deploy(live, KEPT)
    if live.outputs()["instanceId"] == before:
        raise Failed("Another osType has not replaced the host.")
    return look(live) | {"planned": planned}


def still_there(live: Live) -> None:
    live.run(*READY)
    word = live.noted["word"]
    found = host.on_host(live, read_back()).split()
    if found != [word, word]:
        raise Failed(f"The new host should read {word} from database and file; it reads {found}.")


def stop(live: Live) -> Any:
    live.run("geusemaker", "stop", "--yes")
    return look(live)


def start(live: Live) -> Any:
    live.run("geusemaker", "start", "--yes")
    return look(live)


def refresh(live: Live) -> Any:
    before = live.resources()
    live.pulumi("refresh", "--yes")
    after = live.resources()
    if before.keys() != after.keys():
        raise Failed(f"The refresh has lost {', '.join(sorted(before.keys() - after.keys()))}.")
    return {"resources": after}


def unchanged(live: Live) -> None:
    live.pulumi("preview", "--diff", "--expect-no-changes")


STEPS: Final[Sequence[Step]] = (
    Step("doctor", doctor),
    Step("up", up),
    Step("status --wait", ready, NO_HOST),
    Step("each service, with and without its key", services, NO_HOST),
    Step("a setting in place, on the same host", setting),
    Step("the setting runs in n8n", setting_runs, NO_HOST),
    Step("a row and a file written", write, NO_HOST),
    Step("the host replaced, with the same data", replace),
    Step("the row and the file still there", still_there, NO_HOST),
    Step("stop", stop),
    Step("start", start),
    Step("status --wait after the start", ready, NO_HOST),
    Step("refresh", refresh),
    Step("a preview without changes", unchanged),
)


def copies(live: Live) -> Any:
    """Counts the copies that go with the stack's own vault."""
    found = [
        one for kind, items in listed(live).items() if kind.name == "backup vault" for one in items
    ]
    return {"recovery points": sum(one.get("NumberOfRecoveryPoints", 0) for one in found)}


def destroy(live: Live) -> Any:
    """Once more where it has failed: it continues. The receipt must have every id as deleted."""
    try:
        return {"receipt": removed(live)}
    except Failed:
        return {"receipt": removed(live)}


def removed(live: Live) -> Any:
    live.resources()
    had = live.now
    receipt = live.read(*live.removal, "--json")
    deleted = {one["id"] for one in receipt["entries"] if one["outcome"] == "deleted"}
    if missing := had - deleted:
        raise Failed(f"The receipt does not have as deleted: {', '.join(sorted(missing))}.")
    return receipt


def empty(live: Live) -> None:
    until = time.monotonic() + _GONE_SECONDS
    while left := listed(live):
        if live.simulated or time.monotonic() > until:
            kinds = ", ".join(f"{len(items)} of {kind.name}" for kind, items in left.items())
            raise Failed(f"AWS still lists things of the stack: {kinds}.")
        time.sleep(15.0)
    live.pulumi("stack", "rm", live.name, "--yes")  # refused while the state has anything


def no_copies(live: Live) -> None:
    if left := account.recovery_points(live.session, live.noted.get("copied", [])):
        raise Failed(f"AWS Backup still has copies: {', '.join(left)}.")


REMOVAL: Final[Sequence[Step]] = (
    Step("copies that go with the stack", copies),
    Step("destroy", destroy),
    Step("nothing of the stack left in the account", empty),
    Step("no recovery point left", no_copies, NO_CALL),
)
"""These run whatever happened before, and each of them."""


def planned_without(live: Live, *types: str) -> dict[str, str]:
    """What a preview would do. `Failed`, before anything is changed, with one of these types."""
    planned = live.planned()
    if touched := [one for one in planned if one.split()[0] in types]:
        raise Failed(f"Nothing was deployed: it would change {', '.join(touched)}.")
    return planned


def deploy(live: Live, kept: Sequence[str]) -> None:
    """`pulumi up`. `Failed` where one of these outputs has changed."""
    before = live.outputs()
    live.pulumi("up", "--yes", "--skip-preview")
    live.resources()
    after = live.outputs()
    if changed := [name for name in kept if before[name] != after[name]]:
        raise Failed(f"`pulumi up` has replaced {', '.join(changed)}.")


def listed(live: Live) -> dict[account.Kind, list[dict[str, Any]]]:
    """What AWS lists of the stack."""
    live.resources()
    return account.listed(live.session, live.name, live.had)


def look(live: Live) -> dict[str, Any]:
    return {"listed": {kind.name: items for kind, items in listed(live).items()}}


def in_container(service: str, command: str) -> list[str]:
    """Lines for the host."""
    return [
        "cd /var/lib/geusemaker/current",
        f"docker compose exec -T {service} {command} </dev/null",
    ]


def written(word: str) -> list[str]:
    """Lines that write a word as a row of the database and as a file."""
    row = f"CREATE TABLE geusemaker_live AS SELECT '{word}'::text AS word"
    psql = f'psql -X -q -v ON_ERROR_STOP=1 -U n8n -d n8n -c "{row}"'
    return [*in_container("postgres", psql), f"echo {word} >{FILE}"]


def read_back() -> list[str]:
    """Lines that print both."""
    psql = 'psql -X -At -v ON_ERROR_STOP=1 -U n8n -d n8n -c "SELECT word FROM geusemaker_live"'
    return [*in_container("postgres", psql), f"cat {FILE}"]
