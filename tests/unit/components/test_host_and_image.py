"""What Tier1 decides about the host and its image. Pure parts."""

from dataclasses import replace

import pytest

from geusemaker.components.kept_image import root_gib
from geusemaker.components.tier1 import connect_command
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.news import NEWER_IMAGE, newer_image
from geusemaker.errors import ConfigError

IMAGE = FoundImage(
    id="ami-1",
    name="Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902",
    architecture="x86_64",
    root_device_name="/dev/sda1",
    root_volume_gib=90,
    creation_date="2026-09-02T09:00:00.000Z",
    framework_version=None,
)


def test_the_root_volume_is_the_images_own_or_75_gib_whichever_is_more() -> None:
    assert root_gib(None, IMAGE) == 90
    assert root_gib(None, replace(IMAGE, root_volume_gib=30)) == 75
    assert root_gib(200, IMAGE) == 200


def test_a_root_volume_smaller_than_the_image_is_refused() -> None:
    with pytest.raises(ConfigError, match="rootVolumeGib 90`"):
        root_gib(75, IMAGE)


def test_a_newer_image_is_told_with_the_command_that_moves_to_it() -> None:
    assert newer_image(IMAGE, IMAGE) is None
    newer = replace(IMAGE, id="ami-2", name="Newer", creation_date="2026-11-20T09:00:00.000Z")
    told = newer_image(IMAGE, newer)
    assert told is not None
    assert told.startswith(f"{NEWER_IMAGE}: Newer (ami-2)")
    assert "`pulumi config set geusemaker:amiId ami-2`" in told


def test_an_older_image_or_none_is_never_told_as_a_newer_one() -> None:
    older = replace(IMAGE, id="ami-0", name="Older", creation_date="2026-06-19T09:00:00.000Z")
    told = newer_image(IMAGE, older)
    assert told is not None
    assert "finds, Older (ami-0), is no newer than what runs" in told
    assert "amiId" not in told
    gone = newer_image(IMAGE, None)
    assert gone is not None
    assert "no image of this line in the Region any more" in gone


def test_a_higher_framework_version_is_newer_whatever_its_day() -> None:
    old = replace(IMAGE, framework_version="2.9")
    new = replace(
        IMAGE, id="ami-2", framework_version="2.10", creation_date="2026-01-01T00:00:00.000Z"
    )
    told = newer_image(old, new)
    assert told is not None
    assert told.startswith(NEWER_IMAGE)


def test_the_connect_command_forwards_8443_to_443() -> None:
    assert connect_command("i-1", "eu-west-1") == (
        "aws ssm start-session --region eu-west-1 --target i-1 "
        "--document-name AWS-StartPortForwardingSession "
        "--parameters portNumber=443,localPortNumber=8443"
    )
