"""What AWS's refusals have in common. Pure."""

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
    """What a refused detachment of the data volume means, and the way out.

    Pulumi's provider stops the host and detaches the volume. Where somebody terminated the host or
    detached the volume in AWS, both are errors, of `up` as of `destroy`, until a refresh has seen
    it. One paragraph, or None when `text`, whatever Pulumi said, is about something else.
    """
    said = " ".join(text.split())
    detachment, code = _DETACHMENT.search(said), _GONE.search(said)
    if detachment is None or code is None:
        return None
    return (
        f"The data volume cannot be detached from the host {detachment['host']} ({code[1]}): the "
        "host was terminated or the volume was detached outside Pulumi, which does not know it "
        "yet. The data is untouched. Run it again with a refresh: `pulumi up --refresh` makes a "
        "new host over the same data, `pulumi destroy --refresh` removes the stack."
    )


def is_no_permission(error: Exception) -> bool:
    """Whether the caller may not ask that."""
    return code_of(error) in NOT_ALLOWED


def is_not_enabled(error: Exception) -> bool:
    """Whether AWS answers as it does in a Region that the account has not enabled."""
    return code_of(error) in NOT_ENABLED


def said(error: Exception) -> str:
    """What AWS or boto3 said, on one line."""
    return f"it said: {one_line(error)}"


def enable_region(region: str) -> str:
    """How to enable a Region for the account."""
    return (
        f"enable it: `aws account enable-region --region-name {region}` with rights on the "
        "account, which takes some minutes, or take another Region: `pulumi config set aws:region "
        "us-east-1`"
    )


def login(error: Exception, env: Mapping[str, str], region: str | None) -> tuple[str, str]:
    """Why nobody is logged in, and how to fix it."""
    profile = env.get("AWS_PROFILE", "")
    named = f" --profile {profile}" if profile else ""
    code = code_of(error)
    if isinstance(error, ProfileNotFound):
        return (
            f"the profile {profile!r} is not in AWS's config file",
            "`aws configure list-profiles` lists those that there are; name one in AWS_PROFILE, or "
            "`unset AWS_PROFILE`",
        )
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return (
            "there are none" if isinstance(error, NoCredentialsError) else said(error),
            f"`aws configure sso{named}` once, then `aws sso login{named}`, where the account has "
            f"a start page; `aws configure{named}` for an access key. AWS_PROFILE names the "
            "profile where there are several",
        )
    if isinstance(error, SSOError | TokenRetrievalError | CredentialRetrievalError):
        return f"the login is over or was never made; {said(error)}", f"`aws sso login{named}`"
    if isinstance(error, LoginError):
        return f"the login is over or was never made; {said(error)}", f"`aws login{named}`"
    if code in CLOCK:
        return f"AWS refuses the time of this machine ({code})", "set this machine's clock"
    if code in EXPIRED:
        return (
            f"they have expired ({code})",
            f"log in again: `aws sso login{named}`; keys in AWS_SESSION_TOKEN must be fetched anew",
        )
    if code in UNKNOWN_KEYS | NOT_ENABLED:
        fix = "`aws configure list` shows where the keys come from; make new ones, or log in again"
        if region is not None and not known_everywhere(region):
            fix += (
                f". AWS answers the same in a Region that the account has not enabled, and {region}"
                f" is one of those that have to be: {enable_region(region)}"
            )
        return f"AWS does not accept them ({code})", fix
    # ValueError: AWS_ENDPOINT_URL, or a Region, of which no address can be made.
    if isinstance(error, HTTPClientError | ConnectionError | ValueError):
        endpoint = env.get("AWS_ENDPOINT_URL", "")
        return (
            f"AWS cannot be reached; {said(error)}",
            f"AWS_ENDPOINT_URL is {endpoint!r}: `unset AWS_ENDPOINT_URL` for AWS itself"
            if endpoint
            else "look at the network, a proxy (HTTPS_PROXY), and the Region's name",
        )
    return f"AWS did not say who is asking; {said(error)}", "`aws sts get-caller-identity` asks too"
