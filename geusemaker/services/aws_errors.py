"""From what boto3 raises to an error that a user can act on. Pure, for any AWS service.

Errors are told apart by AWS's code and by the names of botocore's classes, so nothing of botocore
is imported here: commands that never ask AWS do not pay for it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from geusemaker.errors import (
    AwsError,
    CredentialsError,
    EndpointError,
    NotAllowedError,
    RegionError,
    ThrottledError,
    one_line,
)

WORDS_SHOWN: Final = 300
"""Characters of AWS's own words that a message repeats."""

# Enabled in every account. The list is closed: AWS made all Regions since 2019 ones to opt into.
_ALWAYS_ENABLED = {
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-southeast-1", "ap-southeast-2"),
}
# Where a permission begins with another word than boto3's name of the service.
_PERMISSION_PREFIX = {
    "efs": "elasticfilesystem",
    "elbv2": "elasticloadbalancing",
    "service-quotas": "servicequotas",
    "resourcegroupstaggingapi": "tag",
}

_NO_CREDENTIALS = {"NoCredentialsError", "NoAuthTokenError", "CredentialRetrievalError"}
_PARTIAL_CREDENTIALS = {"PartialCredentialsError"}
_NO_PROFILE = {"ProfileNotFound"}
_BAD_CONFIG = {"ConfigNotFound", "ConfigParseError", "InvalidConfigError"}
EXPIRED: Final = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "TokenRefreshRequired",
    "SSOError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "TokenRetrievalError",
    "LoginError",
    "UnauthorizedException",
}
UNKNOWN_KEYS: Final = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
}
AUTH_FAILURE: Final = {"AuthFailure"}
OPT_IN: Final = {"OptInRequired", "RegionDisabledException"}
NOT_ENABLED: Final = {*AUTH_FAILURE, *OPT_IN, "UnrecognizedClientException"}
"""What AWS answers in a Region that the account has not enabled, to keys that are right too."""
CLOCK: Final = {"RequestExpired", "RequestTimeTooSkewed", "InvalidSignatureException"}
"""What AWS answers when the clock of this machine is wrong."""
_NO_REGION = {
    "NoRegionError",
    "InvalidRegionError",
    "UnknownRegionError",
    "UnknownEndpointError",
    "InvalidEndpointConfigurationError",
}
NOT_ALLOWED: Final = {
    "UnauthorizedOperation",
    "UnauthorizedAccess",
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
}
_UNREACHABLE = {
    "ConnectionError",
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ProxyConnectionError",
    "SSLError",
    "HTTPClientError",
    "InvalidProxiesConfigError",
    "EndpointResolutionError",
    "ResponseParserError",
    "ValueError",  # an address that is none: AWS_ENDPOINT_URL, or made of a Region that is none
}
_THROTTLED = {
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "SlowDown",
    "BandwidthLimitExceeded",
}
_AWS_DOWN = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "ServerInternal",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
}

_WHO = "`aws sts get-caller-identity` shows whose credentials are used"
_REGIONS = (
    "`aws ec2 describe-regions --all-regions --region us-east-1 --query "
    "'Regions[].[RegionName,OptInStatus]' --output text`"
)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What is known of a failed call."""

    code: str
    said: str
    permission: str
    region: str


def translate(error: Exception, *, service: str, operation: str, region: str) -> AwsError:
    """The error for a user, of what boto3 raised.

    Args:
        error: Of botocore, or any other that making or using a client ends with.
        service: As boto3 names it, such as "ec2".
        operation: As the client's method ("describe_images") or as AWS ("DescribeImages") names it.
        region: Name of the Region that was asked.

    Returns:
        One paragraph: what was asked, AWS's code, the Region, why, and the way out.
    """
    code = code_of(error)
    asked = getattr(error, "operation_name", None) or _as_aws_writes(operation)
    prefix = _PERMISSION_PREFIX.get(service, service)
    # One call may need a second permission, as that for the key of a secret: AWS names it then.
    permission = _permission_named(error) or f"{prefix}:{asked}"
    failure = _Failure(code, _words(error), permission, region)
    # Both of AWS's codes and of botocore's classes, of which a subclass may be raised.
    names = {code, *(cls.__name__ for cls in type(error).__mro__)}
    kind, advise = next(
        ((kind, advise) for known, kind, advise in _KINDS if known & names), (AwsError, _anything)
    )
    if advise is _not_enabled and known_everywhere(region):
        kind, advise = CredentialsError, _unknown_keys
    text = (
        f"AWS could not be asked for {service} {asked} in the Region {region or '(none)'}. It "
        f"failed with {code}: {failure.said} -- {advise(failure)}"
    )
    return kind(text, code=code, region=region, operation=asked)


def known_everywhere(region: str) -> bool:
    """Whether the Region is enabled in each account, so that nobody can have forgotten that."""
    return region in _ALWAYS_ENABLED


def code_of(error: Exception) -> str:
    """AWS's code of a refusal, or the class name of another error."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        code = (response.get("Error") or {}).get("Code")
        if code:
            # Old protocols put "Client." before some codes.
            return str(code).removeprefix("Client.").removeprefix("Server.")
    return type(error).__name__


def _permission_named(error: Exception) -> str | None:
    """The permission that AWS says is missing, where it says it."""
    said = str(error)
    if found := re.search(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)", said):
        return found[1]
    # KMS's words, handed on by the service that has asked it.
    return "kms:Decrypt" if "ciphertext refers to a" in said else None


def _words(error: Exception) -> str:
    """AWS's words on one line; the long cipher in refusals is for a command, not for reading."""
    response: Any = getattr(error, "response", None)
    said = (response.get("Error") or {}).get("Message") if isinstance(response, dict) else None
    line = one_line(Exception(said)) if said else one_line(error)
    line = re.sub(r"(?i)[,.]?\s*encoded authorization failure message: \S+", "", line)
    line = line.rstrip(". ") or "it gave no reason"
    return line if len(line) <= WORDS_SHOWN else f"{line[:WORDS_SHOWN].rstrip()}..."


def _as_aws_writes(operation: str) -> str:
    """`describe_images` as "DescribeImages", which stays as it is."""
    if operation[:1].isupper():
        return operation
    return "".join(part[:1].upper() + part[1:] for part in operation.split("_"))


def _no_credentials(_: _Failure) -> str:
    return (
        "no AWS credentials could be found. Give some: `aws configure sso` or `aws configure` "
        "once, with AWS_PROFILE for one of several; `aws configure list` shows what is found "
        "where. "
        "Without an AWS account, `geusemaker local up` shows the stack in a simulated one."
    )


def _partial_credentials(_: _Failure) -> str:
    return (
        "of the two keys of AWS credentials, one is missing. `aws configure list` shows what is "
        "found where; `aws configure` sets both."
    )


def _no_profile(_: _Failure) -> str:
    return (
        "AWS_PROFILE or the stack's `aws:profile` names a profile that is not in AWS's config "
        "files. `aws configure list-profiles` shows those that are; `unset AWS_PROFILE` takes "
        "the default one."
    )


def _bad_config(_: _Failure) -> str:
    return (
        "AWS's config or credentials file cannot be read. `aws configure list` shows which file "
        "is meant; put it right, or write it anew with `aws configure`."
    )


def _expired(_: _Failure) -> str:
    return (
        "the credentials are known, but not valid now: a session that has ended, or a clock of "
        "this machine that is wrong. Log in again: `aws sso login`, or export new keys; `date -u` "
        "shows the clock."
    )


def _unknown_keys(failure: _Failure) -> str:
    text = (
        "AWS does not accept the access key: it is wrong, was deleted, or is of another AWS "
        f"partition. {_WHO}, `aws configure list` where they come from, and `aws configure` sets "
        "others"
    )
    if not known_everywhere(failure.region):
        text += f"; or the Region is not enabled in the account: {_enable(failure.region)}"
    return f"{text}."


def _not_enabled(failure: _Failure) -> str:
    return (
        "the Region is not enabled in this account (a Region to opt into gives this answer to keys "
        f"that are right): {_enable(failure.region)}; or take another: `pulumi config set "
        f"aws:region us-east-1`. If the Region is enabled, the access key is wrong: {_WHO}."
    )


def _opt_in(failure: _Failure) -> str:
    return (
        "the account is not signed up for this service, or the Region is not enabled in it: "
        f"{_enable(failure.region)}; or take another: `pulumi config set aws:region us-east-1`. A "
        "new account may need to finish its registration in the AWS console first."
    )


def _enable(region: str) -> str:
    return (
        f"`aws account get-region-opt-status --region-name {region}` tells, `aws account "
        f"enable-region --region-name {region}` enables it, which takes minutes to hours"
    )


def _no_region(_: _Failure) -> str:
    return (
        "that is no name of a Region that AWS can be asked in. List them: "
        f"{_REGIONS}; set one: `pulumi config set aws:region us-east-1`."
    )


def _not_allowed(failure: _Failure) -> str:
    return (
        f"the caller lacks the permission {failure.permission}, or a policy of the account or its "
        f"organization denies it. {_WHO}; add {failure.permission} to its policy, or ask who "
        "manages the account."
    )


def _unreachable(failure: _Failure) -> str:
    test = (
        f"Test the way: `curl -sS -o /dev/null -w '%{{http_code}}' "
        f"https://ec2.{failure.region}.amazonaws.com/ping`"
    )
    changed = (
        "HTTPS_PROXY, AWS_CA_BUNDLE and AWS_ENDPOINT_URL change the way: "
        "`env | grep -iE 'proxy|AWS_CA_BUNDLE|AWS_ENDPOINT'` shows them, and such as "
        "`unset AWS_ENDPOINT_URL` takes one away."
    )
    if known_everywhere(failure.region):
        return (
            "no answer came from AWS there: no network, or a proxy or firewall between. "
            f"{test}. {changed}"
        )
    return (
        "no answer came from AWS there: no network, a proxy or firewall between, or no such "
        f"Region as {failure.region}. {test}; list the Regions: {_REGIONS}; take "
        f"another: `pulumi config set aws:region us-east-1`. {changed}"
    )


def _throttled(_: _Failure) -> str:
    return (
        "AWS refuses requests for being too many, of the whole account in this Region and not of "
        "this command alone, and still did after several tries. Run the command again in a "
        f"minute; {_WHO}, in case other programs use the same account without pause."
    )


def _aws_down(_: _Failure) -> str:
    return (
        "the fault is AWS's, and it was still there after several tries. Run the command again "
        "later; https://health.aws.amazon.com/health/status shows trouble that AWS knows of."
    )


def _anything(failure: _Failure) -> str:
    return (
        f"if that is about credentials, {_WHO}; if about permission, the caller needs "
        f"{failure.permission}; if about the Region, `pulumi config get aws:region` shows the "
        "stack's and `pulumi config set aws:region us-east-1` changes it; else run it again."
    )


_KINDS: Final[tuple[tuple[set[str], type[AwsError], Callable[[_Failure], str]], ...]] = (
    (_NO_CREDENTIALS, CredentialsError, _no_credentials),
    (_PARTIAL_CREDENTIALS, CredentialsError, _partial_credentials),
    (_NO_PROFILE, CredentialsError, _no_profile),
    (_BAD_CONFIG, CredentialsError, _bad_config),
    (EXPIRED, CredentialsError, _expired),
    (UNKNOWN_KEYS, CredentialsError, _unknown_keys),
    (AUTH_FAILURE, RegionError, _not_enabled),
    (OPT_IN, RegionError, _opt_in),
    (_NO_REGION, RegionError, _no_region),
    (NOT_ALLOWED, NotAllowedError, _not_allowed),
    (_THROTTLED, ThrottledError, _throttled),
    (_AWS_DOWN, AwsError, _aws_down),
    (_UNREACHABLE, EndpointError, _unreachable),
)
