"""Folders of models as people have them: partial, wrapped, with settings of their own. What can be used is used right,
everything else is refused in one line that names the file and the remedy, before anything is captured."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

from bitfit_exporters import export
from bitfit_exporters.errors import CheckpointError
from bitfit_runtime import Base, Engine
from support.checkpoints import COMMON, make_checkpoint, make_tokenizer
from support.model_changes import (
    OFFLINE,
    Change,
    both,
    config,
    cut,
    document,
    load,
    prefixed,
    remove,
    tokenizer,
    weights,
    with_weight,
    write,
)

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 17\n"


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def without_words(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"] = {token: i for token, i in content["model"]["vocab"].items() if i < 5 or token == "a"}
    path.write_text(json.dumps(content))


def shards(folder: Path) -> None:
    transformers.AutoModel.from_pretrained(folder).save_pretrained(folder, max_shard_size="100KB")
    (folder / "model.safetensors").unlink(missing_ok=True)


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def compressed(folder: Path) -> None:
    pickled(folder)
    path = folder / "pytorch_model.bin"
    stored = zipfile.ZipFile(path)
    with zipfile.ZipFile(path.with_name("new"), "w", zipfile.ZIP_DEFLATED) as unfolds:
        for name in stored.namelist():
            unfolds.writestr(name, stored.read(name))
    path.with_name("new").rename(path)


def lightning(folder: Path) -> None:
    pickled(folder)
    path = folder / "pytorch_model.bin"
    torch.save({"state_dict": torch.load(path)}, path)


def two_encoders(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{side}.{name}": tensor.clone() for side in ("query", "passage") for name, tensor in state.items()}


PANICS = {
    "FixedLength": {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
    "Precompiled": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}},
    "Template": {
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}],
            "pair": [],
            "special_tokens": {},
        }
    },
}


def without_unknown(folder: Path) -> None:
    """A vocabulary of which transformers loses a letter, since two have one id; the library does not know it then."""
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text())
    document["model"]["unk_token"] = "[none]"
    document["model"]["vocab"]["i"] = document["model"]["vocab"]["##h"]
    path.write_text(json.dumps(document))


MODULE = {"type": "a.Transformer", "path": ""}
REFUSED: dict[str, tuple[Change, str]] = {
    # R2: partial copies
    "model alone": (remove("*token*"), "no tokenizer in .*copy it from the model"),
    "tokenizer's settings alone": (remove("tokenizer.json"), "no tokenizer in .*copy it from the model"),
    "vocabulary of another kind": (
        both(remove("*token*"), write("sentencepiece.bpe.model", b"xx")),
        "no tokenizer in .* special tokens; copy it",
    ),
    "vocabulary of five words": (without_words, r"does not know \d+ of \d+ pieces .*copy it from"),
    "tokenizer: pointer": (write("tokenizer.json", POINTER), r"tokenizer.json is a Git-LFS pointer.*git lfs pull"),
    "tokenizer: empty": (write("tokenizer.json", ""), "tokenizer.json is empty; copy it"),
    "tokenizer: web page": (write("tokenizer.json", "<!DOCTYPE html><p>sign in"), "tokenizer.json is a web page"),
    "tokenizer's settings: list": (write("tokenizer_config.json", "[]"), "tokenizer_config.json should hold .* object"),
    "config: empty": (write("config.json", ""), "config.json is empty; download it again"),
    "config: pointer": (write("config.json", POINTER), "config.json is a Git-LFS pointer"),
    "config: list": (write("config.json", "[]"), "config.json should hold a JSON object, found list"),
    "config: Latin-1": (write("config.json", b'{"model_type": "b\xe9rt"}'), "config.json is not JSON in UTF-8"),
    "config: nested": (write("config.json", '{"a":' * 100_000), "config.json is not JSON in UTF-8"),
    "config of another module": (write("config.json", '{"in_features": 3}'), "has no model_type; it should be"),
    "no weights": (remove("*.safetensors"), "has no weights: it should hold model.safetensors .*copy them"),
    "weights of TensorFlow": (
        both(remove("*.safetensors"), write("tf_model.h5", "x")),
        "found tf_model.h5; save it from PyTorch",
    ),
    "weights: pointer": (write("model.safetensors", POINTER), "model.safetensors is a Git-LFS pointer"),
    "weights: empty": (write("model.safetensors", ""), "model.safetensors is empty; download it again"),
    "weights: cut": (cut("model.safetensors", 5000), r"truncated or altered: its header describes \d+ bytes, found 50"),
    "weights: header cut": (cut("model.safetensors", 50), "model.safetensors is truncated or not a safetensors file"),
    "weights: longer": (
        lambda folder: write("model.safetensors", (folder / "model.safetensors").read_bytes() + b"0000")(folder),
        "truncated or altered: its header describes",
    ),
    "a shard is missing": (
        both(shards, lambda folder: min(folder.glob("*-of-*.safetensors")).unlink()),
        r"lacks model-00001-of-\d+.safetensors, one of the \d+ files",
    ),
    "a shard is cut": (both(shards, cut("model-00002-of-00004.safetensors", 900)), "00002-of-.* is truncated"),
    "index: shards elsewhere": (
        both(remove("*.safetensors"), document("model.safetensors.index.json", weight_map={"x": "../../etc/passwd"})),
        "should map weights to files beside it",
    ),
    "pickle: cut": (both(pickled, cut("pytorch_model.bin", 900)), "pytorch_model.bin is (truncated|damaged)"),
    "a base": (write("bitfit.json", "{}"), "is a base already; give the model that it was exported from"),
    "weights in int8": (
        weights(lambda state: state | {"embeddings.LayerNorm.weight": torch.ones(64, dtype=torch.int8)}),
        "quantized already",
    ),
    "adapter": (write("adapter_config.json", "{}"), "adapter of PEFT.*merge_and_unload"),
    # R3: what the loader drops
    "relative positions": (
        both(
            config(position_embedding_type="relative_key"),
            with_weight("encoder.layer.0.attention.self.distance_embedding.weight", 259, 16),
        ),
        "sets position_embedding_type to 'relative_key', which bert in transformers .* does not compute",
    ),
    "relative positions without a field": (
        with_weight("bert.encoder.layer.0.attention.self.distance_embedding.weight", 259, 16),
        "holds the weight encoder.layer.0.attention.self.distance_embedding.weight inside the encoder",
    ),
    "norms before layers": (config(norm_first_layers=True), "sets norm_first_layers to True"),
    "rotary": (config(rotary_emb_base=1000), "sets rotary_emb_base to 1000"),
    "windows": (config(sliding_window=128), "sets sliding_window to 128"),
    "adapter inside": (with_weight("encoder.layer.1.output.adapter.weight", 4, 4), "output.adapter.weight inside the"),
    "more layers than config.json says": (config(num_hidden_layers=1), "16 weights, encoder.layer.1.*inside the enc"),
    "fewer layers than config.json says": (config(num_hidden_layers=3), "lacks 16 weights, encoder.layer.2"),
    # What would take more memory than the weights do.
    "names for heads": (config(num_labels=10**9), "num_labels should be a whole number from -1 to 65536"),
    "compressed": (compressed, "pytorch_model.bin is compressed"),
    "one number as many": (
        both(
            pickled,
            lambda folder: torch.save(
                torch.load(folder / "pytorch_model.bin")
                | {"embeddings.word_embeddings.weight": torch.zeros(1).expand(1 << 20, 64)},
                folder / "pytorch_model.bin",
            ),
            config(vocab_size=1 << 20),
        ),
        "describes .* parameters, far more than its weights hold",
    ),
    "quantized": (config(quantization_config={"quant_method": "gptq"}), "quantized already"),
    # P7 and section 3
    "two encoders": (weights(two_encoders), r"hold 2 encoders \(passage\., query\.\); save the one"),
    "no segments": (config(type_vocab_size=0), r"token_type_embeddings.weight has shape \[2, 64\], config.json asks"),
    "other sizes": (
        config(intermediate_size=64),
        r"intermediate.dense.* has shape \[128\], config.json asks for \[64\]",
    ),
    "weights of something else": (
        weights(lambda state: {"x.weight": torch.ones(3)}),
        r"none of the 1 weights in .* \(x.weight first\)",
    ),
    "impossible layers": (
        config(num_hidden_layers=10**12),
        "num_hidden_layers should be a whole number from 1 to 1000",
    ),
    "impossible width": (config(hidden_size=10**12), "hidden_size should be a whole number from 1 to"),
    "no layers": (config(num_hidden_layers=0), "num_hidden_layers should be a whole number from 1"),
    "too many layers": (config(num_hidden_layers=999), "describes .* parameters, far more than its weights"),
    "heads that do not divide": (config(num_attention_heads=7), "config.json .*not a multiple"),
    "unknown activation": (config(hidden_act="zelu"), "config.json"),
    "few positions": (
        both(
            config(max_position_embeddings=6),
            weights(
                lambda state: (
                    state
                    | {
                        "embeddings.position_embeddings.weight": state["embeddings.position_embeddings.weight"][
                            :6
                        ].clone()
                    }
                )
            ),
        ),
        "positions for 6 tokens by config.json .*expected at least 8",
    ),
    "sentencepiece alone": (
        both(
            remove("*token*"),
            write("spiece.model", b"xx"),
            document("tokenizer_config.json", tokenizer_class="AlbertTokenizer"),
        ),
        "spiece.model alone, which needs the packages sentencepiece and protobuf",
    ),
    "Japanese": (
        both(
            remove("tokenizer.json"),
            write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"),
            document("tokenizer_config.json", tokenizer_class="BertJapaneseTokenizer", word_tokenizer_type="mecab"),
        ),
        "needs a package that is not installed .*fugashi.*choose a model that has a tokenizer.json",
    ),
    "tokenizer: no model": (tokenizer(model=None), "tokenizer.json has no model"),
    "tokenizer: half a model": (tokenizer(model={"type": "WordPiece", "vocab": {}}), "tokenizer.json is malformed"),
    **{f"tokenizer: {name}": (tokenizer(**parts), "tokenizer.json is malformed") for name, parts in PANICS.items()},
    "tokenizer: no token for what is unknown": (
        without_unknown,
        r"the tokenizer in .* cannot be loaded \(.*UNK.*\); copy it from",
    ),
    "index: no names of files": (
        both(write("model.safetensors.index.json", '{"weight_map": {"a": []}}'), remove("model.safetensors")),
        "index.json should map weights to files beside it",
    ),
    "index: names that no file has": (
        both(
            write("model.safetensors.index.json", json.dumps({"weight_map": {"a": "x" * 300}})),
            remove("model.safetensors"),
        ),
        "lacks xxx.* one of the 1 files of weights",
    ),
    **{
        f"modules: in {where!a}": (
            write("modules.json", json.dumps([MODULE, {"type": "a.Pooling", "path": where}])),
            r"modules.json names .* which is no folder beside it, for Pooling",
        )
        for where in ("a\0b", "..", "1/../../2", "/etc", "//x")
    },
    "modules: in a name that no file has": (
        write("modules.json", json.dumps([MODULE, {"type": "a.Pooling", "path": "\ud800"}])),
        "cannot be read",
    ),
    "modules: not a list": (write("modules.json", "{}"), "modules.json should be a list of modules"),
    "modules: pictures": (write("modules.json", '[{"type": "a.CLIPModel", "path": ""}]'), "begins with .* CLIPModel"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_folder_that_would_make_another_model_is_refused(folder: Path, change: Change, message: str) -> None:
    change(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "change",
    [
        prefixed("bert."),
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("model."),
        prefixed("module.bert."),
        prefixed("0.auto_model."),
        both(prefixed("module.bert."), with_weight("module.classifier.weight", 2, 64)),
        pickled,
        lightning,
        both(prefixed("_orig_mod.module."), pickled),
        both(prefixed("module."), weights(lambda s: {n.replace("Norm.bias", "Norm.beta"): t for n, t in s.items()})),
        shards,
        with_weight("cls.predictions.transform.dense.weight", 64, 64),
        with_weight("qa_outputs.weight", 2, 64),
        with_weight("embeddings.position_ids", 1, 130),
        config(position_embedding_type="absolute", pooler_fc_size=768, gap_size=0, down_scale_factor=1),
        config(return_dict=False, output_hidden_states=True, classifier_dropout=0.2, num_labels=7),
    ],
)
def test_a_checkpoint_in_another_wrapping_is_the_same_model(folder: Path, checkpoint: Path, change: Change) -> None:
    change(folder)
    expected, found = load(checkpoint), load(folder)
    assert {n: p.tolist() for n, p in found.model.named_parameters()} == {
        n: p.tolist() for n, p in expected.model.named_parameters()
    }


def test_heads_that_are_left_out_are_said(folder: Path) -> None:
    with_weight("classifier.weight", 2, 64)(folder)
    assert load(folder).notes == ("1 weights outside the encoder, classifier.weight first",)


def roberta(folder: Path, positions: int, pad: int) -> Path:
    torch.manual_seed(0)
    options = {**COMMON, "pad_token_id": pad, "type_vocab_size": 1, "max_position_embeddings": positions}
    transformers.RobertaModel(transformers.RobertaConfig(**options)).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("positions", "pad", "longest"), [(130, 1, 128), (130, 0, 129), (130, 5, 124), (9, 0, 8)])
def test_roberta_takes_as_many_tokens_as_lie_behind_its_padding_id(
    tmp_path: Path, positions: int, pad: int, longest: int
) -> None:
    assert load(roberta(tmp_path / "model", positions, pad)).max_length == longest


def test_roberta_without_a_padding_id_is_refused(tmp_path: Path) -> None:
    folder = make_checkpoint("roberta", tmp_path / "model")
    document("config.json", pad_token_id=None)(folder)
    with pytest.raises(CheckpointError, match=r"config\.json should give pad_token_id"):
        load(folder)


def test_roberta_of_few_positions_behind_another_padding_id_is_exported(tmp_path: Path) -> None:
    report = export(roberta(tmp_path / "model", 30, 3), tmp_path / "base", OFFLINE)
    assert report.max_length == 26 and report.row_error == 0
    [hidden] = Engine(tmp_path / "base", threads=1).hidden_states(["a b c d e f g h i j k l m n o p " * 12])
    assert hidden.shape == (26, 64)


def test_a_model_of_the_fewest_positions_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = {**COMMON, "max_position_embeddings": 8}
    transformers.BertModel(transformers.BertConfig(**options)).save_pretrained(tmp_path / "model")
    make_tokenizer().save_pretrained(tmp_path / "model")
    assert export(tmp_path / "model", tmp_path / "base", OFFLINE).max_length == 8


def test_a_wrapped_checkpoint_exports_the_same_base(folder: Path, base: Base, tmp_path: Path) -> None:
    prefixed("module.bert.")(folder)
    assert export(folder, tmp_path / "base", OFFLINE).digest == base.manifest.digest
