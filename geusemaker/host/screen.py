"""A host's status in lines and as JSON, with the fix and the next commands. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from geusemaker.host.report import Record, stamp
from geusemaker.host.status import GONE, HostStatus, Verdict

SIMULATED: Final = (
    "the simulated account boots no host, so no report will come and no service answers"
)

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
"""What each step of the host sets up. An unknown step is shown by its name."""

UNDER_WAY: Final = "under way"
"""The reason of a step that is running and has not failed."""

_WITHOUT_REPORT: Final = (Verdict.OFF, Verdict.NOT_REPORTED, Verdict.SILENT)
"""Verdicts for which the last report, if any, does not describe the host now."""

_TERMINATED: Final = ("terminated", "shutting-down", GONE)
_CREDITS: Final[Mapping[str, str]] = {
    "standard": "credit mode standard: slow once its CPU credits are used up",
    "unlimited": "credit mode unlimited: CPU beyond its credits costs extra",
}


def situation(status: HostStatus, steps: Mapping[str, str] = STEPS) -> str:
    """The state of the host, on one line; `steps` describes the steps of its boot."""
    record, verdict = status.record, status.verdict
    if verdict is Verdict.SIMULATED:
        return SIMULATED
    if verdict is Verdict.OFF:
        if status.has_refused_type:
            return (
                "no: the instance is stopped: the deployment that changes its type from "
                f"{status.deployed_type} to {status.instance.type} has not finished"
            )
        return f"no: the instance is {status.instance.state}"
    if verdict is Verdict.NOT_REPORTED:
        return f"not yet reported: {_why_not_reported(status)}"
    if verdict is Verdict.SILENT:
        return (
            f"unknown: the last report is from {stamp(record.time)}, though the host renews it "
            f"every 15 minutes; it was {record.state} then"
        )
    if verdict is Verdict.REFUSED:
        if record.state == "ready":
            return f"yes, but the new settings were refused, so the old ones run: {record.reason}"
        return f"no: the new settings were refused, and the old ones do not run: {record.reason}"
    if verdict is Verdict.APPLYING:
        return "yes, with the previous settings; the host has not applied the new ones yet"
    if verdict is Verdict.READY:
        return f"yes; the host notes: {record.reason}" if record.reason else "yes"
    if record.step == "ready" and record.reason not in ("", UNDER_WAY):
        return f"no: {record.reason.removeprefix('the host is not ready; ')}"
    if record.step:
        what = f" ({steps[record.step]})" if record.step in steps else ""
        if record.reason == UNDER_WAY:
            return f"no: step {record.step}{what} is under way"
        return f"no: step {record.step}{what} failed: {record.reason or 'no reason given'}"
    if record.reason:
        return f"no: {record.reason}"
    late = [f"{name} {health}" for name, health in record.services.items() if health != "healthy"]
    return f"no: waiting for {', '.join(late)}" if late else "no: the host is still setting up"


def _why_not_reported(status: HostStatus) -> str:
    instance, record = status.instance, status.record
    if instance.state == "pending":
        return "EC2 is starting the instance"
    if record.state == "unknown":
        return "no host of this stack has reported yet"
    if record.instance != instance.id:
        return f"the last report is from another instance, {record.instance or 'without an id'}"
    return f"the last report, from {stamp(record.time)}, is older than the instance's last start"


def fix(status: HostStatus) -> str:
    """The fix, with its command in backticks; empty when nothing is wrong."""
    verdict = status.verdict
    if verdict is Verdict.OFF:
        if status.instance.state in _TERMINATED:
            return "`pulumi up --refresh` creates a new one; the data stays"
        if status.has_refused_type:
            return (
                "`geusemaker doctor` shows whether the vCPU quota is too small for the new type; "
                "`geusemaker start` starts it when AWS allows it, and with the previous type "
                f"`pulumi config set geusemaker:instanceType {status.deployed_type} && pulumi up`"
            )
        return "`geusemaker start` starts it"
    if verdict is Verdict.REFUSED:
        return "`geusemaker logs` shows the full reason; correct the settings, then run `pulumi up`"
    if verdict is Verdict.NOT_READY and _is_without_gpu(status.record):
        return (
            "on the host (`geusemaker connect --shell`), `sudo systemctl restart "
            "geusemaker-services` recreates Ollama's container, which ends answers in progress"
        )
    if verdict is Verdict.NOT_READY and (unhealthy := _unhealthy(status.record)):
        return f"`geusemaker logs {unhealthy}` shows its log, `geusemaker logs` the boot log"
    if verdict in (Verdict.NOT_READY, Verdict.NOT_REPORTED):
        return "`geusemaker logs` shows what the host is doing"
    if verdict is Verdict.SILENT:
        return (
            "`geusemaker logs` shows whether it still answers; `geusemaker stop`, then `geusemaker "
            "start` reboot it with the same data"
        )
    if verdict is Verdict.APPLYING:
        return "`geusemaker status --wait` waits for that"
    return ""


def _unhealthy(record: Record) -> str | None:
    """The first unhealthy service, if any."""
    return next((name for name, health in record.services.items() if health == "unhealthy"), None)


def _is_without_gpu(record: Record) -> bool:
    """Whether the only fault is that Ollama does not see the host's GPU."""
    ill = [health for health in record.services.values() if health != "healthy"]
    return record.step == "ready" and len(ill) == 1 and ill[0].startswith("on the CPU")


def next_commands(status: HostStatus) -> list[str]:
    """The commands to offer next."""
    verdict = status.verdict
    if verdict is Verdict.SIMULATED:
        return ["geusemaker credentials"]
    if verdict is Verdict.OFF:
        dead = status.instance.state in _TERMINATED
        if status.has_refused_type:
            return ["geusemaker doctor"]
        return ["pulumi up --refresh"] if dead else ["geusemaker start"]
    if verdict is Verdict.READY:
        return ["geusemaker connect", "geusemaker credentials", "geusemaker logs"]
    if verdict is Verdict.SILENT:
        return ["geusemaker logs", "geusemaker stop"]
    return ["geusemaker status --wait", "geusemaker logs"]


def rows(status: HostStatus, outputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Topic and text of each line; the topic is empty on continuation lines."""
    record = status.record
    found = [("host", _host(status)), ("ready", situation(status))]
    is_plain = status.verdict in (Verdict.SIMULATED, Verdict.OFF) and not status.has_refused_type
    if not is_plain and (how := fix(status)):
        found.append(("", f"-> {how}"))
    # An old report does not describe the services of now.
    if status.verdict not in (*_WITHOUT_REPORT, Verdict.SIMULATED):
        found.append(("reported", stamp(record.time)))
        found += _listed("services", record.services)
        found += _listed("models", record.models)
        found.append(("settings", _settings(status)))
    if record.dump is not None:
        found.append(("dump", f"{stamp(record.dump)}, the last complete one of the database"))
    if record.dump_failure:
        found.append(("" if record.dump else "dump", f"failed {record.dump_failure}"))
        found.append(("", "-> `geusemaker logs` shows its output"))
    if status.verdict is not Verdict.SIMULATED and (url := outputs.get("url")):
        needs_session = str(url).startswith("https://localhost:")
        found.append(("url", f"{url}, through `geusemaker connect`" if needs_session else str(url)))
    return found


def _host(status: HostStatus) -> str:
    instance = status.instance
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


def _settings(status: HostStatus) -> str:
    running, wanted = status.record.running, status.wanted
    if status.verdict is Verdict.REFUSED:
        return f"{short(running)} run; {short(wanted)} requested and refused"
    if running != wanted or not running:
        return f"{short(running)} run; {short(wanted)} requested, not applied yet"
    return f"{short(running)} run, as requested"


def short(digest: str) -> str:
    """The first 12 digits of a SHA-256."""
    return digest[:12] or "none"


def as_json(status: HostStatus, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The status for programs; unknown values are null."""
    record, instance = status.record, status.instance
    is_current = status.is_current and not status.is_silent
    return {
        "verdict": str(status.verdict),
        "isReady": status.verdict is Verdict.READY,
        "situation": situation(status),
        "instanceId": instance.id,
        "instanceType": instance.type or None,
        "instanceState": instance.state,
        "startedAt": instance.launched.isoformat() if instance.launched else None,
        "creditMode": instance.credits,
        "reportedAt": record.time.isoformat() if record.time else None,
        "isReportCurrent": is_current,
        "failedStep": record.step or None if is_current else None,
        "reason": record.reason or None if is_current else None,
        "settingsRunning": record.running or None if is_current else None,
        "settingsWanted": status.wanted or None,
        "areSettingsRefused": status.are_settings_refused,
        "services": dict(record.services) if is_current else {},
        "models": dict(record.models) if is_current else {},
        "lastDump": record.dump.isoformat() if record.dump else None,
        "dumpFailure": record.dump_failure or None,
        "url": outputs.get("url"),
        "connectCommand": outputs.get("connectCommand"),
    }
