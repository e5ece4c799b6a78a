"""The networks of the paper's Section 5.1 with the settings of their training.

The weight decay is the one that its author names (github.com/hujie-frank/SENet/issues/37). We deviate in 16 bits on
GPUs that are fast at them, and with another batch size the learning rate changes in proportion (Goyal et al., arXiv
1706.02677).
"""

from dataclasses import dataclass, replace

from senet_lib.training.recipe import Recipe


@dataclass(frozen=True)
class Setup:
    """A network and how it is trained."""

    model: str  # a name for ``create_model``
    recipe: Recipe  # for batches of ``batch_size``
    batch_size: int  # pictures a step, of all processes together
    image_size: int  # height and width of the pictures, in pixels

    def resized(self, batch_size: int) -> Recipe:
        """The recipe for another batch size: the learning rate in proportion."""
        return replace(self.recipe, learning_rate=self.recipe.learning_rate * batch_size / self.batch_size)


PAPER_RECIPE = Recipe(
    epochs=100,
    learning_rate=0.6,
    weight_decay=1e-4,
    optimiser="sgd",
    momentum=0.9,
    schedule="step",
    step_epochs=30,
)
SETUPS = {
    "imagenet-resnet50": Setup("resnet50", PAPER_RECIPE, batch_size=1024, image_size=224),
    "imagenet-se-resnet50": Setup("se_resnet50", PAPER_RECIPE, batch_size=1024, image_size=224),
}
