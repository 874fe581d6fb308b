"""`scripts/live`, without a stack: its limits, its removal, its answers."""

import contextlib
import datetime
import http.server
import io
import json
import re
import signal
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[3]
STATES = sorted((ROOT / "tests" / "engine" / "recorded").glob("*.state.json"))
sys.path.insert(0, str(ROOT / "scripts"))

from live import account, command, host, run, steps  # noqa: E402
from live.answers import Normaliser, differences  # noqa: E402
from live.stack import Failed, Live  # noqa: E402
from live.steps import Step  # noqa: E402


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path, "live-20261130-abcdef", "us-east-1", "123456789012", False, {})


class World:
    """The command without an account: what was typed, and whether a stack was made."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.made = False
        patch.setattr(command, "_identity", lambda _: ("123456789012", "arn:aws:iam::x"))
        patch.setattr(command, "_check_machine", lambda: None)
        patch.setattr(command, "create", self._create)
        patch.delenv("GEUSEMAKER_SIMULATED", raising=False)
        self.patch = patch

    def _create(self, *_: object) -> Live:
        self.made = True
        raise Failed("the Pulumi CLI has failed")

    def run(self, typed: str, *arguments: str) -> int:
        self.patch.setattr(sys, "stdin", io.StringIO(typed))
        return command.main(arguments)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize("typed", ["", "y\n", "123456789013\n"])
def test_only_the_accounts_own_id_makes_a_stack(
    world: World, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    assert world.run(typed) == 1
    assert not world.made
    assert "Nothing was made" in capsys.readouterr().out
    assert world.run("123456789012\n") == 1
    assert world.made


def test_a_run_that_costs_more_than_allowed_is_refused_before_the_prompt(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run("123456789012\n", "--hours", "999", "--max-usd", "10") == 1
    assert not world.made
    said = capsys.readouterr()
    usd = int(said.err.split(" USD")[0].rpartition(" ")[2])
    # Two m6i.large alone cost 0.192 USD an hour in us-east-1.
    assert 192 < usd < 300
    assert f"--max-usd {usd}" in said.err
    assert "Type the account's id" not in said.out
    assert world.run("123456789012\n", "--hours", "999", "--max-usd", str(usd)) == 1
    assert world.made


def test_an_unknown_price_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("123456789012\n", "--region", "mx-central-1") == 1
    assert not world.made
    assert "The cost of a run in mx-central-1 is unknown" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [Failed("why"), ValueError("why"), KeyboardInterrupt()])
def test_whatever_a_step_raises_the_removal_runs_and_the_rest_does_not(
    live: Live, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    taken = []

    def step(name: str, fault: BaseException | None = None) -> Step:
        def do(_: Live) -> None:
            taken.append(name)
            if fault is not None:
                raise fault

        return Step(name, do)

    monkeypatch.setattr(run, "REMOVAL", (step("destroy", ValueError()), step("empty")))
    done = run.run(live, (step("one"), step("two", fault), step("three")))
    assert taken == ["one", "two", "destroy", "empty"]
    assert [one.result for one in done] == ["passed", "FAILED", "FAILED", "passed"]


def test_ctrl_c_between_two_steps_is_a_failure_too(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Iterator[Step]:
        yield Step("one", lambda _: None)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "REMOVAL", (Step("destroy", lambda _: None),))
    done = run.run(live, interrupted())
    assert [one.result for one in done] == ["passed", "FAILED", "passed"]


def test_after_the_time_of_the_run_no_step_begins_but_the_removal_does(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REMOVAL", (Step("destroy", lambda _: None),))
    live.deadline = time.monotonic()
    done = run.run(live, (Step("one", lambda _: None),))
    assert [(one.step.name, one.result) for one in done] == [
        ("one", "FAILED"),
        ("destroy", "passed"),
    ]
    assert "--hours" in done[0].why


def test_a_command_ends_with_the_time_of_the_run(live: Live) -> None:
    live.env = {"PATH": "/usr/bin:/bin"}
    live.deadline = time.monotonic()
    with pytest.raises(Failed, match="--hours"):
        live.run("sleep", "60")


def test_ctrl_c_reaches_a_command_that_has_just_started(live: Live) -> None:
    live.env = {"PATH": "/usr/bin:/bin"}
    with live.interrupts.handled():
        with live.interrupts.held():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # the second raises nothing
    with pytest.raises(KeyboardInterrupt):
        live.run("sleep", "60")
    live.run("true")


def test_a_failed_removal_ends_with_what_is_left_and_a_command_for_each(
    live: Live, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {kind.name: kind for kind in account.KINDS}
    left = {kinds["volume"]: [{"VolumeId": "vol-1"}], kinds["bucket"]: [{"Name": "b-1"}]}
    monkeypatch.setattr(run, "listed", lambda _: left)
    failed = run.Done(steps.REMOVAL[1], "FAILED", why="why")
    done = [failed if step is failed.step else run.Done(step, "passed") for step in steps.REMOVAL]
    assert run.finish(live, done, live.folder / "answers.json", ()) == 1
    said = capsys.readouterr().out
    assert "aws ec2 delete-volume --volume-id vol-1 --region us-east-1\n" in said
    assert "aws s3 rb --force s3://b-1 --region us-east-1\n" in said
    assert f"cd {live.folder} && . ./environment" in said
    assert live.folder.is_dir()


class Client:
    """AWS's answers by operation."""

    answers: ClassVar[dict[str, Any]] = {
        "describe_volumes": {
            "Volumes": [
                {"VolumeId": "vol-1", "Tags": [{"Key": "geusemaker:stack", "Value": "live-1"}]},
                {"VolumeId": "vol-2", "Tags": [{"Key": "geusemaker:stack", "Value": "prod"}]},
            ]
        },
        "describe_snapshots": {
            "Snapshots": [{"SnapshotId": "snap-1", "VolumeId": "vol-9", "State": "completed"}]
        },
        "describe_instances": {
            "Reservations": [
                {"Instances": [{"InstanceId": "i-1", "State": {"Code": 48, "Name": "terminated"}}]}
            ]
        },
    }

    def client(self, service: str) -> "Client":
        return self

    def can_paginate(self, operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Any:
        parts = next(kind.items for kind in account.KINDS if kind.operation == operation)
        return lambda **_: self.answers.get(operation, {parts[0]: []})


def test_of_an_account_only_the_stacks_own_is_listed_known_to_pulumi_or_not() -> None:
    found = account.listed(Client(), "live-1", {"vol-9", "i-1"})
    ids = {kind.name: [item[kind.id] for item in items] for kind, items in found.items()}
    assert ids == {"volume": ["vol-1"], "snapshot": ["snap-1"]}


def test_answers_of_two_runs_are_equal_without_what_belongs_to_each() -> None:
    def answer(own: str, ip: str, day: str, order: int) -> Any:
        return {
            "ResponseMetadata": {"RequestId": own},
            "VolumeId": f"vol-0{own}",
            "arn": f"arn:aws:ec2:us-east-1:12345678{own[:4]}:volume/vol-0{own}",
            "role": f"geusemaker-identity-role-{own[:7]}",
            "key": f"{own}-{own[:4]}-{own[:4]}-{own[:4]}-{own}{own[:4]}",
            "addresses": [ip, "10.42.0.0/20", "0.0.0.0/0"][::order],
            "name": f"ip-{ip.replace('.', '-')}.ec2.internal",
            "created": f"{day} 10:11:12+00:00",
            "image": f"Deep Learning AMI {day.replace('-', '')}",
            "password": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": own},
            "zone": f"us-east-1{'ab'[order]}",
            "version": f"M3Z10XynizqZBACIjpcHAtwFWUwCdb9dz7Fv{own}",
            "uniqueId": f"a7xy0anks354{own}" if order == 1 else f"AIPAY0ANKS354{own}",
            "size": 20,
        }

    one = Normaliser({}, "us-east-1")(answer("12345678", "10.42.3.4", "2026-11-30", 1))
    other = Normaliser({}, "us-east-1")(answer("87654321", "54.1.2.3", "2027-01-02", -1))
    assert one == other
    assert one["arn"] == "arn:aws:ec2:<region>:<account>:volume/vol-<id>"
    assert one["addresses"] == ["0.0.0.0/0", "10.42.0.0/20", "<ip>"]
    assert (one["size"], one["zone"], one["password"]) == (20, "<zone>", "<secret>")


@pytest.mark.parametrize("state", STATES, ids=lambda path: path.name.partition(".")[0])
def test_no_id_of_a_stack_is_in_its_answers(state: Path) -> None:
    deployed = json.loads(state.read_text())["deployment"]["resources"]
    answers = {one["urn"]: one["outputs"] for one in deployed if one["type"].startswith("aws:")}
    normalised = Normaliser({}, "us-east-1")(answers)
    assert ids_in(answers)
    assert ids_in(normalised) == []


def ids_in(answers: Any) -> list[str]:
    """Values that have a long word with a digit, as ids have, and names of AWS do not."""
    text = json.dumps(answers, indent=1).replace("aws:s3/bucketObjectv2", "")
    found: list[str] = re.findall(r'": "[^"]*?\b(?=[A-Za-z_]*\d)\w{10,}', text)
    return found


def test_differences_name_the_place_and_both_values() -> None:
    one = {"up": {"a": 1, "b": [1, 2], "c": None}}
    other = {"up": {"a": 2, "b": [1, 3], "d": True}}
    assert list(differences(one, other, ("AWS", "simulated"))) == [
        ("up / a", "AWS: 1; simulated: 2"),
        ("up / b[1]", "AWS: 2; simulated: 3"),
        ("up / c", "only AWS: null"),
        ("up / d", "only simulated: true"),
    ]


def test_two_files_are_compared_without_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "one", tmp_path / "other"]
    for file, by in zip(files, ("AWS", "the simulated account"), strict=True):
        answers = {"up": {"state": by}, **({"only": 1} if by == "AWS" else {})}
        file.write_text(json.dumps({"format": 1, "by": by, "answers": answers}))
    assert command.main(["--compare", *map(str, files)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 differences in: up.",
        "up / state",
        '  AWS: "AWS"; the simulated account: "the simulated account"',
    ]
    files[0].write_text("{}")
    assert command.main(["--compare", str(files[0])]) == 1
    assert "--compare is " in capsys.readouterr().err


KEYS = {
    "/ollama/api/tags": "Bearer o",
    "/qdrant/collections": "q",
    "/crawl4ai/crawl": "Bearer c",
}


class Services(http.server.BaseHTTPRequestHandler):
    """The stack's services as they answer by path and key."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        sent = self.headers.get("api-key") or self.headers.get("Authorization")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        cookie = None
        if self.path == "/rest/login":
            is_right = json.loads(body) == {"emailOrLdapLoginId": "me", "password": "p"}
            cookie = "n8n-auth=word; Path=/"
        elif self.path == "/rest/workflows":
            is_right = self.headers.get("Cookie") == "n8n-auth=word"
        else:
            is_right = sent == KEYS[self.path]
        self.send_response(200 if is_right else 401)
        if cookie and is_right:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "of its own authority")])
    day = datetime.datetime(2020, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day.replace(year=2099))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    server = http.server.HTTPServer(("127.0.0.1", 0), Services)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_each_service_is_asked_with_the_key_that_credentials_names_and_without(port: int) -> None:
    url = "https://localhost:8443"
    logins = {
        "n8n": {"url": url, "user": "me", "password": "p"},
        "ollama": {"url": f"{url}/ollama", "header": "Authorization", "value": "Bearer o"},
        "qdrant": {"url": f"{url}:443/qdrant", "header": "api-key", "value": "q"},
        "crawl4ai": {"url": f"{url}/crawl4ai", "header": "Authorization", "value": "Bearer c"},
    }
    found = host.statuses(logins, port)
    assert found == {
        name: {"with its key": 200, "without": 401}
        for name in ("ollama", "qdrant", "crawl4ai", "n8n")
    }


@pytest.mark.parametrize(("key", "status"), [("with its key", 401), ("without", 200)])
def test_a_service_that_refuses_its_key_or_none_at_all_fails_the_step(
    live: Live, monkeypatch: pytest.MonkeyPatch, key: str, status: int
) -> None:
    found = {name: {"with its key": 200, "without": 401} for name in ("n8n", "qdrant")}
    monkeypatch.setattr(Live, "read", lambda *_: {})
    monkeypatch.setattr(host, "tunnel", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(host, "statuses", lambda _: found)
    assert steps.services(live) == found
    found["qdrant"][key] = status
    with pytest.raises(Failed, match="qdrant should"):
        steps.services(live)


def test_a_row_or_a_file_that_is_lost_with_the_host_fails_the_step(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ["", ""]
    monkeypatch.setattr(Live, "run", lambda *_: None)
    monkeypatch.setattr(host, "on_host", lambda *_: "\n".join(read))
    steps.write(live)
    read[:] = [live.noted["word"]] * 2
    steps.still_there(live)
    read[1] = ""
    with pytest.raises(Failed, match="from database and file"):
        steps.still_there(live)


def test_a_removal_is_tried_again_and_its_receipt_must_have_what_the_stack_still_had(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [{"i-1", "vol-1"}, {"vol-1"}, {"vol-1"}, set[str]()]
    receipts = iter([None, ["vol-1"], [], []])

    def resources(live: Live) -> None:
        live.now = frozenset(left.pop(0))

    def read(_: Live, *command: str) -> Any:
        assert command[:2] == ("geusemaker", "destroy")
        found = next(receipts)
        if found is None:
            raise Failed("it was interrupted")
        return {"entries": [{"id": one, "outcome": "deleted"} for one in found]}

    monkeypatch.setattr(Live, "resources", resources)
    monkeypatch.setattr(Live, "read", read)
    assert steps.destroy(live)["receipt"]["entries"]
    with pytest.raises(Failed, match="vol-1"):
        steps.removed(live)
    assert steps.destroy(live)["receipt"]["entries"] == []


def test_every_step_that_is_left_out_in_the_simulated_account_says_why() -> None:
    every = (*steps.STEPS, *steps.REMOVAL)
    assert len({step.name for step in every}) == len(every)
    # What uses the host is not run there: a passed step would claim what no one has seen.
    for step in every:
        uses_host = {"on_host", "tunnel", "READY"} & set(step.do.__code__.co_names)
        assert bool(uses_host) <= (step.not_simulated == steps.NO_HOST), step.name
