"""All experiments by name."""

from senet_lib.experiments.context_world import CONTEXT_WORLD
from senet_lib.experiments.digits import DIGITS
from senet_lib.experiments.experiment import Experiment
from senet_lib.experiments.photographs import PHOTOGRAPHS
from senet_lib.experiments.specimens import SPECIMEN_EXPERIMENTS
from senet_lib.experiments.tutorials import TUTORIALS

EXPERIMENTS: dict[str, Experiment] = {**CONTEXT_WORLD, **DIGITS, **SPECIMEN_EXPERIMENTS, **PHOTOGRAPHS, **TUTORIALS}
