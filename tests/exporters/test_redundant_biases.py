"""Key biases are left out and value biases folded where, and only where, the architecture allows it."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel

from bitfit_exporters import ExportOptions, export
from bitfit_exporters.families import FAMILIES as KNOWN
from bitfit_exporters.read_back import rebuild_encoder
from bitfit_exporters.redundant_biases import RedundantTerms, find_redundant_terms
from bitfit_runtime import Base
from bitfit_toolkit import Example
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.training.model import BitfitModel
from bitfit_toolkit.training.pack_encoding import fold
from support.checkpoints import make_checkpoint

KIND = TRAINABLE_TASKS["classification"]([Example("a", label="x"), Example("b", label="y")])
IDS = (2, 5, 9, 11, 6, 30, 3)
TOKENS = {"input_ids": torch.tensor([IDS]), "attention_mask": torch.ones(1, len(IDS), dtype=torch.long)}


def test_no_term_is_redundant_where_attention_is_not_linear_in_its_biases(tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(make_checkpoint("bert", tmp_path))
    attention = model.encoder.layer[1].attention.self
    for module in (attention.key, attention.value):  # what follows the bias is no longer linear in it
        module.register_forward_hook(lambda module, arguments, output: torch.tanh(output))
    found = find_redundant_terms(model, KNOWN["bert"], ("input_ids", "attention_mask"), IDS)
    assert found == RedundantTerms(redundant=(), foldable={})


def test_a_folded_pack_gives_the_answers_of_the_whole_one(checkpoint: Path, tmp_path: Path) -> None:
    export(str(checkpoint), tmp_path / "base", ExportOptions(precision="fp32", offline=True))
    base = Base.open(tmp_path / "base")
    model = BitfitModel(rebuild_encoder(base), base.manifest, KIND, [spec.name for spec in base.manifest.biases]).eval()
    generator = np.random.default_rng(0)
    moved = {n: d + generator.normal(0, 0.5, d.shape).astype(np.float32) for n, d in base.default_biases.items()}
    model.load_tensors(moved)
    with torch.no_grad():
        whole = model(**TOKENS)["logits"].numpy()
    weights = {name: p.detach().numpy() for name, p in model.encoder.named_parameters() if p.ndim == 2}
    folded = fold(moved, base.default_biases, weights, base.manifest)
    assert {s.term for s in base.manifest.biases if s.name not in folded} == {"v"}
    keyless = {s.name: base.default_biases[s.name] for s in base.manifest.biases if s.term == "k"}
    model.load_tensors({**base.default_biases, **folded, **keyless})
    with torch.no_grad():
        found = model(**TOKENS)["logits"].numpy()
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-5)
