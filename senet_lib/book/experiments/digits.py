"""An experiment on scikit-learn's digits: small enough for many seeds, where neither network has an advantage to show.

The task is local: what a digit is, its strokes say. So nothing but chance should part the two networks, and the record
shows how far chance alone parts them.
"""

from functools import partial

from senet_lib.book.experiments.experiment import Experiment
from senet_lib.book.experiments.gate_probe import probe_gates
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe

_on_digits = partial(Experiment, data="digits", batch_size=32, recipe=Recipe(epochs=6, learning_rate=0.005))

DIGITS = {
    "digits": _on_digits(
        title="Digits of 8×8 pixels: a small residual network, plain and with SE",
        arms={"plain": partial(create_model, "small_resnet"), "se": partial(create_model, "se_small_resnet")},
        compare=("plain", "se"),
    ),
    "digits-gates": _on_digits(
        title="Digits of 8×8 pixels: what the gates say",
        arms={"se": partial(create_model, "se_small_resnet"), "plain": partial(create_model, "small_resnet")},
        compare=("plain", "se"),
        probe=probe_gates,
    ),
}
