"""A stack without workers is what it was before there were any."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.rpc import _special_sig_key

from geusemaker.bundle import unpack
from geusemaker.userdata import bundle_program

from .rendering import PLAIN, STACKS, Deployed, deployed

DETAILS: dict[str, Any] = {
    "worker_market": "spot",
    "worker_instance_types": ["g6.xlarge"],
    "worker_concurrency": 7,
    "worker_drain_seconds": 60,
}
BEFORE = {
    "plain": "3377886416daed0a54cb6f573aac6711925f7331e6a3f5fa78aaa1f89cff97db",
    "whole": "d0553f4361075e66337c6fea9d5600fa64171f300f7e44fa5bdcc81428455ddc",
    "domain": "9718de1eefb609a90874e625f7879ee43c9379e2ab140388538b9900dee93975",
    "arm": "b61d03ab821e581c3373148e209c93f6983c4c730dd6b53c02430fa0b1b7fdaa",
}
OPTIONS = (
    *("parent", "protect", "ignoreChanges", "replaceOnChanges", "deleteBeforeReplace"),
    *("customTimeouts", "deletedWith", "hooks", "overridePlugin", "retainOnDelete"),
)
BY_CHANCE = {
    r"[0-9a-f]{64}": "SHA256",
    r"-settings-[0-9a-f]{12}": "-settings-SHA",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "UUID",
    r"\b([a-z]+)-[0-9a-f]{8,17}\b": r"\1-ID",
    r"-[0-9a-f]{7}\b": "-AUTO",
    r"\b127(\.\d{1,3}){3}\b": "IP",
    # What data files and AWS's calendar decide.
    r"(docker\.io|ghcr\.io|qdrant)/[a-z0-9./-]+:[A-Za-z0-9._-]+(@sha256:SHA256)?": "IMAGE",
    r'(?<="input": ")H4sI[^"]+': "USER DATA",
    r'"(name|creation_date|root_volume_gib)": ("Deep[^"]+"|"20[^"]+"|[0-9.]+)': r"\1",
}


def test_without_workers_their_details_change_nothing() -> None:
    with_details, plain = deployed(DETAILS), deployed(PLAIN)
    assert shown(with_details) == shown(plain)
    assert set(with_details.outputs) == set(plain.outputs)


@pytest.mark.parametrize("stack", BEFORE)
def test_a_stack_without_workers_is_the_one_from_before_there_were_workers(stack: str) -> None:
    """Each resource with its inputs and options, and each file of the bundle.

    A change of all stacks changes these hashes too. Print `shown` before and after to compare.
    """
    text = shown(deployed(STACKS[stack]))
    assert hashlib.sha256(text.encode()).hexdigest() == BEFORE[stack]


def shown(stack: Deployed) -> str:
    """The registrations, a line each, without secrets and what depends on the day or on chance."""
    lines = [
        f"{key} {_shown(request)}"
        for key, request in sorted(stack.requests.items())
        if "pulumi:pulumi:Stack" not in key
    ]
    text = "\n".join(lines).replace(stack.outputs["stackId"], "STACK")
    for pattern, stands in BY_CHANCE.items():
        text = re.sub(pattern, stands, text)
    return text


def _shown(request: Any) -> str:
    found = MessageToDict(request)
    inputs = _open(found.get("object", {}))
    options = {key: found[key] for key in OPTIONS if key in found}
    waits = sorted(found.get("dependencies", []))
    return json.dumps([inputs, options, waits], sort_keys=True)


def _open(value: Any) -> Any:
    if isinstance(value, list):
        return [_open(one) for one in value]
    if not isinstance(value, dict):
        return value
    if _special_sig_key in value:
        return "SECRET"
    found = {key: _open(one) for key, one in value.items()}
    if "contentBase64" in found:
        # The program has tests of its own.
        files = unpack(base64.b64decode(found["contentBase64"]))
        assert files["host.sh"] == bundle_program()
        return {**found, "contentBase64": files | {"host.sh": ""}}
    # Its text has a hash of its own, in the tests of the boot script.
    return found | ({"userDataBase64": ""} if "userDataBase64" in found else {})
