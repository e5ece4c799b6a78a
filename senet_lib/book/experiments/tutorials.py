"""What five SE tutorials train, as recipes: one command each, without their faults.

A  SE-ResNet-50 on CIFAR-10 at 224x224, Adam, 10 epochs.
B  The SE bottleneck network on CIFAR-10, trained for long: 400 epochs.
C  SE-ResNet-18, 34, 50, 101 and 152, each for one epoch of CIFAR-10 at 224x224: they all run.
D  ResNet and SE-ResNet, ResNeXt and SE-ResNeXt side by side, with a table at epochs 10, 20 and 30.
E  SE-ResNet-18 on MNIST, one channel, with a checkpoint after every epoch.

Tutorial A watches its curves in TensorBoard: ``--tensorboard FOLDER``. All need a GPU. Each has a small twin, for
example ``tutorial-a-small``, which two CPU cores train in minutes: a few hundred pictures, of 32x32 pixels. Otherwise
than the tutorials: no bias before batch normalisation, pictures resized on the device, SE made for as many channels as
it gets (the bottleneck networks of C stop with an error there), logits without softmax, losses averaged over pictures.
E has the usual stem: one without a stride at 224x224 needs 12 GB for 32 pictures.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from senet_lib.book.experiments.experiment import Experiment
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe

_adam = Recipe(epochs=10, learning_rate=1e-3, weight_decay=0, optimiser="adam", schedule="constant")
_large = partial(Experiment, data="cifar10", batch_size=64, size=224)

TUTORIALS = {
    "tutorial-a": _large(
        title="Tutorial A: SE-ResNet-50 on CIFAR-10 at 224x224",
        recipe=_adam,
        arms={"se": partial(create_model, "se_resnet50")},
    ),
    "tutorial-b": _large(
        title="Tutorial B: a network of SE bottlenecks, for 400 epochs",
        size=None,
        recipe=replace(_adam, epochs=400),
        arms={"se": partial(create_model, "se_resnet50", stem="3x3")},
        milestones=(100, 200, 300),
    ),
    "tutorial-c": _large(
        title="Tutorial C: SE-ResNet in five depths",
        recipe=replace(_adam, epochs=1),
        arms={f"{depth} layers": partial(create_model, f"se_resnet{depth}") for depth in (18, 34, 50, 101, 152)},
    ),
    "tutorial-d": _large(
        title="Tutorial D: ResNet and ResNeXt, plain and with SE",
        recipe=replace(_adam, epochs=30),
        arms={
            "ResNet-50": partial(create_model, "resnet50"),
            "SE-ResNet-50": partial(create_model, "se_resnet50"),
            "ResNeXt-50": partial(create_model, "resnext50_32x4d"),
            "SE-ResNeXt-50": partial(create_model, "se_resnext50_32x4d"),
        },
        compare=("ResNet-50", "SE-ResNet-50"),
        milestones=(10, 20, 30),
    ),
    "tutorial-e": _large(
        title="Tutorial E: SE-ResNet-18 on MNIST, one channel",
        data="mnist",
        batch_size=32,
        recipe=_adam,
        arms={"se": partial(create_model, "se_resnet18")},
        keep_checkpoints=True,
    ),
}

# The same networks and the same recipe, on so few pictures that a CPU is enough. Their accuracies say nothing about the
# tutorials' own; what they show is that everything runs, and what becomes of a large network that sees little.
_SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "tutorial-a": ("A, small: SE-ResNet-50, 500 pictures of 32×32 pixels, 10 epochs", {"size": 32, "pictures": 500}),
    "tutorial-b": (
        "B, small: SE-ResNet-50 with its usual stem, 200 pictures of 32×32 pixels, 40 epochs",
        {
            "recipe": replace(_adam, epochs=40),
            "arms": TUTORIALS["tutorial-a"].arms,  # a stem without a stride takes 16 times as long
            "milestones": (10, 20, 40),
            "pictures": 200,
        },
    ),
    "tutorial-c": (
        "C, small: SE-ResNet in five depths, 500 pictures of 32×32 pixels, 1 epoch",
        {"size": 32, "pictures": 500},
    ),
    "tutorial-d": (
        "D, small: ResNet and ResNeXt, plain and with SE, 500 pictures of 32×32 pixels, 30 epochs",
        {"size": 32, "pictures": 500},
    ),
    "tutorial-e": (
        "E, small: SE-ResNet-18 on scikit-learn's digits, resized to 32×32 pixels, 3 epochs",
        {"data": "digits", "recipe": replace(_adam, epochs=3), "size": 32},
    ),
}
SMALL_TUTORIALS = {
    f"{name}-small": replace(TUTORIALS[name], title=f"Tutorial {title}", **changes)
    for name, (title, changes) in _SMALL.items()
}
