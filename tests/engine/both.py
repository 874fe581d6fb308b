"""One stack, seen by the engine and by `geusemaker plan`: what a change would do."""

import base64
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from geusemaker import bundle
from geusemaker.config import DeploymentConfig
from geusemaker.config.effects import ITS_CONTAINERS, Effect, Outcome
from geusemaker.config.report import metadata
from geusemaker.errors import ConfigError
from geusemaker.plan import stack_values
from geusemaker.plan.run import run
from geusemaker.plan.side import side
from pulumi_moto.state import STASH, State, top

from .changes import DEPLOYED, Change, Keys
from .door import Door
from .test_previous_state import import_record

_HOST = "aws:ec2/instance:Instance::geusemaker-compute-host"
_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
_BUNDLE = f"{_OBJECT}::geusemaker-compute-settings-"
_DATA = (
    "aws:efs/fileSystem:FileSystem::geusemaker-storage-files",
    "aws:ebs/volume:Volume::geusemaker-storage-data",
    "aws:backup/vault:Vault::geusemaker-storage-backups",
    "pulumi:index:Stash::geusemaker-identity-credentials",
    "aws:ssm/parameter:Parameter::geusemaker-identity-credentials",
)


@dataclass(frozen=True)
class Shown:
    """What a preview or a plan shows.

    Attributes:
        steps: By URN: an operation, the properties that differ, and those of them that replace.
        files: The bundle after the change; empty for the one before.
        refused: The error, if it is one; then there is nothing else.
    """

    steps: Mapping[str, tuple[str, set[str], set[str]]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict, compare=False)
    refused: str = field(default="", compare=False)


class Both:
    """One stack at a time, in one account."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.places: dict[str, str] = {}
        self.state: dict[str, Any] = {}
        self._name = ""
        self._config = ""
        self._taken: dict[str, tuple[str, dict[str, Any]]] = {}

    def use(self, name: str) -> None:
        """Makes a stack the current one: a recorded one, or one that is deployed first."""
        if name == self._name:
            return
        if name in self._taken:
            self._config, self.state = self._taken[name]
            self.door.places.config.write_text(self._config, encoding="utf-8")
            self._import(self.state)
            self._name = name
        elif name == "new":
            self._begin()
            self.take(name)
        elif name in DEPLOYED:
            self._deploy(name)
        else:
            import_record(self.door, name)
            self.take(name)

    def take(self, name: str) -> None:
        """Takes the stack as it is."""
        self._name = name
        self._config = self.door.places.config.read_text(encoding="utf-8")
        # Without `--show-secrets`, as users save it.
        self.state = json.loads(self.door.pulumi("stack", "export").out)
        self._taken[name] = self._config, self.state

    def _deploy(self, name: str) -> None:
        keys, before = DEPLOYED[name]
        if before:
            self.use(before)
        else:
            self._begin()
        self.change(keys)
        self.door.up()
        self.take(name)

    def _begin(self) -> None:
        """Makes a stack with all defaults and without resources the current one."""
        content = yaml.safe_load(self.door.places.config.read_text(encoding="utf-8"))
        self._config = yaml.safe_dump({**content, "config": {"aws:region": "us-east-1"}})
        self.door.places.config.write_text(self._config, encoding="utf-8")
        empty = json.loads(self.door.pulumi("stack", "export").out)
        self._import({**empty, "deployment": {**empty["deployment"], "resources": []}})

    def _import(self, state: Mapping[str, Any]) -> None:
        file = self.door.places.root / "state.json"
        file.write_text(json.dumps(state), encoding="utf-8")
        self.door.pulumi("stack", "import", "--file", str(file))

    def change(self, keys: Keys) -> None:
        """Writes the config of the stack with changed keys."""
        content = yaml.safe_load(self._config)
        for key, value in keys.items():
            content["config"].pop(f"geusemaker:{key}", None)
            if value is not None and key != "registryLogins":
                text = string.Template(value).substitute(self.places)
                content["config"][f"geusemaker:{key}"] = text
        self.door.places.config.write_text(yaml.safe_dump(content), encoding="utf-8")
        if logins := keys.get("registryLogins"):
            self.door.pulumi("config", "set", "--secret", "geusemaker:registryLogins", logins)

    def of_engine(self) -> Shown:
        """What a preview shows."""
        ran = self.door.pulumi("preview", "--json", code=None)
        digest = json.loads(ran.out)
        if ran.code:
            said = " ".join(one["message"] for one in digest["diagnostics"])
            return Shown(refused=" ".join(said.split()))
        found, files = {}, {}
        for step in digest["steps"]:
            diff = step.get("detailedDiff") or {}
            replacing = [path for path, one in diff.items() if one["kind"].endswith("-replace")]
            if step["op"] != "same" and "pulumi:pulumi:Stack" not in step["urn"]:
                found[step["urn"]] = (step["op"], set(map(top, diff)), set(map(top, replacing)))
            if step["op"] == "create" and _BUNDLE in step["urn"]:
                files = _files(step["newState"])
        return Shown(found, files)

    def of_plan(self) -> Shown:
        """What a plan shows."""
        file = self.door.places.config
        values = stack_values.read(self.door.places.project, file)
        own = side(self.door.places.project, "dev", "us-east-1", values, values.given)
        try:
            ran = run(own.program, State.of_export(self.state), own.stand_ins)
        except ConfigError as error:
            return Shown(refused=str(error))
        found, files = {}, {}
        for step in ran.steps:
            # The engine shows no properties of its own type.
            changes = step.changes if step.type != STASH else ()
            replacing = [one.path for one in changes if one.replaces]
            if step.operation != "same":
                paths = {top(one.path) for one in changes}
                found[step.urn] = (step.operation, paths, set(map(top, replacing)))
            if step.operation == "create" and _BUNDLE in step.urn:
                files = _files({"inputs": step.inputs})
        return Shown(found, files)

    def effect(self, shown: Shown) -> Effect:
        """The effect of a change of the current stack."""
        if shown.refused:
            return Effect("refused")
        restarts: tuple[str, ...] = ()
        outcome: Outcome = "in place" if shown.steps else "nothing"
        kept = [one["urn"] for one in self.state["deployment"]["resources"]]
        assert len([urn for urn in kept if urn.endswith(_DATA)]) == len(_DATA)
        of_data = (step[0] for urn, step in shown.steps.items() if urn.endswith(_DATA))
        assert set(of_data) <= {"update"}, "no key may cost data"
        if shown.files:
            stored = (one for one in self.state["deployment"]["resources"] if _BUNDLE in one["urn"])
            stopped = bundle.restarted(_files(next(stored)), shown.files)
            running = yaml.safe_load(shown.files["compose.yaml"])["services"]
            restarts = tuple(one for one in stopped if one in running)
        if restarts:
            outcome = "services restart"
        host = (step for urn, step in shown.steps.items() if urn.endswith(_HOST))
        for operation, properties, _ in host:
            if operation == "replace":
                outcome, restarts = "host replaced", ()
            elif "instanceType" in properties:
                outcome, restarts = "host restarts", ()
        return Effect(outcome, restarts=restarts)

    def check(self, change: Change) -> None:
        """Compares engine and plan, and both with the declared effects of the keys that change."""
        self.use(change.stack)
        self.change(change.keys)
        engine, plan = self.of_engine(), self.of_plan()
        assert plan == engine
        assert bool(plan.refused) == bool(engine.refused)
        assert plan.refused in engine.refused, "both have the same words"
        self._check_effects(change, engine)

    def _check_effects(self, change: Change, engine: Shown) -> None:
        shown, restarts = dict[str, Any](), set[str]()
        for key, words in change.shows.items():
            alone = engine
            if len(change.shows) > 1:
                # The engine shows the keys together. A plan shows each, and the sum is the same.
                self.change({key: change.keys[key]})
                alone = self.of_plan()
            measured = self.effect(alone)
            declared = effect_of(key, words)
            own = declared.restarts == ITS_CONTAINERS
            expected = sorted(change.own if own else declared.restarts)
            assert (measured.outcome, sorted(measured.restarts)) == (declared.outcome, expected), (
                key
            )
            shown |= alone.steps
            restarts |= set(measured.restarts)
        if len(change.shows) > 1:
            assert {_named(urn) for urn in shown} == {_named(urn) for urn in engine.steps}
            assert restarts == set(self.effect(engine).restarts)


def effects_of(key: str) -> tuple[Effect, ...]:
    """The declared effects of a key."""
    (field_,) = (one for one in DeploymentConfig.model_fields.values() if one.alias == key)
    effects: tuple[Effect, ...] = metadata(field_, "effects")
    return effects


def effect_of(key: str, words: str) -> Effect:
    """The declared effect whose sentence begins with words."""
    (found,) = (one for one in effects_of(key) if one.sentence.startswith(words))
    return found


def _named(urn: str) -> str:
    """A URN without the digest in the name of a bundle."""
    return urn.rpartition("-")[0] if _OBJECT in urn else urn


def _files(resource: Mapping[str, Any]) -> dict[str, str]:
    return bundle.unpack(base64.b64decode(resource["inputs"]["contentBase64"]))
