"""The tar has the same bytes on every machine: its hash names the bundle."""

import hashlib
import io
import subprocess
import sys
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.bundle import BundleFacts, digest, pack

from .variants import all_facts, facts, named, rendered

FIXED = {"manifest": "service caddy\n", "caddy/Caddyfile": "# ä\n", "compose.yaml": "name: a\n"}
FIXED_DIGEST = "bf98e171733d6f2f7b0a9e6ccba24f1c2c79d1e0dcf613043c4bcdae19d3ee15"


def entries(packed: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        return archive.getmembers()


def test_a_fixed_input_has_a_fixed_hash() -> None:
    # Another hash makes every host download and apply its settings again.
    assert digest(pack(FIXED)) == FIXED_DIGEST


def test_the_hash_is_the_sha_256_of_the_bytes() -> None:
    packed = pack(FIXED)
    assert digest(packed) == hashlib.sha256(packed).hexdigest()


@settings(deadline=None)  # a busy machine is no failure
@given(st.permutations(sorted(FIXED)))
def test_the_order_of_the_files_changes_nothing(order: list[str]) -> None:
    assert pack({path: FIXED[path] for path in order}) == pack(FIXED)


def test_an_entry_has_no_owner_and_no_time() -> None:
    found = entries(pack(FIXED))
    assert [entry.name for entry in found] == sorted(FIXED)
    for entry in found:
        assert entry.isreg()
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")
        assert (entry.mtime, entry.mode) == (0, 0o644)


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.text()))
def test_packed_files_unpack_unchanged(files: dict[str, str]) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(files)), mode="r:") as archive:
        out = {}
        for entry in archive:
            content = archive.extractfile(entry)
            assert content is not None
            out[entry.name] = content.read().decode("utf-8", "surrogatepass")
    assert out == files


@pytest.mark.parametrize("one", all_facts(), ids=named)
def test_a_bundle_is_small_ascii_text(one: BundleFacts) -> None:
    packed = pack(rendered(one))
    assert len(packed) <= 40_960
    assert all(text.isascii() and text.endswith("\n") for text in rendered(one).values())
    assert not any(
        line != line.rstrip() for text in rendered(one).values() for line in text.split("\n")
    )


def test_different_settings_have_different_hashes() -> None:
    hashes = {digest(pack(rendered(one))) for one in all_facts()}
    assert len(hashes) == len(all_facts())
    assert digest(pack(rendered(facts(dump_days=8)))) not in hashes


def test_another_python_process_renders_the_same_bytes() -> None:
    program = (
        "from geusemaker.bundle import *\n"
        "facts = BundleFacts(services=SERVICES, image_versions={}, models=(),"
        " owner_email='owner@example.com', access=Access(), memory_gib=16.0,"
        " architecture='x86_64', dump_days=7)\n"
        "print(digest(pack(render(facts))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == digest(pack(rendered(facts())))
