"""Translates boto3's exceptions into errors that a user can act on. Pure, for any AWS service.

Errors are classified by AWS's code and by the names of botocore's classes. Botocore is not imported
here, so commands that never call AWS start faster.
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
"""Characters of AWS's error text that a message quotes at most."""

# Enabled in every account. The list is closed: every Region since 2019 is opt-in.
_ALWAYS_ENABLED = {
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-southeast-1", "ap-southeast-2"),
}
# Permission prefixes that differ from boto3's service name.
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
"""Codes in a Region that the account has not enabled, even for valid keys."""
CLOCK: Final = {"RequestExpired", "RequestTimeTooSkewed", "InvalidSignatureException"}
"""Codes when the clock of this machine is wrong."""
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
    "ValueError",  # an invalid endpoint, from AWS_ENDPOINT_URL or an invalid Region
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

_WHO = "`aws sts get-caller-identity` shows which credentials are used"
_REGIONS = (
    "`aws ec2 describe-regions --all-regions --region us-east-1 --query "
    "'Regions[].[RegionName,OptInStatus]' --output text`"
)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A failed call."""

    code: str
    said: str
    permission: str
    region: str


def translate(error: Exception, *, service: str, operation: str, region: str) -> AwsError:
    """Return the user's error for an exception of boto3.

    Args:
        error: From botocore, or any other that creating or using a client raises.
        service: boto3's name, such as "ec2".
        operation: Name of the client's method ("describe_images") or of AWS ("DescribeImages").
        region: Name of the Region of the call.

    Returns:
        One paragraph: the call, the Region, AWS's code, the reason and the fix.
    """
    code = code_of(error)
    asked = getattr(error, "operation_name", None) or _as_aws_writes(operation)
    prefix = _PERMISSION_PREFIX.get(service, service)
    # A call may need a second permission, such as one for a KMS key. AWS names it in its text.
    permission = _permission_named(error) or f"{prefix}:{asked}"
    failure = _Failure(code, _words(error), permission, region)
    # botocore may raise a subclass of a known class.
    names = {code, *(cls.__name__ for cls in type(error).__mro__)}
    kind, advise = next(
        ((kind, advise) for known, kind, advise in _KINDS if known & names),
        (AwsError, _unclassified),
    )
    if advise is _not_enabled and known_everywhere(region):
        kind, advise = CredentialsError, _unknown_keys
    text = (
        f"The AWS call {service} {asked} in the Region {region or '(none)'} failed with {code}: "
        f"{failure.said} -- {advise(failure)}"
    )
    return kind(text, code=code, region=region, operation=asked)


def known_everywhere(region: str) -> bool:
    """Whether the Region is enabled in every account, without opting in."""
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
    """The missing permission, if AWS's text names one."""
    said = str(error)
    if found := re.search(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)", said):
        return found[1]
    # KMS's text, passed on by the service that called it.
    return "kms:Decrypt" if "ciphertext refers to a" in said else None


def _words(error: Exception) -> str:
    """AWS's text on one line, without the encoded authorization message, which no one can read."""
    response: Any = getattr(error, "response", None)
    said = (response.get("Error") or {}).get("Message") if isinstance(response, dict) else None
    line = one_line(Exception(said)) if said else one_line(error)
    line = re.sub(r"(?i)[,.]?\s*encoded authorization failure message: \S+", "", line)
    line = line.rstrip(". ") or "no reason given"
    return line if len(line) <= WORDS_SHOWN else f"{line[:WORDS_SHOWN].rstrip()}..."


def _as_aws_writes(operation: str) -> str:
    """ "DescribeImages" for both "describe_images" and "DescribeImages"."""
    if operation[:1].isupper():
        return operation
    return "".join(part[:1].upper() + part[1:] for part in operation.split("_"))


def _no_credentials(_: _Failure) -> str:
    return (
        "no AWS credentials could be found. Set them up once with `aws configure sso` or `aws "
        "configure`; AWS_PROFILE selects one of several profiles, and `aws configure list` shows "
        "where credentials come from. Without an AWS account, `geusemaker local up` shows the "
        "stack in a simulated one."
    )


def _partial_credentials(_: _Failure) -> str:
    return (
        "one of the two AWS keys is missing. `aws configure list` shows where each comes from; "
        "`aws configure` sets both."
    )


def _no_profile(_: _Failure) -> str:
    return (
        "AWS_PROFILE or the stack's `aws:profile` names a profile that is not in AWS's config "
        "files. `aws configure list-profiles` lists the profiles; `unset AWS_PROFILE` selects the "
        "default one."
    )


def _bad_config(_: _Failure) -> str:
    return (
        "AWS's config or credentials file cannot be read. `aws configure list` shows which file "
        "is used; correct it, or write a new one with `aws configure`."
    )


def _expired(_: _Failure) -> str:
    return (
        "the credentials are not valid now: the session has expired, or the clock of this machine "
        "is wrong. Log in again with `aws sso login`, or export new keys; `date -u` shows the "
        "clock."
    )


def _unknown_keys(failure: _Failure) -> str:
    text = (
        "AWS does not accept the access key: it is wrong, deleted, or belongs to another AWS "
        f"partition. {_WHO}, `aws configure list` shows where they come from, and `aws configure` "
        "sets new ones"
    )
    if not known_everywhere(failure.region):
        text += f"; or the Region is not enabled in the account: {_enable(failure.region)}"
    return f"{text}."


def _not_enabled(failure: _Failure) -> str:
    return (
        "the Region is not enabled in this account (opt-in Regions answer so even to valid keys): "
        f"{_enable(failure.region)}; or use another: `pulumi config set aws:region us-east-1`. If "
        f"the Region is enabled, the access key is wrong: {_WHO}."
    )


def _opt_in(failure: _Failure) -> str:
    return (
        "the account is not signed up for this service, or the Region is not enabled in it: "
        f"{_enable(failure.region)}; or use another: `pulumi config set aws:region us-east-1`. A "
        "new account may have to finish its registration in the AWS console first."
    )


def _enable(region: str) -> str:
    return (
        f"`aws account get-region-opt-status --region-name {region}` shows its "
        f"status, and `aws account enable-region --region-name {region}` enables it within minutes "
        "to hours"
    )


def _no_region(_: _Failure) -> str:
    return (
        "unknown AWS Region. List the Regions: "
        f"{_REGIONS}; set one: `pulumi config set aws:region us-east-1`."
    )


def _not_allowed(failure: _Failure) -> str:
    return (
        f"the caller lacks the permission {failure.permission}, or a policy of the account or its "
        f"organization denies it. {_WHO}; add {failure.permission} to its policy, or ask the "
        "administrator of the account."
    )


def _unreachable(failure: _Failure) -> str:
    test = (
        f"Test the connection: `curl -sS -o /dev/null -w '%{{http_code}}' "
        f"https://ec2.{failure.region}.amazonaws.com/ping`"
    )
    changed = (
        "HTTPS_PROXY, AWS_CA_BUNDLE and AWS_ENDPOINT_URL change the connection: "
        "`env | grep -iE 'proxy|AWS_CA_BUNDLE|AWS_ENDPOINT'` shows them, and for example "
        "`unset AWS_ENDPOINT_URL` removes one."
    )
    if known_everywhere(failure.region):
        return (
            "AWS did not answer: there is no network, or a proxy or firewall blocks it. "
            f"{test}. {changed}"
        )
    return (
        "AWS did not answer: there is no network, a proxy or firewall blocks it, or the Region "
        f"{failure.region} does not exist. {test}; list the Regions: {_REGIONS}; use "
        f"another: `pulumi config set aws:region us-east-1`. {changed}"
    )


def _throttled(_: _Failure) -> str:
    return (
        "AWS throttles the account in this Region, and still did after several tries; other "
        "programs may use the same account. Run the command again in a minute; "
        f"{_WHO}."
    )


def _aws_down(_: _Failure) -> str:
    return (
        "the error is on AWS's side, and remained after several tries. Run the command again "
        "later; https://health.aws.amazon.com/health/status shows known incidents."
    )


def _unclassified(failure: _Failure) -> str:
    return (
        f"if the cause is the credentials, {_WHO}; if a permission, the caller needs "
        f"{failure.permission}; if the Region, `pulumi config get aws:region` shows the stack's "
        "and `pulumi config set aws:region us-east-1` changes it; else run it again."
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
