"""Values of config.json that say how to compute: none of a well-known model's is refused, no unknown one is dropped."""

from typing import Any

import pytest
from transformers import AutoConfig

from bitfit_exporters.model_config import unused_values

# What the files of well-known models hold beyond what today's classes declare, or under older names.
WELL_KNOWN: dict[str, dict[str, Any]] = {
    "albert": {"down_scale_factor": 1, "gap_size": 0, "net_structure_type": 0, "num_memory_blocks": 0},
    "bert": {
        "directionality": "bidi",
        "pooler_fc_size": 768,
        "pooler_num_attention_heads": 12,
        "pooler_size_per_head": 128,
        "pooler_type": "first_token_transform",
        "position_embedding_type": "absolute",
        "gradient_checkpointing": False,
        "adapters": {"adapters": {}, "config_map": {}},
    },
    "deberta-v2": {
        "attention_head_size": 64,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_buckets": 256,
        "pos_att_type": "p2c|c2p",
        "conv_act": "gelu",
        "output_hidden_states": True,
    },
    "distilbert": {"sinusoidal_pos_embds": False, "tie_weights_": True, "n_heads": 12},
    "electra": {"summary_activation": "gelu", "summary_use_proj": True, "position_embedding_type": "absolute"},
    "ernie": {"task_type_vocab_size": 3, "use_task_id": True, "layer_norm_eps": 1e-5},
    "eurobert": {"clip_qkv": None, "rope_theta": 250000, "rope_scaling": None, "pretraining_tp": 1, "head_dim": 64},
    "mobilebert": {"classifier_activation": False, "true_hidden_size": 128, "use_bottleneck_attention": False},
    "modernbert": {
        "deterministic_flash_attn": False,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        "layer_norm_eps": 1e-05,
        "initializer_cutoff_factor": 2.0,
        "position_embedding_type": "absolute",
    },
    "roformer": {"rotary_value": False, "pool_act": "tanh"},
    "xlm-roberta": {"output_past": True, "summary_first_dropout": 0.1},
}


def unused(family: str, values: dict[str, Any]) -> list[str]:
    raw = {"model_type": family} | values
    return [field for field, _ in unused_values(raw, AutoConfig.for_model(family).from_dict(raw))]


@pytest.mark.parametrize("family", WELL_KNOWN)
def test_nothing_of_a_well_known_model_is_refused(family: str) -> None:
    assert unused(family, WELL_KNOWN[family]) == []


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("bert", {"position_embedding_type": "relative_key_query"}),
        ("bert", {"position_embedding_type": "alibi"}),
        ("roberta", {"position_embedding_type": "relative_key"}),
        ("electra", {"position_embedding_type": "relative_key"}),
        ("bert", {"rope_theta": 10000}),
        ("bert", {"sliding_window": 64}),
        ("bert", {"num_key_value_heads": 2}),
        ("roberta", {"attention_window": [64, 64]}),
        ("distilbert", {"pre_layer_norm": True}),
    ],
)
def test_a_value_that_says_how_to_compute_and_is_not_known_is_found(family: str, values: dict[str, Any]) -> None:
    assert unused(family, values) == [*values]
