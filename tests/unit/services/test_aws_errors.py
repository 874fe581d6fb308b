"""A failed AWS call becomes a paragraph with code, Region and fix, never a traceback."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import boto3
import pytest
from botocore import exceptions as boto
from botocore.stub import Stubber

from geusemaker import errors
from geusemaker.errors import AwsError
from geusemaker.services.aws_errors import WORDS_SHOWN, translate
from geusemaker.services.ec2 import ATTEMPTS, EC2Service

from .imitations import BASE_22, TODAY, boto_client, mock_of, raw


def test_importing_the_look_up_imports_neither_boto3_nor_the_provider() -> None:
    code = (
        "import sys, geusemaker.services.ec2 as ec2, geusemaker.services.aws_errors\n"
        "ec2.EC2Service('nowhere')\n"
        "print([m for m in ('boto3', 'botocore', 'pulumi_aws', 'moto') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without credentials, in which boto3 makes no call."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return monkeypatch


def _refusal(service: EC2Service) -> AwsError:
    with pytest.raises(RuntimeError) as caught:
        service.get_latest_ami()
    assert isinstance(caught.value, AwsError)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_client_is_created_at_the_first_search_and_reused(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_ACCESS_KEY_ID", "none")
    bare.setenv("AWS_SECRET_ACCESS_KEY", "none")
    service = EC2Service("eu-north-1")
    made: list[Any] = []

    class Session(boto3.session.Session):
        def client(self, *args: Any, **kwargs: Any) -> Any:
            made.append(super().client(*args, **kwargs))
            stub = Stubber(made[-1])
            stub.add_response("describe_images", {"Images": [raw(BASE_22)]})
            stub.add_response("describe_images", {"Images": [raw(BASE_22)]})
            stub.activate()
            return made[-1]

    bare.setattr(boto3.session, "Session", Session)
    assert service.get_latest_dlami(today=TODAY) == service.get_latest_dlami(today=TODAY)
    (client,) = made
    assert client.meta.region_name == service.region == "eu-north-1"
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}


def test_missing_credentials_are_an_error_of_the_first_search(bare: pytest.MonkeyPatch) -> None:
    error = _refusal(EC2Service("eu-west-1"))
    assert isinstance(error, errors.CredentialsError)
    assert (error.code, error.region, error.operation) == (
        "NoCredentialsError",
        "eu-west-1",
        "DescribeImages",
    )
    assert "aws configure" in str(error)


def test_an_unknown_profile_is_an_error_of_the_first_search(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_PROFILE", "nobody")
    error = _refusal(EC2Service("eu-west-1"))
    assert isinstance(error, errors.CredentialsError)
    assert "nobody" in str(error)
    assert "aws configure list-profiles" in str(error)


@pytest.mark.parametrize("region", ["no such region", "", "EU_WEST_1"])
def test_an_invalid_region_is_an_error_of_the_first_search(
    bare: pytest.MonkeyPatch, region: str
) -> None:
    bare.delenv("AWS_ENDPOINT_URL")
    bare.setenv("AWS_ACCESS_KEY_ID", "none")
    bare.setenv("AWS_SECRET_ACCESS_KEY", "none")
    error = _refusal(EC2Service(region))
    assert isinstance(error, errors.RegionError if region else errors.EndpointError)
    assert "aws ec2 describe-regions" in str(error)


def test_an_invalid_endpoint_is_an_error_of_the_first_search(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_ENDPOINT_URL", "not an address")
    error = _refusal(EC2Service())
    assert error.code == "ValueError"
    assert "not an address" in str(error)


def test_an_invalid_config_file_is_an_error_of_the_first_search(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("no config at all\n")
    error = _refusal(EC2Service())
    assert isinstance(error, errors.CredentialsError)
    assert error.code == "ConfigParseError"


REFUSALS: list[tuple[str, type[AwsError], str]] = [
    ("ExpiredToken", errors.CredentialsError, "`aws sso login`"),
    ("RequestExpired", errors.CredentialsError, "`date -u`"),
    ("InvalidClientTokenId", errors.CredentialsError, "`aws sts get-caller-identity`"),
    ("UnrecognizedClientException", errors.CredentialsError, "`aws sts get-caller-identity`"),
    ("AuthFailure", errors.RegionError, "`aws account enable-region --region-name me-south-1`"),
    ("OptInRequired", errors.RegionError, "`aws account enable-region --region-name me-south-1`"),
    ("UnauthorizedOperation", errors.NotAllowedError, "ec2:DescribeImages"),
    ("AccessDenied", errors.NotAllowedError, "ec2:DescribeImages"),
    ("Client.UnauthorizedOperation", errors.NotAllowedError, "ec2:DescribeImages"),
    ("RequestLimitExceeded", errors.ThrottledError, "Run the command again"),
    ("Throttling", errors.ThrottledError, "Run the command again"),
    ("InternalError", AwsError, "Run the command again later"),
    ("InvalidParameterValue", AwsError, "run it again"),
]


@pytest.mark.parametrize(("code", "kind", "fix"), REFUSALS)
def test_a_refusal_of_aws_names_the_code_the_region_and_the_fix(
    code: str, kind: type[AwsError], fix: str
) -> None:
    client = boto_client("me-south-1")
    with Stubber(client) as stub:
        stub.add_client_error("describe_images", code, "AWS's own\nwords.", 400)
        error = _refusal(EC2Service(client=client))
    assert type(error) is kind
    plain = code.removeprefix("Client.")
    assert (error.code, error.region, error.operation) == (plain, "me-south-1", "DescribeImages")
    text = str(error)
    for part in (plain, "me-south-1", "DescribeImages", "AWS's own words", fix):
        assert part in text


BOTOCORE: list[tuple[Exception, type[AwsError], str]] = [
    (boto.NoCredentialsError(), errors.CredentialsError, "`aws configure list`"),
    (
        boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        errors.CredentialsError,
        "`aws configure` sets both",
    ),
    (boto.ProfileNotFound(profile="p"), errors.CredentialsError, "AWS_PROFILE"),
    (boto.ConfigParseError(path="c"), errors.CredentialsError, "`aws configure list`"),
    (boto.UnauthorizedSSOTokenError(), errors.CredentialsError, "`aws sso login`"),
    (boto.SSOTokenLoadError(error_msg="none"), errors.CredentialsError, "`aws sso login`"),
    (
        boto.TokenRetrievalError(provider="sso", error_msg="expired"),
        errors.CredentialsError,
        "`aws sso login`",
    ),
    (boto.NoRegionError(), errors.RegionError, "pulumi config set aws:region"),
    (boto.EndpointConnectionError(endpoint_url="https://x"), errors.EndpointError, "curl"),
    (boto.ConnectTimeoutError(endpoint_url="https://x"), errors.EndpointError, "HTTPS_PROXY"),
    (boto.ReadTimeoutError(endpoint_url="https://x"), errors.EndpointError, "HTTPS_PROXY"),
    (boto.ProxyConnectionError(proxy_url="http://p"), errors.EndpointError, "HTTPS_PROXY"),
    (
        boto.SSLError(endpoint_url="https://x", error=Exception("e")),
        errors.EndpointError,
        "AWS_CA_BUNDLE",
    ),
    (boto.ParamValidationError(report="no"), AwsError, "`aws sts get-caller-identity`"),
    (OSError("a file that cannot be read"), AwsError, "a file that cannot be read"),
]


@pytest.mark.parametrize(
    ("raised", "kind", "fix"), BOTOCORE, ids=[type(r).__name__ for r, _, _ in BOTOCORE]
)
def test_an_error_of_botocore_names_its_class_the_region_and_the_fix(
    raised: Exception, kind: type[AwsError], fix: str
) -> None:
    client = MagicMock()
    client.describe_images.side_effect = raised
    error = _refusal(EC2Service("eu-south-1", client))
    assert type(error) is kind
    assert error.code == type(raised).__name__
    assert error.__cause__ is raised
    for part in (error.code, "eu-south-1", "DescribeImages", fix):
        assert part in str(error)


def test_a_refusal_on_a_later_page_is_an_error_too() -> None:
    client = mock_of({"Images": [raw(BASE_22)], "NextToken": "more"})
    client.describe_images.side_effect = [
        {"Images": [raw(BASE_22)], "NextToken": "more"},
        boto.ReadTimeoutError(endpoint_url="https://x"),
    ]
    assert isinstance(_refusal(EC2Service(client=client)), errors.EndpointError)


def _client_error(code: str | None, message: str | None = "No.") -> boto.ClientError:
    error: Any = {key: text for key, text in (("Code", code), ("Message", message)) if text}
    return boto.ClientError({"Error": error}, "GetServiceQuota")


def test_keys_that_fail_in_an_always_enabled_region_are_wrong_keys() -> None:
    error = translate(
        _client_error("AuthFailure"), service="ec2", operation="x", region="eu-west-1"
    )
    assert type(error) is errors.CredentialsError
    assert "enable-region" not in str(error)


def test_the_permission_has_the_prefix_that_policies_use() -> None:
    error = translate(
        _client_error("AccessDeniedException"),
        service="service-quotas",
        operation="get_service_quota",
        region="us-east-1",
    )
    assert "servicequotas:GetServiceQuota" in str(error)


def test_the_operation_is_named_as_aws_names_it() -> None:
    for given in ("list_service_quotas", "ListServiceQuotas"):
        error = translate(
            boto.NoCredentialsError(), service="ec2", operation=given, region="us-east-1"
        )
        assert error.operation == "ListServiceQuotas"


def test_the_text_of_aws_is_shortened_and_has_no_encoded_message() -> None:
    def text(error: Exception) -> str:
        return str(translate(error, service="ec2", operation="x", region="us-east-1"))

    cipher = "You may not. Encoded authorization failure message: " + "A1-_" * 200
    assert "You may not -- " in text(_client_error("UnauthorizedOperation", cipher))
    assert "A1-_" not in text(_client_error("UnauthorizedOperation", cipher))
    long = text(_client_error("Whatever", "many words " * 100))
    assert "many words man... -- " in long
    assert len(long) < WORDS_SHOWN + 700
    assert "no reason given" in text(Exception())


def test_a_refusal_without_a_code_is_named_by_its_class() -> None:
    error = translate(_client_error(None, None), service="ec2", operation="x", region="us-east-1")
    assert error.code == "ClientError"


@pytest.mark.parametrize(
    ("said", "permission"),
    [
        (
            f"User: arn:aws:iam::1:user/{'x' * 400} is not authorized to perform: kms:Decrypt on "
            "resource: arn:aws:kms:us-east-1:1:key/2 because no identity-based policy allows it",
            "kms:Decrypt",
        ),
        (
            "The ciphertext refers to a customer master key that does not exist, does not exist "
            "in this region, or you are not allowed to access.",
            "kms:Decrypt",
        ),
        ("User: x is not authorized to perform: ssm:GetParameter on resource: y", None),
        ("no", None),
    ],
)
def test_the_permission_is_the_one_that_aws_names(said: str, permission: str | None) -> None:
    refused = boto.ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": said}}, "GetParameter"
    )
    error = translate(refused, service="ssm", operation="get_parameter", region="us-east-1")
    assert isinstance(error, errors.NotAllowedError)
    assert f"lacks the permission {permission or 'ssm:GetParameter'}," in str(error)
