"""Another boot script replaces the host, on the image that it runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .door import Door, make_project

NEWER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261120"


@pytest.fixture
def changeable(tmp_path: Path) -> Iterator[Door]:
    opened = Door(make_project(tmp_path / "project", with_package=True))
    yield opened
    opened.close()


def test_a_changed_boot_script_replaces_the_host_on_the_kept_image(changeable: Door) -> None:
    changeable.up()
    before = changeable.outputs()
    changeable.release(NEWER, root_gib=90)
    template = changeable.places.project / "geusemaker/userdata/templates/10-head.sh.j2"
    template.write_text(template.read_text() + "# changed\n")
    steps = changeable.steps()
    assert steps["geusemaker-compute-host"] in ("replace", "create-replacement", "delete-replaced")
    assert "geusemaker-image" not in steps
    changeable.up()
    after = changeable.outputs()
    assert after["instanceId"] != before["instanceId"]
    assert after["amiId"] == before["amiId"]
    assert after["dataVolumeId"] == before["dataVolumeId"]


def test_other_gzip_bytes_of_the_same_script_change_nothing(changeable: Door) -> None:
    """Another Python build packs the same text otherwise; a colleague's machine is no reason."""
    changeable.up()
    packer = changeable.places.project / "geusemaker/userdata/render.py"
    text = packer.read_text()
    assert "compresslevel=9" in text
    packer.write_text(text.replace("compresslevel=9", "compresslevel=1"))
    changeable.pulumi("preview", "--expect-no-changes")
