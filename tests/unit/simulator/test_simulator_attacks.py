"""What a web page, or another user of the machine, can do to the simulated account: nothing.

Requests go to a real process over HTTP, as a browser would send them.
"""

import ast
import contextlib
import http.client
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import geusemaker
import pulumi_moto
from pulumi_moto.account import Account
from pulumi_moto.admission import SERVICES
from simulator.served import Process, running

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NEW_VPC = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.9.0.0%2F16"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("simulator")) as started:
        yield started


def send(
    process: Process, method: str, path: str, body: str | None = None, **headers: str
) -> http.client.HTTPResponse:
    """One request with exactly these headers; `_` in a name stands for `-`."""
    at = urlsplit(process.state["endpoint"])
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(connection):
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        answer.read()
        return answer


def signed(process: Process, method: str, url: str, **headers: str) -> dict[str, str]:
    """The headers of a request for S3 with the account's own key."""
    request = AWSRequest(method, url, headers=headers)
    key = Credentials(process.state["access_key_id"], process.state["secret_access_key"])
    S3SigV4Auth(key, "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def alive(process: Process) -> Any:
    return process.http("/geusemaker/resources")[1]


def port_of(process: Process) -> str:
    return str(process.state["endpoint"]).rpartition(":")[2]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1"])
def test_a_foreign_host_is_refused_even_with_the_keys(process: Process, host: str) -> None:
    """A page's own name leads here once its DNS server says so."""
    named = {"evil.example": f"evil.example:{port_of(process)}"}.get(host, host)
    token = process.state["token"]
    own = send(process, "GET", "/geusemaker/health", Host=named, X_Geusemaker_Token=token)
    assert own.status == 403
    headers = signed(process, "GET", f"http://{named}/") | {"Host": named}
    assert send(process, "GET", "/", **headers).status == 403


def test_the_names_of_loopback_are_taken(process: Process) -> None:
    for host in ("127.0.0.1", "localhost"):
        named = f"{host}:{port_of(process)}"
        headers = signed(process, "GET", f"http://{named}/") | {"Host": named}
        assert send(process, "GET", "/", **headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec_Fetch_Site": "cross-site"},  # of an <img>, which names no origin
    ],
)
def test_a_page_is_refused_even_with_the_keys(process: Process, headers: dict[str, str]) -> None:
    token = process.state["token"]
    own = send(process, "GET", "/geusemaker/health", X_Geusemaker_Token=token, **headers)
    assert own.status == 403
    right = signed(process, "GET", f"{process.state['endpoint']}/")
    assert send(process, "GET", "/", **right, **headers).status == 403
    before = alive(process)
    assert send(process, "POST", "/", NEW_VPC, **FORM, **headers).status == 403
    assert alive(process) == before


def test_no_other_origin_is_allowed_in(process: Process) -> None:
    """A preflight, which a browser sends before what a form could not send."""
    asked = send(
        process,
        "OPTIONS",
        "/",
        Origin="https://evil.example",
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="authorization",
    )
    assert (asked.status, asked.getheader("Access-Control-Allow-Origin")) == (403, None)
    right = signed(process, "GET", f"{process.state['endpoint']}/")
    assert send(process, "GET", "/", **right).getheader("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 403),
        ("", 403),
        ("Basic YWRtaW46YWRtaW4=", 403),
        ("AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", 403),
        (
            "AWS4-HMAC-SHA256 Credential=simulated/20261129/us-east-1/ec2/aws4_request, "
            f"SignedHeaders=host, Signature={'0' * 64}",
            401,
        ),
    ],
)
def test_nothing_is_made_without_the_key(
    process: Process, authorization: str | None, status: int
) -> None:
    headers = FORM if authorization is None else {**FORM, "Authorization": authorization}
    before = alive(process)
    assert send(process, "POST", "/", NEW_VPC, **headers).status == status
    assert alive(process) == before


@pytest.mark.parametrize(
    ("service", "operation", "key", "signature"),
    [
        ("ec2", "describe_vpcs", "AuthFailure", "AuthFailure"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("iam", "list_roles", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("route53", "list_hosted_zones", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        (
            *("ssm", "describe_parameters"),
            *("UnrecognizedClientException", "InvalidSignatureException"),
        ),
        (
            *("efs", "describe_file_systems"),
            *("UnrecognizedClientException", "InvalidSignatureException"),
        ),
        (
            *("backup", "list_backup_plans"),
            *("UnrecognizedClientException", "InvalidSignatureException"),
        ),
        (
            *("service-quotas", "list_service_quotas"),
            *("UnrecognizedClientException", "InvalidSignatureException"),
        ),
    ],
)
def test_a_wrong_key_is_refused_as_aws_refuses(
    process: Process, service: str, operation: str, key: str, signature: str
) -> None:
    arguments = {"ServiceCode": "ec2"} if service == "service-quotas" else {}
    getattr(process.client(service), operation)(**arguments)
    for wrong, code in (({"id_": "simulated"}, key), ({"secret": "simulated"}, signature)):
        with pytest.raises(ClientError) as refused:
            getattr(process.client(service, **wrong), operation)(**arguments)
        assert refused.value.response["Error"]["Code"] == code


def test_the_accounts_own_pages_need_the_token(process: Process) -> None:
    for headers in ({}, {"X_Geusemaker_Token": "guessed"}, {"X_Geusemaker_Token": "\xe4"}):
        for method, path in (
            ("GET", "/geusemaker/health"),
            ("GET", "/geusemaker/resources"),
            ("POST", "/geusemaker/release"),
        ):
            assert send(process, method, path, "{}", **headers).status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/moto-api/reset"),
        ("POST", "/moto-api/reset-auth"),
        ("GET", "/moto-api/data.json"),
        ("POST", "/moto-api/seed?a=42"),
        ("POST", "/moto-api/recorder/start-recording"),
        ("GET", "/latest/meta-data/iam/security-credentials/role"),
        ("POST", "/batch_us-east-1/v1/submitjob"),
        ("GET", "/us-east-1_abc/.well-known/jwks.json"),
    ],
)
def test_motos_own_pages_are_closed(process: Process, method: str, path: str) -> None:
    """With the account's key they are paths of S3: a bucket may have that name."""
    made = process.client("ec2").create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    try:
        assert send(process, method, path).status == 403
        headers = signed(process, method, f"{process.state['endpoint']}{path}")
        assert send(process, method, path, **headers).status >= 400
        found = process.client("ec2").describe_vpcs(VpcIds=[made])["Vpcs"]
        assert [one["VpcId"] for one in found] == [made]
    finally:
        process.client("ec2").delete_vpc(VpcId=made)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("batch", "describe_jobs"),  # its jobs are containers
        ("lambda", "list_functions"),
        ("cloudformation", "list_stacks"),
        ("sqs", "list_queues"),
        ("sns", "list_topics"),
        ("events", "list_rules"),
        ("codebuild", "list_projects"),
    ],
)
def test_services_that_nothing_here_uses_are_refused(
    process: Process, service: str, operation: str
) -> None:
    arguments = {"describe_jobs": {"jobs": ["one"]}}.get(operation, {})
    with pytest.raises(ClientError, match="The simulated account has no ") as refused:
        getattr(process.client(service), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"


def test_code_in_the_process_cannot_import_dockers_sdk(tmp_path: Path) -> None:
    code = (
        "import sys, geusemaker.simulator.__main__ as start, geusemaker.simulator.process as it;"
        "from moto.utilities.docker_utilities import DockerModel;"
        "it.serve = lambda *_: DockerModel().docker_client;"
        "sys.argv[1:] = ['--state-file', 'none']; start.main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert "import of docker halted" in ran.stderr


def test_the_providers_port_takes_nothing_that_a_browser_can_send(process: Process) -> None:
    """gRPC needs HTTP/2 from the first byte, which no browser speaks without TLS."""
    before = alive(process)
    connection = http.client.HTTPConnection("127.0.0.1", process.state["provider_port"], timeout=30)
    connection.request(
        "POST",
        "/pulumirpc.ResourceProvider/GetPluginInfo",
        b"\0\0\0\0\0",
        {"Content-Type": "application/grpc", "TE": "trailers"},
    )
    with contextlib.closing(connection), pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    assert alive(process) == before


def test_no_other_user_of_the_machine_can_read_the_keys(process: Process) -> None:
    assert stat.S_IMODE(process.state_file.stat().st_mode) == 0o600
    shown = process.state
    secrets = [shown[name] for name in ("token", "access_key_id", "secret_access_key")]
    assert all(len(secret) >= 20 for secret in secrets)
    command = Path(f"/proc/{process.popen.pid}/cmdline")
    log = process.state_file.with_name("log.txt").read_bytes()
    seen = log + (command.read_bytes() if command.exists() else b"")
    assert [secret for secret in secrets if secret.encode() in seen] == []


def test_every_account_has_keys_of_its_own(process: Process, tmp_path: Path) -> None:
    with running(tmp_path) as other:
        for name in ("token", "access_key_id", "secret_access_key"):
            assert other.state[name] != process.state[name]


def test_the_services_are_those_that_the_program_uses() -> None:
    names = set(boto3.Session().get_available_services())
    used = {name for name in vars(Account) if name in names}
    folders = (Path(str(package.__file__)).parent for package in (geusemaker, pulumi_moto))
    for file in (file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("client", "_client", "call"):
                given = {arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant)}
                used |= {str(name) for name in given & names}
    session = botocore.session.get_session()
    assert {session.get_service_model(name).signing_name for name in used} == set(SERVICES)
