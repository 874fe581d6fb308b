"""`python -m geusemaker.pulumi_cli.download FOLDER`: downloads the Pulumi CLI and checks its hash.

Pulumi's own installer is a script that is downloaded and run unchecked.
"""

import hashlib
import platform
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VERSION: Final = "3.259.0"
SECONDS: Final = 30.0

URL: Final = "https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-v{version}-{system}.tar.gz"
SHA256: Final = {
    "darwin-arm64": "57c27f179e527e2cf9f62b841a448af72a020e44b2fb4ee0d9bd85556c00c864",
    "darwin-x64": "eaca4c3b8277bfa3ab061fa3b270d1c66358a0b2e613da8c5587a04b7226c534",
    "linux-arm64": "edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
    "linux-x64": "94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
}
"""By system. Source: Formula/pulumi.rb of github.com/pulumi/homebrew-tap, commit
51fb494f9549f08978388a9994547e46509279af."""

_MACHINES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def fetch(folder: Path, url: str = URL, sha256: Mapping[str, str] = SHA256) -> None:
    """Downloads the archive for this machine and unpacks its programs into `folder`.

    Raises `ValueError` if there is no archive for this machine or its hash is wrong, and `OSError`
    if the download fails.
    """
    machine = platform.machine().lower()
    system = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    if system not in sha256:
        raise ValueError(f"there is no archive for {system}, only for {', '.join(sorted(sha256))}")
    source = url.format(version=VERSION, system=system)
    folder.mkdir(parents=True)
    archive = folder / "archive"
    with (
        urllib.request.urlopen(source, timeout=SECONDS) as answer,  # noqa: S310  the constant above
        archive.open("wb") as file,
    ):
        shutil.copyfileobj(answer, file)
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256[system]:
        raise ValueError(
            f"{source} has the SHA-256 {found}, but Pulumi published {sha256[system]}: the"
            " download was changed or cut off"
        )
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and (content := tar.extractfile(member)):
                program = folder / Path(member.name).name
                with content, program.open("wb") as file:
                    shutil.copyfileobj(content, file)
                program.chmod(0o755)
    archive.unlink()


def main() -> None:
    try:
        fetch(Path(sys.argv[1]))
    except urllib.error.URLError as error:
        sys.exit(f"the download failed: {error.reason}")
    except (ValueError, OSError, tarfile.TarError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
