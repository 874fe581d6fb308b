"""Another boot script replaces the host, on the image that it runs."""

import base64
import gzip
from typing import Any

import pytest

from geusemaker import userdata

from .door import Door

NEWER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261120"


def test_other_gzip_bytes_of_the_same_script_change_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Python build packs the same text otherwise; a colleague's machine is no reason."""
    door.up()
    packed: list[bool] = []
    as_before = userdata.encode

    def otherwise(text: str) -> str:
        other = base64.b64encode(gzip.compress(text.encode(), compresslevel=1, mtime=0)).decode()
        packed.append(other != as_before(text))
        return other

    monkeypatch.setattr(userdata, "encode", otherwise)
    door.pulumi("preview", "--expect-no-changes")
    assert packed == [True]


def test_a_changed_boot_script_replaces_the_host_on_the_kept_image(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = door.outputs()
    door.release(NEWER, root_gib=90)
    as_before = userdata.render

    def changed(*given: Any) -> str:
        return as_before(*given) + "# changed\n"

    monkeypatch.setattr(userdata, "render", changed)
    steps = door.steps()
    assert steps["geusemaker-compute-host"] in ("replace", "create-replacement", "delete-replaced")
    assert "geusemaker-image" not in steps
    door.up()
    after = door.outputs()
    assert after["instanceId"] != before["instanceId"]
    assert after["amiId"] == before["amiId"]
    assert after["dataVolumeId"] == before["dataVolumeId"]
