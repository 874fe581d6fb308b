"""Text that tries to become markup in what is made of a plan."""

from typing import Any, Final

HOSTILE: Final = (
    "`x` ``` ```` ~~~ **b** _i_ [a](https://evil.example) ![p](https://evil.example/p.png) "
    "<script>alert(1)</script> <img src=x onerror=alert(1)> </td></tr></table></details></code> "
    "a\\|b | c | @octocat @org/team a@b.example #1 GH-1 org/repo#2 www.evil.example :tada: "
    "&lt;b&gt; <!-- \u202e\u2066 \x1b[31m"
)
BLOCKS: Final = (
    f"{HOSTILE}\n\n```\n{'`' * 20}\n</code></pre>\n\n</details>\n\n# head\n\n- @octocat\n\n"
    "~~~\r\rhttps://evil.example\u2028\u2029| a | b |\n| - | - |\n| @octocat | #1 |\n"
)
# These have fixed values, or are numbers.
FIXED: Final = ("operation", "kind", "holds", "fit", "level", "version")


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """The JSON of a plan with `text` behind each text of a config or a program."""
    if isinstance(value, dict):
        return {name: poisoned(one, text, name) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text, key) for one in value]
    return f"{value}{text}" if value and isinstance(value, str) and key not in FIXED else value
