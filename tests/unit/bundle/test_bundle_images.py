"""The image of each container: the shipped table and `imageVersions`."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.bundle import IMAGE_KEYS, BundleError, check_image_versions, load_images
from geusemaker.bundle import reference as references
from geusemaker.bundle.images import TABLE, chosen, read_images
from geusemaker.bundle.reference import Reference, parse
from geusemaker.messages import InvalidValue, Set

DIGEST = f"sha256:{'a' * 64}"
SHIPPED = load_images().images


def runs(versions: dict[str, str]) -> dict[str, str]:
    return {key: str(image) for key, image in chosen(IMAGE_KEYS, versions).items()}


def test_the_shipped_table_pins_every_image_by_version_and_digest() -> None:
    assert set(SHIPPED) == set(IMAGE_KEYS)
    for image in SHIPPED.values():
        assert image.reference.tag
        assert image.reference.digest
        assert image.seen <= load_images().as_of
        assert image.architectures == ("x86_64", "arm64")


def test_without_overrides_the_images_are_from_the_table() -> None:
    assert runs({}) == {key: str(image.reference) for key, image in SHIPPED.items()}


def test_the_shipped_images_are_valid_overrides() -> None:
    check_image_versions({key: str(image.reference) for key, image in SHIPPED.items()})


@pytest.mark.parametrize(
    ("versions", "key", "runs_then"),
    [
        ({"ollama": "ollama/ollama:0.36.0"}, "ollama", "docker.io/ollama/ollama:0.36.0"),
        ({"postgres": "postgres:18-trixie"}, "postgres", "docker.io/library/postgres:18-trixie"),
        (
            {"postgres": "postgres:18.7-bookworm"},
            "postgres",
            "docker.io/library/postgres:18.7-bookworm",
        ),
        (
            {"postgres": "pgvector/pgvector:0.8.1-pg18-bookworm"},
            "postgres",
            "docker.io/pgvector/pgvector:0.8.1-pg18-bookworm",
        ),
        (
            {"postgres": "pgvector/pgvector:pg18-bookworm"},
            "postgres",
            "docker.io/pgvector/pgvector:pg18-bookworm",
        ),
        (
            {"crawl4ai": "unclecode/crawl4ai:0.10.0"},
            "crawl4ai",
            "docker.io/unclecode/crawl4ai:0.10.0",
        ),
        ({"caddy": f"caddy:2.12.0@{DIGEST}"}, "caddy", f"docker.io/library/caddy:2.12.0@{DIGEST}"),
        (
            {"qdrant": f"localhost:5000/q:latest@{DIGEST}"},
            "qdrant",
            f"localhost:5000/q:latest@{DIGEST}",
        ),
        # The runner follows n8n, wherever n8n comes from.
        ({"n8n": "n8nio/n8n:2.42.6"}, "n8n-runners", "docker.io/n8nio/runners:2.42.6"),
        (
            {"n8n": "docker.n8n.io/n8nio/n8n:2.43.0"},
            "n8n-runners",
            "docker.io/n8nio/runners:2.43.0",
        ),
        ({"n8n": "ghcr.io/n8n-io/n8n:2.43.0"}, "n8n-runners", "ghcr.io/n8n-io/runners:2.43.0"),
        ({"n8n": f"n8nio/n8n:2.43.0@{DIGEST}"}, "n8n-runners", "docker.io/n8nio/runners:2.43.0"),
        (
            {"n8n": "me.example/ours:2.43.0", "n8n-runners": "n8nio/runners:2.43.0"},
            "n8n",
            "me.example/ours:2.43.0",
        ),
    ],
)
def test_an_override_wins(versions: dict[str, str], key: str, runs_then: str) -> None:
    assert runs(versions)[key] == runs_then


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ({"postgress": "postgres:18-bookworm"}, "did you mean postgres?"),
        ({"redis": "redis:8"}, "has the unknown key"),
        ({'we"ird': "redis:8"}, "has the unknown key"),
        ({"n8n": "n8n:"}, "is not a container image reference"),
        ({"n8n": ""}, "is not a container image reference"),
        ({"ollama": "Ollama/Ollama:0.36.0"}, "is not a container image reference"),
        ({"ollama": "ollama/ollama:0.36.0\n"}, "is not a container image reference"),
        ({"ollama": "ollama/ollama:0.36.0 --privileged"}, "is not a container image reference"),
        ({"ollama": "https://ollama/ollama:0.36.0"}, "is not a container image reference"),
        ({"ollama": "ollama/ollama:0.36.0@sha256:abc"}, "is not a container image reference"),
        ({"ollama": "${HOME}:1"}, "is not a container image reference"),
        ({"ollama": "ollama/ollama"}, "has no tag"),
        ({"ollama": f"ollama/ollama@{DIGEST}"}, "has no tag"),
        ({"ollama": "ollama/ollama:latest"}, "a different image over time"),
        ({"postgres": "postgres:17.11-bookworm"}, "is not PostgreSQL 18"),
        ({"postgres": "postgres:19"}, "is not PostgreSQL 18"),
        ({"postgres": "postgres:180"}, "is not PostgreSQL 18"),
        ({"postgres": "pgvector/pgvector:pg17"}, "is not PostgreSQL 18"),
        ({"postgres": "pgvector/pgvector:pg180"}, "is not PostgreSQL 18"),
        ({"postgres": "postgres:18.6-alpine"}, "is built on Alpine"),
        ({"postgres": "postgres:18"}, "does not name its Debian"),
        ({"postgres": "postgres:18.6"}, "does not name its Debian"),
        ({"postgres": f"postgres:18.6@{DIGEST}"}, "does not name its Debian"),
        ({"postgres": "pgvector/pgvector:0.8.1-pg18"}, "does not name its Debian"),
        ({"crawl4ai": "unclecode/crawl4ai:0.9.3"}, "is older than 0.9.4"),
        ({"crawl4ai": "unclecode/crawl4ai:0.9"}, "is older than 0.9.4"),
        ({"crawl4ai": "unclecode/crawl4ai:stable"}, "has no version in its tag"),
        ({"caddy": "caddy:2.11.6-alpine"}, "2.11.6 cuts streams after a minute"),
        ({"caddy": "caddy:2.10.2"}, "is older than 2.11.7"),
        ({"caddy": "caddy:2-alpine"}, "has no version in its tag"),
        ({"n8n": "n8nio/n8n:2.41.3"}, "is older than 2.41.4"),
        ({"n8n": "n8nio/n8n:1.99.0"}, "is older than 2.41.4"),
        ({"n8n": "n8nio/n8n:stable"}, "has no version in its tag"),
        ({"n8n": "me.example/ours:2.43.0"}, "cannot be derived"),
        ({"n8n-runners": "n8nio/runners:2.43.0"}, "the two must have the same version"),
        (
            {"n8n": "n8nio/n8n:2.43.0", "n8n-runners": "n8nio/runners:2.42.4"},
            "the two must have the same version",
        ),
    ],
)
def test_an_invalid_override_is_refused_and_each_fix_is_valid(
    versions: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_image_versions(versions)
    assert says in caught.value.why
    assert caught.value.fixes
    for fix in caught.value.fixes:
        # The whole map: `pulumi config set --path` replaces a map that is JSON text.
        assert isinstance(fix, Set)
        assert fix.key == "imageVersions"
        check_image_versions(fix.value)


_words = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
_tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(_words, min_size=1, max_size=4), _tags, st.booleans())
def test_a_reference_round_trips(path: list[str], tag: str, digest: bool) -> None:
    written = f"registry.example/{'/'.join(path)}:{tag}{f'@{DIGEST}' if digest else ''}"
    parsed = parse(written)
    assert parsed == Reference("registry.example", "/".join(path), tag, DIGEST if digest else None)
    assert str(parsed) == written


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(max_size=60))
def test_only_a_reference_passes_into_the_compose_file(text: str) -> None:
    parsed = parse(text)
    if parsed is not None:
        assert re.fullmatch(r"[A-Za-z0-9._:/@-]+", str(parsed))
        assert parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("2.42.4", (2, 42, 4)),
        ("v1.19.2-unprivileged", (1, 19, 2)),
        ("2.11.7-alpine", (2, 11, 7)),
        ("0.10", (0, 10, 0)),
        ("18", None),
        ("1.2.3.4", None),
        ("latest", None),
        (None, None),
    ],
)
def test_the_version_in_a_tag(tag: str | None, version: tuple[int, int, int] | None) -> None:
    assert Reference("docker.io", "a", tag, None).version == version


CRAWL4AI = r"docker\.io/unclecode/crawl4ai:"


# Patterns, since days, versions and digests move on with the table.
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (r"as_of = \S+", "", "line 1, field `as_of`: Field required"),
        (r"(as_of = \S+)", r"\1\nextra = 1", "field `extra`: Extra inputs are not permitted"),
        ('key = "caddy"', 'key = "n8n"', "once each"),
        (r"(library/postgres:\S+@)sha256", r"\1sha1", "field `reference`: this is not an image"),
        (r"library/postgres:\S+@", "library/postgres@", "field `reference`: this is not an image"),
        (rf"({CRAWL4AI}\S+)@\w+:\w+", r"\1", "crawl4ai: `reference` has no digest"),
        (r"n8nio/runners:\S+@", "n8nio/runners:9.9.9@", "n8n and n8n-runners must have the same"),
        (r'least = "0.9.4"', 'least = "9.9.9"', "crawl4ai: it is older than `least`"),
        (rf"{CRAWL4AI}\S+@", "unclecode/crawl4ai:new@", "crawl4ai: it is older than `least`"),
        (r'least = "0.9.4"', 'least = "new"', "field `least`: this is not a version"),
        (r'least = "0.9.4"\n', "", "crawl4ai: `least` needs `why`"),
        (
            rf'(fix = "{CRAWL4AI}\S+\n)vulnerability = .*\n',
            r"\1",
            "crawl4ai: `fix` needs `vulnerability`",
        ),
        (rf'fix = "{CRAWL4AI}\S+"', 'fix = "a:new"', "crawl4ai: the tag of `fix` has no version"),
        (rf'fix = "{CRAWL4AI}\S+"', 'fix = "A:0.9.5"', "field `fix`: this is not an image refer"),
        (r'architectures = \["x86_64"', 'architectures = ["riscv64"', "`architectures[0]`: Input"),
        (r"architectures = .*", "architectures = []", "field `architectures`"),
        (r"seen = (\S+)", r'seen = "\1"', "field `seen`: Input should be a valid date"),
        (r"source = .*", "source = 1", "field `source`: Input should be a valid string"),
        (r"\[\[image\]\]", "[image", "cannot be read"),
    ],
)
def test_an_invalid_table_is_refused_at_load(tmp_path: Path, old: str, new: str, says: str) -> None:
    text, changes = re.subn(old, new, TABLE.read_text(encoding="utf-8"), count=1)
    assert changes, f"the table has no {old!r} any more: change the test"
    path = tmp_path / "images.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match=re.escape(says)):
        read_images(path)


def test_each_image_has_a_minimum_version_or_a_known_fix() -> None:
    for name, image in load_images().images.items():
        assert image.why or image.vulnerability, name


def test_a_missing_table_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"images\.toml cannot be read"):
        read_images(tmp_path / "images.toml")


def test_an_image_without_the_architecture_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TABLE.read_text(encoding="utf-8")
    head, mark, tail = text.partition('key = "crawl4ai"')
    path = tmp_path / "images.toml"
    path.write_text(head + mark + tail.replace(', "arm64"', "", 1), encoding="utf-8")
    table = read_images(path)
    monkeypatch.setattr("geusemaker.bundle.images.load_images", lambda: table)
    assert chosen(IMAGE_KEYS, {}, "x86_64")
    with pytest.raises(BundleError, match="does not exist for arm64"):
        chosen(IMAGE_KEYS, {}, "arm64")
    assert chosen(IMAGE_KEYS, {"crawl4ai": "me.example/crawl4ai:0.9.4"}, "arm64")


def test_a_version_in_the_table_is_complete() -> None:
    assert references.version_of("2.41.4") == (2, 41, 4)
    assert references.version_of("2.41.4-alpine") is None
