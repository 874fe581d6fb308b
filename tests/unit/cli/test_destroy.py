"""Words for the removal of a stack, for which there is no command yet."""

import pytest

from geusemaker.cli.main import main

STEPS = [
    "pulumi config set geusemaker:protectData false",
    "pulumi up",
    "pulumi destroy",
    "pulumi stack rm",
]


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1, "nothing was removed"
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "word", ["destroy", "down", "delete", "remove", "rm", "undeploy", "destory", "tear-down"]
)
def test_a_word_for_removal_shows_the_commands_that_remove_a_stack(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = said([word], capsys)
    assert f"`{' && '.join(STEPS)}`" in shown
    assert "deploy" not in shown


def test_the_commands_have_the_users_stack_and_a_script_may_pass_yes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = said(["destroy", "--stack", "prod", "--yes"], capsys)
    assert f"`{' && '.join(f'{step} --stack prod' for step in STEPS)}`" in shown


def test_the_simulated_account_has_a_command_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "`geusemaker local down`" in said(["destroy", "--local"], capsys)


@pytest.mark.parametrize("word", ["delpoy", "dploy", "stpo", "preview"])
def test_another_misspelt_command_is_not_taken_for_a_removal(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    assert "destroy" not in capsys.readouterr().err
