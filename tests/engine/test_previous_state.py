"""Stacks that an earlier commit deployed keep their image and their data.

`recorded/` holds what `pulumi stack export` gave after `pulumi up`, with the config of each; source
positions, which name the machine, are left out.

- `defaults`, `every-image-key`, `pinned`: by commit 7f30da9, the last one before the image keys had
  commands of their own. Since then the boot script has changed, which replaces each host once, as
  the changelog says under *Replaces hosts*; nothing else may be replaced.
- `services`, `services-public`: by the first commit whose host runs the services; `host`,
  `host-public`: by the one after it. Since then the boot script has changed, with the same effect;
  and in `services-public` the description of the rule for port 80, in place, which held a character
  that EC2 refuses. Each stack has got an id, which everything carries as one more tag, in place,
  and the default group of its VPC is closed (`MADE_SINCE`).
- `stack-id`, `stack-id-public`: by commit 5d82bf7, the first whose boot script boots Ubuntu 26.04
  and lacks the stack's name. Nothing of them may change but the settings of the services, in place.

A change that replaces more must come with a new record and a line there, never with a changed
record alone.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from .door import Door

RECORDED = Path(__file__).with_name("recorded")
BY_THE_BOOT_SCRIPT = {
    "geusemaker-compute-host",
    "geusemaker-compute-user-data",
    # They name the host.
    "geusemaker-compute-data",
    "geusemaker-compute-address",
}
STACKS = ("defaults", "every-image-key", "pinned")
WITH_SERVICES: dict[str, dict[str, str]] = {
    "services": {},
    "services-public": {"geusemaker-network-http": "update"},
    "host": {},
    "host-public": {},
}
MADE_SINCE = {"geusemaker-id", "geusemaker-network-default-group"}
NOW = ("stack-id", "stack-id-public")
SETTINGS = "geusemaker-compute-settings"


@pytest.fixture(autouse=True, scope="module")
def _newer_images(door: Door) -> None:
    """Of each line that a record runs: they change nothing about it either."""
    base = "Deep Learning Base OSS Nvidia Driver GPU AMI"
    door.release(f"{base} (Ubuntu 22.04) 20261110")
    door.release(f"{base} (Ubuntu 24.04) 20261110")
    torch = "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.11 (Ubuntu 24.04) 20261110"
    door.release(torch, "arm64")


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_of_before_the_services_keeps_all_that_it_has(door: Door, name: str) -> None:
    import_record(door, name)
    before = _resources(door)
    steps = door.steps(but_tags=True)
    kept = {one["urn"].rpartition("::")[2] for one in before}
    assert len(before) > 30
    changed = {step: op for step, op in steps.items() if step in kept}
    assert changed.keys() == BY_THE_BOOT_SCRIPT & kept, changed
    assert all(steps[name] != "delete" for name in changed)
    assert {op for name, op in steps.items() if name not in kept} == {"create"}


@pytest.mark.parametrize("name", WITH_SERVICES)
def test_a_stack_of_before_the_last_boot_script_keeps_all_but_its_host(
    door: Door, name: str
) -> None:
    import_record(door, name)
    kept = {one["urn"].rpartition("::")[2] for one in _resources(door)}
    others = _beside_the_settings(door, but_tags=True)
    by_script = BY_THE_BOOT_SCRIPT & kept
    assert others.keys() == by_script | WITH_SERVICES[name].keys() | MADE_SINCE, others
    assert {others[made] for made in MADE_SINCE} == {"create"}
    assert all(others[changed] != "delete" for changed in by_script)
    assert others.items() >= WITH_SERVICES[name].items()


@pytest.mark.parametrize("name", NOW)
def test_a_stack_with_services_changes_in_nothing_but_their_settings(door: Door, name: str) -> None:
    import_record(door, name)
    assert len(_resources(door)) > 45
    assert _beside_the_settings(door) == {}
    # The rule is no empty one: what is another stack's config changes more.
    door.set(osType="amazon-linux-2023")
    assert "geusemaker-compute-host" in door.steps()


def _beside_the_settings(door: Door, *, but_tags: bool = False) -> dict[str, str]:
    """The steps of a preview, but those by which the settings of the services change."""
    steps = door.steps(but_tags=but_tags)
    stored = [step for one, step in steps.items() if one.startswith(f"{SETTINGS}-")]
    others = {one: step for one, step in steps.items() if not one.startswith(f"{SETTINGS}-")}
    # A bundle of other bytes is another object, and the parameter that names it moves in place.
    assert sorted(stored) in ([], ["create", "delete"])
    if stored:
        assert others.pop(SETTINGS) == "update"
    return others


def import_record(door: Door, name: str) -> None:
    """Makes the record the door's stack, with its config."""
    salt = [line for line in door.places.config.read_text().splitlines() if "salt" in line]
    config = (RECORDED / f"{name}.config.yaml").read_text()
    door.places.config.write_text(config + "\n".join(salt) + "\n")
    door.pulumi("stack", "import", "--file", str(RECORDED / f"{name}.state.json"))


def _resources(door: Door) -> list[dict[str, Any]]:
    state = json.loads(door.pulumi("stack", "export").out)
    kept: list[dict[str, Any]] = [
        one for one in state["deployment"]["resources"] if "providers" not in one["type"]
    ]
    return kept


def test_config_without_any_image_key_means_what_it_meant(door: Door) -> None:
    """ubuntu-22.04, x86_64, base: the record says what was running under no key at all."""
    config = (RECORDED / "defaults.config.yaml").read_text()
    assert "osType" not in config
    state = json.loads((RECORDED / "defaults.state.json").read_text())
    outputs = state["deployment"]["resources"][0]["outputs"]
    assert (outputs["osType"], outputs["architecture"]) == ("ubuntu-22.04", "x86_64")
    import_record(door, "defaults")
    door.set(osType="ubuntu-22.04", architecture="x86_64", amiType="base")
    changed = door.steps()
    assert changed.keys() >= BY_THE_BOOT_SCRIPT - {"geusemaker-compute-address"}
    assert "geusemaker-image" not in changed, "the keys say what their absence meant"
