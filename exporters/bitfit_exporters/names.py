"""Short names, as users say them."""

SHORT_NAMES = {
    "albert-base": "albert/albert-base-v2",
    "bert-base": "google-bert/bert-base-uncased",
    "bert-base-cased": "google-bert/bert-base-cased",
    "bert-large": "google-bert/bert-large-uncased",
    "bert-multilingual": "google-bert/bert-base-multilingual-cased",
    "camembert-base": "almanach/camembert-base",
    "deberta-v3-base": "microsoft/deberta-v3-base",
    "deberta-v3-small": "microsoft/deberta-v3-small",
    "distilbert-base": "distilbert/distilbert-base-uncased",
    "electra-base": "google/electra-base-discriminator",
    "electra-small": "google/electra-small-discriminator",
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "mobilebert": "google/mobilebert-uncased",
    "modernbert-base": "answerdotai/ModernBERT-base",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "roberta-base": "FacebookAI/roberta-base",
    "roberta-large": "FacebookAI/roberta-large",
    "xlm-roberta-base": "FacebookAI/xlm-roberta-base",
}
