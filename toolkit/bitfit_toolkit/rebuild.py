"""The torch model of a base, rebuilt from the bundle alone."""

import torch
from transformers import AutoConfig, AutoModel

from bitfit_exporters import read_parameters
from bitfit_exporters.zero_biases import add_missing_biases
from bitfit_runtime import Base
from bitfit_runtime.contract import CONFIG_FILE
from bitfit_toolkit.errors import TrainingError


def rebuild_encoder(base: Base) -> torch.nn.Module:
    """Return the encoder in float32 with the weights that ship: quantized ones dequantized.

    Biases trained on it learn around the quantization. Raises TrainingError when a parameter is missing.
    """
    config = AutoConfig.from_pretrained(base.folder / CONFIG_FILE)
    model: torch.nn.Module = AutoModel.from_config(config, dtype=torch.float32)
    add_missing_biases(model)
    state = {name: torch.from_numpy(array) for name, array in read_parameters(base).items()}
    missing = [name for name, _ in model.named_parameters() if name not in state and not name.startswith("pooler.")]
    if missing:
        raise TrainingError(f"{base.folder} lacks {len(missing)} parameters, {missing[0]} first; export the base again")
    model.load_state_dict(state, strict=False)
    return model
