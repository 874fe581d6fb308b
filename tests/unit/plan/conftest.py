"""The project that these tests plan."""

import subprocess
import sys
from pathlib import Path

import pytest

from geusemaker.plan.model import (
    Access,
    Against,
    Change,
    Comparison,
    FileDiff,
    Message,
    Model,
    Outage,
    Plan,
    PropertyChange,
)

from .project import ROOT, Project, make


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Project:
    return make(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def committed() -> Plan:
    """The plan of the committed stack, made once: for what only renders a plan."""
    code = "from geusemaker.cli.main import main; main(['plan', '--stack', 'dev', '--json'])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return Plan.model_validate_json(ran.stdout)


@pytest.fixture
def plan(committed: Plan) -> Plan:
    """A plan with each kind of part."""
    assert committed.cost
    compared = Comparison(
        against=Against(kind="git", name="origin/main"),
        changes=(
            Change(
                operation="replace",
                name="geusemaker-compute-host",
                type="aws:ec2/instance:Instance",
                holds="host",
                is_protected=True,
                properties=(
                    PropertyChange(
                        path="ami", kind="update", before="ami-1", after="ami-2", replaces=True
                    ),
                    PropertyChange(path="tags", kind="add", after="x"),
                ),
            ),
            Change(
                operation="update",
                name="geusemaker-storage-data",
                type="aws:ebs/volume:Volume",
                holds="data",
                is_protected=False,
                properties=(PropertyChange(path="size", kind="update", before="100", after="200"),),
            ),
            Change(
                operation="create",
                name="geusemaker-network-https",
                type="aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
                holds="",
                is_protected=False,
            ),
            Change(
                operation="delete",
                name="geusemaker-compute-address",
                type="aws:ec2/eip:Eip",
                holds="",
                is_protected=False,
            ),
        ),
        unchanged=53,
        replaces_host=True,
        replaces_data=False,
        refused=("geusemaker-compute-host",),
        outages=(Outage(services=("host",), why="it boots", seconds=60),),
        cost_low=-10.004,
        cost_high=-10.004,
        files=(FileDiff(path="compose.yaml", diff="--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y"),),
        notes=("The boot script.",),
    )
    return committed.model_copy(
        update={
            "comparison": compared,
            "cost": committed.cost.model_copy(update={"low": 150.0, "high": 150.0}),
            "models": (Model(name="llama3.2:3b", least_gib=1.4, fit="memory"),),
            "network": committed.network.model_copy(
                update={
                    "access": (
                        Access(network="203.0.113.0/24", port=443, what="HTTPS, by allowedCidrs"),
                        Access(network="0.0.0.0/0", port=443, what="HTTPS, by webhookCidrs"),
                    )
                }
            ),
            "messages": (Message(level="warning", text="Run `x`."),),
            "unchecked": ("The key.",),
            "failed": ("replaces-host",),
        }
    )
