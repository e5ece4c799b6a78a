"""What the gates of a network do: record them, sum them up, replace them, measure what they say.

    from senet_lib.gates import record_excitations

``recording.py`` keeps the gates of a few passes, ``statistics.py`` sums up a whole data set in little memory.
``interventions.py`` puts other gates in their place, and has the kinds of them; ``analysis.py`` measures saturation,
rank, information and similarity. Under them: ``modules.py`` finds a network's gates, ``moments.py`` has means and
spreads by class, and ``files.py`` keeps records in files. ``analysis.py`` and ``moments.py`` need no torch, so nothing
is imported here before somebody asks for it.
"""

from typing import TYPE_CHECKING

from senet_lib.lazy import lazy_names

if TYPE_CHECKING:
    from senet_lib.gates.analysis import (
        Saturation,
        block_similarity,
        class_mean,
        class_means,
        class_spreads,
        effective_rank,
        explained_share,
        linear_cka,
        mutual_information,
        numerical_rank,
        permuted_information,
        saturation,
    )
    from senet_lib.gates.interventions import replace_excitations
    from senet_lib.gates.modules import find_gates
    from senet_lib.gates.recording import ExcitationRecord, record_excitations
    from senet_lib.gates.statistics import ExcitationStatistics, record_dataset

__all__ = [
    "ExcitationRecord",
    "ExcitationStatistics",
    "Saturation",
    "block_similarity",
    "class_mean",
    "class_means",
    "class_spreads",
    "effective_rank",
    "explained_share",
    "find_gates",
    "linear_cka",
    "mutual_information",
    "numerical_rank",
    "permuted_information",
    "record_dataset",
    "record_excitations",
    "replace_excitations",
    "saturation",
]

__getattr__ = lazy_names(
    __name__,
    {
        "analysis": [
            "Saturation",
            "block_similarity",
            "class_mean",
            "class_means",
            "class_spreads",
            "effective_rank",
            "explained_share",
            "linear_cka",
            "mutual_information",
            "numerical_rank",
            "permuted_information",
            "saturation",
        ],
        "interventions": ["replace_excitations"],
        "modules": ["find_gates"],
        "recording": ["ExcitationRecord", "record_excitations"],
        "statistics": ["ExcitationStatistics", "record_dataset"],
    },
)
