"""What the workflows show of a deployed stack: scripts/stack_summary.sh with the real CLI."""

from .door import PROJECT, Door, Ran


def summary(door: Door, what: str, fail_on: str = "") -> Ran:
    script = PROJECT / "scripts" / "stack_summary.sh"
    return door.run("env", f"FAIL_ON={fail_on}", "bash", str(script), what, "dev")


def test_a_deployment_and_the_preview_of_a_change_are_shown_and_so_is_what_fails(
    door: Door,
) -> None:
    deployed = summary(door, "deploy")
    assert deployed.code == 0, str(deployed)
    assert "<h3>Deployed <code>dev</code></h3>" in deployed.out
    assert "\nUpdating (dev):" in deployed.out

    door.set(amiType="pytorch")
    for fail_on, code in (("replaces-host,", 3), ("replaces-data", 0)):
        shown = summary(door, "preview", fail_on)
        assert shown.code == code, str(shown)
        assert ("**The check fails.**" in shown.out) is bool(code)
    assert "<h3>Plan of <code>dev</code> in <code>us-east-1</code></h3>" in shown.out
    assert "against <code>.geusemaker/deployed.json</code>" in shown.out
    assert "What <code>pulumi preview</code> prints" in shown.out
    assert "aws:ec2:Instance" in shown.out.partition("<pre>\nPreviewing update (dev):")[2]

    door.set(osType="<b>plan 9</b>")
    for what, named in (("preview", "Preview"), ("deploy", "Deployment")):
        failed = summary(door, what)
        assert failed.code == 1, str(failed)
        assert f"<h3>{named} of <code>dev</code> failed</h3>" in failed.out
        page = failed.out[failed.out.index("<h3>") :]
        assert "geusemaker:osType is '&lt;b&gt;plan 9&lt;/b&gt;'" in page
        assert "<b>plan" not in page.partition("</details>")[0]
