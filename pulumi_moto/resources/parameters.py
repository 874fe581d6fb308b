"""SSM: parameters."""

from collections.abc import Iterator
from typing import Any, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import aws_tags

from .support import choice_problem, given, picked

TYPES: Final = ("String", "StringList", "SecureString")
LONGEST: Final = {"Standard": 4096, "Advanced": 8192}  # bytes of a value by tier
AWS_KEY: Final = "alias/aws/ssm"
"""The key of a SecureString where the program names none."""
_VALUES: Final = ("value", "insecureValue")
_SENT: Final = {"description": "Description", "keyId": "KeyId", "allowedPattern": "AllowedPattern"}


class Parameter(Resource):
    token = "aws:ssm/parameter:Parameter"
    service = "ssm"
    label = "SSM Parameter"
    creating = "creating SSM Parameter ({name})"
    deleted_by = ById("delete_parameter", "Name")
    replace_on = names("name dataType")
    optional_computed = names("arn dataType insecureValue keyId tier value")
    autoname = AutoName()
    secret = names("value valueWo")
    not_simulated = dict.fromkeys(("valueWo", "valueWoVersion"), "use value")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        values = [key for key in _VALUES if inputs.get(key) is not None]
        if len(values) != 1:
            found = "both" if values else "none"
            why = f"exactly one of value and insecureValue must be specified, and {found} is"
            yield Problem("value", why)
        yield from choice_problem("type", inputs["type"], TYPES)
        if inputs["type"] == "SecureString" and "insecureValue" in values:
            yield Problem("insecureValue", "cannot be set where type is SecureString")
        tier = inputs.get("tier")
        if isinstance(tier, str) and tier not in LONGEST:
            yield Problem("tier", "Standard and Advanced are simulated")

    def replaces(self, account: Account, path: str, state: Values, inputs: Values) -> bool:
        if path == "tier":  # AWS takes a parameter up, never down
            return (state.get("tier"), inputs.get("tier")) == ("Advanced", "Standard")
        return super().replaces(account, path, state, inputs)

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"version"}) if changed & set(_VALUES) else frozenset()

    def _put(self, account: Account, inputs: Values, **more: Any) -> None:
        value = str(next(inputs[key] for key in _VALUES if inputs.get(key) is not None))
        tier = inputs.get("tier") or "Standard"
        if len(value.encode()) > LONGEST[tier]:  # moto takes any length
            raise account.ssm.refuse("PutParameter", "ValidationException", _too_long(tier))
        sent = {_SENT[key]: inputs[key] for key in _SENT if inputs.get(key)}
        account.ssm.put_parameter(
            Name=inputs["name"], Type=inputs["type"], Value=value, Tier=tier, **more, **sent
        )

    def create(self, account: Account, inputs: Values) -> str:
        name = str(inputs["name"])
        data_type = given(DataType=inputs.get("dataType"))
        if inputs.get("overwrite"):  # AWS takes no tags with it: the provider adds them after it
            self._put(account, inputs, Overwrite=True, **data_type)
            self.retag(account, name, Update({}, inputs, frozenset()))
        else:
            self._put(account, inputs, Tags=aws_tags(account, inputs), **data_type)
        return name

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        found = account.ssm.get_parameter(Name=id_, WithDecryption=True)["Parameter"]
        own = [{"Key": "Name", "Option": "Equals", "Values": [id_]}]
        return {**account.ssm.describe_parameters(ParameterFilters=own)["Parameters"][0], **found}

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        open_ = state.get("insecureValue") is not None and shown["Type"] != "SecureString"
        return {
            **picked(shown, "Name", "Type", "DataType", "Version", "Tier"),
            **{key: shown.get(sent) or None for key, sent in _SENT.items()},
            "arn": shown["ARN"],
            "insecureValue" if open_ else "value": shown["Value"],
            "hasValueWo": False,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if change.paths - {"tags", "tagsAll", "overwrite"}:
            inputs = dict(change.inputs)
            # The provider sends the key only when it changed, and AWS takes its own then.
            if inputs["type"] == "SecureString" and "keyId" not in change.paths:
                inputs["keyId"] = AWS_KEY
            # What is not sent stays, so what left the program is sent empty.
            left = {
                _SENT[key]: ""
                for key in change.paths & {"description", "allowedPattern"}
                if not inputs.get(key)
            }
            self._put(account, inputs, Overwrite=True, **left)
        self.retag(account, id_, change)

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        return list(account.ssm.list_tags_for_resource(**self._tagged(id_))["TagList"])

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        account.ssm.add_tags_to_resource(Tags=tags, **self._tagged(id_))

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.ssm.remove_tags_from_resource(TagKeys=keys, **self._tagged(id_))

    def _tagged(self, id_: str) -> dict[str, str]:
        return {"ResourceType": "Parameter", "ResourceId": id_}


def _too_long(tier: str) -> str:
    """The error of Parameter Store for a value that its tier has no room for."""
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
