"""A look at the host, in words, in lines and as JSON. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from geusemaker.host.report import Record, stamp
from geusemaker.host.status import GONE, Look, Verdict

SIMULATED: Final = "the simulated account boots no host: no report will come, nothing answers"

STEPS: Final[Mapping[str, str]] = {
    "host": "files and units",
    "data": "the data volume",
    "efs": "the EFS mounts",
    "docker": "Docker",
    "gpu": "the NVIDIA driver",
    "bundle": "the settings and the images of the services",
    "secrets": "the stack's secrets",
    "services": "the start of the services",
    "ready": "readiness",
}
"""What the host's steps are about; one that is not here is told by its name."""

UNDER_WAY: Final = "under way"
"""The reason of a step that has not failed but is at work."""

_UNTOLD: Final = (Verdict.OFF, Verdict.NOT_REPORTED, Verdict.SILENT)
"""In these the last report, if any, tells nothing of what runs now."""

_DEAD: Final = ("terminated", "shutting-down", GONE)
_CREDITS: Final[Mapping[str, str]] = {
    "standard": "credit mode standard: slow once its CPU credits are used up",
    "unlimited": "credit mode unlimited: CPU beyond its credits costs extra",
}


def situation(look: Look) -> str:
    """What is true of the host, on one line."""
    told, verdict = look.record, look.verdict
    if verdict is Verdict.SIMULATED:
        return SIMULATED
    if verdict is Verdict.OFF:
        return f"no: the instance is {look.instance.state}"
    if verdict is Verdict.NOT_REPORTED:
        return f"not yet reported: {_unreported(look)}"
    if verdict is Verdict.SILENT:
        return (
            f"not known: the host has been silent since {stamp(told.time)}, though it renews its "
            f"report every quarter of an hour; it was {told.state} then"
        )
    if verdict is Verdict.REFUSED:
        if told.state == "ready":
            return f"yes, but the new settings were refused, so the old ones run: {told.reason}"
        return f"no: the new settings were refused, and the old ones do not run: {told.reason}"
    if verdict is Verdict.APPLYING:
        return "yes, on the settings of before; the host has not applied the new ones yet"
    if verdict is Verdict.READY:
        return f"yes; the host notes: {told.reason}" if told.reason else "yes"
    if told.step == "ready" and told.reason not in ("", UNDER_WAY):
        return f"no: {told.reason.removeprefix('the host is not ready; ')}"
    if told.step:
        what = f" ({STEPS[told.step]})" if told.step in STEPS else ""
        if told.reason == UNDER_WAY:
            return f"no: step {told.step}{what} is under way"
        return f"no: step {told.step}{what} failed: {told.reason or 'no reason given'}"
    if told.reason:
        return f"no: {told.reason}"
    late = [f"{name} {health}" for name, health in told.services.items() if health != "healthy"]
    return f"no: waiting for {', '.join(late)}" if late else "no: the host is at work"


def _unreported(look: Look) -> str:
    instance, told = look.instance, look.record
    if instance.state == "pending":
        return "EC2 is starting the instance"
    if told.state == "unknown":
        return "no host of this stack has reported so far"
    if told.instance != instance.id:
        return f"the last report is of another instance, {told.instance or 'without an id'}"
    return f"the last report, of {stamp(told.time)}, is of before its start"


def way_out(look: Look) -> str:
    """What helps now, with its command between backticks; empty where all is well."""
    verdict = look.verdict
    if verdict is Verdict.OFF:
        if look.instance.state in _DEAD:
            return "`pulumi up --refresh` makes a new one; the data stays"
        return "`geusemaker start` starts it"
    if verdict is Verdict.REFUSED:
        return (
            "`geusemaker logs` shows why in full; another `pulumi up` with settings that work "
            "replaces them"
        )
    if verdict is Verdict.NOT_READY and _is_without_gpu(look.record):
        return (
            "on the host (`geusemaker connect --shell`), `sudo systemctl restart "
            "geusemaker-services` recreates Ollama's container, which ends answers in progress"
        )
    if verdict is Verdict.NOT_READY and (sick := _sick(look.record)):
        return f"`geusemaker logs {sick}` shows what it says, `geusemaker logs` the boot"
    if verdict in (Verdict.NOT_READY, Verdict.NOT_REPORTED):
        return "`geusemaker logs` shows what the host is doing"
    if verdict is Verdict.SILENT:
        return (
            "`geusemaker logs` shows whether it still answers; `geusemaker stop` and `geusemaker "
            "start` boot it anew, over the same data"
        )
    if verdict is Verdict.APPLYING:
        return "`geusemaker status --wait` waits until it has"
    return ""


def _sick(told: Record) -> str | None:
    """The one service to look at, where it is a service's fault."""
    return next((name for name, health in told.services.items() if health == "unhealthy"), None)


def _is_without_gpu(told: Record) -> bool:
    """Whether all that is wrong is that Ollama does not see the host's GPU."""
    ill = [health for health in told.services.values() if health != "healthy"]
    return told.step == "ready" and len(ill) == 1 and ill[0].startswith("on the CPU")


def following(look: Look) -> list[str]:
    """The commands that come next."""
    verdict = look.verdict
    if verdict is Verdict.SIMULATED:
        return ["geusemaker credentials"]
    if verdict is Verdict.OFF:
        dead = look.instance.state in _DEAD
        return ["pulumi up --refresh"] if dead else ["geusemaker start"]
    if verdict is Verdict.READY:
        return ["geusemaker connect", "geusemaker credentials", "geusemaker logs"]
    if verdict is Verdict.SILENT:
        return ["geusemaker logs", "geusemaker stop"]
    return ["geusemaker status --wait", "geusemaker logs"]


def rows(look: Look, outputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Topic and text of each line; a topic that goes on is empty."""
    told = look.record
    found = [("host", _host(look)), ("ready", situation(look))]
    if look.verdict not in (Verdict.SIMULATED, Verdict.OFF) and (out := way_out(look)):
        found.append(("", f"-> {out}"))
    # An old report tells nothing of services that do not run now.
    if look.verdict not in (*_UNTOLD, Verdict.SIMULATED):
        found.append(("reported", stamp(told.time)))
        found += _listed("services", told.services)
        found += _listed("models", told.models)
        found.append(("settings", _settings(look)))
    if told.dump is not None:
        found.append(("dump", f"{stamp(told.dump)}, the last one of the database"))
    if told.dump_failure:
        found.append(("" if told.dump else "dump", f"failed {told.dump_failure}"))
        found.append(("", "-> `geusemaker logs` shows what it said"))
    if outputs.get("url"):
        found.append(("url", str(outputs["url"])))
    if outputs.get("connectCommand"):
        found.append(("connect", str(outputs["connectCommand"])))
    return found


def _host(look: Look) -> str:
    instance = look.instance
    parts = [instance.id, instance.type, instance.state]
    text = ", ".join(part for part in parts if part)
    if instance.launched is not None and instance.state in ("running", "pending"):
        text += f" since {stamp(instance.launched)}"
    credit = _CREDITS.get(instance.credits or "")
    return f"{text}; {credit}" if credit else text


def _listed(topic: str, states: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    width = max(map(len, states), default=0)
    for number, (name, state) in enumerate(states.items()):
        yield ("" if number else topic, f"{name:<{width}}  {state}")


def _settings(look: Look) -> str:
    running, wanted = look.record.running, look.wanted
    if look.verdict is Verdict.REFUSED:
        return f"{short(running)} run; {short(wanted)} wanted and refused"
    if running != wanted or not running:
        return f"{short(running)} run; {short(wanted)} wanted, not applied yet"
    return f"{short(running)} run, as wanted"


def short(digest: str) -> str:
    """The beginning of a SHA-256, enough to tell two apart."""
    return digest[:12] or "none"


def as_json(look: Look, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The same for programs; what is not known is null."""
    told, instance = look.record, look.instance
    is_current = look.is_current and not look.is_silent
    return {
        "verdict": str(look.verdict),
        "isReady": look.verdict is Verdict.READY,
        "situation": situation(look),
        "instanceId": instance.id,
        "instanceType": instance.type or None,
        "instanceState": instance.state,
        "startedAt": instance.launched.isoformat() if instance.launched else None,
        "creditMode": instance.credits,
        "reportedAt": told.time.isoformat() if told.time else None,
        "isReportCurrent": is_current,
        "failedStep": told.step or None if is_current else None,
        "reason": told.reason or None if is_current else None,
        "settingsRunning": told.running or None if is_current else None,
        "settingsWanted": look.wanted or None,
        "areSettingsRefused": look.are_settings_refused,
        "services": dict(told.services) if is_current else {},
        "models": dict(told.models) if is_current else {},
        "lastDump": told.dump.isoformat() if told.dump else None,
        "dumpFailure": told.dump_failure or None,
        "url": outputs.get("url"),
        "connectCommand": outputs.get("connectCommand"),
    }
