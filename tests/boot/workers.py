"""A stack with workers: the rendered bundles of both hosts, and a simulated worker."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from geusemaker.bundle.queue import HEAD_SECRETS, WORKER_SECRETS, Queue

from .boot_host import GOOD, INSTANCE, LIB, Host
from .test_boot_real_bundle import Rendered, rendered, secrets

HEAD: Final = "10.42.0.30"
"""The host's private address, to which the name leads."""
MOVED: Final = "10.42.0.20"
ZONE: Final = "dev.geusemaker.internal"
GROUP: Final = "geusemaker-dev-workers"
LEAVING: Final = "/run/geusemaker-leaving"
QUEUE: Final = Queue(drain_seconds=100, grows=True)

_POINTERS: Final = {
    "head": "\nnamespace=GeuseMaker/dev",
    "worker": f"\nhead=head.{ZONE}\nzone={ZONE}\ngroup={GROUP}",
}
_WORKER: Final = {
    "data_volume_id": "",
    "status_parameter": "",
    "reports": "workers-reports",
    "access_points": {"n8n-home": "fsap-0123456789abcdef0", "n8n-files": "fsap-0123456789abcdef1"},
}


def bundle_of(role: str, queue: Queue = QUEUE, **facts: object) -> Rendered:
    """The rendered bundle, with the pointer's lines for that role."""
    changed = replace(rendered().facts, role=role, queue=queue, **facts)  # type: ignore[arg-type]
    return Rendered(facts=changed, more_pointer=_POINTERS[role])


def new_worker(
    folder: Path, bundle: Rendered | None = None, system: tuple[str, str] = ("ubuntu", "26.04")
) -> Host:
    """A worker before its first boot. The name of the stack's host has an address."""
    host = Host(folder, *system, **_WORKER)  # type: ignore[arg-type]
    host.set("head", f"{HEAD}\n")
    host.parameters(**{one.name.replace("-", "_"): "value" for one in WORKER_SECRETS})
    host.name(bundle or bundle_of("worker"))
    return host


def new_head(folder: Path) -> Host:
    """The host of a stack with workers, before its first boot."""
    host = Host(folder)
    host.attach_volume()
    host.parameters(**secrets(), **{one.name.replace("-", "_"): "value" for one in HEAD_SECRETS})
    host.name(bundle_of("head"))
    return host


def booted(host: Host) -> Host:
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    assert host.mistakes() == []
    return host


def report(host: Host) -> dict[str, str]:
    """What the worker reports: the only object in the bucket of reports."""
    (path,) = (path for path in (host.world / "s3/workers-reports").rglob("*") if path.is_file())
    assert path == host.world / f"s3/workers-reports/reports/AROAEXAMPLE:{INSTANCE}"
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def settings_of_compose(host: Host) -> dict[str, str]:
    """Compose's .env of the bundle that runs."""
    text = host.read(f"{LIB}/current/.env")
    pairs = [line.split("=", 1) for line in text.splitlines()]
    assert len(pairs) == len(dict(pairs)), "a name has two values"
    return {name: value.strip("'") for name, value in pairs}
