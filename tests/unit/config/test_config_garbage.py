"""Property tests: any input gives a config or a ConfigError."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.config import DeploymentConfig
from geusemaker.config.report import NOT_IN_THIS_VERSION
from geusemaker.errors import ConfigError

from .conftest import message_of, read_stack

KEYS = [str(field.alias) for field in DeploymentConfig.model_fields.values()]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
near_misses = st.sampled_from(
    [
        "[",
        "{",
        '{"a":',
        "[[]]",
        '{"a":{}}',
        "a=",
        "=",
        ",",
        "10.0.0.0/",
        "::/129",
        "-1",
        "1e9",
        "NaN",
    ]
)
texts = st.text() | near_misses | json_values.map(json.dumps)
keys = st.sampled_from([*KEYS, *NOT_IN_THIS_VERSION]) | st.text().filter(
    lambda key: key != "secret"
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(keys, texts, max_size=4), st.sets(keys))
def test_any_text_for_any_key_is_a_config_or_a_config_error(
    values: dict[str, str], secret: set[str]
) -> None:
    try:
        config = read_stack(tuple(secret), **values)
    except ConfigError as error:
        message_of(error)
    else:
        assert read_stack(**config.stack_values()) == config  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(keys, json_values, max_size=4) | json_values, st.sampled_from(["json", "yaml"])
)
def test_any_structure_in_a_file_is_a_config_or_a_config_error(
    content: object, suffix: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a.{suffix}")
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            DeploymentConfig.from_file(path)
        except ConfigError as error:
            message_of(error)


@settings(max_examples=200, deadline=None)
@given(st.binary() | st.text(alphabet="{}[]:-&*!?|>'\"#%@ \n\tao1.\\").map(str.encode))
def test_any_bytes_in_a_file_are_a_config_or_a_config_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.yaml", "a.json"):
            path = Path(folder, name)
            path.write_bytes(content)
            try:
                DeploymentConfig.from_file(path)
            except ConfigError as error:
                message_of(error)
