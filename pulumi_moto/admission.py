"""Which requests the simulated account takes over HTTP, and AWS's answers to the others.

Any web page can send requests to loopback, and name this address by a host of its own (DNS
rebinding); other users of the machine reach it too. None of them knows the account's access key.
"""

import hmac
import io
import json
import re
import secrets
import string
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Environ = dict[str, Any]

SERVICES: Final = {
    "autoscaling": "autoscaling",
    "backup": "backup",
    "ec2": "ec2",
    "elasticfilesystem": "efs",
    "iam": "iam",
    "kms": "kms",
    "monitoring": "cloudwatch",
    "route53": "route53",
    "s3": "s3",
    "servicequotas": "servicequotas",
    "ssm": "ssm",
    "sts": "sts",
}
"""moto's names of the services that the table and the commands use, by the name that requests for
them are signed with. Others of moto's start containers."""

_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([a-zA-Z0-9-]+)/([a-z0-9-]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;_-]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Keys:
    """An access key of AWS's form."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def random(cls) -> "Keys":
        """A new one that nobody can guess."""
        letters = string.ascii_uppercase + "234567"
        id_ = "AKIA" + "".join(secrets.choice(letters) for _ in range(16))
        return cls(id_, secrets.token_urlsafe(30))


MADE_UP: Final = Keys("simulated", "simulated")
"""For clients that are mocked in their own process, where no request is sent."""


@dataclass(frozen=True)
class Answer:
    """A whole response: status line, content type, body."""

    status: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Signed:
    """What the Authorization header says of a request's signature."""

    key_id: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str

    @classmethod
    def of(cls, environ: Environ) -> "Signed | None":
        """None when there is no signature of version 4 in the header."""
        found = _SIGNED.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
        if found is None:
            return None
        key_id, region, service, headers, signature = found.groups()
        return cls(key_id, region, service, tuple(headers.split(";")), signature)

    def refusal(self, environ: Environ, keys: Keys) -> Answer | None:
        """The answer to a wrong key, signature or service; None when the request is taken."""
        if not hmac.compare_digest(self.key_id.encode(), keys.id.encode()):
            return _refused(self.service, "key")
        if not hmac.compare_digest(self.signature, self._right(environ, keys)):
            return _refused(self.service, "signature")
        if self.service not in SERVICES:
            said = f"The simulated account has no {self.service}: it has {', '.join(SERVICES)}."
            is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form")
            return (_xml if is_query else _json)("UnsupportedOperation", said)
        return None

    def _right(self, environ: Environ, keys: Keys) -> str:
        """The signature that the request has to have, by botocore, which makes those that come.

        The body is read where nothing else says its hash, and put back.
        """
        headers = {name: _header(environ, name) for name in self.headers}
        body = b""
        if "x-amz-content-sha256" not in headers:
            length = environ.get("CONTENT_LENGTH") or "0"
            body = environ["wsgi.input"].read(int(length)) if length.isdecimal() else b""
            environ["wsgi.input"] = io.BytesIO(body)
        request = AWSRequest(
            method=environ["REQUEST_METHOD"],
            # Signed is the path as it was sent; PATH_INFO is decoded.
            url=f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}",
            headers=headers,
            data=body,
        )
        request.context["timestamp"] = _header(environ, "x-amz-date")
        kind = S3SigV4Auth if self.service == "s3" else SigV4Auth
        signer = kind(Credentials(keys.id, keys.secret), self.service, self.region)
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        return str(signer.signature(to_sign, request))


def _header(environ: Environ, name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(key if key.startswith("CONTENT_") else f"HTTP_{key}", ""))


def of_a_page(environ: Environ, endpoint: str) -> Answer | None:
    """The refusal of a request that a browser sent, or that names another host than `endpoint`."""
    of_browser = [name for name in ("Origin", "Sec-Fetch-Site") if _header(environ, name)]
    local = (endpoint, endpoint.replace("127.0.0.1", "localhost"))
    if of_browser:
        said = f"The simulated account takes no requests of web pages: {of_browser[0]} is set.\n"
    elif f"http://{environ.get('HTTP_HOST', '')}" not in local:
        said = f"The simulated account is at {endpoint} only, not at another name.\n"
    else:
        return None
    return Answer("403 Forbidden", "text/plain", said.encode())


_NOT_VALIDATED: Final = "AWS was not able to validate the provided access credentials"
_NO_SUCH_TOKEN: Final = "The security token included in the request is invalid."
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "key and signing method."
)


def not_validated() -> Answer:
    """What EC2 says to keys that it, or its Region, does not take."""
    error = f"<Error><Code>AuthFailure</Code><Message>{_NOT_VALIDATED}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>simulated</RequestID></Response>"
    return Answer("401 Unauthorized", "text/xml", body.encode())


def unsigned() -> Answer:
    """S3's error for an unsigned request, which names no other service."""
    return _s3("AccessDenied", "Access Denied")


def _refused(service: str, wrong: str) -> Answer:
    if service == "ec2":
        return not_validated()
    if service == "s3" and wrong == "key":
        said = "The AWS Access Key Id you provided does not exist in our records."
        return _s3("InvalidAccessKeyId", said)
    if service == "s3":
        return _s3("SignatureDoesNotMatch", _MISMATCH)
    if service in ("autoscaling", "iam", "sts", "route53"):
        return (
            _xml("InvalidClientTokenId", _NO_SUCH_TOKEN)
            if wrong == "key"
            else _xml("SignatureDoesNotMatch", _MISMATCH)
        )
    return (
        _json("UnrecognizedClientException", _NO_SUCH_TOKEN)
        if wrong == "key"
        else _json("InvalidSignatureException", _MISMATCH)
    )


def _s3(code: str, message: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer("403 Forbidden", "application/xml", body.encode())


def _xml(code: str, message: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>simulated</RequestId></ErrorResponse>"
    return Answer("403 Forbidden", "text/xml", body.encode())


def _json(code: str, message: str) -> Answer:
    body = json.dumps({"__type": code, "code": code, "message": message})
    return Answer("400 Bad Request", "application/x-amz-json-1.1", body.encode())
