"""`geusemaker plan --against` a saved state shows what `pulumi preview` shows: the engine decides.

Both run the same program with the same config against the same state, in accounts of their own.
`test_what_a_change_does.py` compares more changes.
"""

import copy
import json

import pytest

from .both import Both
from .changes import OF_ADOPTED, OF_RECORDED, Change
from .door import Door
from .network import make_network

CHANGES = (*OF_RECORDED, *OF_ADOPTED)


@pytest.fixture(scope="module")
def both(door: Door) -> Both:
    found = Both(door)
    found.places = make_network(door)
    return found


@pytest.mark.parametrize("change", CHANGES, ids=[one.name for one in CHANGES])
def test_a_plan_shows_what_a_preview_shows(both: Both, change: Change) -> None:
    both.check(change)


def test_protected_data_that_would_be_replaced_is_refused_by_both(both: Both) -> None:
    both.use("stack-id-public")
    both.change({})
    state = copy.deepcopy(both.state)
    moved = [one for one in state["deployment"]["resources"] if "ebs/volume" in one["type"]]
    for one in (moved[0]["inputs"], moved[0]["outputs"]):
        one["availabilityZone"] = "us-east-1f"
    file = both.door.places.root / "moved.json"
    file.write_text(json.dumps(state), encoding="utf-8")
    both.door.pulumi("stack", "import", "--file", str(file))
    both.take("moved")
    steps = both.of_plan().steps
    assert {op for urn, (op, *_) in steps.items() if urn.endswith("geusemaker-storage-data")} == {
        "replace"
    }
    assert "is currently marked for protection" in both.door.preview_text(code=None)
    both.change({"protectData": "false"})
    assert both.of_plan() == both.of_engine()
