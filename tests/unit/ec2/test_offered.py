"""Which of the offered instance types is closest to one that is not offered."""

import pytest

from geusemaker.ec2.offered import closest

OLD_REGION = ("m5.large", "m5.xlarge", "m5.2xlarge", "t3.xlarge", "g4dn.xlarge", "m6g.xlarge")


@pytest.mark.parametrize(
    ("wanted", "offered", "near"),
    [
        ("g5.xlrge", ("g5.xlarge", "g5.2xlarge", "m6i.xlarge"), "g5.xlarge"),
        ("m6i.huge", ("m6i.xlarge", "m6i.2xlarge", "m7i.xlarge"), "m6i.xlarge"),
        ("gg5.xlarge", ("g5.xlarge", "m6i.xlarge"), "g5.xlarge"),
        ("m6i.xlarge", OLD_REGION, "m5.xlarge"),
        ("m6i.2xlarge", OLD_REGION, "m5.2xlarge"),
        ("m6i.32xlarge", OLD_REGION, "m5.xlarge"),
        ("g5.xlarge", OLD_REGION, "g4dn.xlarge"),
        ("p5.48xlarge", OLD_REGION, "g4dn.xlarge"),
        ("m7g.xlarge", OLD_REGION, "m6g.xlarge"),
        ("g5g.xlarge", OLD_REGION, "m6g.xlarge"),
        ("m6i.xlarge", ("r7g.xlarge",), None),
        ("m6i.xlarge", (), None),
    ],
)
def test_the_closest_type_is_one_that_is_offered(
    wanted: str, offered: tuple[str, ...], near: str | None
) -> None:
    assert closest(wanted, offered) == near
