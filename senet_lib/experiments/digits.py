"""An experiment on scikit-learn's digits: small enough for many seeds, where neither network has an advantage to show.

The task is local: what a digit is, its strokes say. So nothing but chance should part the two networks, and the record
shows how far chance alone parts them.
"""

from senet_lib.experiments.experiment import Experiment
from senet_lib.models import small_resnet, small_se_resnet
from senet_lib.training import Recipe

DIGITS = {
    "digits": Experiment(
        title="Digits of 8x8 pixels: a small residual network, plain and with SE",
        data="digits",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={"plain": small_resnet, "se": small_se_resnet},
        compare=("plain", "se"),
    ),
}
