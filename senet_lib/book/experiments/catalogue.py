"""All experiments by name, and where the book asks what they answer."""

from senet_lib.book.experiments.distance import DISTANCES, GAPS
from senet_lib.book.experiments.experiment import Experiment
from senet_lib.book.experiments.photographs import PHOTOGRAPHS
from senet_lib.book.experiments.small_worlds import CONTEXT_WORLD, DIGITS, PAIR_WORLD
from senet_lib.book.experiments.specimen_runs import SPECIMEN_EXPERIMENTS
from senet_lib.book.experiments.tutorials import SMALL_TUTORIALS, TUTORIALS

EXPERIMENTS: dict[str, Experiment] = {
    **CONTEXT_WORLD,
    **PAIR_WORLD,
    **DISTANCES,
    **DIGITS,
    **SPECIMEN_EXPERIMENTS,
    **PHOTOGRAPHS,
    **TUTORIALS,
    **SMALL_TUTORIALS,
}

# For each experiment on record the section of a chapter, a file in notebooks/, whose question it answers; for each
# small tutorial that of the page in book/ that makes it again.
SECTIONS = {
    "context-world-depth": "01_local_receptive_fields.md#is-it-the-distance",
    **{f"distance-{gap}": "01_local_receptive_fields.md#is-it-the-distance" for gap in GAPS},
    **{f"distance-{gap}-patient": "01_local_receptive_fields.md#how-long-does-it-take" for gap in GAPS},
    "distance-controls": "04_rescale.md#which-half-does-it",
    "pair-world": "04_rescale.md#how-kind-is-this-world",
    "context-world-squeeze": "03_excitation.md#gates-without-the-squeeze",
    "context-world-gate": "03_excitation.md#why-a-sigmoid",
    "context-world": "04_rescale.md#the-same-network-with-se",
    "context-world-placement": "05_se_in_a_network.md#five-places",
    "digits": "08_the_race.md#one-run-proves-nothing",
    "pictures": "08_the_race.md#the-papers-races-beside-ours",
    "context-world-reduction": "09_the_reduction_ratio.md#where-it-breaks",
    "context-world-bottleneck": "09_the_reduction_ratio.md#another-block-other-pictures",
    "context-world-narrow": "09_the_reduction_ratio.md#another-block-other-pictures",
    "context-world-gates": "10_what_the_gates_say.md#what-they-cause",
    "digits-gates": "10_what_the_gates_say.md#what-they-cause",
    "cifar10-gates": "10_what_the_gates_say.md#what-they-cause",
    "context-world-attention": "11_after_se.md#who-must-solve-the-context-world",
    "cifar10-attention": "11_after_se.md#on-photographs",
    "context-world-specimens": "12_se_code_in_the_wild.md#training-does-not-tell",
    "digits-specimens": "12_se_code_in_the_wild.md#training-does-not-tell",
    "context-world-questions": "12_se_code_in_the_wild.md#what-people-ask",
    "digits-questions": "12_se_code_in_the_wild.md#what-people-ask",
    **{name: f"five_tutorials.md#{name.removesuffix('-small')}" for name in SMALL_TUTORIALS},
}
