"""The encoder in eager PyTorch: float32 with biases swapped between calls, and dynamic int8 with constant ones."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import transformers
from torch import nn

from harness.packs import Arrays
from harness.tokens import Tokens

Answer = npt.NDArray[np.float32]


def load(checkpoint: Path) -> nn.Module:
    """Load the encoder without its pooling layer, for inference."""
    model: nn.Module = transformers.AutoModel.from_pretrained(checkpoint, add_pooling_layer=False)
    return model.eval()


def swapping(model: nn.Module, tasks: Sequence[Arrays]) -> Callable[[Tokens, int], Answer]:
    """Answer by pointing the model's biases at a task's, which copies nothing. Mean pooling, one head."""
    parameters = dict(model.named_parameters())
    kept = [{name: torch.from_numpy(array).reshape(-1) for name, array in task.items()} for task in tasks]
    heads = [torch.from_numpy(task["head.weight"])[0] for task in tasks]

    def answer(tokens: Tokens, task: int) -> Answer:
        for name, bias in kept[task].items():
            if name in parameters:
                parameters[name].data = bias
        answers: Answer = pooled(model, tokens) @ heads[task].numpy() + kept[task]["head.bias"].numpy()
        return answers

    return answer


def int8(checkpoint: Path) -> Callable[[Tokens, int], Answer]:
    """`torch.ao`'s dynamic quantization, which packs biases with the weights: one task, no head."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        quantize: Callable[..., nn.Module] = torch.ao.quantization.quantize_dynamic
        model = quantize(load(checkpoint), {nn.Linear}, dtype=torch.qint8)
    return lambda tokens, _: pooled(model, tokens)


def pooled(model: nn.Module, tokens: Tokens) -> Answer:
    """Return the mean of the real tokens' last hidden states, `[rows, hidden]`."""
    with torch.inference_mode():
        hidden = model(**{name: torch.from_numpy(array) for name, array in tokens.items()}).last_hidden_state
        mask = torch.from_numpy(tokens["attention_mask"])[..., None].float()
        means: Answer = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
    return means
