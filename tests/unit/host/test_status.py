"""The verdict on a report and EC2's description together, and its text."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geusemaker.host import screen
from geusemaker.host.report import parse
from geusemaker.host.status import HostStatus, Instance, Verdict

from .statuses import ID, NEW, OLD, OUTPUTS, STARTED, host_status, text

REFUSED = text(running=OLD, reason=f"bundle {NEW}: did not come up: n8n (unhealthy); old runs")


@pytest.mark.parametrize(
    ("seen", "verdict", "situation"),
    [
        (host_status(), Verdict.READY, "yes"),
        (host_status(text(reason="a note")), Verdict.READY, "yes; the host notes: a note"),
        (host_status(published=NEW), Verdict.READY, "yes"),
        (host_status(simulated=True), Verdict.SIMULATED, screen.SIMULATED),
        (host_status(state="stopped"), Verdict.OFF, "no: the instance is stopped"),
        (host_status(state="stopped", simulated=True), Verdict.OFF, "no: the instance is stopped"),
        (host_status(state="gone"), Verdict.OFF, "no: the instance is gone"),
        (
            host_status("state=unknown"),
            Verdict.NOT_REPORTED,
            "not yet reported: no host of this stack has reported yet",
        ),
        (
            host_status("state=unknown", state="pending"),
            Verdict.NOT_REPORTED,
            "not yet reported: EC2 is starting the instance",
        ),
        (
            host_status(text(instance="i-0fffffffffffffff0")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report is from another instance, i-0fffffffffffffff0",
        ),
        (
            host_status(text(instance="")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report is from another instance, without an id",
        ),
        (
            host_status(text(time="2026-11-24T00:59:59Z")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report, from 2026-11-24 00:59:59 UTC, is older than the "
            "instance's last start",
        ),
        (
            host_status(text(time="none")),
            Verdict.NOT_REPORTED,
            "not yet reported: the last report, from an unknown time, is older than the instance's "
            "last start",
        ),
        (
            host_status(time=STARTED + timedelta(minutes=62)),
            Verdict.READY,
            "yes",
        ),
        (
            host_status(time=STARTED + timedelta(minutes=63)),
            Verdict.SILENT,
            "unknown: the last report is from 2026-11-24 01:02:03 UTC, though the host renews it "
            "every 15 minutes; it was ready then",
        ),
        (
            host_status("state=unknown", time=STARTED + timedelta(days=1)),
            Verdict.NOT_REPORTED,
            "not yet reported: no host of this stack has reported yet",
        ),
        (
            host_status(state="stopped", time=STARTED + timedelta(days=1)),
            Verdict.OFF,
            "no: the instance is stopped",
        ),
        (
            host_status(text("not-ready", step="data", reason="vol-1 is not attached")),
            Verdict.NOT_READY,
            "no: step data (the data volume) failed: vol-1 is not attached",
        ),
        (
            host_status(text("not-ready", step="data", reason="under way")),
            Verdict.NOT_READY,
            "no: step data (the data volume) is under way",
        ),
        (
            host_status(text("not-ready", step="novel")),
            Verdict.NOT_READY,
            "no: step novel failed: no reason given",
        ),
        (
            host_status(
                text("not-ready", step="ready", reason="the host is not ready; n8n is unhealthy"),
            ),
            Verdict.NOT_READY,
            "no: n8n is unhealthy",
        ),
        (host_status(text("not-ready", reason="why")), Verdict.NOT_READY, "no: why"),
        (
            host_status(text("not-ready", more="service.n8n=starting\nservice.caddy=healthy")),
            Verdict.NOT_READY,
            "no: waiting for n8n starting",
        ),
        (host_status(text("not-ready")), Verdict.NOT_READY, "no: the host is still setting up"),
        (
            host_status(text(running=OLD)),
            Verdict.APPLYING,
            "yes, with the previous settings; the host has not applied the new ones yet",
        ),
        (
            host_status(text(running=OLD, wanted=OLD), published=NEW),
            Verdict.APPLYING,
            "yes, with the previous settings; the host has not applied the new ones yet",
        ),
        (host_status(text(running="", wanted="")), Verdict.APPLYING, None),
        (
            host_status(REFUSED),
            Verdict.REFUSED,
            "yes, but the new settings were refused, so the old ones run: "
            f"bundle {NEW}: did not come up: n8n (unhealthy); old runs",
        ),
        # The stack names another bundle now than the one that the host refused.
        (host_status(REFUSED, published="c" * 64), Verdict.APPLYING, None),
        (
            host_status(
                text("not-ready", step="services", reason=f"bundle {NEW}: no", running=OLD)
            ),
            Verdict.REFUSED,
            f"no: the new settings were refused, and the old ones do not run: bundle {NEW}: no",
        ),
        # Without a previous bundle, the host keeps the new one when its services start late.
        *(
            (
                host_status(
                    text("not-ready", step="services", reason=f"bundle {NEW}: no", running=old)
                ),
                Verdict.NOT_READY,
                f"no: step services (the start of the services) failed: bundle {NEW}: no",
            )
            for old in ("", NEW)
        ),
        (
            host_status(text("not-ready", step="services", reason="without success: data")),
            Verdict.NOT_READY,
            None,
        ),
    ],
)
def test_each_report_and_instance_state_has_its_verdict_and_text(
    seen: HostStatus, verdict: Verdict, situation: str | None
) -> None:
    assert seen.verdict is verdict
    if situation is not None:
        assert screen.situation(seen) == situation


def test_a_report_counts_as_current_when_ec2_gives_no_launch_time() -> None:
    assert host_status(launched=None).verdict is Verdict.READY


@pytest.mark.parametrize(
    ("seen", "fixes"),
    [
        (host_status(state="stopped"), "`geusemaker start`"),
        (
            host_status(state="stopped", type="p4d.24xlarge", deployed_type="m6i.xlarge"),
            "`pulumi config set geusemaker:instanceType m6i.xlarge && pulumi up`",
        ),
        (host_status(state="terminated"), "`pulumi up --refresh`"),
        (host_status("state=unknown"), "`geusemaker logs`"),
        (
            host_status(text("not-ready", more="service.qdrant=unhealthy")),
            "`geusemaker logs qdrant`",
        ),
        (
            host_status(
                text("not-ready", step="ready", more="service.ollama=on the CPU: it sees no GPU")
            ),
            "`sudo systemctl restart geusemaker-services`",
        ),
        (host_status(text("not-ready", step="efs", reason="x")), "`geusemaker logs`"),
        (host_status(REFUSED), "`pulumi up`"),
        (host_status(text(running=OLD)), "`geusemaker status --wait`"),
        (host_status(time=STARTED + timedelta(hours=3)), "`geusemaker stop`"),
        (host_status(), ""),
        (host_status(simulated=True), ""),
    ],
)
def test_each_verdict_with_a_fault_names_the_command_that_fixes_it(
    seen: HostStatus, fixes: str
) -> None:
    assert fixes in screen.fix(seen)
    assert bool(fixes) == bool(screen.fix(seen))
    assert screen.next_commands(seen)


def rows(seen: HostStatus) -> list[tuple[str, str]]:
    return screen.rows(seen, OUTPUTS)


def test_the_whole_output() -> None:
    more = (
        "service.n8n=healthy\nservice.ollama=starting\nmodel.llama3.2:3b=pulling 43%\n"
        "dump=2026-11-23T03:17:09Z"
    )
    seen = host_status(text("not-ready", step="ready", reason="ollama is starting", more=more))
    assert rows(seen) == [
        ("host", f"{ID}, m6i.xlarge, running since 2026-11-24 01:00:00 UTC"),
        ("ready", "no: ollama is starting"),
        ("", "-> `geusemaker logs` shows what the host is doing"),
        ("reported", "2026-11-24 01:02:03 UTC"),
        ("services", "n8n     healthy"),
        ("", "ollama  starting"),
        ("models", "llama3.2:3b  pulling 43%"),
        ("settings", "bbbbbbbbbbbb run, as requested"),
        ("dump", "2026-11-23 03:17:09 UTC, the last complete one of the database"),
        ("url", "https://localhost:8443, through `geusemaker connect`"),
    ]


def test_a_failed_dump_is_shown_with_the_command_that_shows_its_log() -> None:
    failed = "dump.failed=2026-11-24T03:17:09Z pg_dumpall did not give a whole dump"
    why = "failed 2026-11-24 03:17:09 UTC: pg_dumpall did not give a whole dump"
    out = ("", "-> `geusemaker logs` shows its output")
    first = rows(host_status(text(more=failed)))
    assert first[first.index(("dump", why)) + 1] == out
    later = rows(host_status(text(more=f"dump=2026-11-23T03:17:09Z\n{failed}")))
    last = later.index(("dump", "2026-11-23 03:17:09 UTC, the last complete one of the database"))
    assert later[last + 1 : last + 3] == [("", why), out]
    assert screen.as_json(host_status(text(more=failed)), OUTPUTS)["dumpFailure"] == why[7:]


@pytest.mark.parametrize(
    ("seen", "settings"),
    [
        (host_status(REFUSED), "aaaaaaaaaaaa run; bbbbbbbbbbbb requested and refused"),
        (
            host_status(text(running=OLD)),
            "aaaaaaaaaaaa run; bbbbbbbbbbbb requested, not applied yet",
        ),
        (
            host_status(text("not-ready", running="")),
            "none run; bbbbbbbbbbbb requested, not applied yet",
        ),
    ],
)
def test_the_settings_line_names_the_running_and_the_requested_bundle(
    seen: HostStatus, settings: str
) -> None:
    assert ("settings", settings) in rows(seen)


@pytest.mark.parametrize(
    "seen",
    [
        host_status(text(more="service.n8n=healthy"), state="stopped"),
        host_status(text(instance="i-other", more="service.n8n=healthy")),
        host_status(text(more="service.n8n=healthy"), simulated=True),
    ],
)
def test_services_of_an_outdated_report_are_not_shown_as_healthy(seen: HostStatus) -> None:
    assert not any(text.endswith("healthy") for _, text in rows(seen))
    assert not any(topic in ("services", "settings", "reported") for topic, _ in rows(seen))


@pytest.mark.parametrize(
    ("kind", "credits", "shown"),
    [
        ("t3.large", "unlimited", "credit mode unlimited: CPU beyond its credits costs extra"),
        ("t4g.large", "standard", "credit mode standard: slow once its CPU credits are used up"),
        ("t3.large", None, None),
        ("t3.large", "novel", None),
    ],
)
def test_the_credit_mode_is_shown_when_it_is_known(
    kind: str, credits: str | None, shown: str | None
) -> None:
    (_, host), *_ = rows(host_status(type=kind, credits=credits))
    assert host.partition("; ")[2] == (shown or "")


def test_json_has_the_same_facts_and_null_for_unknown_ones() -> None:
    answer = json.loads(
        json.dumps(screen.as_json(host_status(text(more="service.n8n=healthy")), OUTPUTS))
    )
    assert answer["isReady"] is True
    assert answer["verdict"] == "ready"
    assert answer["services"] == {"n8n": "healthy"}
    assert answer["startedAt"] == STARTED.isoformat()
    assert answer["failedStep"] is answer["reason"] is answer["lastDump"] is None
    old = screen.as_json(host_status(text("not-ready", time="", step="data", reason="x")), {})
    assert (old["verdict"], old["isReportCurrent"]) == ("not-reported", False)
    assert old["failedStep"] is old["reason"] is old["settingsRunning"] is old["url"] is None
    assert (old["services"], old["models"]) == ({}, {})


@given(st.text(), st.sampled_from(["running", "pending", "stopped", "gone"]), st.booleans())
def test_any_report_can_be_shown(reported: str, state: str, simulated: bool) -> None:
    seen = HostStatus(
        instance=Instance(id=ID, state=state, launched=STARTED),
        record=parse(reported),
        simulated=simulated,
    )
    for topic, shown in rows(seen):
        assert f"{topic}{shown}".isprintable()
    assert screen.situation(seen).isprintable()
    json.dumps(screen.as_json(seen, OUTPUTS))
    assert seen.verdict is not Verdict.READY
