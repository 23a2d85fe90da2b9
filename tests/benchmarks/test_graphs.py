"""Benchmarks: the peers' graphs do what they are said to do, so that a comparison with them is fair."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
import transformers

from bitfit_runtime import Base
from harness.packs import task_feeds
from harness.sessions import open_session
from speed.arms import ours
from speed.peers.floor import floor_feeds, write_floor
from speed.peers.lora import LAYERS, random_adapter, write_adapter, write_lora_graph

IDS = np.array([[2, 7, 8, 9, 10, 11, 12, 3]])
TOKENS = {"input_ids": IDS, "attention_mask": np.ones_like(IDS), "token_type_ids": np.zeros_like(IDS)}


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("layers", LAYERS)
def test_a_lora_adapter_does_what_merged_weights_do(base: Base, checkpoint: Path, tmp_path: Path, layers: str) -> None:
    write_lora_graph(base, LAYERS[layers], tmp_path / "lora.onnx")
    adapter = random_adapter(base, LAYERS[layers], seed=0)
    strong = {name: 40 * array if name.endswith("lora_B") else array for name, array in adapter.items()}
    write_adapter(strong, tmp_path / "strong.onnx_adapter")
    session = open_session(tmp_path / "lora.onnx", threads=1)
    loaded, options = ort.LoraAdapter(), ort.RunOptions()
    loaded.Load(str(tmp_path / "strong.onnx_adapter"))
    options.add_active_adapter(loaded)
    found = session.run(["pooled"], TOKENS, options)[0]

    model = transformers.AutoModel.from_pretrained(checkpoint).eval()
    weights = dict(model.named_parameters())
    with torch.no_grad():
        plain = model(**{name: torch.from_numpy(array) for name, array in TOKENS.items()}).last_hidden_state.mean(1)
        for name in [name.removesuffix(".lora_A") for name in strong if name.endswith(".lora_A")]:
            weights[name] += torch.from_numpy((strong[f"{name}.lora_A"] @ strong[f"{name}.lora_B"]).T)
        merged = model(**{name: torch.from_numpy(array) for name, array in TOKENS.items()}).last_hidden_state.mean(1)
    moved = distance(plain.numpy(), merged.numpy())
    assert moved > 0.1
    assert distance(found, merged.numpy()) < min(0.05, moved / 3)


def test_without_an_adapter_the_lora_graph_is_the_base(base: Base, tmp_path: Path) -> None:
    write_lora_graph(base, LAYERS["all linear layers"], tmp_path / "lora.onnx")
    inputs = {value.name for value in open_session(tmp_path / "lora.onnx", 1).get_overridable_initializers()}
    assert not inputs & {spec.name for spec in base.manifest.biases}
    found = open_session(tmp_path / "lora.onnx", 1).run(["pooled"], TOKENS)[0]
    assert distance(found, open_session(base.model_path, 1).run(["pooled"], TOKENS)[0]) < 0.02


def test_the_floor_holds_the_products_and_attention_alone(checkpoint: Path, tmp_path: Path) -> None:
    write_floor(checkpoint / "config.json", tmp_path / "floor.onnx")
    layers = transformers.AutoConfig.from_pretrained(checkpoint).num_hidden_layers
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "floor.onnx").graph.node)
    assert kinds == {"MatMulIntegerToFloat": 6 * layers, "Attention": layers, "Slice": 4 * layers, "Concat": 1}
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    session = ort.InferenceSession(str(tmp_path / "floor.onnx"), options, providers=["CPUExecutionProvider"])
    session.run(None, floor_feeds(checkpoint / "config.json", 1, 8))
    left = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    assert (left["MatMulIntegerToFloat"], left["Attention"]) == (6 * layers, layers)  # ONNX Runtime dropped none


def test_our_arm_refuses_to_leave_a_bias_at_its_default(base: Base) -> None:
    feeds = task_feeds(base, 0)
    session = open_session(base.model_path, 1)
    assert np.isfinite(ours(session, [feeds])(TOKENS, 0)).all()
    del feeds[base.manifest.biases[0].name]
    with pytest.raises(ValueError, match="would not be fed"):
        ours(session, [feeds])
