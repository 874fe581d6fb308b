"""Checks the KMS key of a new stack at preview. A stack keeps its key, also one of no use."""

from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws

from geusemaker import remarks
from geusemaker.components.kept import check_same_key
from geusemaker.errors import ConfigError, one_line

_USABLE: Final = ("Enabled", "Updating")
"""States in which a key encrypts, as AWS documents them. `Updating`: gets another primary key."""


class KeyFault(NamedTuple):
    """Why AWS encrypts nothing with a key, and the command that changes this, if there is one."""

    why: str
    repair: str = ""


def look_up(arn: str, region: str, opts: pulumi.InvokeOptions) -> KeyFault | None:
    """The fault of the key, None for a usable one.

    A key that the caller may not look up is used, with a warning: a preview needs fewer rights than
    a deployment.
    """
    if (own := arn.split(":")[3]) != region:
        return KeyFault(
            f"is a key of the Region {own}, but this stack is in {region}, and AWS encrypts with "
            "keys of the same Region only"
        )
    try:
        key = aws.kms.get_key(key_id=arn, opts=opts)
    except Exception as error:  # noqa: BLE001  # the SDK raises nothing narrower
        said = one_line(error)
        if "NotFoundException" in said:
            return KeyFault("does not exist")
        remarks.warn(
            f"geusemaker:kmsKeyArn {arn} is used without a check: KMS answered: {said} -- if the "
            "cause is a permission, a deployment needs kms:DescribeKey on the key too; if the key "
            "belongs to another account, its policy must allow this one."
        )
        return None
    return fault_of(key, arn, region)


def fault_of(key: Any, arn: str, region: str) -> KeyFault | None:
    """The fault of a key that exists. Parts of the answer may be missing, under mocks."""
    if key.key_manager == "AWS":
        return KeyFault("is a key that AWS manages for one of its services only")
    if (key.key_usage or "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" or (
        (key.key_spec or "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT"
    ):
        return KeyFault(
            f"is a {key.key_spec} key for {key.key_usage}, but disks and files need a symmetric "
            "key for encryption"
        )
    if (key.key_state or "Enabled") in _USABLE:
        return None
    commands = {
        "Disabled": ["enable-key"],
        "PendingDeletion": ["cancel-key-deletion", "enable-key"],
    }.get(key.key_state, [])
    id_ = arn.rpartition("/")[2]  # only the key's own account may change its state
    steps = [f"aws kms {one} --region {region} --key-id {id_}" for one in commands]
    why = f"has the state {key.key_state}, in which AWS encrypts nothing with it"
    return KeyFault(why, f"Make it usable: `{' && '.join(steps)}`." if steps else "")


def refuse_new(name: str, arn: str, region: str, fault: KeyFault) -> pulumi.ResourceHookBinding:
    """The hook of the record of a stack's key: raises `ConfigError` for the first deployment.

    A deployed stack must not be refused: to remove it, `pulumi up` has to lift the protection of
    its data first. Pulumi shows `name`, which is unique in the program.
    """

    def refuse(_: pulumi.ResourceHookArgs) -> None:
        raise ConfigError(new_key_refused(arn, region, fault))

    on_preview_too = pulumi.ResourceHookOptions(on_dry_run=True)
    return pulumi.ResourceHookBinding(
        before_create=[pulumi.ResourceHook(name, refuse, on_preview_too)]
    )


def new_key_refused(arn: str, region: str, fault: KeyFault) -> str:
    """The error for a key that a new stack cannot use."""
    repair = f" {fault.repair}" if fault.repair else ""
    return (
        f"geusemaker:kmsKeyArn is {arn}, which {fault.why}.{repair} `aws kms list-keys --region "
        f"{region}` lists the keys of the account. To use the keys of AWS: `pulumi config rm "
        "geusemaker:kmsKeyArn`."
    )


def kept_key(was: str, now: str, fault: KeyFault | None) -> str | None:
    """The key of the data, or None for AWS's keys, as `check_same_key`.

    Warns if the key of a deployed stack has become unusable.
    """
    key = check_same_key(was, now)
    if fault:
        repair = f" {fault.repair}" if fault.repair else ""
        remarks.warn(
            f"geusemaker:kmsKeyArn is {now}, which {fault.why}.{repair} Without this key the host "
            "cannot start, and nothing can read the data or its copies."
        )
    return key
