"""What others trained, as packs, and packs as others read them.

    from bitfit_toolkit.convert import from_peft, from_sklearn

    from_peft("adapter", "base").write("mood.safetensors")
    from_sklearn(fitted, "base", task="mood").write("mood.safetensors")

What a pack cannot hold is refused with the reason. A converted pack has no metrics: `bitfit eval` measures it.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_toolkit.convert.adapter_writing import to_peft
    from bitfit_toolkit.convert.adapters import from_peft
    from bitfit_toolkit.convert.estimators import from_sklearn
    from bitfit_toolkit.convert.packing import Converted
    from bitfit_toolkit.convert.setfit_folder import from_setfit

__all__ = ["Converted", "from_peft", "from_setfit", "from_sklearn", "to_peft"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Converted": "bitfit_toolkit.convert.packing",
        "from_peft": "bitfit_toolkit.convert.adapters",
        "from_setfit": "bitfit_toolkit.convert.setfit_folder",
        "from_sklearn": "bitfit_toolkit.convert.estimators",
        "to_peft": "bitfit_toolkit.convert.adapter_writing",
    },
    extra="train",
)
