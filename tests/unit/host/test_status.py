"""What a report and EC2's word together come to, and what a reader is told of it."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geusemaker.host import screen
from geusemaker.host.report import parse
from geusemaker.host.status import Instance, Look, Verdict

from .looks import ID, NEW, OLD, OUTPUTS, STARTED, look, text

REFUSED = text(running=OLD, reason=f"bundle {NEW}: did not come up: n8n (unhealthy); old runs")


@pytest.mark.parametrize(
    ("seen", "verdict", "situation"),
    [
        (look(), Verdict.READY, "yes"),
        (look(text(reason="a note")), Verdict.READY, "yes; the host notes: a note"),
        (look(pointed=NEW), Verdict.READY, "yes"),
        (look(simulated=True), Verdict.SIMULATED, screen.SIMULATED),
        (look(state="stopped"), Verdict.OFF, "no: the instance is stopped"),
        (look(state="stopped", simulated=True), Verdict.OFF, "no: the instance is stopped"),
        (look(state="gone"), Verdict.OFF, "no: the instance is gone"),
        (
            look("state=unknown"),
            Verdict.NOT_REPORTED,
            "not yet reported: no host of this stack has reported so far",
        ),
        (
            look("state=unknown", state="pending"),
            Verdict.NOT_REPORTED,
            "not yet reported: EC2 is starting the instance",
        ),
        (
            look(text(instance="i-0fffffffffffffff0")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report is of another instance, i-0fffffffffffffff0",
        ),
        (
            look(text(instance="")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report is of another instance, without an id",
        ),
        (
            look(text(time="2026-11-24T00:59:59Z")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report, of 2026-11-24 00:59:59 UTC, is of before its start",
        ),
        (
            look(text(time="none")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report, of an unknown time, is of before its start",
        ),
        (
            look(time=STARTED + timedelta(minutes=62)),
            Verdict.READY,
            "yes",
        ),
        (
            look(time=STARTED + timedelta(minutes=63)),
            Verdict.SILENT,
            "not known: the host has been silent since 2026-11-24 01:02:03 UTC, though it renews "
            "its report every quarter of an hour; it was ready then",
        ),
        (
            look("state=unknown", time=STARTED + timedelta(days=1)),
            Verdict.NOT_REPORTED,
            "not yet reported: no host of this stack has reported so far",
        ),
        (
            look(state="stopped", time=STARTED + timedelta(days=1)),
            Verdict.OFF,
            "no: the instance is stopped",
        ),
        (
            look(text("not-ready", step="data", reason="vol-1 is not attached")),
            Verdict.NOT_READY,
            "no: step data (the data volume) failed: vol-1 is not attached",
        ),
        (
            look(text("not-ready", step="data", reason="under way")),
            Verdict.NOT_READY,
            "no: step data (the data volume) is under way",
        ),
        (
            look(text("not-ready", step="novel")),
            Verdict.NOT_READY,
            "no: step novel failed: no reason given",
        ),
        (
            look(
                text("not-ready", step="ready", reason="the host is not ready; n8n is unhealthy"),
            ),
            Verdict.NOT_READY,
            "no: n8n is unhealthy",
        ),
        (look(text("not-ready", reason="why")), Verdict.NOT_READY, "no: why"),
        (
            look(text("not-ready", more="service.n8n=starting\nservice.caddy=healthy")),
            Verdict.NOT_READY,
            "no: waiting for n8n starting",
        ),
        (look(text("not-ready")), Verdict.NOT_READY, "no: the host is at work"),
        (
            look(text(running=OLD)),
            Verdict.APPLYING,
            "yes, on the settings of before; the host has not applied the new ones yet",
        ),
        (
            look(text(running=OLD, wanted=OLD), pointed=NEW),
            Verdict.APPLYING,
            "yes, on the settings of before; the host has not applied the new ones yet",
        ),
        (look(text(running="", wanted="")), Verdict.APPLYING, None),
        (
            look(REFUSED),
            Verdict.REFUSED,
            "yes, but the new settings were refused, so the old ones run: "
            f"bundle {NEW}: did not come up: n8n (unhealthy); old runs",
        ),
        # What it has refused is not what the stack names by now.
        (look(REFUSED, pointed="c" * 64), Verdict.APPLYING, None),
        (
            look(text("not-ready", step="services", reason=f"bundle {NEW}: no", running=OLD)),
            Verdict.REFUSED,
            f"no: the new settings were refused, and the old ones do not run: bundle {NEW}: no",
        ),
        # With none before, the host takes them when they come up late.
        *(
            (
                look(text("not-ready", step="services", reason=f"bundle {NEW}: no", running=old)),
                Verdict.NOT_READY,
                f"no: step services (the start of the services) failed: bundle {NEW}: no",
            )
            for old in ("", NEW)
        ),
        (
            look(text("not-ready", step="services", reason="without success: data")),
            Verdict.NOT_READY,
            None,
        ),
    ],
)
def test_what_it_comes_to(seen: Look, verdict: Verdict, situation: str | None) -> None:
    assert seen.verdict is verdict
    if situation is not None:
        assert screen.situation(seen) == situation


def test_a_start_that_ec2_does_not_date_makes_no_report_old() -> None:
    assert look(launched=None).verdict is Verdict.READY


@pytest.mark.parametrize(
    ("seen", "fixes"),
    [
        (look(state="stopped"), "`geusemaker start`"),
        (look(state="terminated"), "`pulumi up --refresh`"),
        (look("state=unknown"), "`geusemaker logs`"),
        (look(text("not-ready", more="service.qdrant=unhealthy")), "`geusemaker logs qdrant`"),
        (
            look(text("not-ready", step="ready", more="service.ollama=on the CPU: it sees no GPU")),
            "`sudo systemctl restart geusemaker-services`",
        ),
        (look(text("not-ready", step="efs", reason="x")), "`geusemaker logs`"),
        (look(REFUSED), "`pulumi up`"),
        (look(text(running=OLD)), "`geusemaker status --wait`"),
        (look(time=STARTED + timedelta(hours=3)), "`geusemaker stop`"),
        (look(), ""),
        (look(simulated=True), ""),
    ],
)
def test_each_state_but_a_good_one_names_the_command_that_helps(seen: Look, fixes: str) -> None:
    assert fixes in screen.way_out(seen)
    assert bool(fixes) == bool(screen.way_out(seen))
    assert screen.following(seen)


def rows(seen: Look) -> list[tuple[str, str]]:
    return screen.rows(seen, OUTPUTS)


def test_the_whole_screen() -> None:
    more = (
        "service.n8n=healthy\nservice.ollama=starting\nmodel.llama3.2:3b=pulling 43%\n"
        "dump=2026-11-23T03:17:09Z"
    )
    seen = look(text("not-ready", step="ready", reason="ollama is starting", more=more))
    assert rows(seen) == [
        ("host", f"{ID}, m6i.xlarge, running since 2026-11-24 01:00:00 UTC"),
        ("ready", "no: ollama is starting"),
        ("", "-> `geusemaker logs` shows what the host is doing"),
        ("reported", "2026-11-24 01:02:03 UTC"),
        ("services", "n8n     healthy"),
        ("", "ollama  starting"),
        ("models", "llama3.2:3b  pulling 43%"),
        ("settings", "bbbbbbbbbbbb run, as wanted"),
        ("dump", "2026-11-23 03:17:09 UTC, the last one of the database"),
        ("url", "https://localhost:8443"),
        ("connect", "aws ssm start-session"),
    ]


def test_a_failed_dump_is_told_with_what_shows_why() -> None:
    failed = "dump.failed=2026-11-24T03:17:09Z pg_dumpall did not give a whole dump"
    why = "failed 2026-11-24 03:17:09 UTC: pg_dumpall did not give a whole dump"
    out = ("", "-> `geusemaker logs` shows what it said")
    first = rows(look(text(more=failed)))
    assert first[first.index(("dump", why)) + 1] == out
    later = rows(look(text(more=f"dump=2026-11-23T03:17:09Z\n{failed}")))
    last = later.index(("dump", "2026-11-23 03:17:09 UTC, the last one of the database"))
    assert later[last + 1 : last + 3] == [("", why), out]
    assert screen.as_json(look(text(more=failed)), OUTPUTS)["dumpFailure"] == why[7:]


@pytest.mark.parametrize(
    ("seen", "settings"),
    [
        (look(REFUSED), "aaaaaaaaaaaa run; bbbbbbbbbbbb wanted and refused"),
        (look(text(running=OLD)), "aaaaaaaaaaaa run; bbbbbbbbbbbb wanted, not applied yet"),
        (look(text("not-ready", running="")), "none run; bbbbbbbbbbbb wanted, not applied yet"),
    ],
)
def test_which_settings_run(seen: Look, settings: str) -> None:
    assert ("settings", settings) in rows(seen)


@pytest.mark.parametrize(
    "seen",
    [
        look(text(more="service.n8n=healthy"), state="stopped"),
        look(text(instance="i-other", more="service.n8n=healthy")),
        look(text(more="service.n8n=healthy"), simulated=True),
    ],
)
def test_what_does_not_run_now_is_not_shown_as_healthy(seen: Look) -> None:
    assert not any(text.endswith("healthy") for _, text in rows(seen))
    assert not any(topic in ("services", "settings", "reported") for topic, _ in rows(seen))


@pytest.mark.parametrize(
    ("kind", "credits", "told"),
    [
        ("t3.large", "unlimited", "credit mode unlimited: CPU beyond its credits costs extra"),
        ("t4g.large", "standard", "credit mode standard: slow once its CPU credits are used up"),
        ("t3.large", None, None),
        ("t3.large", "novel", None),
    ],
)
def test_the_credit_mode_is_told_where_it_is_known(
    kind: str, credits: str | None, told: str | None
) -> None:
    (_, host), *_ = rows(look(type=kind, credits=credits))
    assert host.partition("; ")[2] == (told or "")


def test_json_says_the_same_and_nothing_that_is_not_known() -> None:
    told = json.loads(json.dumps(screen.as_json(look(text(more="service.n8n=healthy")), OUTPUTS)))
    assert told["isReady"] is True
    assert told["verdict"] == "ready"
    assert told["services"] == {"n8n": "healthy"}
    assert told["startedAt"] == STARTED.isoformat()
    assert told["failedStep"] is told["reason"] is told["lastDump"] is None
    old = screen.as_json(look(text("not-ready", time="", step="data", reason="x")), {})
    assert (old["verdict"], old["isReportCurrent"]) == ("not-reported", False)
    assert old["failedStep"] is old["reason"] is old["settingsRunning"] is old["url"] is None
    assert (old["services"], old["models"]) == ({}, {})


@given(st.text(), st.sampled_from(["running", "pending", "stopped", "gone"]), st.booleans())
def test_whatever_is_reported_can_be_shown(reported: str, state: str, simulated: bool) -> None:
    seen = Look(
        instance=Instance(id=ID, state=state, launched=STARTED),
        record=parse(reported),
        simulated=simulated,
    )
    for topic, shown in rows(seen):
        assert f"{topic}{shown}".isprintable()
    assert screen.situation(seen).isprintable()
    json.dumps(screen.as_json(seen, OUTPUTS))
    assert seen.verdict is not Verdict.READY
