"""`scripts/update_dlami.py`: AWS's answer becomes a table that loads, and nothing gets lost.

The shipped table changes, so no test depends on its content: days count from its own day, and new
versions are PyTorch 2.99 or Ubuntu 28.04.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from dlami.real_names import OTHER_DLAMIS
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from geusemaker.dlami import Catalogue, select
from geusemaker.dlami.catalogue import Line, numeric
from geusemaker.dlami.rows import FRAMEWORKS

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

import dlami_images  # noqa: E402
import update_dlami  # noqa: E402
from dlami_proposal import Proposal, age_warning, propose  # noqa: E402

TEXT, TABLE = update_dlami.read_table(update_dlami.TABLE)
SOON = TABLE.as_of + timedelta(days=10)
DAY = timedelta(days=1)
RECORDED = json.loads((ROOT / "geusemaker/simulator/images.json").read_text(encoding="utf-8"))


def image(
    name: str, architecture: str = "x86_64", day: date | None = None, gib: int | None = None
) -> dict[str, Any]:
    """As DescribeImages answers."""
    entry: dict[str, Any] = {
        "Name": name,
        "Architecture": architecture,
        "ImageOwnerAlias": "amazon",
        "OwnerId": "898082745236",
        "State": "available",
        "RootDeviceName": "/dev/sda1",
    }
    if day is not None:
        entry["CreationDate"] = f"{day}T21:05:11.000Z"
    if gib is not None:
        entry["BlockDeviceMappings"] = [
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": gib, "VolumeType": "gp3"}},
        ]
    return entry


def of_line(
    line: Line, day: date, version: str = "", gib: int | None = None, form: str | None = None
) -> dict[str, Any]:
    """An image of the line, built on that day."""
    text = form or line.form
    assert text is not None
    if not version and line.versions:
        version = (*line.versions[0].spellings, "")[0]
    name = text.replace("{version}", version).replace("{build}", "99.9")
    return image(name.replace("{date}", f"{day:%Y%m%d}"), line.architecture, day, gib)


def recorded() -> list[dict[str, Any]]:
    """An answer with the names of AWS's real images."""
    return [
        image(x["name"], x["architecture"], date.fromisoformat(x["released"] or "2018-01-01"))
        for x in RECORDED
        if x["released"] or "Version" not in x["name"]
    ]


def whole(day: date, patched_on: date = TABLE.as_of) -> list[dict[str, Any]]:
    """An image of each line that AWS patches."""
    return [of_line(line, day) for line in TABLE.lines if line.patched(patched_on)]


def a_line(fits: Callable[[Line], bool]) -> Line:
    return next(line for line in TABLE.lines if fits(line))


CURRENT_TORCH = a_line(lambda x: x.ami_type == "pytorch" and bool(x.patched(SOON)))
CURRENT_BASE = a_line(
    lambda x: x.ami_type == "base" and bool(x.patched(SOON)) and bool(x.versions[0].last_seen)
)
NEVER = a_line(lambda x: (x.form, x.architecture, x.ami_type) == (None, "arm64", "tensorflow"))
NEVER_FORM = (
    "Deep Learning ARM64 AMI OSS Nvidia Driver GPU TensorFlow {version} "
    f"({NEVER.system.label}) {{date}}"
)


def lost(old: Catalogue, new: Catalogue) -> list[str]:
    """The facts of the old table that the new one lacks."""
    found = []
    if new.as_of < old.as_of:
        found.append("as_of")
    for was in old.lines:
        now = new.line(*was.key)
        if was.form not in (None, now.form) or was.driver not in (None, now.driver):
            found.append(str(was))
        if was.form and (was.instance_families, was.source) != (now.instance_families, now.source):
            found.append(f"{was}: families or source")
        for version in was.versions:
            same = [v for v in now.versions if v.number == version.number]
            if not same or not set(version.spellings) <= set(same[0].spellings):
                found.append(f"{was} {version.number}")
            elif version.patched_until != same[0].patched_until:
                found.append(f"{was} {version.number}: patched_until")
            elif version.first_seen and version.last_seen:
                first, last = same[0].first_seen, same[0].last_seen
                if not (first and last) or first > version.first_seen or last < version.last_seen:
                    found.append(f"{was} {version.number}: seen")
    return found


def comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


ESTIMATE = "# An estimate: 365 days after the first image seen."


def proposed(
    entries: Sequence[Any], read_on: date = SOON, text: str = TEXT
) -> tuple[Proposal, Catalogue]:
    """The proposal and what it loads as. Checks what holds for every answer."""
    old = update_dlami.loaded(text, "catalogue.toml")
    images, _ = update_dlami.as_images(entries)
    proposal = propose(text, old, images, read_on)
    new = update_dlami.loaded(proposal.text, "catalogue.toml")
    assert lost(old, new) == []
    assert [x for x in comments(proposal.text) if x != ESTIMATE] == comments(text)
    assert (proposal.text == text) == (not proposal.changes)
    again = propose(proposal.text, new, images, read_on)
    assert again.changes == ()
    assert again.text == proposal.text
    return proposal, new


def test_real_names_change_nothing_on_the_day_of_the_table() -> None:
    proposal, _ = proposed(recorded(), TABLE.as_of)
    assert proposal.changes == ()
    assert proposal.unknown == ()
    assert proposal.ignored == {}
    assert proposal.known > 50
    assert sum(proposal.left_out.values()) == len(recorded()) - proposal.known


def test_a_new_build_widens_the_days_and_moves_the_table(tmp_path: Path) -> None:
    proposal, new = proposed(whole(SOON))
    assert new.as_of == SOON
    assert f"as_of: {SOON}, was {TABLE.as_of}" in proposal.changes
    version = new.line(*CURRENT_BASE.key).versions[0]
    assert version.last_seen == SOON
    assert version.first_seen == CURRENT_BASE.versions[0].first_seen
    assert any("support policy" in check for check in proposal.checks)


def test_a_line_without_days_gets_them() -> None:
    gone = TEXT.replace(
        f"seen = [{CURRENT_BASE.versions[0].first_seen}, {CURRENT_BASE.versions[0].last_seen}]\n",
        "",
    )
    assert gone != TEXT
    _, new = proposed([of_line(CURRENT_BASE, SOON)], text=gone)
    assert new.line(*CURRENT_BASE.key).versions[0].first_seen == SOON


def test_a_version_without_days_gets_them() -> None:
    number, first, last = next(
        (v.number, v.first_seen, v.last_seen) for v in CURRENT_TORCH.versions if v.first_seen
    )
    entry = f'{{ version = "{number}", seen = [{first}, {last}] }}'
    assert entry in TEXT
    spelled = next(v.spellings[0] for v in CURRENT_TORCH.versions if v.number == number)
    proposal, _ = proposed(
        [of_line(CURRENT_TORCH, SOON, spelled)],
        text=TEXT.replace(entry, f'{{ version = "{number}" }}'),
    )
    assert f'  {{ version = "{number}", seen = [{SOON}, {SOON}] }},\n' in proposal.text


def test_a_version_known_elsewhere_is_added_in_its_place() -> None:
    line, number, spelled = next(
        (line, version.number, version.spellings[0])
        for line in TABLE.lines
        for other in TABLE.lines
        for version in other.versions
        if line.ami_type == other.ami_type == "pytorch"
        and line.form
        and version.number
        and version.number not in line.numbers
        and numeric(version.number) < numeric(line.numbers[0])
    )
    proposal, new = proposed([of_line(line, SOON, spelled)])
    assert f"{line}: version {number} is new, seen {SOON} to {SOON}" in proposal.changes
    assert not any("[[release]]" in change for change in proposal.changes)
    query = select(line.os_type, line.architecture, "pytorch", number, today=SOON, catalogue=new)
    assert query.candidates[0].framework_version == number
    start = proposal.text.index(f'form = "{line.form}"')
    block = proposal.text[start : proposal.text.index("\n]\n", start)].splitlines()[2:]
    numbers = [entry.split('"')[1] for entry in block]
    assert numbers == sorted(numbers, key=numeric)
    assert all(entry.startswith("  { version = ") for entry in block)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_new_version_is_proposed_with_an_estimated_end(framework: str) -> None:
    line = a_line(lambda x: x.ami_type == framework and x.system.patched_until > SOON)
    first = SOON - timedelta(days=3)
    proposal, new = proposed(
        [of_line(line, SOON, "2.99"), of_line(line, first, "2.99"), *whole(SOON)]
    )
    until = first + timedelta(days=365)
    (check,) = (x for x in proposal.checks if "2.99" in x)
    assert "ESTIMATE" in check
    assert str(until) in check
    assert "support policy page" in check
    query = select(line.os_type, line.architecture, framework, today=SOON, catalogue=new)
    assert query.candidates[0].framework_version == "2.99"
    assert query.patched_until == min(until, line.system.patched_until)
    assert new.line(*line.key).status == "current"
    block = (
        f'[[release]]\nframework = "{framework}"\nversion = "2.99"\n{ESTIMATE}\n'
        f'patched_until = {until}\nsource = "age-rule"\n\n'
    )
    assert block in proposal.text
    # Behind the last of its framework; the next section's heading stays before that section.
    after = proposal.text.split(block)[1]
    assert f'framework = "{framework}"' not in after
    assert after.startswith(("[[release]]", "# -----"))
    heading, section = next(
        (TEXT[:at].rstrip().rsplit("\n\n", 1)[1], TEXT[at : at + 40])
        for at in [TEXT.index("[[instances]]")]
    )
    assert f"{heading}\n\n{section}" in proposal.text


def test_an_old_version_goes_before_the_others() -> None:
    line = a_line(lambda x: x.ami_type == "pytorch" and x.form is not None)
    proposal, new = proposed([of_line(line, date(2024, 2, 1), "2.0.1")])
    assert "spelled = [" in proposal.text.split('version = "2.0"')[1].split("source")[0]
    versions = [
        part.split('"')[1] for part in proposal.text.split('framework = "pytorch"\nversion = ')[1:]
    ]
    assert versions[0] == "2.0"
    assert versions == sorted(versions, key=numeric)
    assert new.line(*line.key).numbers[-1] == "2.0"


def test_a_new_spelling_is_proposed() -> None:
    version = CURRENT_TORCH.versions[0]
    odd = f"{version.number}.98"
    proposal, new = proposed([of_line(CURRENT_TORCH, SOON, odd)])
    now = new.line(*CURRENT_TORCH.key).versions[0]
    assert now.spellings == (*version.spellings, odd)
    assert any(f"spelled {', '.join(now.spellings)}" in change for change in proposal.changes)
    # Once there is a list, it grows at its end.
    _, new = proposed([of_line(CURRENT_TORCH, SOON, f"{version.number}.99")], text=proposal.text)
    now = new.line(*CURRENT_TORCH.key).versions[0]
    assert now.spellings == (*version.spellings, odd, f"{version.number}.99")


def test_a_line_that_never_was_is_proposed_with_its_siblings_form() -> None:
    proposal, new = proposed([of_line(NEVER, SOON, "2.99", gib=42, form=NEVER_FORM)])
    line = new.line(*NEVER.key)
    assert (line.form, line.driver, line.min_root_gib) == (NEVER_FORM, "nvidia-open", 42)
    assert line.source.startswith("EC2 DescribeImages")
    assert any(f"{NEVER.reason}" in change for change in proposal.changes)
    assert any(f"`{NEVER_FORM}`" in check for check in proposal.checks)
    query = select(*line.key, today=SOON, catalogue=new)
    assert query.candidates[0].framework_version == "2.99"


def test_a_line_without_framework_that_never_was_is_proposed_too() -> None:
    line = a_line(
        lambda x: x.form is None and x.ami_type == "multi-framework" and x.architecture == "x86_64"
    )
    form = f"Deep Learning OSS Nvidia Driver AMI ({line.system.label}) Version {{build}}"
    _, new = proposed([of_line(line, SOON, form=form)])
    now = new.line(*line.key)
    assert (now.form, now.min_root_gib, now.versions[0].first_seen) == (form, 75, SOON)


def test_a_line_that_never_was_under_two_forms_is_left_to_a_person() -> None:
    sibling = a_line(
        lambda x: x.form is not None and x.ami_type == "pytorch" and x.architecture == "arm64"
    )
    assert sibling.form is not None
    text = TEXT.replace(sibling.form, sibling.form.replace(" (", " Plus ("))
    other = NEVER_FORM.replace(" (", " Plus (")
    entries = [of_line(NEVER, SOON, "2.99", form=form) for form in (NEVER_FORM, other)]
    proposal, _ = proposed(entries, text=text)
    assert proposal.text == text
    (note,) = (x for x in proposal.notes if "by hand" in x)
    assert str(NEVER) in note
    assert f"`{NEVER_FORM}` and `{other}`" in note


def test_a_renamed_form_and_a_new_os_come_first_in_the_report() -> None:
    names = [
        f"Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 28.04) {SOON:%Y%m%d}",
        f"Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 28.04) {SOON - DAY:%Y%m%d}",
        f"Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.98 (Ubuntu 28.04) {SOON:%Y%m%d}",
        f"Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.99.1 (Ubuntu 28.04) {SOON:%Y%m%d}",
        f"Deep Learning AMI Neuron (Ubuntu 28.04) {SOON:%Y%m%d}",
        f"Deep Learning Base Open Driver AMI (Ubuntu 24.04) {SOON:%Y%m%d}",
        f"Deep Learning Image: Ubuntu 30.04, {SOON}",
    ]
    proposal, _ = proposed([*recorded(), *(image(name, day=SOON) for name in names)])
    assert {(g.form, g.count) for g in proposal.unknown} == {
        ("Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 28.04) #", 2),
        ("Deep Learning OSS Nvidia Driver AMI GPU PyTorch # (Ubuntu 28.04) #", 2),
        ("Deep Learning AMI Neuron (Ubuntu 28.04) #", 1),
        ("Deep Learning Base Open Driver AMI (Ubuntu 24.04) #", 1),
        ("Deep Learning Image: Ubuntu #, #-#-#", 1),
    }
    hints = {group.form: group.hint for group in proposal.unknown}
    assert "operating system" in hints["Deep Learning AMI Neuron (Ubuntu 28.04) #"]
    assert "a form that" in hints["Deep Learning Base Open Driver AMI (Ubuntu 24.04) #"]
    assert "not built like" in hints["Deep Learning Image: Ubuntu #, #-#-#"]
    told = update_dlami.report(proposal, "here", SOON)
    assert told.index("NAMES OF NO KNOWN LINE") < told.index("CHANGES")
    assert "   2  Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 28.04) #" in told


def test_what_is_left_out_on_purpose_is_only_counted() -> None:
    entries = [image(name, day=date(2023, 1, 1)) for name in OTHER_DLAMIS]
    proposal, _ = proposed(entries)
    assert proposal.unknown == ()
    assert sum(proposal.left_out.values()) == len(OTHER_DLAMIS)
    assert {"Neuron", "Proprietary", "Single CUDA"} < set(proposal.left_out)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ImageOwnerAlias": "aws-marketplace"}, "not from Amazon"),
        ({"ImageOwnerAlias": None}, "not from Amazon"),
        ({"State": "pending"}, "not available"),
        ({"Architecture": "arm64"}, "of another architecture than the name says"),
        ({"Architecture": None}, "of another architecture than the name says"),
        ({"Name": "amzn2-ami-hvm-2.0.20240101"}, "not of deep learning"),
    ],
)
def test_an_unsuitable_image_changes_nothing(change: dict[str, Any], why: str) -> None:
    line = a_line(lambda x: x.ami_type == "pytorch" and x.architecture == "x86_64")
    entry = of_line(line, SOON, "2.99", gib=1)
    assert proposed([entry])[0].changes
    proposal, _ = proposed([entry | change])
    assert proposal.changes == ()
    assert proposal.ignored == {why: 1}


def test_an_x86_image_with_an_arm64_name_changes_nothing() -> None:
    line = a_line(lambda x: x.form is not None and x.architecture == "arm64")
    proposal, _ = proposed([of_line(line, SOON) | {"Architecture": "x86_64"}])
    assert proposal.changes == ()


def test_an_image_from_after_the_reading_changes_nothing() -> None:
    assert proposed([of_line(CURRENT_BASE, SOON + DAY)])[0].changes  # another time zone
    proposal, _ = proposed([of_line(CURRENT_BASE, SOON + 2 * DAY)])
    assert proposal.changes == ()
    assert "--today" in next(iter(proposal.ignored))


def test_an_image_without_any_day_changes_nothing() -> None:
    line = a_line(lambda x: x.form is not None and "{build}" in x.form)
    entry = of_line(line, SOON)
    del entry["CreationDate"]
    proposal, _ = proposed([entry])
    assert proposal.ignored == {"without a day in name or answer": 1}


def test_an_empty_answer_changes_nothing_at_all() -> None:
    proposal, _ = proposed([])
    assert proposal.text == TEXT
    assert any("as_of stays" in note for note in proposal.notes)
    assert any("shows no image of" in note for note in proposal.notes)


def test_a_tiny_answer_does_not_make_the_table_look_fresh() -> None:
    proposal, new = proposed([of_line(CURRENT_BASE, SOON)])
    assert new.as_of == TABLE.as_of
    assert len(proposal.changes) == 1
    assert any("less than half" in note for note in proposal.notes)


def test_an_older_answer_does_not_change_the_day_of_the_table() -> None:
    early = TABLE.as_of - timedelta(days=200)
    proposal, new = proposed(whole(early), early)
    assert new.as_of == TABLE.as_of
    assert any("the answer is older" in note for note in proposal.notes)


def test_a_line_whose_patches_ended_becomes_ended() -> None:
    line = min(
        (x for x in TABLE.lines if x.ami_type == "base" and x.patched(TABLE.as_of)),
        key=lambda x: x.system.patched_until,
    )
    day = line.system.patched_until + DAY
    proposal, new = proposed(whole(day, day), day)
    assert new.as_of == day
    assert new.line(*line.key).status == "ended"
    assert f"{line}: status ended, was current" in proposal.changes


def test_a_line_with_a_new_version_becomes_current() -> None:
    line = a_line(
        lambda x: x.status == "ended" and x.ami_type in FRAMEWORKS and x.system.patched_until > SOON
    )
    proposal, new = proposed([of_line(line, SOON, "2.99")])
    assert new.line(*line.key).status == "current"
    assert f"{line}: status current, was ended" in proposal.changes


def test_a_patched_line_without_builds_for_60_days_has_a_note() -> None:
    later = TABLE.as_of + timedelta(days=61)
    notes = proposed([*whole(TABLE.as_of)], later)[0].notes
    assert any(f"{CURRENT_BASE} ({TABLE.as_of})" in note for note in notes)
    notes = proposed([*whole(TABLE.as_of + 2 * DAY)], later)[0].notes
    assert not any(str(CURRENT_BASE) in note for note in notes)


def test_the_root_size_is_that_of_the_newest_build() -> None:
    for size in (1, 500):
        entries = [of_line(CURRENT_BASE, SOON, gib=size), of_line(CURRENT_BASE, SOON - DAY, gib=7)]
        proposal, new = proposed(entries)
        assert new.line(*CURRENT_BASE.key).min_root_gib == size
        assert any(f"min_root_gib {size}, was " in change for change in proposal.changes)


def test_the_root_size_of_an_old_build_changes_nothing() -> None:
    last = CURRENT_BASE.versions[0].last_seen
    assert last is not None
    assert proposed([of_line(CURRENT_BASE, last - DAY, gib=7)])[0].changes == ()


# Each kind of thing that an answer may hold; `proposed` checks what must hold for all of them.
PARTS = [
    *recorded()[::4],
    *whole(SOON),
    *(of_line(x, SOON, "2.99", gib=33) for x in TABLE.lines if x.form and x.ami_type in FRAMEWORKS),
    *(of_line(x, SOON - DAY, "2.0.1") for x in TABLE.lines if x.form and x.ami_type in FRAMEWORKS),
    of_line(NEVER, SOON, "2.97", form=NEVER_FORM),
    image("Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 28.04) 20280501", day=SOON),
    {"Name": "Deep Learning"},
    {},
]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=30), st.integers(-400, 2000))
def test_any_answer_on_any_day_loads_loses_nothing_and_settles(
    entries: list[dict[str, Any]], days: int
) -> None:
    proposed(entries, TABLE.as_of + timedelta(days=days))


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.none()))
KEYS = ["Name", "Architecture", "State", "CreationDate", "BlockDeviceMappings", "RootDeviceName"]


@given(st.lists(st.one_of(ODD, st.dictionaries(st.sampled_from(KEYS), ODD)), max_size=5))
def test_entries_of_any_shape_are_read_or_counted(entries: list[Any]) -> None:
    found, broken = update_dlami.as_images(entries)
    assert len(found) + broken == len(entries)


@pytest.mark.parametrize("ebs", [None, "x", {}, {"VolumeSize": "75"}, {"VolumeSize": 0}])
def test_a_root_volume_without_a_size_has_none(ebs: object) -> None:
    entry = {"Name": "x", "RootDeviceName": "/dev/sda1"}
    mapping = {"DeviceName": "/dev/sda1", "Ebs": ebs}
    (found,), _ = update_dlami.as_images([entry | {"BlockDeviceMappings": [mapping]}])
    assert found.root_gib is None


# ------------------------------------------------------------------------------------- the command

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the script: exit code, standard output, standard error."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def start(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as ended:
            update_dlami.main([str(argument) for argument in arguments])
        code = ended.value.code
        out, err = capsys.readouterr()
        return (code if isinstance(code, int) else 0), out, err

    return start


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table" / "catalogue.toml"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o644)
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "images.json"
    entries = [*recorded(), *whole(SOON), of_line(CURRENT_TORCH, SOON, "2.99")]
    path.write_text(json.dumps({"Images": entries}), encoding="utf-8")
    return path


def test_by_default_it_reports_and_writes_nothing(run: Run, table: Path, saved: Path) -> None:
    code, out, err = run("--from", saved, "--catalogue", table, "--today", SOON)
    assert (code, err) == (0, "")
    assert f"{CURRENT_TORCH}: version 2.99 is new" in out
    assert "ESTIMATE" in out
    assert "Nothing was written" in out
    assert table.read_text(encoding="utf-8") == TEXT


def test_with_write_the_table_has_the_proposal_and_a_second_run_changes_nothing(
    run: Run, table: Path, saved: Path
) -> None:
    code, out, _ = run("--from", saved, "--catalogue", table, "--today", SOON, "--write")
    assert code == 0
    assert f"Written: {table}" in out
    _, new = update_dlami.read_table(table)
    query = select(
        CURRENT_TORCH.os_type, CURRENT_TORCH.architecture, "pytorch", today=SOON, catalogue=new
    )
    assert query.candidates[0].framework_version == "2.99"
    assert [x.name for x in table.parent.iterdir()] == ["catalogue.toml"]
    assert table.stat().st_mode & 0o444 == 0o444
    before = table.stat()
    code, out, _ = run("--from", saved, "--catalogue", table, "--today", SOON, "--write")
    assert code == 0
    assert "nothing to write" in out
    assert "CHANGES" not in out
    assert (table.stat().st_ino, table.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_with_output_another_file_has_the_proposal_and_the_table_stays(
    run: Run, table: Path, saved: Path, tmp_path: Path
) -> None:
    there = tmp_path / "new.toml"
    run("--from", saved, "--catalogue", table, "--today", SOON, "--output", there)
    assert '"2.99"' in there.read_text(encoding="utf-8")
    assert table.read_text(encoding="utf-8") == TEXT


def test_the_day_of_a_saved_answer_is_that_of_its_file(run: Run, table: Path, saved: Path) -> None:
    os.utime(saved, (1767355200, 1767355200))  # noon of 2026-01-02, UTC
    _, out, _ = run("--from", saved, "--catalogue", table)
    assert out.startswith(f"{saved}, read on 2026-01-02: ")


@pytest.mark.parametrize("form", ["{}", "[{}]", "\ufeff[{}]"])
def test_a_bare_list_is_an_answer_too(run: Run, table: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / "x.json"
    text = json.dumps(of_line(CURRENT_BASE, SOON))
    body = '{"Images": [' + text + "]}" if form == "{}" else form.replace("{}", text)
    path.write_text(body, encoding="utf-8")
    code, out, _ = run("--from", path, "--catalogue", table, "--today", SOON)
    assert code == 0
    assert "1 images of known lines" in out


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"Images": [{"Name"', "no JSON"),
        (b"", "no JSON"),
        (b"\xff\xfe{\x00", "no JSON"),
        (b'{"Reservations": []}', "no list of images"),
        (b'"images"', "no list of images"),
        (None, "cannot be read"),
    ],
)
def test_an_invalid_answer_file_is_reported_in_one_paragraph(
    run: Run, table: Path, tmp_path: Path, body: bytes | None, why: str
) -> None:
    path = tmp_path / "x.json"
    if body is not None:
        path.write_bytes(body)
    code, out, err = run("--from", path, "--catalogue", table, "--write")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert str(path) in err
    assert why in err
    assert "`aws ec2 describe-images --owners amazon" in err
    assert table.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    "flags",
    [
        ["--from", "x", "--region", "us-east-1"],
        ["--write", "--output", "x"],
        ["--check-age", "--write"],
        ["--check-age", "--from", "x"],
        ["--today", "yesterday"],
        ["--nonsense"],
    ],
)
def test_wrong_flags_end_with_2(run: Run, flags: list[str]) -> None:
    assert run(*flags)[0] == 2


def test_a_proposal_that_does_not_load_is_not_written(
    run: Run, table: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Proposal:
        return replace(propose(*arguments), text=TEXT.replace('status = "never"', 'status = "?"'))

    monkeypatch.setattr(update_dlami, "propose", broken)
    code, out, err = run("--from", saved, "--catalogue", table, "--today", SOON, "--write")
    assert (code, out) == (1, "")
    assert "does not load, and nothing was written: catalogue.toml, line " in err
    assert table.read_text(encoding="utf-8") == TEXT


def test_a_write_that_fails_leaves_the_old_table_and_no_rest(
    run: Run, table: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    code, _, err = run("--from", saved, "--catalogue", table, "--today", SOON, "--write")
    assert code == 1
    assert "No space left on device" in err
    assert table.read_text(encoding="utf-8") == TEXT
    assert [x.name for x in table.parent.iterdir()] == ["catalogue.toml"]


def test_an_invalid_table_is_reported(run: Run, table: Path, saved: Path) -> None:
    table.write_text("as_of = 1\n", encoding="utf-8")
    code, _, err = run("--from", saved, "--catalogue", table)
    assert code == 1
    assert err.startswith("catalogue.toml, line 1")
    table.unlink()
    code, _, err = run("--from", saved, "--catalogue", table)
    assert code == 1
    assert "--catalogue is " in err


# --------------------------------------------------------------------------------------------- AWS


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which boto3 finds no credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.mark.usefixtures("nobody")
def test_missing_credentials_are_reported_with_the_fix(run: Run, table: Path) -> None:
    code, out, err = run("--catalogue", table, "--region", "eu-west-1")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "Region eu-west-1: there are no credentials" in err
    assert "`aws configure`" in err
    assert "`--from images.json`" in err


@pytest.mark.usefixtures("nobody")
def test_a_refusal_of_aws_is_reported(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(client: object) -> list[Any]:
        error: Any = {"Code": "UnauthorizedOperation", "Message": "not\nyou"}
        raise ClientError({"Error": error}, "DescribeImages")

    monkeypatch.setattr(update_dlami, "asked", refused)
    code, _, err = run("--catalogue", table)
    assert code == 1
    assert err.count("\n") == 1
    assert "UnauthorizedOperation" in err
    assert "Region us-east-1" in err
    code, _, err = run("--catalogue", table, "--region", "no region")
    assert code == 1
    assert "no region" in err


@pytest.mark.usefixtures("nobody")
def test_all_pages_are_read() -> None:
    client = boto3.client("ec2", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    wanted = {
        "Owners": ["amazon"],
        "IncludeDeprecated": True,
        "Filters": [{"Name": "name", "Values": ["*Deep Learning*"]}],
        "MaxResults": 500,
    }
    with Stubber(client) as stub:
        page: Any = {"Images": [{"Name": "a"}], "NextToken": "more"}
        stub.add_response("describe_images", page, wanted)
        stub.add_response(
            "describe_images", {"Images": [{"Name": "b"}]}, wanted | {"NextToken": "more"}
        )
        assert [x["Name"] for x in update_dlami.asked(client)] == ["a", "b"]
        stub.assert_no_pending_responses()


@pytest.mark.usefixtures("aws")
def test_each_region_is_called_once(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    regions: list[str] = []
    asked = update_dlami.asked

    def noting(client: Any) -> list[Any]:
        regions.append(client.meta.region_name)
        return asked(client)

    monkeypatch.setattr(update_dlami, "asked", noting)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "true")
    flags = [x for region in ("us-east-1", "eu-west-1", "us-east-1") for x in ("--region", region)]
    code, out, _ = run(*flags, "--catalogue", table)
    assert code == 0
    assert regions == ["us-east-1", "eu-west-1"]
    assert out.startswith("AWS in us-east-1, eu-west-1, read on ")
    # moto's own images: AWS's of 2017, under names that no line ever had.
    assert "  Deep Learning AMI Amazon Linux - #_Oct2017\n" in out
    assert "nothing to write" in out


# --------------------------------------------------------------------------------------------- age


def test_a_table_is_old_after_90_days() -> None:
    day = TABLE.as_of + timedelta(days=90)
    assert age_warning(TABLE.as_of, TABLE.as_of - DAY) is None
    assert age_warning(TABLE.as_of, day) is None
    warning = age_warning(TABLE.as_of, day + DAY)
    assert warning is not None
    assert "91 days" in warning
    assert "\n" not in warning


def test_an_old_table_warns_and_does_not_fail(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = TABLE.as_of + timedelta(days=91)
    assert run("--check-age", "--today", TABLE.as_of) == (0, "", "")
    code, out, err = run("--check-age", "--today", day, "--catalogue", table)
    assert (code, err) == (0, "")
    assert out.startswith(f"The table of images describes AWS as of {TABLE.as_of}, 91 days ago")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code, out, _ = run("--check-age", "--today", day)
    assert code == 0
    file = "geusemaker/dlami/catalogue.toml"
    assert out.startswith(f"::warning file={file},line=1,title=Old table of images::The table")
    assert out.count("\n") == 1


def test_an_annotation_is_one_line() -> None:
    assert update_dlami.annotation(ROOT / "x", "50%\nmore").endswith("::50%25%0Amore")


def test_ci_and_make_lint_look_at_the_age() -> None:
    command = "scripts/update_dlami.py --check-age"
    assert command in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert command in makefile.split("\nlint:")[1].split("\n\n")[0]


def test_the_forms_that_are_left_out_are_no_lines() -> None:
    for line in TABLE.lines:
        assert not any(kind in (line.form or "") for kind in dlami_images.LEFT_OUT_KINDS)
