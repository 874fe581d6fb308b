"""One resource type: its table, and what it does to the account."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from .account import Account, AwsError, Service, gone_is_fine
from .planning import Planned, Values
from .tags import own_tags, tag_change


@dataclass(frozen=True)
class Update:
    """A change in place: from a recorded state to new inputs, and the top-level names concerned."""

    state: Values
    inputs: Values
    paths: frozenset[str]


@dataclass(frozen=True)
class ById:
    """A call of AWS that takes the id of one thing.

    Attributes:
        operation: boto3's name of it.
        argument: What takes the id; it takes a list where the name ends with "Ids".
        part: What of the answer is the thing, or a list of it alone; the whole answer by default.
    """

    operation: str
    argument: str
    part: str | None = None

    def __call__(self, service: Service, id_: str) -> Any:
        """The thing in the answer; None for an empty list."""
        given = [id_] if self.argument.endswith("Ids") else id_
        answer = getattr(service, self.operation)(**{self.argument: given})
        found = answer if self.part is None else answer[self.part]
        return next(iter(found), None) if isinstance(found, list) else found


class Resource(Planned):
    """One resource type of the simulated provider. Subclasses call the account."""

    service: ClassVar[str]
    """The service of AWS, by boto3's name."""
    label: ClassVar[str]
    """Its name in the provider's errors, such as "EC2 VPC"."""
    creating: ClassVar[str | None] = None
    """The action in an error of the creation, with inputs in braces; "creating <label>"."""
    shown_by: ClassVar[ById]
    """The call that describes a thing; types without one have a `describe` of their own."""
    deleted_by: ClassVar[ById]
    """The call that deletes a thing; types without one have a `delete` of their own."""
    records_failed_update: ClassVar[bool] = True
    """Whether an update that AWS refuses is recorded as if made, as by the provider's older SDK."""

    # What a type does to the account. ------------------------------------------------------

    @abstractmethod
    def create(self, account: Account, inputs: Values) -> str:
        """Make the thing; its id."""

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        """The thing as AWS shows it; None, or an error that says so, when it is gone."""
        return self.shown_by(self.of(account), id_)

    @abstractmethod
    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        """The properties of a described thing, but its tags; those that are None are left out."""

    def update(self, account: Account, id_: str, change: Update) -> None:
        """Make the thing what `change.inputs` say. Most change nothing in place but their tags."""
        if "tagsAll" not in self.declared.outputs:
            raise AssertionError(f"{self.token} has no property that changes in place")
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        """Remove the thing. What is gone already is no error."""
        self.deleted_by(self.of(account), id_)

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]] | None:
        """All tags of a described thing, in the form of AWS's APIs."""
        tags: list[dict[str, str]] | None = shown.get("Tags")
        return tags

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        """Put tags on the thing, or change them."""
        raise NotImplementedError(self.token)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        """Take tags from the thing."""
        raise NotImplementedError(self.token)

    def of(self, account: Account) -> Service:
        """The service of the type, in an account."""
        service: Service = getattr(account, self.service)
        return service

    def retag(self, account: Account, id_: str, change: Update) -> None:
        """Bring the tags to those of the new inputs."""
        removed, added = tag_change(
            change.state.get("tagsAll"), self.all_tags(account, change.inputs)
        )
        tagging = account.during(f"updating tags for {self.of(account).id} resource ({id_})")
        if removed:
            self.untag(tagging, id_, removed)
        if added:
            self.tag(tagging, id_, added)

    # The same, with the action that the errors name. ----------------------------------------

    def put(self, account: Account, inputs: Values) -> str:
        """Make the thing, or write it again where AWS has one call for both; its id."""
        action = (self.creating or f"creating {self.label}").format_map(inputs)
        return self.create(account.during(action), inputs)

    def made(self, account: Account, inputs: Values) -> tuple[str, dict[str, Any]]:
        """Make the thing; its id and its state."""
        id_ = self.put(account, inputs)
        outputs = self.outputs(account, id_, inputs, {})
        if outputs is None:
            raise LookupError(f"{self.token} {id_} is gone right after it was made")
        return id_, outputs

    def read(self, account: Account, id_: str, state: Values) -> dict[str, Any] | None:
        """The thing's properties in AWS, or None when it is gone."""
        reading = account.during(f"reading {self.label} ({id_})")
        try:
            shown = self.describe(reading, id_, state)
        except AwsError as error:
            if not error.is_gone:
                raise
            return None
        if shown is None:
            return None
        found = dict(self.properties(reading, id_, shown, state))
        if "tagsAll" in self.declared.outputs:
            found["tags"] = own_tags(account, self.tags_of(reading, id_, shown), state)
        return {key: value for key, value in found.items() if value is not None}

    def updated(self, account: Account, id_: str, change: Update) -> None:
        """Make the thing what `change.inputs` say."""
        self.update(account.during(f"updating {self.label} ({id_})"), id_, change)

    def deleted(self, account: Account, id_: str, state: Values) -> None:
        """Remove the thing; succeed when it is gone already."""
        with gone_is_fine():
            self.delete(account.during(f"deleting {self.label} ({id_})"), id_, state)

    def outputs(
        self, account: Account, id_: str, inputs: Values, state: Values
    ) -> dict[str, Any] | None:
        """State as it is recorded: inputs, and over them what AWS shows; None when gone."""
        found = self.read(account, id_, {**state, **inputs})
        if found is None:
            return None
        outputs = {**inputs, **found}
        self._common(account, outputs, outputs)
        if unknown := set(outputs) - self.declared.outputs:
            raise LookupError(f"{self.token} has no such outputs: {sorted(unknown)}")
        return outputs
