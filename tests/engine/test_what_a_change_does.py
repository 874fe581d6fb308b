"""Each config key has on a deployed stack the effect that its declaration says: the engine decides.

docs/what-a-change-does.md and the descriptions of the keys are rendered from these declarations.
"""

import pytest

from geusemaker.config import DeploymentConfig

from .both import Both, effect_of, effects_of
from .changes import OF_ADOPTED, OF_DEFAULT, OF_RECORDED, OF_WORKERS, Change
from .door import Door
from .network import make_network


@pytest.fixture(scope="module")
def both(door: Door) -> Both:
    found = Both(door)
    found.places = make_network(door)
    found.use("default")
    found.places["image"] = door.outputs()["amiId"]
    return found


@pytest.mark.parametrize(
    "change", OF_DEFAULT + OF_WORKERS, ids=[one.name for one in OF_DEFAULT + OF_WORKERS]
)
def test_a_change_has_the_declared_effect(both: Both, change: Change) -> None:
    both.check(change)


def test_a_preview_shows_each_declared_effect_of_each_key() -> None:
    declared = {
        (str(field.alias), effect)
        for field in DeploymentConfig.model_fields.values()
        for effect in effects_of(str(field.alias))
    }
    shown = {
        (key, effect_of(key, words))
        for change in (*OF_DEFAULT, *OF_WORKERS, *OF_ADOPTED, *OF_RECORDED)
        for key, words in change.shows.items()
    }
    assert shown == declared
