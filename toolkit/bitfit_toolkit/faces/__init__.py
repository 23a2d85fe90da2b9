"""The engine and `train` in the shapes of other people's tools.

`Pipeline` answers as a pipeline of transformers, `SentenceEncoder` has the `encode` of sentence-transformers and MTEB,
`BitFitClassifier` and `BitFitRegressor` are estimators of scikit-learn. The first two need the runtime alone.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_toolkit.faces.estimators import BitFitClassifier, BitFitRegressor
    from bitfit_toolkit.faces.pipeline import Pipeline
    from bitfit_toolkit.faces.sentence_encoder import SentenceEncoder

__all__ = ["BitFitClassifier", "BitFitRegressor", "Pipeline", "SentenceEncoder"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "BitFitClassifier": "bitfit_toolkit.faces.estimators",
        "BitFitRegressor": "bitfit_toolkit.faces.estimators",
        "Pipeline": "bitfit_toolkit.faces.pipeline",
        "SentenceEncoder": "bitfit_toolkit.faces.sentence_encoder",
    },
    extra="train",
)
