"""A stack's file is changed as a whole, or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from local.clones import Clone

from geusemaker.cli import stack_file
from geusemaker.errors import ConfigError, PulumiError
from geusemaker.pulumi_cli.run import PulumiCli

CONTENT = "# why\nconfig:\n  geusemaker:osType: ubuntu-22.04 # ours\n  geusemaker:amiId: ami-1\n"
WRITES = {"geusemaker:osType": "ubuntu-24.04"}


@pytest.fixture
def file(clone: Clone) -> Iterator[Path]:
    file = clone.places.project / "Pulumi.prod.yaml"
    file.write_text(CONTENT)
    before = set(file.parent.iterdir())
    yield file
    assert set(file.parent.iterdir()) - before <= {file}, "nothing is left behind"


@pytest.fixture
def cli(clone: Clone) -> PulumiCli:
    return PulumiCli(clone.engine_dir / "pulumi", os.environ, clone.places.project, "prod")


def test_nothing_is_written_before_it_is_adopted_and_then_all(cli: PulumiCli, file: Path) -> None:
    file.chmod(0o640)
    with stack_file.trial(cli, file, WRITES, ["geusemaker:amiId"]) as trial:
        assert trial.changed
        assert trial.copy.parent != file.parent
        assert file.read_text() == CONTENT
        trial.adopt()
        assert file.read_text() == ("# why\nconfig:\n  geusemaker:osType: ubuntu-24.04 # ours\n")
    assert not trial.copy.parent.exists()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_dropped_leaves_the_file_and_no_copy(cli: PulumiCli, file: Path) -> None:
    with stack_file.trial(cli, file, WRITES) as trial:
        pass
    assert file.read_text() == CONTENT
    assert not trial.copy.parent.exists()


def test_a_file_that_is_not_there_yet_is_made(cli: PulumiCli, file: Path) -> None:
    file.unlink()
    with stack_file.trial(cli, file, WRITES, ["geusemaker:amiId"]) as trial:
        assert trial.changed
        assert not file.exists()
        trial.adopt()
    assert file.read_text() == "config:\n  geusemaker:osType: ubuntu-24.04\n"


def test_nothing_to_write_is_no_change_and_makes_no_file(cli: PulumiCli, file: Path) -> None:
    with stack_file.trial(cli, file, {}) as trial:
        assert not trial.changed
        inode = file.stat().st_ino
        trial.adopt()
        assert file.stat().st_ino == inode
    file.unlink()
    with stack_file.trial(cli, file, {}) as trial:
        assert not trial.changed
        trial.adopt()
    assert not file.exists()


@pytest.mark.parametrize("writes", [WRITES, {}])
@pytest.mark.parametrize("theirs", ["config: {}\n", None])
def test_a_concurrent_change_of_the_file_is_kept(
    cli: PulumiCli, file: Path, writes: dict[str, str], theirs: str | None
) -> None:
    with stack_file.trial(cli, file, writes) as trial:
        if theirs is None:
            file.unlink()
        else:
            file.write_text(theirs)
        with pytest.raises(ConfigError, match="changed while this command was running") as refused:
            trial.adopt()
    assert str(file) in str(refused.value)
    assert (file.read_text() if file.exists() else None) == theirs


def test_a_file_that_appeared_meanwhile_stays(cli: PulumiCli, file: Path) -> None:
    file.unlink()
    with stack_file.trial(cli, file, WRITES) as trial:
        file.write_text("config: {}\n")
        with pytest.raises(ConfigError, match="changed while this command was running"):
            trial.adopt()
    assert file.read_text() == "config: {}\n"


def test_a_link_stays_a_link(cli: PulumiCli, file: Path, tmp_path: Path) -> None:
    real = tmp_path / "shared.yaml"
    file.rename(real)
    file.symlink_to(real)
    with stack_file.trial(cli, file, WRITES) as trial:
        trial.adopt()
    assert file.is_symlink()
    assert "ubuntu-24.04" in real.read_text()


def test_a_copy_that_cannot_be_put_in_place_leaves_file_and_folder_alone(
    cli: PulumiCli, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with stack_file.trial(cli, file, WRITES) as trial:
        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            trial.adopt()
    assert file.read_text() == CONTENT


def test_what_the_cli_refuses_ends_the_trial(cli: PulumiCli, file: Path, clone: Clone) -> None:
    clone.answers(edit_error="error: the passphrase is wrong")
    with (
        pytest.raises(PulumiError, match=r"^the passphrase is wrong$"),
        stack_file.trial(cli, file, WRITES),
    ):
        raise AssertionError("never here")
    assert file.read_text() == CONTENT
