"""`DeploymentConfig`: the validated config of a stack, and the functions that read one.

`from_pulumi`, `from_file` and `from_given` report every fault in one `ConfigError`. The model
itself, created directly, raises pydantic's `ValidationError`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from geusemaker.config import cross_field, service_settings
from geusemaker.config.parsing import kind_of, typed
from geusemaker.config.report import Report, holds_secrets
from geusemaker.config.sources import Given, camel, read_arguments, read_file, read_stack
from geusemaker.config.worker_fields import WorkerFields
from geusemaker.errors import ConfigError
from geusemaker.messages import InvalidValue, as_text


class DeploymentConfig(WorkerFields):
    """The config of a stack. Immutable; see `ConfigFields` and `WorkerFields` for the keys."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        cross_field.check(self)
        return self

    @classmethod
    def from_pulumi(cls) -> Self:
        """The config of the selected Pulumi stack.

        Raises:
            ConfigError: The config is invalid. In a Pulumi program it is a `pulumi.RunError` too.
        """
        from geusemaker.run_errors import as_run_errors  # here, since it imports Pulumi

        with as_run_errors():
            return cls.from_given(read_stack())

    @classmethod
    def from_arguments(cls, component: str, arguments: Mapping[str, Any]) -> Self:
        """The config in the arguments of a component, by field name.

        Raises:
            ConfigError: One or more arguments are invalid, or are Pulumi Outputs.
        """
        # A program may have secrets in plain text: they are in its memory only.
        secret = [name for name, field in cls.model_fields.items() if holds_secrets(field)]
        secret.append("service_settings")
        return cls.from_given(read_arguments(component, arguments, secret))

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """The config in a YAML or JSON file, or in a Pulumi stack file.

        Keys may be in camelCase or snake_case.

        Raises:
            ConfigError: The file cannot be read, or its config is invalid.
        """
        return cls.from_given(read_file(Path(path)))

    @classmethod
    def from_given(cls, given: Iterable[Given]) -> Self:
        """The config of values from any origin. For a key given twice, the later value wins.

        Raises:
            ConfigError: One or more values are invalid.
        """
        by_key = {one.key: one for one in given}
        report = Report(cls.model_fields, by_key)
        values: dict[str, Any] = {}
        for one in by_key.values():
            name = report.field_of(one)
            if name is None:
                continue
            if holds_secrets(cls.model_fields[name]) and not one.secret and not one.is_empty:
                report.in_plain_text(one)
                continue
            try:
                value = typed(one.key, kind_of(cls.model_fields[name].annotation), one.value)
                if name == "service_settings" and not one.secret:
                    service_settings.refuse_plain_secrets(value)
                values[one.key] = value
            except InvalidValue as invalid:
                report.invalid(one.key, invalid)
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            report.validation(error)
        else:
            if not report.problems:
                return config
        # No cause: it would show values, secret ones too, in a traceback.
        raise ConfigError(report.paragraph()) from None

    @property
    def pin_key(self) -> Literal["amiId", "amiName"] | None:
        """The key that pins an image; None without a pin."""
        if self.ami_id is not None:
            return "amiId"
        return None if self.ami_name is None else "amiName"

    def stack_values(self) -> dict[str, str]:
        """The values that were set explicitly, as `pulumi config set` takes them, by key."""
        return {
            camel(name): as_text(getattr(self, name))
            for name in type(self).model_fields
            if name in self.model_fields_set and getattr(self, name) is not None
        }
