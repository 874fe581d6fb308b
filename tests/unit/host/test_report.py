"""Any report of a host is parsed, without terminal control characters."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geusemaker.host import report
from geusemaker.host.report import Record, moment, parse, printable

READY = """state=ready
instance=i-0123456789abcdef0
boot=6e2d9f0e-1111-2222-3333-444455556666
time=2026-11-24T01:02:03Z
running=aa
wanted=bb
reason=bundle bb: did not come up: n8n (unhealthy)
service.n8n=healthy
service.n8n-runners=starting
model.llama3.2:3b=pulling 43%
model.hf.co/some/Model:Q4=failed: no such model = none
dump=2026-11-23T03:17:09Z"""


def test_every_line_of_a_complete_report_is_parsed() -> None:
    assert parse(READY) == Record(
        state="ready",
        instance="i-0123456789abcdef0",
        boot="6e2d9f0e-1111-2222-3333-444455556666",
        time=datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC),
        running="aa",
        wanted="bb",
        reason="bundle bb: did not come up: n8n (unhealthy)",
        services={"n8n": "healthy", "n8n-runners": "starting"},
        models={
            "llama3.2:3b": "pulling 43%",
            "hf.co/some/Model:Q4": "failed: no such model = none",
        },
        dump=datetime(2026, 11, 23, 3, 17, 9, tzinfo=UTC),
    )


def test_the_initial_value_of_the_parameter_is_unknown() -> None:
    assert parse("state=unknown") == Record() == parse("")


@pytest.mark.parametrize("state", ["", "Ready", "READY", "ready!", "not ready", "1"])
def test_only_the_exact_names_are_a_state(state: str) -> None:
    assert parse(f"state={state}").state == "unknown"


def test_invalid_lines_and_invalid_names_are_left_out() -> None:
    record = parse(
        "\n\nstate=not-ready\r\nno line\n=x\nservice.=healthy\nservice.a b=x\nmodel./x=y\n"
    )
    assert record == Record(state="not-ready")


def test_the_last_of_two_lines_counts_and_an_empty_health_is_unknown() -> None:
    record = parse("state=ready\nstate=not-ready\nservice.n8n=\nmodel.a=")
    assert record.state == "not-ready"
    assert record.services == {"n8n": "unknown"}
    assert record.models == {"a": "unknown"}


def test_a_reason_has_no_control_characters_and_is_cut() -> None:
    record = parse("reason=a\x1b[2J\x07b\u202e\u2028c\td" + "x" * 5000)
    assert record.reason.startswith("a [2J b c dx")
    assert len(record.reason) == report.WIDTH
    assert record.reason.endswith("...")


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-24T01:02:03Z", 1),
        ("2026-11-24T01:02:03", 1),
        ("2026-11-24T03:02:03+02:00", 1),
        ("yesterday", None),
        ("", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("2026-13-01T00:00:00Z", None),
    ],
)
def test_times_are_utc_or_none(text: str, hour: int | None) -> None:
    found = moment(text)
    assert (found.hour if found else None) == hour
    assert found is None or found.tzinfo is UTC


_KEYS = st.sampled_from(
    [
        "state",
        "instance",
        "time",
        "reason",
        "step",
        "dump",
        "dump.failed",
        "service.n8n",
        "model.a",
        "running",
    ]
)


@given(
    st.one_of(
        st.text(),
        st.binary().map(lambda raw: raw.decode("utf-8", "replace")),
        st.lists(st.tuples(_KEYS, st.text()), max_size=20).map(
            lambda pairs: "\n".join(f"{key}={value}" for key, value in pairs)
        ),
    )
)
def test_any_text_is_parsed_into_printable_values(text: str) -> None:
    record = parse(text)
    assert record.state in ("ready", "not-ready", "unknown")
    shown = [
        record.instance,
        record.boot,
        record.running,
        record.wanted,
        record.step,
        record.reason,
    ]
    shown.append(record.dump_failure)
    for group in (record.services, record.models):
        shown += [*group.keys(), *group.values()]
    for one in shown:
        assert one.isprintable()
        assert len(one) <= report.WIDTH
        assert printable(one) == one
