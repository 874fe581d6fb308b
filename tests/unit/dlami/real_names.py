"""Names of real images, as AWS published them: what the code must find, and what it must not.

The days are those of real builds; one or a few of each line, not the whole history.
"""

from typing import Final

Combination = tuple[str, str, str]

OF_LINES: Final[dict[Combination, tuple[str, ...]]] = {
    ("amazon-linux-2023", "x86_64", "base"): (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20241206",
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260901",
    ),
    ("amazon-linux-2023", "x86_64", "pytorch"): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.6.0 (Amazon Linux 2023) 20250323",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.9 (Amazon Linux 2023) 20260103",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.10 (Amazon Linux 2023) 20260418",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Amazon Linux 2023) 20260905",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.13 (Amazon Linux 2023) 20261003",
    ),
    ("amazon-linux-2023", "x86_64", "tensorflow"): (
        "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.18 (Amazon Linux 2023) 20250424",
    ),
    ("amazon-linux-2023", "arm64", "base"): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260901",
    ),
    ("amazon-linux-2023", "arm64", "pytorch"): (
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.6.0 (Amazon Linux 2023) 20250328",
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.9 (Amazon Linux 2023) 20251226",
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.11 (Amazon Linux 2023) 20261009",
    ),
    ("ubuntu-22.04", "x86_64", "base"): (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20241115",
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902",
    ),
    ("ubuntu-22.04", "x86_64", "pytorch"): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.4.1 (Ubuntu 22.04) 20241027",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.6.0 (Ubuntu 22.04) 20250223",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.7 (Ubuntu 22.04) 20260118",
    ),
    ("ubuntu-22.04", "x86_64", "tensorflow"): (
        "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.18 (Ubuntu 22.04) 20241213",
    ),
    ("ubuntu-22.04", "arm64", "base"): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260911",
    ),
    ("ubuntu-24.04", "x86_64", "base"): (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925",
    ),
    ("ubuntu-24.04", "x86_64", "pytorch"): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.8 (Ubuntu 24.04) 20251101",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.9 (Ubuntu 24.04) 20260226",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Ubuntu 24.04) 20260517",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725",
    ),
    ("ubuntu-24.04", "arm64", "base"): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20261006",
    ),
    ("ubuntu-24.04", "arm64", "pytorch"): (
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.9 (Ubuntu 24.04) 20260317",
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.11 (Ubuntu 24.04) 20261009",
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.12 (Ubuntu 24.04) 20260724",
    ),
    ("ubuntu-26.04", "x86_64", "pytorch"): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.13 (Ubuntu 26.04) 20260812",
    ),
    ("ubuntu-26.04", "arm64", "base"): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 26.04) 20260911",
    ),
    ("amazon-linux-2", "x86_64", "base"): (
        "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version 65.8",
        "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version 70.3",
    ),
    ("amazon-linux-2", "x86_64", "pytorch"): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.2.0 (Amazon Linux 2) 20240521",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.3.0 (Amazon Linux 2) 20240625",
    ),
    ("amazon-linux-2", "x86_64", "tensorflow"): (
        "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.15 (Amazon Linux 2) 20240319",
    ),
    ("amazon-linux-2", "x86_64", "multi-framework"): (
        "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version 77",
        "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version 78.2",
    ),
    ("amazon-linux-2", "arm64", "base"): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Amazon Linux 2) 20260508",
    ),
}
"""By the line that each belongs to."""

OTHER_DLAMIS: Final = (
    "AWS Deep Learning AMI GPU CUDA 11.2.1 (Ubuntu 20.04) 20220208",
    "Deep Learning AMI (Amazon Linux 2) Version 57.0",
    "Deep Learning AMI (Amazon Linux) Version 18.0",
    "Deep Learning AMI (Ubuntu 16.04) Version 28.1",
    "Deep Learning AMI (Ubuntu 18.04) Version 60.4",
    "Deep Learning AMI GPU CUDA 11.4.3 (Ubuntu 18.04) 20221107",
    "Deep Learning AMI GPU PyTorch 1.12.1 (Amazon Linux 2) 20221005",
    "Deep Learning AMI GPU PyTorch 2.0.1 (Ubuntu 20.04) 20230627",
    "Deep Learning AMI GPU TensorFlow 2.12.0 (Amazon Linux 2) 20230529",
    "Deep Learning AMI Neuron (Ubuntu 22.04) 20241221",
    "Deep Learning AMI Neuron (Ubuntu 24.04) 20260502",
    "Deep Learning ARM64 Base AMI with Single CUDA (Amazon Linux 2023) 20260417",
    "Deep Learning ARM64 Base AMI with Single CUDA (Ubuntu 22.04) 20260605",
    "Deep Learning ARM64 Base AMI with Single CUDA (Ubuntu 24.04) 20260424",
    "Deep Learning Base AMI (Amazon Linux 2) Version 52.0",
    "Deep Learning Base AMI (Ubuntu 18.04) Version 32.0",
    "Deep Learning Base AMI with Single CUDA (Amazon Linux 2023) 20260512",
    "Deep Learning Base AMI with Single CUDA (Ubuntu 22.04) 20260102",
    "Deep Learning Base AMI with Single CUDA (Ubuntu 24.04) 20260714",
    "Deep Learning Base GPU AMI (Ubuntu 20.04) 20230804",
    "Deep Learning Base Neuron AMI (Ubuntu 20.04) 20240216",
    "Deep Learning Base Neuron AMI (Ubuntu 22.04) 20260511",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 20.04) 20240101",
    "Deep Learning Base Proprietary Nvidia Driver AMI (Amazon Linux 2) Version 68.4",
    "Deep Learning Base Proprietary Nvidia Driver GPU AMI (Ubuntu 20.04) 20240101",
    "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.3.0 (Ubuntu 20.04) 20240611",
    "Deep Learning Proprietary Nvidia Driver AMI GPU PyTorch 2.0.1 (Amazon Linux 2) 20240206",
    "Deep Learning Proprietary Nvidia Driver AMI GPU PyTorch 2.0.1 (Ubuntu 20.04) 20240116",
    "Deep Learning Proprietary Nvidia Driver AMI GPU TensorFlow 2.16 (Amazon Linux 2) 20240607",
)
"""Real Deep Learning AMIs of lines that the table leaves out: never an answer."""

LOOK_ALIKES: Final = (
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu Pro 22.04) 20260902",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902-copy",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 202609021",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 2026090",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) Version 65.5",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22a04) 20260902",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902\n",
    "My Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902",
    "deep learning base oss nvidia driver gpu ami (ubuntu 22.04) 20260902",
    "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 2026090a",
    "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version 65.5 20240101",
    "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version 777",
    "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12rc1 (Ubuntu 24.04) 20260725",
    "Deep Learning OSS Nvidia Driver AMI GPU PyTorch  (Ubuntu 24.04) 20260725",
)
"""Names that no line has, close to ones that lines have."""
