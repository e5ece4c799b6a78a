"""The networks that the laboratory lets a reader train in the page. Loads no torch.

Their training steps are files in ``results/training_steps``; ``senet_lib.book.experiments.training_steps`` makes them.
"""

from dataclasses import dataclass

DEPTHS = (2, 4, 6)
REDUCTIONS = (1, 2, 4, 8, 16)
PLACEMENTS = ("standard", "pre", "post", "identity")
USUAL_REDUCTION = 4
BATCH = 32  # pictures in a training step
TEST_BATCH = 100


@dataclass(frozen=True)
class Contestant:
    """A small residual network for the Distance World."""

    blocks: int  # 2, 4 or 6
    reduction: int | None = None  # r of its SE blocks; None for a plain network
    placement: str = "standard"  # where in each block SE acts

    @property
    def name(self) -> str:
        """Of its files: "plain-2", "se-4-r8", "se-2-r4-pre"."""
        if self.reduction is None:
            return f"plain-{self.blocks}"
        place = "" if self.placement == "standard" else f"-{self.placement}"
        return f"se-{self.blocks}-r{self.reduction}{place}"


CONTESTANTS = (
    *(Contestant(blocks) for blocks in DEPTHS),
    *(Contestant(blocks, reduction) for blocks in DEPTHS for reduction in REDUCTIONS),
    *(Contestant(blocks, USUAL_REDUCTION, placement) for blocks in DEPTHS for placement in PLACEMENTS[1:]),
)
