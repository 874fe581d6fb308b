"""`geusemaker logs`: the script that it sends, and the result of each answer."""

from collections.abc import Sequence
from typing import Any

import pytest

from geusemaker.bundle import CONTAINERS
from geusemaker.host import logs

from .deployed import Deployed, refusal


def answers(host: Deployed, *ends: tuple[str, int, str, str]) -> None:
    """What GetCommandInvocation answers, one after the other; the last stays."""
    left = list(ends)

    def ran(**_: object) -> dict[str, Any]:
        status, code, out, err = left.pop(0) if len(left) > 1 else left[0]
        return {
            "Status": status,
            "ResponseCode": code,
            "StandardOutputContent": out,
            "StandardErrorContent": err,
        }

    host.answers["send_command"] = lambda **_: {"Command": {"CommandId": "command-1"}}
    host.answers["get_command_invocation"] = ran


def sent(host: Deployed) -> Sequence[str]:
    (call,) = host.calls("send_command")
    assert call["DocumentName"] == "AWS-RunShellScript"
    assert call["InstanceIds"] == [host.id]
    lines: Sequence[str] = call["Parameters"]["commands"]
    return lines


@pytest.mark.parametrize("service", [*CONTAINERS, None])
def test_one_log_is_requested_from_the_host(host: Deployed, service: str | None) -> None:
    answers(
        host,
        ("InProgress", -1, "", ""),
        ("Success", 0, "geusemaker-logs 5 service x\nline\n\n", ""),
    )
    said = host.world.run("logs", *([service] if service else []), "--lines", "7")
    assert said.out == "line\n"
    assert said.err == ""
    assert sent(host) == logs.script(service, 7)
    assert host.slept == [1]


def test_boot_log_and_journal_have_their_titles(host: Deployed) -> None:
    text = "geusemaker-logs 2 /var/log/x\na\n\ngeusemaker-logs 99999 journal\nrest\nb\x1b[1m\n"
    answers(host, ("Success", 0, text, ""))
    said = host.world.run("logs")
    assert said.out == "== /var/log/x\na\n== journal\nb\n"
    assert (
        "note: 88999 bytes before these lines are missing: Systems Manager shows at most 24000"
        in said.err
    )


def test_what_systems_manager_cuts_is_reported(host: Deployed) -> None:
    answers(host, ("Success", 0, "geusemaker-logs 1 x\n" + "y" * 24000, ""))
    assert "note: Systems Manager has cut the end off" in host.world.run("logs", "n8n").err


def test_the_first_moments_are_no_failure(host: Deployed) -> None:
    answers(host, ("Success", 0, "geusemaker-logs 1 x\ny", ""))
    late = [refusal("GetCommandInvocation", "InvocationDoesNotExist")]
    answer: Any = host.answers["get_command_invocation"]

    def ran(**arguments: object) -> Any:
        if late:
            raise late.pop()
        return answer(**arguments)

    host.answers["get_command_invocation"] = ran
    assert host.world.run("logs").out == "y\n"


def test_the_error_for_an_unreachable_host_names_a_command_without_systems_manager(
    host: Deployed,
) -> None:
    host.answers["send_command"] = refusal("SendCommand", "InvalidInstanceId")
    error = host.world.run("logs", code=1).err
    assert error.startswith(f"Systems Manager does not reach the host of stack dev, {host.id}")
    assert f"`aws ec2 get-console-output --latest --output text --region us-east-1 "\
        f"--instance-id {host.id}`" in error  # fmt: skip


@pytest.mark.parametrize(
    ("end", "printed"),
    [
        (("Undeliverable", -1, "", ""), "could not deliver the command"),
        (("TimedOut", -1, "", ""), "could not deliver the command"),
        (("TimedOut", 137, "", ""), "ended with TimedOut, code 137"),
        (
            ("Failed", 1, "geusemaker-logs 9 service n8n\nno such container\n", ""),
            "ended with Failed, code 1. Its output is above.",
        ),
        (("Failed", 1, "", "mktemp:\n no \x1b[1mspace"), "Its output: mktemp: no space."),
        (("AccessDenied", -1, "", ""), "ended with AccessDenied, code -1"),
    ],
)
def test_each_other_end_is_an_error_with_its_fix(
    host: Deployed, end: tuple[str, int, str, str], printed: str
) -> None:
    answers(host, end)
    said = host.world.run("logs", "n8n", code=1)
    assert printed in said.err
    assert "`geusemaker status`" in said.err
    assert said.out == ("no such container\n" if "container" in end[2] else "")
    assert "`geusemaker status`" in host.world.run("logs", code=1).err


def test_a_host_that_never_answers_is_given_up(host: Deployed) -> None:
    answers(host, ("InProgress", -1, "", ""))
    assert "has not answered within 120 seconds" in host.world.run("logs", code=1).err
    assert sum(host.slept) == 120


@pytest.mark.parametrize("name", ["n8m", "n8n;reboot", "$(reboot)", "", "postgresql"])
def test_what_is_no_service_is_a_wrong_argument_and_sent_nowhere(host: Deployed, name: str) -> None:
    said = host.world.run("logs", name, code=2)
    assert "is not one of" in said.err
    assert host.calls("send_command") == []


@pytest.mark.parametrize("lines", ["0", "-5", "5001", "many", "1;reboot"])
def test_so_many_lines_are_a_wrong_flag(host: Deployed, lines: str) -> None:
    host.world.run("logs", "--lines", lines, code=2)
    assert host.calls("send_command") == []


@pytest.mark.parametrize(
    ("state", "printed"),
    [
        ("stopped", "is stopped, so it runs no commands. `geusemaker start`"),
        ("stopping", "is stopping, so it runs no commands. `geusemaker start`"),
        ("pending", "is pending, so it runs no commands. It is starting"),
        ("terminated", "is terminated: it was terminated"),
    ],
)
def test_no_command_is_sent_to_a_host_that_does_not_run(
    host: Deployed, state: str, printed: str
) -> None:
    host.state(state)
    assert printed in host.world.run("logs", code=1).err
    assert host.calls("send_command") == []


def test_in_the_simulated_account_there_is_no_log(host: Deployed) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    assert "there is no log to read" in host.world.run("logs", code=1).err


def test_the_permission_that_is_missing_is_named(host: Deployed) -> None:
    host.answers["send_command"] = refusal("SendCommand", "AccessDeniedException")
    assert "lacks the permission ssm:SendCommand" in host.world.run("logs", code=1).err
    answers(host, ("Success", 0, "", ""))
    operation = "GetCommandInvocation"
    host.answers["get_command_invocation"] = refusal(operation, "AccessDeniedException")
    assert "the permission ssm:GetCommandInvocation" in host.world.run("logs", code=1).err


def test_followed_lines_are_printed_once_until_an_interrupt_and_throttling_ends_nothing(
    host: Deployed,
) -> None:
    def line(number: int) -> str:
        return f"n8n-1  | 2026-11-30T05:00:0{number}.000000001Z line {number}\n"

    head = "geusemaker-logs 9 follow\n"
    reads: list[Any] = [
        head + line(1) + line(2),
        refusal("SendCommand", "ThrottlingException"),
        refusal("SendCommand", "ThrottlingException"),
        head + line(2),
        head + line(2) + line(3),
        KeyboardInterrupt(),
    ]
    printed: list[str] = []

    def send(**_: object) -> dict[str, Any]:
        now = reads.pop(0)
        if isinstance(now, BaseException):
            raise now
        printed.append(now)
        return {"Command": {"CommandId": "command-1"}}

    def ran(**_: object) -> dict[str, Any]:
        return {"Status": "Success", "ResponseCode": 0, "StandardOutputContent": printed[-1]}

    host.answers |= {"send_command": send, "get_command_invocation": ran}
    said = host.world.run("logs", "n8n", "--follow", code=130)
    assert said.out == "".join(f"n8n-1  | line {number}\n" for number in (1, 2, 3))
    assert said.err.count("AWS does not answer (ThrottlingException); trying again") == 1
    commands = [call["Parameters"]["commands"] for call in host.calls("send_command")]
    assert "--tail 200 n8n" in "".join(commands[0])
    assert "--since 2026-11-30T05:00:02.000000001Z n8n" in "".join(commands[1])
    assert commands[1] == commands[2] == commands[3]


def test_a_service_that_cannot_be_followed_ends_with_the_fix(host: Deployed) -> None:
    answers(host, ("Failed", 1, "geusemaker-logs 0 follow\n", "no such service: n8n"))
    error = host.world.run("logs", "n8n", "-f", code=1).err
    assert "Its output: no such service: n8n." in error
    assert "`geusemaker status`" in error
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    assert "there is no log to read" in host.world.run("logs", "-f", code=1).err
