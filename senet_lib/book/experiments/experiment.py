"""What an experiment is: networks that are trained on the same batches from the same seeds."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from torch import nn

from senet_lib.data import Augmentation, Batches
from senet_lib.training import Recipe

# Called with num_classes and in_channels, which the pictures decide.
ModelMaker = Callable[..., nn.Module]
# Called with the network after each epoch: what the record holds of it besides the statistics.
EpochProbe = Callable[[nn.Module], dict[str, Any]]
# Called with a trained network, the test batches and the seed: what the record holds of its gates, None for nothing.
GateProbe = Callable[[nn.Module, Batches, int], dict[str, Any] | None]


@dataclass(frozen=True)
class Experiment:
    """Networks that are trained on the same batches from the same seeds."""

    title: str  # one line for the results page
    data: str  # name for ``load_pictures``
    batch_size: int  # pictures a step
    recipe: Recipe  # how each network is trained
    arms: Mapping[str, ModelMaker]  # for each name a function that makes the network, with num_classes and in_channels
    # the two arms whose difference the report shows, as (without, with); None where there is nothing to compare
    compare: tuple[str, str] | None = None
    augment: Augmentation | None = None  # changes the training pictures, for example ``pad_crop_flip``; None for none
    # height and width, in pixels, to which the pictures are resized on the device; None for their own
    size: int | None = None
    # how many of the data's pictures to train on, the first ones; for testing at most as many are used. None for all.
    pictures: int | None = None
    keep_weights: bool = False  # whether the networks of seed 0 are saved
    also_keep: tuple[tuple[str, int], ...] = ()  # the arm and the seed of further networks that are saved
    keep_checkpoints: bool = False  # whether the state after each epoch is kept
    milestones: tuple[int, ...] = ()  # epochs whose losses and errors the report shows in a table of their own
    probe: GateProbe | None = None  # what is asked of the gates of each trained network
    # what is asked of each network after each epoch. A run that has one begins anew when it is resumed.
    epoch_probe: EpochProbe | None = None
    # test accuracy at which a network is done, before the recipe's last epoch; None to train to the end
    stop_at: float | None = None

    def keeps_weights_of(self, arm: str, seed: int) -> bool:
        """Whether a trained network is saved."""
        return (self.keep_weights and seed == 0) or (arm, seed) in self.also_keep

    def settings(self, num_classes: int, in_channels: int) -> dict[str, Any]:
        """What defines the result, besides the seeds, the pictures and the machine."""
        made = {name: make(num_classes=num_classes, in_channels=in_channels) for name, make in self.arms.items()}
        return {
            "data": self.data,
            "batch_size": self.batch_size,
            "recipe": recipe_settings(self.recipe),
            "parameters": {name: sum(p.numel() for p in model.parameters()) for name, model in made.items()},
            **({"augment": self.augment.__name__} if self.augment else {}),
            **({"size": self.size} if self.size else {}),
            **({"stop_at": self.stop_at} if self.stop_at else {}),
        }


def recipe_settings(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a record holds it: the four settings that each has, and those of the rest that differ from usual."""
    usual = {field.name: field.default for field in fields(Recipe)}
    always = ("epochs", "learning_rate", "weight_decay", "label_smoothing")
    return {name: value for name, value in asdict(recipe).items() if name in always or value != usual[name]}
