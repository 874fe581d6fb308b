"""Reads AWS's refusals: their kind and their fix. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import (
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from geusemaker.errors import one_line
from geusemaker.services.aws_errors import (
    CLOCK,
    EXPIRED,
    NOT_ALLOWED,
    NOT_ENABLED,
    UNKNOWN_KEYS,
    code_of,
    known_everywhere,
)

_DETACHMENT: Final = re.compile(r"deleting EBS Volume \(\S+\) Attachment \((?P<host>i-[0-9a-z]+)\)")
_GONE: Final = re.compile(
    r"\b(IncorrectInstanceState|InvalidInstanceID\.NotFound|InvalidAttachment\.NotFound)\b"
)


def host_gone(text: str) -> str | None:
    """The error paragraph for a refused detachment of the data volume; None for any other text.

    Pulumi's provider stops the host and detaches the volume. If the host was terminated or the
    volume detached outside Pulumi, both calls fail in `up` and `destroy` until a refresh.
    `text` is Pulumi's output.
    """
    said = " ".join(text.split())
    detachment, code = _DETACHMENT.search(said), _GONE.search(said)
    if detachment is None or code is None:
        return None
    return (
        f"The data volume cannot be detached from the host {detachment['host']} ({code[1]}): the "
        "host was terminated or the volume was detached outside Pulumi, and Pulumi's state still "
        "has them. The data is untouched. Run it again with a refresh: `pulumi up --refresh` "
        "creates a new host with the same data, `pulumi destroy --refresh` removes the stack once "
        "geusemaker:protectData is false and deployed."
    )


def is_no_permission(error: Exception) -> bool:
    """Whether the caller lacks the permission for the call."""
    return code_of(error) in NOT_ALLOWED


def is_not_enabled(error: Exception) -> bool:
    """Whether the error is one that AWS returns in a Region that the account has not enabled."""
    return code_of(error) in NOT_ENABLED


def said(error: Exception) -> str:
    """The text of AWS or boto3, on one line."""
    return f"error: {one_line(error)}"


def enable_region(region: str) -> str:
    """The fix for a Region that the account has not enabled."""
    return (
        f"enable it: `aws account enable-region --region-name {region}` with permission on "
        "the account, which takes some minutes, or use another Region: `pulumi config set "
        "aws:region us-east-1`"
    )


def login(error: Exception, env: Mapping[str, str], region: str | None) -> tuple[str, str]:
    """Why there is no login, and its fix."""
    profile = env.get("AWS_PROFILE", "")
    named = f" --profile {profile}" if profile else ""
    code = code_of(error)
    if isinstance(error, ProfileNotFound):
        return (
            f"the profile {profile!r} is not in AWS's config file",
            "`aws configure list-profiles` lists the profiles; set AWS_PROFILE to one, or `unset "
            "AWS_PROFILE`",
        )
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return (
            "there are no credentials" if isinstance(error, NoCredentialsError) else said(error),
            f"`aws configure sso{named}` once, then `aws sso login{named}`, if the account has "
            f"a start page; `aws configure{named}` for an access key. AWS_PROFILE selects one of "
            "several profiles",
        )
    if isinstance(error, SSOError | TokenRetrievalError | CredentialRetrievalError):
        return f"the login has expired or does not exist; {said(error)}", f"`aws sso login{named}`"
    if isinstance(error, LoginError):
        return f"the login has expired or does not exist; {said(error)}", f"`aws login{named}`"
    if code in CLOCK:
        return f"AWS rejects the time of this machine ({code})", "set this machine's clock"
    if code in EXPIRED:
        return (
            f"the credentials have expired ({code})",
            f"log in again: `aws sso login{named}`; or export new keys with AWS_SESSION_TOKEN",
        )
    if code in UNKNOWN_KEYS | NOT_ENABLED:
        fix = (
            "`aws configure list` shows where the keys come from; create new ones, or log in again"
        )
        if region is not None and not known_everywhere(region):
            fix += (
                f". AWS answers the same in a Region that is not enabled, and {region} is an "
                f"opt-in Region: {enable_region(region)}"
            )
        return f"AWS does not accept the credentials ({code})", fix
    # ValueError: an invalid AWS_ENDPOINT_URL or Region.
    if isinstance(error, HTTPClientError | ConnectionError | ValueError):
        endpoint = env.get("AWS_ENDPOINT_URL", "")
        return (
            f"AWS cannot be reached; {said(error)}",
            f"AWS_ENDPOINT_URL is {endpoint!r}: `unset AWS_ENDPOINT_URL` for AWS itself"
            if endpoint
            else "check the network, a proxy (HTTPS_PROXY), and the Region's name",
        )
    return (
        f"AWS did not identify the caller; {said(error)}",
        "run `aws sts get-caller-identity`, which makes the same call",
    )
