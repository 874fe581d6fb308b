"""Keys of KMS that AWS cannot encrypt with. That a deployment stops: tests/engine."""

from types import SimpleNamespace

import pulumi
import pulumi.runtime
import pytest

from geusemaker.components import kms_key
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import in_pulumi

ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def look_up(arn: str) -> kms_key.KeyFault | None:
    found: list[kms_key.KeyFault | None] = []

    @in_pulumi
    def run() -> None:
        found.append(kms_key.look_up(arn, "us-east-1", pulumi.InvokeOptions()))

    run()
    return found[0]


def test_a_key_of_the_account_is_usable_and_without_an_answer_no_fault(
    account: SimulatedMocks,
) -> None:
    key = account.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert look_up(key) is None
    unknown = SimpleNamespace(key_manager=None, key_usage=None, key_spec=None, key_state=None)
    assert kms_key.fault_of(unknown, ARN, "us-east-1") is None


@pytest.mark.parametrize(
    ("answer", "words", "commands"),
    [
        ({"key_state": "Disabled"}, "state Disabled", ["enable-key"]),
        (
            {"key_state": "PendingDeletion"},
            "state PendingDeletion",
            ["cancel-key-deletion", "enable-key"],
        ),
        ({"key_state": "PendingImport"}, "state PendingImport", []),
        ({"key_manager": "AWS"}, "manages for one of its services", []),
        ({"key_spec": "RSA_2048"}, "a RSA_2048 key for ENCRYPT_DECRYPT", []),
        ({"key_usage": "GENERATE_VERIFY_MAC", "key_spec": "HMAC_256"}, "a HMAC_256 key", []),
    ],
)
def test_a_key_that_cannot_encrypt_has_its_reason_and_the_commands_that_change_it(
    answer: dict[str, str], words: str, commands: list[str]
) -> None:
    key = {
        "key_manager": "CUSTOMER",
        "key_usage": "ENCRYPT_DECRYPT",
        "key_spec": "SYMMETRIC_DEFAULT",
        "key_state": "Enabled",
        **answer,
    }
    fault = kms_key.fault_of(SimpleNamespace(**key), ARN, "us-east-1")
    assert fault is not None
    assert words in fault.why
    shown = [f"aws kms {one} --region us-east-1 --key-id {ARN[-36:]}" for one in commands]
    assert fault.repair == (f"Make it usable: `{' && '.join(shown)}`." if shown else "")


def test_a_key_that_may_not_be_described_is_used_with_a_warning(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    assert look_up(ARN.replace("123456789012", "111122223333")) is None
    (warning,) = warnings
    assert "AccessDeniedException" in warning
    assert "kms:DescribeKey" in warning


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (ARN.replace("us-east-1", "eu-west-1"), "is a key of the Region eu-west-1"),
        (ARN.replace("aws:kms:us-east-1", "aws-us-gov:kms:us-gov-west-1"), "us-gov-west-1"),
        (ARN, "does not exist"),
    ],
)
def test_a_key_elsewhere_or_nowhere_is_a_fault(account: SimulatedMocks, arn: str, why: str) -> None:
    fault = look_up(arn)
    assert fault is not None
    assert why in fault.why


def test_the_key_of_a_deployed_stack_is_warned_about_and_never_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    assert kms_key.kept_key(ARN, ARN, kms_key.KeyFault("does not exist")) == ARN
    (warning,) = warnings
    assert "nothing can read the data" in warning
