"""Size and speed of the BERT-base shape against constant biases, and of mixed batches, interleaved in one run.

    python benchmarks/speed.py [--rounds 30] [--output benchmarks/results/speed.json]

The model is a randomly initialised `BertConfig()`, exact for speed and size. The peer is the same capture with
constant biases under `onnxruntime.quantization.quantize_dynamic` (per tensor and per channel; the faster one counts).
"""

import argparse
import json
import logging
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic

from bitfit_exporters import ExportOptions, export_base
from bitfit_exporters.capture import capture
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_runtime import Base
from bitfit_runtime.resident import Resident, batch_feeds
from bitfit_runtime.session import open_session

LABELS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/speed.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = make_checkpoint(folder / "bert-base-shape")
        report = export_base(str(checkpoint), folder / "base", ExportOptions(offline=True))
        base = Base.open(folder / "base")
        peers = make_peers(checkpoint, folder)
        ours = open_session(base.model_path, threads=1)
        result = {
            "machine": {"processor": processor(), "onnxruntime": ort.__version__, "torch": torch.__version__},
            "size": {"int8_bytes": report.model_bytes, "fp32_bytes": report.fp32_bytes},
            "latency": latency(ours, base, peers, arguments.rounds),
            "mixed": mixed(ours, base, max(5, arguments.rounds // 3)),
        }
    result["size"]["ratio"] = report.model_bytes / report.fp32_bytes
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def make_checkpoint(folder: Path) -> Path:
    """A BERT of the base shape, with a word-piece tokenizer that knows letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.normal_(0, 0.02)
    model.save_pretrained(folder)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {token: place for place, token in enumerate(tokens + ["##" + token for token in tokens[4:]])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    return folder


def make_peers(checkpoint: Path, folder: Path) -> dict[str, ort.InferenceSession]:
    """The same capture, biases constant, quantized by onnxruntime's own tool."""
    logging.disable(logging.WARNING)
    ir.save(capture(load_checkpoint(str(checkpoint), ExportOptions(offline=True))).model, folder / "float.onnx")
    sessions = {}
    for per_channel in (False, True):
        path = folder / f"peer-{per_channel}.onnx"
        quantize_dynamic(
            folder / "float.onnx",
            path,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
            op_types_to_quantize=[
                "MatMul",
                "Gather",
            ],  # it would also rewrite Attention, which ONNX Runtime then refuses
            extra_options={"MatMulConstBOnly": True},
        )
        sessions["per channel" if per_channel else "per tensor"] = open_session(path, threads=1)
    return sessions


def tokens(rows: int, sequence: int) -> dict[str, np.ndarray]:
    ids = np.random.default_rng(0).integers(5, 30_000, (rows, sequence))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def residents(base: Base, count: int) -> list[Resident]:
    generator = np.random.default_rng(1)

    def noise(*shape: int) -> np.ndarray:
        return (0.05 * generator.standard_normal(shape)).astype(np.float32)

    hidden = base.manifest.hidden_size
    return [
        Resident(
            None,
            {name: (bias + noise(bias.size))[None, None] for name, bias in base.default_biases.items()},
            {"head.weight": noise(1, hidden, LABELS), "head.bias": noise(1, 1, LABELS)},
        )
        for _ in range(count)
    ]


def latency(ours: ort.InferenceSession, base: Base, peers: dict[str, ort.InferenceSession], rounds: int) -> dict:
    """Batch 1, one thread: all our biases fed against constant ones. Milliseconds."""
    found = {}
    task = residents(base, 1)
    for sequence in (16, 128, 384):
        feeds = tokens(1, sequence)
        runs = {name: lambda s=session, f=feeds: s.run(None, f) for name, session in peers.items()}
        runs["ours"] = lambda f=feeds: ours.run(["logits"], {**f, **batch_feeds(task, {})})
        times = interleaved(runs, rounds)
        fastest = min(times[name]["median"] for name in peers)
        found[str(sequence)] = times | {"ratio": times["ours"]["median"] / fastest}
    return found


def mixed(ours: ort.InferenceSession, base: Base, rounds: int) -> dict:
    """32 rows of 32 tasks against 32 rows of one task, and whether every row equals itself alone."""
    packs = residents(base, 32)
    defaults = {name: bias[None, None] for name, bias in base.default_biases.items()}
    feeds = tokens(32, 16)

    def run(chosen: list[Resident]) -> np.ndarray:
        return ours.run(["logits"], {**feeds, **batch_feeds(chosen, defaults)})[0]

    times = interleaved({"one task": lambda: run(packs[:1] * 32), "32 tasks": lambda: run(packs)}, rounds)
    alone = []
    for row, pack in enumerate(packs):
        single = {name: array[row : row + 1] for name, array in feeds.items()}
        alone.append(ours.run(["logits"], {**single, **batch_feeds([pack], defaults)})[0][0])
    identical = bool(np.array_equal(run(packs), np.stack(alone)))
    return times | {"ratio": times["32 tasks"]["median"] / times["one task"]["median"], "bit_identical": identical}


def interleaved(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 2):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if turn >= 2:
                times[name].append(1e3 * (time.perf_counter() - began))
    return {name: {"min": min(t), "median": statistics.median(t)} for name, t in times.items()}


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = [flag for flag in ("avx2", "avx512_vnni", "amx_int8") if flag in facts.get("flags", "").split()]
    name = f"{facts.get('model name', platform.processor())} model {facts.get('model', '?')}"
    return f"{name} ({', '.join(flags) or platform.machine()})"


if __name__ == "__main__":
    main()
