"""Packs the files of a bundle into a tar with the same bytes on every machine. Pure.

Not compressed: zlib's output depends on the build of Python.
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping


def pack(files: Mapping[str, str]) -> bytes:
    """An uncompressed tar of texts by path: sorted, without owners and times."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            content = files[path].encode()
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes) -> dict[str, str]:
    """The texts in such a tar by path.

    Raises `tarfile.TarError` or `UnicodeDecodeError` for other bytes.
    """
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {name: archive.extractfile(name) for name in archive.getnames()}
        return {name: file.read().decode() for name, file in files.items() if file}


def digest(packed: bytes) -> str:
    """SHA-256 in hexadecimal digits: the name of the bundle."""
    return hashlib.sha256(packed).hexdigest()
