"""Volumes that AWS does not shrink. The hook itself runs on the engine only."""

import pulumi
import pytest

from geusemaker.components.growth import check_size
from geusemaker.errors import ConfigError


@pytest.mark.parametrize(
    ("was", "wanted"), [(100.0, 100), (100, 101.0), (None, 50), (100, pulumi.output.UNKNOWN)]
)
def test_a_volume_may_stay_or_grow_and_an_unknown_size_is_no_error(
    was: object, wanted: object
) -> None:
    check_size("dataVolumeGib", was, wanted)


def test_a_smaller_volume_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"makes the volume 99 GiB, but it has 100 GiB"):
        check_size("dataVolumeGib", 100.0, 99.0)
