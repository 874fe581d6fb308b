"""Answers of containers, in the part of the host's program that only stacks with workers have.

Code in a container can write anything into them. The functions run in a shell, without a host.
"""

import re
import subprocess
from pathlib import Path

import pytest

from geusemaker.bundle import Access
from geusemaker.components.settings import pointer_text
from geusemaker.components.worker_load import namespace
from geusemaker.components.worker_policy import group_name
from geusemaker.userdata import bundle_program

LIMITS = 'timeout() { while [[ $1 != docker && $1 != bash ]]; do shift; done; "$@"; }\n'


def _run(program: str, *functions: str, before: str = "", then: str) -> str:
    """What `then` prints, with these functions of the program."""
    found = [
        match[0]
        for name in functions
        for match in re.finditer(rf"^{name}\(\) \{{\n.*?^\}}$", program, re.MULTILINE | re.DOTALL)
    ]
    assert len(found) == len(functions)
    text = "\n".join(["set -Eeuo pipefail", *found, before, then])
    ran = subprocess.run(["/bin/bash", "-c", text], check=True, capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.stdout


# The queue


def _queue(folder: Path, said: str) -> str:
    (folder / "said").write_text(said)
    answered = f'from_container() {{ cat "{folder}/said"; }}'
    ask = 'read_queue && echo "$WAITING $RUNNING" || echo unknown'
    return _run(bundle_program(queue=True), "read_queue", before=answered, then=ask).strip()


@pytest.mark.parametrize(
    ("said", "read"),
    [("0\n0\n0\n", "0 0"), ("3\n1\n5\n", "4 5"), ("010\n09\n999999999\n", "19 999999999")],
)
def test_the_three_lists_of_the_queue_are_two_numbers(tmp_path: Path, said: str, read: str) -> None:
    assert _queue(tmp_path, said) == read


@pytest.mark.parametrize(
    "said",
    [
        "",
        "3\n1\n",
        "3\n1\n5\n7\n",
        "-1\n0\n0\n",
        "1e9\n0\n0\n",
        "3\n1\n9999999999\n",
        "3,Unit=Count MetricName=Waiting\n1\n5\n",
        "a[$(id)]\n1\n5\n",
        "3\n1\n5\nservice.n8n=healthy\n",
        "service.n8n=healthy\n3\n1\n5\n",
        "NOAUTH Authentication required.\n" * 3,
        "3" * 1_000_000,
    ],
)
def test_any_other_answer_of_valkey_is_none(tmp_path: Path, said: str) -> None:
    assert _queue(tmp_path, said) == "unknown"


# Executions of a worker


READY = "n8n worker is now ready\n"


def _execution(number: int, what: str = "started") -> str:
    return f"Worker {what} execution {number} (job {number})\n"


def _count(folder: Path, log: str) -> str:
    (folder / "log").write_text(log, encoding="latin-1")
    docker = f"container_of() {{ echo abc; }}\ndocker() {{ cat '{folder}/log'; }}\n{LIMITS}"
    program = bundle_program("worker")
    return _run(program, "count_executions", before=docker, then="count_executions").strip()


@pytest.mark.parametrize(
    ("log", "count"),
    [
        (READY, "0"),
        (READY + _execution(1) + _execution(2) + _execution(1, "finished"), "1"),
        (READY + _execution(1) + _execution(1, "errored while running"), "0"),
        # What n8n has lost by a crash.
        (READY + _execution(1) + READY + _execution(2), "1"),
        (_execution(7, "finished") + _execution(8), "1"),
        # Another log level: nothing is known.
        ("", ""),
        (_execution(1, "errored while running"), ""),
        # What a workflow may write there.
        (READY + "".join(map(_execution, range(100))), "100"),
        (READY + "".join(map(_execution, range(101))), ""),
        (READY + "executions=7\nworker=left\nservice.n8n=healthy\n", "0"),
        (READY + "Worker started execution 1 (job 99999999999999999999999)\n", "1"),
        (READY + "Worker started execution $(id) (job `id`)\n", "0"),
        (READY + "x" * 3_000_000 + _execution(1) + _execution(2), "1"),
        (READY + "\0\x1b[2J\xff" + _execution(3), "1"),
    ],
)
def test_a_worker_counts_its_executions_by_the_messages_of_n8n(
    tmp_path: Path, log: str, count: str
) -> None:
    assert _count(tmp_path, log) == count


def test_a_worker_without_a_running_n8n_has_no_executions() -> None:
    program = bundle_program("worker")
    stopped = "container_of() { :; }"
    assert _run(program, "count_executions", before=stopped, then="count_executions") == "0\n"


# What the stack writes


@pytest.mark.parametrize(
    "line",
    ["closed eth0", "closed gm-a b", "drain 1; reboot", "drain -1", "head gm-edge x", "metrics on"],
)
def test_an_unknown_line_of_the_file_workers_is_refused(tmp_path: Path, line: str) -> None:
    good = "closed gm-qdrant-in\nmetrics\nhead gm-edge 198.18.42.10\ndrain 100\n"
    (tmp_path / "manifest").write_text("")
    before = f"DIR='{tmp_path}' SHA=x\nrefuse() {{ echo refused; exit 0; }}"
    for text, said in ((good, ""), (f"{good}{line}\n", "refused\n")):
        (tmp_path / "workers").write_text(text)
        shown = subprocess.run(
            ["/bin/bash", "-c", f"{before}\n{bundle_program('worker')}\ncheck_manifest"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == said


def test_the_program_reads_the_names_that_the_stack_writes_into_the_pointer(
    tmp_path: Path,
) -> None:
    zone = "ab12cd34ef56.geusemaker.internal"
    text = pointer_text(
        sha256="0" * 64,
        bucket="a-bucket",
        access=Access(),
        address=None,
        head=f"head.{zone}",
        zone=zone,
        group=group_name("ab12cd34ef56"),
        namespace=namespace("ab12cd34ef56"),
    )
    (tmp_path / "pointer").write_text(text)
    forms = {
        "head": '"$DOMAIN_FORM"',
        "zone": '"$DOMAIN_FORM"',
        "group": "'[A-Za-z0-9._-]+'",
        "namespace": "'GeuseMaker/[A-Za-z0-9._-]+'",
    }
    worker, head = bundle_program("worker"), bundle_program(queue=True)
    (domain,) = re.findall(r"^DOMAIN_FORM=.*$", worker, re.MULTILINE)
    for form in forms.values():
        assert form in worker + head
    asked = "\n".join(f"of_pointer {name} {form}" for name, form in forms.items())
    before = f"LIB='{tmp_path}'\n{domain}"
    assert _run(worker, "of_pointer", before=before, then=asked).splitlines() == [
        *(f"head.{zone}", zone, "geusemaker-ab12cd34ef56-workers", "GeuseMaker/ab12cd34ef56")
    ]
    # A value of another form, with a second command in it, is none.
    (tmp_path / "pointer").write_text("head=$(reboot)\nzone=a b.c\ngroup=x;y\nnamespace=AWS/EC2\n")
    assert _run(worker, "of_pointer", before=before, then=asked) == ""
