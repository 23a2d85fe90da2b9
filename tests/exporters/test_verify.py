"""What the checks of an export find in graphs that are wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from bitfit_exporters import ExportOptions
from bitfit_exporters.checkpoint import Checkpoint, load_checkpoint
from bitfit_exporters.errors import VerificationError
from bitfit_exporters.row_independence import measure_row_error
from bitfit_exporters.self_test import measure_self_test
from bitfit_exporters.verify import verify
from bitfit_runtime import Base
from bitfit_runtime.session import open_session
from support.widths import WidthSensitive, let_widths_be_multiples_of

Change = Callable[[dict[str, np.ndarray], list[np.ndarray]], list[np.ndarray]]


class Altered(ort.InferenceSession):
    """A session whose outputs are changed, given what it was fed."""

    def __init__(self, session: ort.InferenceSession, change: Change) -> None:
        self.session, self.change = session, change

    def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return self.change(feeds, self.session.run(names, feeds))


@pytest.fixture(scope="module")
def loaded(checkpoint: Path) -> Checkpoint:
    return load_checkpoint(str(checkpoint), ExportOptions(offline=True))


def far_from_torch(feeds: dict[str, np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    return [*outputs[:-1], 2 * outputs[-1]]


def not_a_number(feeds: dict[str, np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    outputs[-1][1] = np.nan
    return outputs


def deaf_to_biases(feeds: dict[str, np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    return (
        [*outputs[:-1], np.repeat(outputs[-1][:1], len(outputs[-1]), 0)]
        if "embeddings.LayerNorm.bias" in feeds
        else outputs
    )


def feels_batch_mates(feeds: dict[str, np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    return [output + np.float32(1e-3) * len(output) for output in outputs] if len(outputs) == 4 else outputs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (far_from_torch, "away from torch, at most 0.25 is accepted"),
        (not_a_number, "the int8 graph is nan away from torch"),
        (deaf_to_biases, r"\d+ bias inputs do not change the output"),
        (feels_batch_mates, "a row's answer changes by .* with its batch-mates"),
    ],
)
def test_a_wrong_graph_is_refused_with_the_figures(
    base: Base, loaded: Checkpoint, change: Change, message: str
) -> None:
    session = open_session(base.model_path)
    verify(session, base.manifest, base.default_biases, loaded)
    with pytest.raises(VerificationError, match=message):
        verify(Altered(session, change), base.manifest, base.default_biases, loaded)


@pytest.mark.parametrize("max_length", [130, 18, 9])
def test_rows_are_proved_at_the_widths_that_a_machine_needs(
    base: Base, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, max_length: int
) -> None:
    loaded = load_checkpoint(str(checkpoint), ExportOptions(offline=True, max_length=max_length))
    session = WidthSensitive(open_session(base.model_path))
    assert measure_row_error(session, loaded, base.default_biases) >= 1
    let_widths_be_multiples_of(monkeypatch, 4)
    assert measure_row_error(session, loaded, base.default_biases) == 0


def test_the_self_test_is_that_of_the_manifest_and_refuses_a_graph_that_ignores_its_biases(
    base: Base, loaded: Checkpoint
) -> None:
    session = open_session(base.model_path)
    defaults = {spec.name: base.default_biases[spec.name] for spec in base.manifest.biases}
    assert measure_self_test(session, loaded, defaults) == base.manifest.self_test
    with pytest.raises(VerificationError, match="ignores its bias inputs"):
        measure_self_test(Altered(session, deaf_to_biases), loaded, defaults)
