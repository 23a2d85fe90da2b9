"""A fresh process that answers one text and says when, and how much memory that took. Imports only what an arm needs.

    python -m speed.child ours BASE TASKS PACK...
    python -m speed.child optimum MODEL TASKS TOKENIZER
    python -m speed.child lora MODEL TASKS TOKENIZER ADAPTER...
    python -m speed.child pytorch CHECKPOINT TASKS TOKENIZER

With more tasks than one, all are resident and all answer. The peers get no more code than they need: optimum's models
run in plain onnxruntime, without optimum, transformers and torch.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TEXT = "a b c d e f g h i j k l m n"


def main() -> None:
    kind, place, count, *files = sys.argv[1:]
    first = 0.0
    for _ in {"ours": ours, "optimum": optimum, "lora": lora, "pytorch": pytorch}[kind](place, int(count), files):
        first = first or time.time()
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak, resident = (int(status[name].split()[0]) / 1e3 for name in ("VmHWM", "VmRSS"))
    print(json.dumps({"answered_at": first, "peak_mb": peak, "resident_mb": resident}))


def ours(place: str, count: int, packs: list[str]) -> Iterator[object]:
    from bitfit_runtime import Engine

    engine = Engine(place, threads=1)
    for task in range(count):
        engine.install(str(task), packs[task])
    for task in range(count):
        yield engine.predict(TEXT, task=str(task))


def optimum(place: str, count: int, files: list[str]) -> Iterator[object]:
    tokens = encode(files[0])
    sessions = [open_session(place) for _ in range(count)]
    for session in sessions:
        yield session.run(None, tokens)


def lora(place: str, count: int, files: list[str]) -> Iterator[object]:
    import onnxruntime as ort

    tokens = encode(files[0])
    session = open_session(place)
    adapters = []
    for task in range(count):
        adapters.append(ort.LoraAdapter())
        adapters[-1].Load(files[1 + task])
    for adapter in adapters:
        options = ort.RunOptions()
        options.add_active_adapter(adapter)
        yield session.run(["logits"], tokens, options)


def pytorch(place: str, count: int, files: list[str]) -> Iterator[object]:
    import torch
    import transformers

    torch.set_num_threads(1)
    model = transformers.AutoModel.from_pretrained(place, add_pooling_layer=False).eval()
    tokens = {name: torch.from_numpy(array) for name, array in encode(files[0]).items()}
    biases = {name: parameter.detach() for name, parameter in model.named_parameters() if name.endswith(".bias")}
    tasks = [{name: bias.clone() for name, bias in biases.items()} for _ in range(count)]
    parameters = dict(model.named_parameters())
    for task in tasks:
        for name, bias in task.items():
            parameters[name].data = bias
        with torch.inference_mode():
            yield model(**tokens).last_hidden_state.mean(1)


def open_session(path: str) -> object:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def encode(tokenizer: str) -> dict:
    import numpy as np
    from tokenizers import Tokenizer

    encoding = Tokenizer.from_file(tokenizer).encode(TEXT)
    fields = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": encoding.type_ids}
    return {name: np.array([values]) for name, values in fields.items()}


if __name__ == "__main__":
    main()
