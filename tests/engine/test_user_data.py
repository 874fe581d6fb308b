"""Another boot script replaces the host, on the image that it runs."""

from collections.abc import Iterator

import pytest

from .door import Door, make_project

NEWER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261120"


@pytest.fixture(scope="module")
def changeable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("clone") / "project"
    opened = Door(make_project(folder, with_package=True))
    opened.up()
    yield opened
    opened.close()


def test_other_gzip_bytes_of_the_same_script_change_nothing(changeable: Door) -> None:
    """Another Python build packs the same text otherwise; a colleague's machine is no reason."""
    packer = changeable.places.project / "geusemaker/userdata/render.py"
    text = packer.read_text()
    assert "compresslevel=9" in text
    packer.write_text(text.replace("compresslevel=9", "compresslevel=1"))
    changeable.pulumi("preview", "--expect-no-changes")
    packer.write_text(text)


def test_a_changed_boot_script_replaces_the_host_on_the_kept_image(changeable: Door) -> None:
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
