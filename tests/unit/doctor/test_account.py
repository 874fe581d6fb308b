"""Credentials and Region: the calls of AWS and the result of each answer."""

from typing import Any

import pytest
from botocore import exceptions as boto

from doctor.place import Somewhere, stubbed
from geusemaker.doctor import account
from geusemaker.doctor.check import Check

ME = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me", "UserId": "x"}


# Who asks. ----------------------------------------------------------------------------------


def test_valid_credentials_show_the_account_and_the_caller() -> None:
    place = Somewhere({"sts": stubbed("sts", ("get_caller_identity", ME))})
    check, number = account.credentials(place)
    assert check == Check(
        "credentials", "ok", "account 111122223333, arn:aws:iam::111122223333:user/me"
    )
    assert number == "111122223333"


def test_the_simulated_account_is_marked() -> None:
    place = Somewhere({"sts": stubbed("sts", ("get_caller_identity", ME))}, simulated=True)
    assert account.credentials(place)[0].detail.startswith("account 111122223333 SIMULATED, ")


def refused(code: str, region: str = "us-east-1", said: str = "no", **env: str) -> Check:
    sts = stubbed("sts", ("get_caller_identity", code), said=said)
    check, number = account.credentials(Somewhere({"sts": sts}, env=env, region=region))
    assert number is None
    return check


def raised(error: boto.BotoCoreError, **env: str) -> Check:
    check, number = account.credentials(Somewhere({"sts": error}, env=env))
    assert number is None
    return check


@pytest.mark.parametrize(
    ("error", "detail", "fix"),
    [
        (boto.NoCredentialsError(), "there are no credentials", "`aws configure sso`"),
        (
            boto.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"),
            "Partial credentials",
            "`aws sso login`",
        ),
        (boto.UnauthorizedSSOTokenError(), "login has expired", "`aws sso login`"),
        (boto.SSOTokenLoadError(error_msg="x"), "login has expired", "`aws sso login`"),
        (boto.TokenRetrievalError(provider="sso", error_msg="x"), "has expired", "`aws sso login`"),
        (boto.LoginRefreshRequired(), "login has expired", "`aws login`"),
        (
            boto.EndpointConnectionError(endpoint_url="https://sts.example"),
            "AWS cannot be reached",
            "HTTPS_PROXY",
        ),
        (boto.ReadTimeoutError(endpoint_url="https://sts.example"), "cannot be reached", "proxy"),
        (
            boto.DataNotFoundError(data_path="x"),
            "did not identify the caller",
            "get-caller-identity",
        ),
    ],
)
def test_without_a_login_the_check_fails_with_a_fix(
    error: boto.BotoCoreError, detail: str, fix: str
) -> None:
    check = raised(error)
    assert check.state == "failed"
    assert detail in check.detail
    assert fix in check.fix


def test_an_unknown_profile_is_named() -> None:
    check = raised(boto.ProfileNotFound(profile="work"), AWS_PROFILE="work")
    assert (check.state, check.detail) == (
        "failed",
        "the profile 'work' is not in AWS's config file",
    )
    assert "`aws configure list-profiles`" in check.fix
    assert "`unset AWS_PROFILE`" in check.fix


def test_the_fix_uses_the_selected_profile() -> None:
    assert (
        "`aws sso login --profile work`"
        in raised(boto.NoCredentialsError(), AWS_PROFILE="work").fix
    )


def test_a_leftover_endpoint_is_named() -> None:
    error = boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    check = raised(error, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert "AWS_ENDPOINT_URL is 'http://127.0.0.1:1': `unset AWS_ENDPOINT_URL`" in check.fix


def test_an_invalid_endpoint_gives_no_traceback() -> None:
    place = Somewhere(
        dict.fromkeys(("sts", "ec2"), ValueError("Invalid endpoint: nonsense")),
        env={"AWS_ENDPOINT_URL": "nonsense"},
    )
    check, _ = account.credentials(place)
    assert (check.state, "Invalid endpoint: nonsense" in check.detail) == ("failed", True)
    assert "`unset AWS_ENDPOINT_URL`" in check.fix
    assert account.region(place, is_logged_in=True).state == "unknown"


@pytest.mark.parametrize(
    ("code", "detail", "fix"),
    [
        ("ExpiredToken", "the credentials have expired (ExpiredToken)", "`aws sso login`"),
        ("ExpiredTokenException", "the credentials have expired", "AWS_SESSION_TOKEN"),
        ("InvalidClientTokenId", "AWS does not accept the credentials", "`aws configure list`"),
        ("SignatureDoesNotMatch", "AWS does not accept the credentials", "`aws configure list`"),
        ("RequestExpired", "rejects the time of this machine", "clock"),
        ("AccessDenied", "did not identify the caller", "`aws sts get-caller-identity`"),
    ],
)
def test_rejected_credentials_fail_with_a_fix(code: str, detail: str, fix: str) -> None:
    check = refused(code)
    assert check.state == "failed"
    assert detail in check.detail
    assert fix in check.fix


def test_in_an_opt_in_region_the_fix_for_wrong_keys_also_enables_it() -> None:
    assert "enable-region" not in refused("InvalidClientTokenId").fix
    fix = refused("InvalidClientTokenId", region="eu-south-1").fix
    assert "`aws account enable-region --region-name eu-south-1`" in fix


def test_an_unsupported_region_fails() -> None:
    check = account.region(Somewhere({}, region="cn-north-1"), is_logged_in=True)
    assert check.state == "failed"
    assert "cn-north-1 (from AWS_REGION) is not supported: in China" in check.detail
    assert check.fix == "`export AWS_REGION=us-east-1`."


def test_without_a_region_the_credentials_are_not_checked() -> None:
    check, number = account.credentials(Somewhere({"sts": boto.NoRegionError()}, region=None))
    assert (check.state, check.detail, number) == ("unknown", "not checked: no Region", None)


# The Region. --------------------------------------------------------------------------------


def in_region(answer: Any, name: str = "eu-south-1") -> Check:
    place = Somewhere({"ec2": stubbed("ec2", ("describe_regions", answer))}, region=name)
    return account.region(place, is_logged_in=True)


def opted(status: str) -> dict[str, Any]:
    return {"Regions": [{"RegionName": "eu-south-1", "OptInStatus": status}]}


@pytest.mark.parametrize("status", ["opt-in-not-required", "opted-in"])
def test_an_enabled_region_is_ok(status: str) -> None:
    assert in_region(opted(status)) == Check("Region", "ok", "eu-south-1 (from AWS_REGION)")


@pytest.mark.parametrize(
    "answer", [opted("not-opted-in"), "AuthFailure", "OptInRequired"], ids=["status", "auth", "opt"]
)
def test_a_region_that_is_not_enabled_fails(answer: Any) -> None:
    check = in_region(answer)
    assert (check.state, check.detail) == (
        "failed",
        "eu-south-1 (from AWS_REGION) is not enabled for the account",
    )
    assert "`aws account enable-region --region-name eu-south-1`" in check.fix


def test_a_missing_region_fails() -> None:
    check = account.region(Somewhere(region=None), is_logged_in=True)
    assert (check.state, check.detail.split(",")[0]) == ("failed", "no Region is set")
    assert "`pulumi config set aws:region us-east-1`" in check.fix


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("us-eaast-1", "us-east-1"), ("eu-central1", "eu-central-1"), ("zzz", "us-east-1")],
)
def test_an_unknown_region_fails_and_the_nearest_is_offered(name: str, nearest: str) -> None:
    check = account.region(Somewhere(region=name), is_logged_in=True)
    assert check.state == "failed"
    assert f"{name} (from AWS_REGION) is an unknown AWS Region" in check.detail
    assert check.fix.startswith(f"`export AWS_REGION={nearest}`. ")


def test_a_misspelt_region_flag_is_fixed_as_a_flag() -> None:
    place = Somewhere(region="us-esat-1", region_source="--region")
    check = account.region(place, is_logged_in=True)
    assert "the nearest is us-east-1" in check.detail
    assert check.fix.startswith("`--region us-east-1`. ")


def test_a_failed_call_leaves_the_region_unknown() -> None:
    lacking = in_region("UnauthorizedOperation")
    assert (lacking.state, "lacks ec2:DescribeRegions" in lacking.detail) == ("unknown", True)
    other = in_region("InternalError")
    assert (other.state, "AWS's own words" in other.detail) == ("unknown", True)
    logged_out = account.region(Somewhere(), is_logged_in=False)
    assert logged_out.state == "unknown"
    assert logged_out.detail.endswith("not checked: no credentials")
