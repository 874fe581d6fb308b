"""A model of a megabyte and a half, of random numbers: what it says means nothing."""

import random
import struct
from typing import Final

WIDTH: Final = 256
_STRING, _UINT32, _FLOAT32, _INT32, _ARRAY = 8, 4, 6, 5, 9
_FORMATS: Final = {_UINT32: "<I", _FLOAT32: "<f", _INT32: "<i"}


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(kind: int, value: object) -> bytes:
    return _string(str(value)) if kind == _STRING else struct.pack(_FORMATS[kind], value)


def gguf(seed: int) -> bytes:
    """A file of llama.cpp's format, version 3: one layer, and one token for each byte."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3, *[6] * 256]  # unknown, control, byte
    pairs: list[tuple[str, int, object]] = [
        ("general.architecture", _STRING, "llama"),
        ("general.file_type", _UINT32, 0),
        ("llama.block_count", _UINT32, 1),
        ("llama.context_length", _UINT32, 128),
        ("llama.embedding_length", _UINT32, WIDTH),
        ("llama.feed_forward_length", _UINT32, WIDTH),
        ("llama.attention.head_count", _UINT32, 4),
        ("llama.attention.head_count_kv", _UINT32, 4),
        ("llama.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-5),
        ("llama.rope.dimension_count", _UINT32, WIDTH // 4),
        ("llama.vocab_size", _UINT32, len(tokens)),
        ("tokenizer.ggml.model", _STRING, "llama"),
        ("tokenizer.ggml.bos_token_id", _UINT32, 1),
        ("tokenizer.ggml.eos_token_id", _UINT32, 2),
    ]
    lists: list[tuple[str, int, list[object]]] = [
        ("tokenizer.ggml.tokens", _STRING, list(tokens)),
        ("tokenizer.ggml.scores", _FLOAT32, [0.0] * len(tokens)),
        ("tokenizer.ggml.token_type", _INT32, list(kinds)),
    ]
    shapes = {
        "token_embd.weight": (WIDTH, len(tokens)),
        "output_norm.weight": (WIDTH,),
        "output.weight": (WIDTH, len(tokens)),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.ffn_norm.weight": (WIDTH,),
        **{
            f"blk.0.{name}.weight": (WIDTH, WIDTH)
            for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        },
        **{f"blk.0.{name}.weight": (WIDTH, WIDTH) for name in ("ffn_gate", "ffn_up", "ffn_down")},
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(pairs) + len(lists))
    for name, kind, value in pairs:
        head += _string(name) + struct.pack("<I", kind) + _value(kind, value)
    for name, kind, values in lists:
        head += _string(name) + struct.pack("<IIQ", _ARRAY, kind, len(values))
        head += b"".join(_value(kind, value) for value in values)
    offset = 0
    numbers = random.Random(seed)  # noqa: S311
    content = b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        head += _string(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", 0, offset)
        data = struct.pack(f"<{count}f", *(numbers.uniform(-0.1, 0.1) for _ in range(count)))
        content += data
        offset += len(data)
    return head + b"\0" * (-len(head) % 32) + content
