"""The base of the vectors: a tiny BERT of random weights, three layers that rows may branch between.

`python -m vectors.base` writes it anew, and with it go all packs; it stays as it is otherwise.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import tokenizers
import torch
import transformers
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors

from bitfit_exporters import ExportOptions, export
from vectors.vocabularies import ENDINGS, SENTENCE, SPECIAL

BASE: Final = Path(__file__).parent / "base"
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
MARKS: Final = ".,?!:;'\"()-%$#@/’"
LAYERS: Final = 3
MAX_LENGTH: Final = 48


def small_tokenizer() -> tokenizers.Tokenizer:
    """Return the tokenizer of the base: WordPiece of few words, all letters and digits of ASCII."""
    pieces = (*SPECIAL, *SENTENCE.split(), *LETTERS, *MARKS, *("##" + piece for piece in (*LETTERS, *ENDINGS)))
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    made = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def main() -> None:
    """Write the base."""
    torch.manual_seed(19)
    tokenizer = small_tokenizer()
    model = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
        )
    )
    with torch.no_grad():  # fresh weights are so small that texts hardly differ, and fresh biases are zero
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.normal_(0, 0.1)
            elif parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.mul_(6)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
        options = ExportOptions(offline=True, name="tiny", max_length=MAX_LENGTH, branch_points=(1, 2, 3))
        export(folder, BASE, options)


if __name__ == "__main__":
    main()
