"""SSM: parameters."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.resource import AutoName, Resource, Update, aws_tags
from pulumi_moto.schema import Problem

from .support import not_simulated, own_tags, tag_change

TYPES: Final = ("String", "StringList", "SecureString")
LONGEST: Final = {"Standard": 4096, "Advanced": 8192}  # bytes of a value by tier
AWS_KEY: Final = "alias/aws/ssm"
"""What encrypts a SecureString for which no key is named."""
_VALUES: Final = ("value", "insecureValue")
_SENT: Final = {"description": "Description", "keyId": "KeyId", "allowedPattern": "AllowedPattern"}


class Parameter(Resource):
    token = "aws:ssm/parameter:Parameter"
    replace_on = frozenset({"name", "dataType"})
    computed = frozenset({"version", "hasValueWo"})
    optional_computed = frozenset({"arn", "dataType", "insecureValue", "keyId", "tier", "value"})
    autoname = AutoName()
    secret = frozenset({"value", "valueWo"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(inputs, "use value", "valueWo", "valueWoVersion")
        given = [key for key in _VALUES if inputs.get(key) is not None]
        if len(given) != 1:
            found = "both" if given else "none"
            yield Problem(
                "value",
                f"exactly one of value and insecureValue must be specified, and {found} is",
            )
        kind = inputs["type"]
        if isinstance(kind, str) and kind not in TYPES:
            yield Problem("type", f"expected type to be one of {list(TYPES)}, got {kind}")
        if kind == "SecureString" and "insecureValue" in given:
            yield Problem("insecureValue", "cannot be set where type is SecureString")
        tier = inputs.get("tier")
        if isinstance(tier, str) and tier not in LONGEST:
            yield Problem("tier", "Standard and Advanced are simulated")

    def replaces(
        self, account: Account, path: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> bool:
        if path == "tier":  # AWS takes a parameter up, never down
            return (state.get("tier"), inputs.get("tier")) == ("Advanced", "Standard")
        return super().replaces(account, path, state, inputs)

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"version"}) if changed & set(_VALUES) else frozenset()

    def _put(self, account: Account, action: str, inputs: Mapping[str, Any], **more: Any) -> None:
        value = str(next(inputs[key] for key in _VALUES if inputs.get(key) is not None))
        tier = inputs.get("tier") or "Standard"
        if len(value.encode()) > LONGEST[tier]:  # moto takes any length
            raise account.refuse(
                action, "SSM", "PutParameter", "ValidationException", _too_long(tier)
            )
        account.call(
            action,
            "ssm",
            "put_parameter",
            Name=inputs["name"],
            Type=inputs["type"],
            Value=value,
            Tier=tier,
            **{_SENT[key]: inputs[key] for key in _SENT if inputs.get(key)},
            **more,
        )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        name = str(inputs["name"])
        action = f"creating SSM Parameter ({name})"
        data_type = {"DataType": inputs["dataType"]} if inputs.get("dataType") else {}
        if inputs.get("overwrite"):  # AWS takes no tags with it: the provider adds them after it
            self._put(account, action, inputs, Overwrite=True, **data_type)
            self._retag(account, name, Update({}, inputs, frozenset()))
        else:
            self._put(account, action, inputs, Tags=aws_tags(account, inputs), **data_type)
        return name

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        action = f"reading SSM Parameter ({id_})"
        try:
            found = account.call(action, "ssm", "get_parameter", Name=id_, WithDecryption=True)
        except AwsError as error:
            if error.code == "ParameterNotFound":
                return None
            raise
        parameter = found["Parameter"]
        described = account.call(
            action,
            "ssm",
            "describe_parameters",
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [id_]}],
        )["Parameters"][0]
        tags = account.call(
            action, "ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=id_
        )["TagList"]
        open_ = state.get("insecureValue") is not None and parameter["Type"] != "SecureString"
        told = {
            "arn": parameter["ARN"],
            "name": parameter["Name"],
            "type": parameter["Type"],
            "dataType": parameter["DataType"],
            "version": parameter["Version"],
            "insecureValue" if open_ else "value": parameter["Value"],
            "hasValueWo": False,
            "tier": described["Tier"],
            "tags": own_tags(account, tags, state),
            **{key: described.get(sent) or None for key, sent in _SENT.items()},
        }
        return {key: value for key, value in told.items() if value is not None}

    def update(self, account: Account, id_: str, change: Update) -> None:
        if change.paths - {"tags", "tagsAll", "overwrite"}:
            # What is not sent stays, so what left the program is sent empty.
            left = {_SENT[k]: "" for k in change.paths & {"description", "allowedPattern"}}
            kept = {_SENT[k] for k in _SENT if change.inputs.get(k)}
            inputs = dict(change.inputs)
            # The provider sends the key only when it changed, and AWS takes its own then.
            if inputs["type"] == "SecureString" and "keyId" not in change.paths:
                inputs["keyId"] = AWS_KEY
            self._put(
                account,
                f"updating SSM Parameter ({id_})",
                inputs,
                Overwrite=True,
                **{key: value for key, value in left.items() if key not in kept},
            )
        self._retag(account, id_, change)

    def _retag(self, account: Account, id_: str, change: Update) -> None:
        removed, added = tag_change(account, change)
        action = f"updating tags for SSM Parameter ({id_})"
        who = {"ResourceType": "Parameter", "ResourceId": id_}
        if removed:
            account.call(action, "ssm", "remove_tags_from_resource", TagKeys=removed, **who)
        if added:
            account.call(action, "ssm", "add_tags_to_resource", Tags=added, **who)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("ParameterNotFound"):
            account.call(f"deleting SSM Parameter ({id_})", "ssm", "delete_parameter", Name=id_)


def _too_long(tier: str) -> str:
    """What Parameter Store answers to a value that its tier has no room for."""
    if tier == "Advanced":
        return (
            "Advanced tier parameters support a maximum parameter value of 8192 characters. To "
            "create a larger parameter value, split it into several parameters."
        )
    return (
        "Standard tier parameters support a maximum parameter value of 4096 characters. To create "
        "a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For "
        "more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
        "parameter-store-advanced-parameters.html"
    )
