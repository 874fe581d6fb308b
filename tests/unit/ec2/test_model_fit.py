"""Which models cannot fit a host, by the size in their names."""

from pathlib import Path

import pytest

from geusemaker.dlami.catalogue import load_catalogue
from geusemaker.ec2.instance_types import family_of
from geusemaker.ec2.model_fit import MODEL_HOSTS, PRICES_AS_OF, least_gib, remarks

PAGE = Path(__file__).parents[3] / "docs/models.md"

# Sizes in Ollama's library, in GB of 10^9 bytes.
LIBRARY = {
    "llama3.2:3b": 2.0,
    "llama3.1:8b": 4.9,
    "llama3.1:8b-instruct-q8_0": 8.5,
    "llama3.1:8b-instruct-fp16": 16,
    "llama3.1:8b-instruct-q2_K": 3.2,
    "phi4:14b": 9.1,
    "gemma3:27b-it-qat": 18,
    "qwen3:32b": 20,
    "qwen3:30b-a3b": 19,
    "mixtral:8x7b": 26,
    "mixtral:8x22b": 80,
    "llama3.3:70b": 43,
    "gpt-oss:120b": 65,
    "deepseek-r1:671b": 404,
    "qwen2.5:0.5b": 0.398,
    "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0": 3.4,
}


@pytest.mark.parametrize("model", LIBRARY)
def test_the_size_of_a_name_is_a_lower_bound_and_not_far_below(model: str) -> None:
    least = least_gib(model)
    assert least is not None
    real = LIBRARY[model] * 1e9 / (1 << 30)
    assert 0.4 * real < least <= real


@pytest.mark.parametrize(
    "model", ["llama3.2", "llama3.2:latest", "nomic-embed-text:v1.5", "gemma3n:e4b", "me/mine:v2"]
)
def test_a_name_without_a_size_is_not_judged(model: str) -> None:
    assert least_gib(model) is None
    assert (
        remarks([model], "t3.large", memory_mib=2048, gpu_gib=0, disk_gib=20, is_chosen=False) == []
    )


@pytest.mark.parametrize(
    ("model", "memory_mib", "gpu_gib", "words"),
    [
        (
            "llama3.3:70b",
            8192,
            0,
            ["33 GiB of memory at least", "and no GPU: it cannot run", "g6e"],
        ),
        ("llama3.3:70b", 8192, 24, ["and 24 GiB on its GPU: it cannot run"]),
        ("llama3.3:70b", 32768, 24, ["many times slower", "instanceType g6e.xlarge`"]),
        ("deepseek-r1:671b", 65536, 96, ["Take a smaller model; docs/models.md"]),
    ],
)
def test_a_model_that_cannot_fit_gets_one_paragraph_with_a_type_that_fits(
    model: str, memory_mib: int, gpu_gib: float, words: list[str]
) -> None:
    (note,) = remarks(
        [model], "g5.xlarge", memory_mib=memory_mib, gpu_gib=gpu_gib, disk_gib=900, is_chosen=True
    )
    assert "\n" not in note
    for word in words:
        assert word in note


def test_models_that_fit_and_unknown_memory_get_no_note() -> None:
    for memory in (8192, None):
        assert (
            remarks(
                ["llama3.1:8b"],
                "g6.xlarge",
                memory_mib=memory,
                gpu_gib=24,
                disk_gib=50,
                is_chosen=False,
            )
            == []
        )
    assert (
        remarks(["llama3.3:70b"], "x", memory_mib=None, gpu_gib=0, disk_gib=100, is_chosen=True)
        == []
    )


def test_a_model_that_the_default_type_runs_slowly_is_named_until_the_type_is_set() -> None:
    def on_a_cpu(kind: str, is_chosen: bool) -> list[str]:
        models = ["llama3.1:8b", "llama3.2:3b", "qwen2.5:7b"]
        return remarks(models, kind, memory_mib=8192, gpu_gib=0, disk_gib=100, is_chosen=is_chosen)

    (note,) = on_a_cpu("m6i.xlarge", is_chosen=False)
    assert note.startswith(
        "geusemaker:ollamaModels has llama3.1:8b, qwen2.5:7b, and m6i.xlarge has no GPU"
    )
    assert "`pulumi config set geusemaker:instanceType g6.xlarge`" in note
    assert note.endswith("note: `pulumi config set geusemaker:instanceType m6i.xlarge`.")
    assert on_a_cpu("m6i.xlarge", is_chosen=True) == []
    (arm,) = on_a_cpu("m6g.xlarge", is_chosen=False)
    assert "g6.xlarge" not in arm, "it is of another architecture"


def test_models_that_do_not_fit_the_disk_together_get_the_size_that_does() -> None:
    models = ["llama3.3:70b", "qwen3:32b"]
    (note,) = remarks(
        models, "g6.12xlarge", memory_mib=90000, gpu_gib=96, disk_gib=40, is_chosen=True
    )
    assert "47 GiB of disk at least" in note
    assert note.endswith("`pulumi config set geusemaker:dataVolumeGib 80`.")
    assert (
        remarks(models, "g6.12xlarge", memory_mib=90000, gpu_gib=96, disk_gib=80, is_chosen=True)
        == []
    )


def test_each_usual_host_fits_its_model_and_runs_a_current_image() -> None:
    families = {one for line in load_catalogue().lines for one in line.instance_families}
    for host in MODEL_HOSTS:
        memory = 8192 if host.gpu_gib == 0 else None
        assert (
            remarks(
                [host.example],
                host.instance_type,
                memory_mib=memory,
                gpu_gib=host.gpu_gib,
                disk_gib=host.data_volume_gib,
                is_chosen=False,
            )
            == []
        )
        assert host.gpu_gib == 0 or family_of(host.instance_type) in families


def test_the_page_has_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert PRICES_AS_OF in page
    for host in MODEL_HOSTS:
        gpu = f"{host.gpus}, {host.gpu_gib} GiB" if host.gpu_gib else "none"
        assert (
            f"| {host.parameters}B | `{host.example}` | {host.download_gb:g} GB | "
            f"`{host.instance_type}` | {gpu} | {host.data_volume_gib} GiB | "
            f"{host.usd_per_hour:.2f} |"
        ) in page
