"""`geusemaker preview` on the genuine engine: it agrees with the engine and with a plan."""

import json
from typing import Any

import pytest

from .door import Door

CHANGES: list[tuple[list[str], dict[str, str]]] = [
    (["--os-type", "ubuntu-24.04"], {"backupRetentionDays": "3"}),
    (["--instance-type", "m6i.2xlarge"], {"allowedCidrs": "198.51.100.0/24"}),
    ([], {"services": "n8n,postgres", "protectData": "true"}),
    ([], {"workersMax": "2", "workerInstanceTypes": "g6.xlarge"}),
]


@pytest.fixture(scope="module")
def up(door: Door) -> Door:
    door.set(osType="ubuntu-22.04", architecture="x86_64", amiType="base")
    door.up()
    return door


def compared(printed: str) -> dict[str, Any]:
    found, _ = json.JSONDecoder().raw_decode(printed, printed.index('{\n  "version"'))
    comparison: dict[str, Any] = found["comparison"]
    return comparison


def short(comparison: dict[str, Any]) -> dict[str, Any]:
    """What a preview and a plan must have in common: the engine knows the secrets too."""
    changes = {
        (one["operation"], one["name"], one["type"], one["holds"]) for one in comparison["changes"]
    }
    rest = ("replacesHost", "replacesData", "outages", "workers", "costLow", "costHigh", "files")
    return {"changes": changes} | {key: comparison[key] for key in rest}


@pytest.mark.parametrize(("flags", "keys"), CHANGES, ids=["os", "type", "services", "workers"])
def test_a_preview_agrees_with_the_engine_and_with_a_plan_against_the_state(
    up: Door, flags: list[str], keys: dict[str, str]
) -> None:
    up.set(**keys)
    file = up.places.config.read_bytes()
    state = up.places.project / "state.json"
    up.pulumi("stack", "export", "--file", str(state))
    ran = up.run("geusemaker", "preview", "--json", *flags)
    assert ran.code == 0, str(ran)
    found = compared(ran.out)
    assert up.places.config.read_bytes() == file
    plan = up.run("geusemaker", "plan", "--json", "--stack", "dev", "--against", str(state), *flags)
    assert short(found) == short(compared(plan.out))

    shown = up.run("geusemaker", "preview", *flags).out
    assert "Resources:\n" in shown.partition("Against the deployed stack")[0], "Pulumi's own end"
    for key, value in zip(("osType", "instanceType"), flags[1:], strict=False):
        up.set(**{key if flags[0] == "--os-type" else "instanceType": value})
    operations = {
        name: "replace" if "replace" in steps else steps for name, steps in up.steps().items()
    }
    operations.pop("geusemaker-dev", None)
    assert {one["name"] for one in found["changes"]} == set(operations)
    for one in found["changes"]:
        assert one["operation"] in operations[one["name"]]
    up.set(osType="ubuntu-22.04")
    up.unset("instanceType", *keys)
    up.set(protectData="false")
