"""Train any classifier: ``fit`` is the loop, a ``Recipe`` says how, ``evaluate`` measures.

``loop.py`` is a generator that yields statistics, ``trainer.py`` one model's steps, ``recipe.py`` the settings,
``evaluation.py`` loss, top-1 and top-5. ``checkpoints.py`` lets a killed run go on, ``logs.py`` writes it down,
``race.py`` trains several networks in lock step, ``distributed.py`` shares the work between processes, ``device.py``
asks what a device can do. ``python -m senet_lib.training`` is the command for the paper's recipes.
"""

from senet_lib.common.torch_modules import unwrap
from senet_lib.training.evaluation import Evaluation, evaluate
from senet_lib.training.loop import EpochBatches, EpochStats, fit
from senet_lib.training.recipe import Recipe
from senet_lib.training.trainer import DivergedError, Trainer

__all__ = [
    "DivergedError",
    "EpochBatches",
    "EpochStats",
    "Evaluation",
    "Recipe",
    "Trainer",
    "evaluate",
    "fit",
    "unwrap",
]
