"""What the pages name exists: links, make targets, commands, config keys.

A page that names what does not exist costs a reader more than a page that says nothing.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import typer

from geusemaker.cli.main import app
from geusemaker.config import DeploymentConfig
from geusemaker.config.report import NOT_IN_THIS_VERSION

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HISTORY = [ROOT / "CHANGELOG.md", *(ROOT / "docs" / "adr").glob("[0-9]*.md")]

# Text that shows what is wrong on purpose; it is on the same line as what it excuses.
WRONG_ON_PURPOSE = "<!-- wrong on purpose -->"

_FENCE = re.compile(r"^ {0,3}(```|~~~)[^\n]*\n(.*?)^ {0,3}\1[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(\s*<?([^)\s>]+)")
_IMAGE = re.compile(r"!\[[^\]\n]*\]\(\s*<?([^)\s>]+)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]+\]:\s+(\S+)", re.MULTILINE)
_MAKE = re.compile(r"(?:^|[\s;&|(])make ([a-z][a-z0-9-]*)")
_COMMAND = re.compile(r"(?:^|[\s;&|(/])geusemaker((?: [a-z][a-z-]*)+)")
_KEY = re.compile(r"\bgeusemaker:([A-Za-z][A-Za-z0-9]*)")
_FILE = re.compile(
    r"(?<![\w./-])((?:bench|docs|geusemaker|pulumi_moto|scripts|tests|tools)/[\w./-]*[\w/])(?![\w*])"
)
_STEP = re.compile(r"^\|[^|]+\| `([\w./-]+)` \| `(\w+)` \|$", re.MULTILINE)


# What AWS documents of whoever makes such a thing with a key of the account: the user guides of EBS
# ("Required permissions" of encryption), EFS (its key policy), Parameter Store (which encrypts a
# Standard SecureString by Encrypt), S3 (uploading with SSE-KMS) and AWS Backup (creating a vault).
NEEDED_OF_A_KEY = {
    "disks (EBS)": {"CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext"}
    | {"ReEncrypt*"},
    "file system": {"CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext"},
    "secrets, a Standard parameter": {"Encrypt", "Decrypt"},
    "settings in S3": {"GenerateDataKey", "Decrypt"},
    "vault of the copies": {"CreateGrant", "RetireGrant", "DescribeKey", "Decrypt"}
    | {"GenerateDataKey"},
}


def named(pages: Iterable[Path] = PAGES) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def without_excused(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if WRONG_ON_PURPOSE not in line)


def code_of(text: str) -> Iterator[str]:
    """What stands in code font: blocks by line, without comments, and spans."""
    text = without_excused(text)
    for block in _FENCE.finditer(text):
        for line in block[2].splitlines():
            yield line.split(" #")[0]
    for span in _CODE.finditer(_FENCE.sub("", text)):
        yield span[1]


def prose_of(text: str) -> str:
    """The page without code, in which brackets are no links."""
    return _CODE.sub("", _FENCE.sub("", without_excused(text)))


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*#*$", _FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        anchors.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return anchors


def broken_links(page: Path) -> list[str]:
    text = prose_of(page.read_text(encoding="utf-8"))
    targets = [*_LINK.findall(text), *_IMAGE.findall(text), *_REFERENCE.findall(text)]
    broken = []
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):  # another site's: not asked from a test
            continue
        path, _, anchor = target.partition("#")
        there = page if not path else page.parent / path
        if not there.exists() or (
            anchor
            and there.suffix == ".md"
            and anchor not in anchors_of(there.read_text(encoding="utf-8"))
        ):
            broken.append(target)
    return broken


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)
    rules = set(re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE))
    return rules & {name for line in declared for name in line.split()}


def missing_targets(text: str) -> list[str]:
    known = make_targets()
    return [name for code in code_of(text) for name in _MAKE.findall(code) if name not in known]


def missing_commands(text: str) -> list[str]:
    return [
        f"geusemaker{words}"
        for code in code_of(text)
        for words in _COMMAND.findall(code)
        if not is_command(words.split())
    ]


def is_command(words: list[str]) -> bool:
    """Whether the words lead to a command; what follows a command is its argument."""
    command: object = typer.main.get_command(app)
    for word in words:
        known = getattr(command, "commands", None)
        if known is None:
            return True
        if word not in known:
            return False
        command = known[word]
    return True


def missing_keys(text: str) -> list[str]:
    known = {str(field.alias) for field in DeploymentConfig.model_fields.values()}
    known |= NOT_IN_THIS_VERSION.keys()
    # `geusemaker:index:Tier1` is a type token, `geusemaker:stack` and `geusemaker:id` are tags.
    known |= {"index", "stack", "id"}
    found = _KEY.findall(without_excused(text))
    return [key for key in found if key not in known and not key.isupper()]  # KEY stands for any


def missing_files(text: str) -> list[str]:
    found = (name for code in code_of(text) for name in _FILE.findall(code))
    return [name for name in found if not (ROOT / name).exists()]


def missing_functions(text: str) -> list[str]:
    """Of the walks: rows whose file does not define the function or class."""
    return [
        f"{file} {name}"
        for file, name in _STEP.findall(text)
        if not re.search(
            rf"^ *(?:def|class) {name}\b|^{name}\(\)",
            (ROOT / file).read_text("utf-8"),
            re.MULTILINE,
        )
    ]


def test_there_are_pages() -> None:
    assert {"CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/adr/README.md"} <= set(named())


@pytest.mark.parametrize("page", PAGES, ids=named())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=named())
def test_every_named_target_command_and_key_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert missing_targets(text) == []
    assert missing_commands(text) == []
    assert missing_keys(text) == []


# The changelog and the records name files as they were.
@pytest.mark.parametrize("page", sorted({*PAGES} - {*HISTORY}), ids=lambda page: page.name)
def test_every_named_file_exists(page: Path) -> None:
    assert missing_files(page.read_text(encoding="utf-8")) == []


def test_the_walks_name_functions_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(_STEP.findall(text)) > 20
    assert missing_functions(text) == []


def test_the_index_of_decisions_names_every_record() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert re.findall(r"^\| \[\d{4}\]\((.*?)\)", index, re.MULTILINE) == records


def test_what_is_not_there_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# The `first` heading\n\n```sh\n# no heading\n```\n")
    page.write_text(
        "[good](other.md) [good](other.md#the-first-heading) [site](https://example.com/x)\n"
        "[gone](gone.md) [anchor](other.md#no-heading) ![picture](gone.png)\n"
        "`[code](is-no-link.md)` [self](#nowhere)\n\n[ref]: gone-too.md\n"
    )
    assert sorted(broken_links(page)) == [
        "#nowhere", "gone-too.md", "gone.md", "gone.png", "other.md#no-heading",
    ]  # fmt: skip


def test_commands_and_keys_that_are_not_there_are_noticed() -> None:
    text = """
Text may make sure of anything, and geusemaker may do so too.
`make up` and `make nothing`, `./.venv/bin/geusemaker local env`, `geusemaker swim`.
```sh
$ make test && make tests   # make nonsense
eval "$(geusemaker local env)"
geusemaker local fly
geusemaker local run -- pulumi up
```
`pulumi config set geusemaker:osType x`, geusemaker:efsId, `geusemaker:osTpye`.
`geusemaker:KEY` is any. `geusemaker:osTpye` again. <!-- wrong on purpose -->
"""
    assert sorted(missing_targets(text)) == ["nothing", "tests"]
    assert sorted(missing_commands(text)) == ["geusemaker local fly", "geusemaker swim"]
    assert missing_keys(text) == ["osTpye"]


def test_files_and_functions_that_are_not_there_are_noticed() -> None:
    text = """
| reads it | `geusemaker/config/sources.py` | `read_stack` |
| reads it | `geusemaker/config/sources.py` | `read_stock` |
`scripts/setup.sh`, `scripts/setup.bat`, tests/nothing in prose, `geusemaker/services/nothing.py`.
"""
    assert missing_files(text) == ["scripts/setup.bat", "geusemaker/services/nothing.py"]
    assert missing_functions(text) == ["geusemaker/config/sources.py read_stock"]


def test_the_rights_on_a_key_are_those_that_aws_documents_for_what_it_encrypts() -> None:
    page = (ROOT / "docs" / "your-own-account.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", page, re.MULTILINE))
    whole = set(re.findall(r"kms:([A-Za-z]+\*?)", rows["`kmsKeyArn`"]))
    for what, needed in NEEDED_OF_A_KEY.items():
        assert set(re.findall(r"kms:([A-Za-z]+\*?)", rows[what])) == needed, what
        covered = {right for right in needed if right.startswith("GenerateDataKey")}
        assert needed - covered <= whole, what
    assert "GenerateDataKey*" in whole
    assert "`backup-storage:MountCapsule`" in rows["copies"], "for any vault"
