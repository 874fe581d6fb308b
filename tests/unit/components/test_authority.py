"""The certificate of workers, by a TLS handshake within this process."""

import ssl
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pulumi
import pulumi.runtime
import pytest

from geusemaker.bundle.queue import AUTHORITY, CERTIFICATE, KEY
from geusemaker.components.authority import (
    ends_on,
    head_name,
    keep_authority,
    make_authority,
)
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account

from .rendering import deploy, in_pulumi

TODAY = date(2026, 11, 23)
NAME = head_name("abcdefghijkl")
NAMES = [NAME, "postgres", "valkey"]
ANY_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: no test depends on the day


@pytest.fixture(scope="module", name="made")
def _made() -> dict[str, str]:
    return make_authority(NAMES, TODAY)


def pem(value: str) -> str:
    """As a container writes it."""
    return value.replace("|", "\n") + "\n"


def connect(folder: Path, server: dict[str, str], authority: str, name: str) -> str:
    """A handshake of a client with a server; the version of TLS. `ssl.SSLError` if it fails."""
    for part in (CERTIFICATE, KEY):
        (folder / part).write_text(pem(server[part]))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.verify_flags |= ANY_TIME
    trusting.load_verify_locations(cadata=pem(authority))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname=name)
    host = serving.wrap_bio(up, down, server_side=True)
    for side in (client, host, client, host):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    version = client.version()
    assert version is not None
    return version


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_authority_accepts_each_name(
    tmp_path: Path, made: dict[str, str], name: str
) -> None:
    assert connect(tmp_path, made, made[AUTHORITY], name) == "TLSv1.3"


def test_another_name_is_refused(tmp_path: Path, made: dict[str, str]) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        connect(tmp_path, made, made[AUTHORITY], head_name("zzzzzzzzzzzz"))


def test_the_certificate_of_another_authority_is_refused(
    tmp_path: Path, made: dict[str, str]
) -> None:
    other = make_authority(NAMES, TODAY)
    assert other[KEY] != made[KEY]
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate"):
        connect(tmp_path, made, other[AUTHORITY], NAME)


def test_each_value_is_one_short_line(made: dict[str, str]) -> None:
    assert set(made) == {AUTHORITY, CERTIFICATE, KEY}
    for value in made.values():
        assert value.startswith("-----BEGIN ")
        assert "\n" not in value
        assert "=" not in value.split("|")[0]
    # With the others of config they share a parameter of 4,096 bytes.
    assert sum(map(len, made.values())) < 1700


def test_the_certificate_holds_ten_years(made: dict[str, str]) -> None:
    assert ends_on(made[CERTIFICATE]) == ends_on(made[AUTHORITY]) == date(2036, 11, 19)


def test_the_stack_keeps_it_as_a_secret_for_its_own_name() -> None:
    seen: list[tuple[bool, str]] = []

    @in_pulumi
    def run() -> pulumi.Output[None]:
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        kept = keep_authority("authority", pulumi.Output.from_input("abcdefghijkl"), parent, TODAY)

        async def note(known: Mapping[str, str]) -> None:
            seen.append((await kept.is_secret(), known[CERTIFICATE]))

        return kept.apply(note)

    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        run()
        (stash,) = account.of("pulumi:index:Stash")
    ((is_secret, certificate),) = seen
    assert is_secret
    assert ends_on(certificate) == date(2036, 11, 19)
    assert stash.name == "authority"


def test_a_preview_shows_what_workers_cost_and_that_their_certificate_ends(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.info", notes.append)
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    monkeypatch.setattr("geusemaker.components.authority.VALID", timedelta(days=100))
    deploy(workers=1, availability_zone_count=1)
    assert [one for one in notes if "1 worker all month and the queue cost about" in one]
    (warning,) = (one for one in warnings if one.startswith("The certificate of this stack's"))
    assert f"ends on {TODAY + timedelta(days=99)}" in warning
