"""Tiny checkpoints of every family, made from random weights."""

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(ord("a") + i) for i in range(26)]
VOCABULARY = SPECIAL + LETTERS + ["##" + letter for letter in LETTERS] + list(".,?")
SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
COMMON = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 130, **SIZES}
DISTILBERT = {"vocab_size": len(VOCABULARY), "dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}
IDS = {
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "cls_token_id": 2,
    "sep_token_id": 3,
    "mask_token_id": 4,
}
DEBERTA = {
    "relative_attention": True,
    "position_buckets": 8,
    "pos_att_type": ["p2c", "c2p"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
MOBILEBERT = {"embedding_size": 32, "intra_bottleneck_size": 32, "num_feedforward_networks": 2}
# Windows of four tokens to either side, which the texts of the checks exceed.
MODERNBERT = {"global_attn_every_n_layers": 2, "local_attention": 8}
STRONGER = 5  # fresh weights are so small that attention hardly matters
FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "bert": (transformers.BertConfig, COMMON),
    "roberta": (transformers.RobertaConfig, {**COMMON, "pad_token_id": 0, "type_vocab_size": 1}),
    "camembert": (transformers.CamembertConfig, {**COMMON, "pad_token_id": 0, "type_vocab_size": 1}),
    "xlm-roberta-xl": (transformers.XLMRobertaXLConfig, {**COMMON, "pad_token_id": 0}),
    "distilbert": (transformers.DistilBertConfig, DISTILBERT),
    "electra": (transformers.ElectraConfig, {**COMMON, "embedding_size": 32}),
    "ernie": (transformers.ErnieConfig, COMMON),
    "mpnet": (transformers.MPNetConfig, {**COMMON, "pad_token_id": 0}),
    # The exporter treats weights that layers share in another way when they are large.
    "albert": (transformers.AlbertConfig, {**COMMON, "embedding_size": 32, "intermediate_size": 4096}),
    "roformer": (transformers.RoFormerConfig, COMMON),
    "deberta-v2": (transformers.DebertaV2Config, COMMON | DEBERTA),
    "mobilebert": (transformers.MobileBertConfig, COMMON | MOBILEBERT),
    "modernbert": (transformers.ModernBertConfig, COMMON | IDS | MODERNBERT),
    "nomic_bert": (transformers.NomicBertConfig, COMMON),
    "eurobert": (transformers.EuroBertConfig, COMMON | IDS | {"num_key_value_heads": 2}),
}


def make_checkpoint(family: str, folder: Path, layers: int = 2) -> Path:
    torch.manual_seed(0)
    kind, options = FAMILIES[family]
    options = options | {"n_layers" if family == "distilbert" else "num_hidden_layers": layers}
    model = transformers.AutoModel.from_config(kind(**options))
    with torch.no_grad():  # fresh biases are all zero and norms' weights all one, which real ones are not
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.normal_(0, 0.05)
            elif parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5)
            elif family != "bert":
                parameter.mul_(STRONGER)
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def make_tokenizer() -> transformers.PreTrainedTokenizerFast:
    vocabulary = {token: index for index, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
