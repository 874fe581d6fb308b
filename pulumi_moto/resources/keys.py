"""KMS: who besides its policy may use a key."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from moto.kms.models import kms_backends

from pulumi_moto.account import Account, AwsError
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import Resource
from pulumi_moto.schema import Problem

from .support import choice_problem, first, given, items, picked

OPERATIONS: Final = (
    *("CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encapsulate"),
    *("Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
    *("GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncryptFrom"),
    *("ReEncryptTo", "RetireGrant", "Sign", "Verify", "VerifyMac"),
)
_OF_A_KEY: Final = ("KeyArn", "KeyId")
_PRINCIPALS: Final = ("granteePrincipal", "retiringPrincipal")
_NAME: Final = re.compile(r"[A-Za-z0-9:/_-]{1,256}")
_ROLE: Final = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([\w+=,.@-]+)")


class Grant(Resource):
    """What else than its policy allows a principal to use a key. It is kept, never evaluated."""

    token = "aws:kms/grant:Grant"
    service = "kms"
    label = "KMS Grant"
    creating = "creating KMS Grant for Key ({keyId})"
    replace_on = names(
        """
        constraints grantCreationTokens granteePrincipal keyId name operations retireOnDelete
        retiringPrincipal
        """
    )
    defaults: ClassVar[Values] = {"retireOnDelete": False}
    unordered = names("operations")
    secret = names("grantToken")
    not_simulated = dict.fromkeys(
        ("constraints", "grantCreationTokens"), "a grant here is for all contexts, and at once"
    )

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        for one in items(inputs["operations"]):
            yield from choice_problem("operations", one, OPERATIONS)
        for key in _PRINCIPALS:
            value = inputs.get(key)
            if isinstance(value, str) and not re.match(r"arn:|[\w.-]+\.amazonaws\.com", value):
                yield Problem(key, f"({value}) is an invalid ARN")
        name = inputs.get("name")
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield Problem("name", "1 to 256 letters, digits, and any of :/_-")

    def create(self, account: Account, inputs: Values) -> str:
        for key in _PRINCIPALS:
            _refuse_missing(account, inputs.get(key))
        _refuse_unknown(account, "CreateGrant", str(inputs["keyId"]))
        made = account.kms.create_grant(
            KeyId=inputs["keyId"],
            GranteePrincipal=inputs["granteePrincipal"],
            Operations=inputs["operations"],
            **given(Name=inputs.get("name"), RetiringPrincipal=inputs.get("retiringPrincipal")),
        )
        return f"{inputs['keyId']}:{made['GrantId']}"

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        key, _, grant = id_.rpartition(":")
        _refuse_unknown(account, "ListGrants", key)
        return first(account.kms.list_grants(KeyId=key, GrantId=grant)["Grants"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        key, _, grant = id_.rpartition(":")
        backend = kms_backends[account.id][account.region]
        return {
            **picked(shown, "GrantId", "GranteePrincipal", "Operations"),
            # AWS shows it at the creation only; the provider keeps it.
            "grantToken": backend.describe_key(key).grants[grant].token,
            "keyId": key,
            "name": shown.get("Name") or None,
            "retiringPrincipal": shown.get("RetiringPrincipal") or None,
        }

    def delete(self, account: Account, id_: str, state: Values) -> None:
        key, _, grant = id_.rpartition(":")
        retire = account.kms.retire_grant if state["retireOnDelete"] else account.kms.revoke_grant
        retire(KeyId=key, GrantId=grant)


def _refuse_unknown(account: Account, operation: str, key: str) -> None:
    """Raises KMS's error for a key that this account does not have; moto fails."""
    if key not in {one[name] for one in account.kms.list_keys()["Keys"] for name in _OF_A_KEY}:
        why = f"Key '{key}' does not exist"
        raise account.kms.refuse(operation, "NotFoundException", why)


def _refuse_missing(account: Account, principal: Any) -> None:
    """Raises KMS's error for a role that this account does not have; moto takes any."""
    role = _ROLE.fullmatch(principal or "")
    if role is None or role[1] != account.id:
        return
    try:
        account.iam.get_role(RoleName=role[2])
    except AwsError as error:
        if not error.is_gone:
            raise
        why = f"ARN does not refer to a valid principal: {principal}"
        raise account.kms.refuse("CreateGrant", "InvalidArnException", why) from error
