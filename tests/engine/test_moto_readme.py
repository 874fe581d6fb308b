"""The README of `pulumi_moto` runs the genuine CLI against the account, without this project."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pulumi_moto
from geusemaker.local.session import bin_dir
from geusemaker.pulumi_cli.find import find_engine

from .door import clean_environment

README = (Path(pulumi_moto.__file__).parent / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
PROGRAM = 'import pulumi_aws\n\npulumi_aws.ec2.Vpc("net", cidr_block="10.0.0.0/16")\n'
PYTHON = {"name": "python", "options": {"virtualenv": sys.prefix}}
PROJECT = {"name": "net", "runtime": PYTHON}  # JSON is YAML


def test_the_example_with_the_cli(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(json.dumps(PROJECT), encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    base = clean_environment()
    path = (find_engine(lambda _: None, environ=os.environ).path_dir, bin_dir(), base["PATH"])
    env = {
        **base,
        "PATH": os.pathsep.join(map(str, path)),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "any",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(*command: str) -> str:
        ran = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run("pulumi", "stack", "init", "dev")
    code = f"import sys; sys.modules['geusemaker'] = None\n{EXAMPLE}"
    assert re.search(
        r"\{'type': 'vpc', 'id': 'vpc-\w+', 'region': 'eu-west-1'\}",
        run(sys.executable, "-c", code),
    )
