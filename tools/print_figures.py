"""What a figure's printed form says, and what only the printed book has of it: `tools/print_page.py` puts it there.

On paper nobody can move anything. So each figure says there what its page lets a reader do. Answers stand at the back.
"""

import json
from html import escape
from string import ascii_uppercase
from typing import Any

from bs4 import BeautifulSoup, Tag

# For each kind of figure one sentence, behind "On a screen". Paper gives no orders that nobody can follow.
PRINTED = {
    "AttentionBuilder": "you put a block together from three choices, and see how it trained.",
    "BlockWalkthrough": "you walk two pictures of your choice through the block, step by step.",
    "ClassGates": "you go from block to block, and choose the groups of pictures whose gates are compared.",
    "ConvolutionStepper": "you choose a filter, and move its window over the maps: the output fills up.",
    "CostCalculator": "you choose network and r, and see who owns weights, MACs, memory and time.",
    "DistanceExplorer": "you move the cue away, choose a network, and guess whether it solves the task.",
    "ExcitationExplorer": "you change a picture, single means or r, and see which gates follow.",
    "FindTheFault": "you run tests on each listing, and name the line that is to blame.",
    "GateByHand": "you move threshold and steepness, until all pictures have the right gates.",
    "GateTraining": "you train these gates yourself, from a seed of your choice or from a hundred.",
    "GatesOnALine": "you move the hidden unit from cue to cue, and pick two gates that make a hump.",
    "Laboratory": "you train two networks side by side, after a bet on which one will solve the task.",
    "LandingScene": "you move the glyphs and the cue, and two networks answer.",
    "NetworkInPage": "you run the network on scenes of your own, and give its blocks other gates.",
    "NetworkXray": "you give the page a network file: its SE blocks are found, shown and set.",
    "PairedSeeds": "you see one seed after the other, and how the verdict changes.",
    "PhotographInPage": "you give the networks a picture of yours, and mute their gates.",
    "PlacementChooser": "you put SE in each of five places, and send a pulse through sixteen such blocks.",
    "ReceptiveFieldExplorer": "you move the unit over six scenes, and change the layers before it.",
    "ReductionExplorer": "you move r, and see every run of three experiments.",
    "RescaleMixer": "you mix the features of one picture with the gates of another, and mute single channels.",
    "SceneLabels": "you name the label of each picture, and learn whether you were right.",
    "SqueezeExplorer": "you paint on the maps, shuffle their pixels, and see which means move.",
    "Surgery": "you choose the stages that get SE, and the gate with which it starts.",
    "TrainingRaceFigure": "you follow the race step by step; in a notebook you start it yourself.",
}


def printed_words(figure: Tag) -> str:
    """What the printed form of a figure says below its still picture.

    Raises:
        ValueError: if its kind has no words yet.
    """
    kind = str(figure["data-kind"])
    if kind not in PRINTED:
        raise ValueError(f"{kind} has no words for paper; add them to tools/print_figures.py")
    return f"On a screen, {PRINTED[kind]}"


def print_listings(figure: Tag, page: BeautifulSoup) -> str:
    """Put the listings of a figure behind it. Returns their answers as HTML; "" if the figure has none."""
    state = page.select_one(f'script.senet-state[data-of="{figure["id"]}"]')
    specimens = json.loads(state.get_text()).get("specimens", []) if state else []
    listings, answers = [], []
    for number, specimen in enumerate(specimens, 1):
        listings.append(draw_listing(number, specimen))
        lines = ", ".join(str(line + 1) for line in specimen["faulty"])
        answers.append(
            f"<p><strong>Listing {number}: {escape(specimen['title'])}.</strong> Line {lines}. "
            f"{escape(specimen['fault'])} {escape(specimen['mend'])}</p>"
        )
    if listings:
        figure.insert_after(BeautifulSoup("".join(listings), "html.parser"))
    return "".join(answers)


def draw_listing(number: int, specimen: dict[str, Any]) -> str:
    lines = "\n".join(f"{count:2}  {line}" for count, line in enumerate(specimen["code"], 1))
    return (
        f'<div class="listing"><p><strong>Listing {number}.</strong> {escape(specimen["setting"])}</p>'
        f'<div class="highlight"><pre>{escape(lines)}</pre></div></div>'
    )


def print_self_test(article: Tag) -> str:
    """Leave the options of each question, with letters. Returns the answers as HTML; "" if there is no test."""
    answers, number, letter = [], 0, 0
    for option in article.select("details.senet-option:not(.senet-guess)"):
        before = option.find_previous_sibling()
        is_first = before is None or "senet-choice" not in before.get_attribute_list("class")
        number, letter = (number + 1, 0) if is_first else (number, letter + 1)
        summary = option.summary.extract() if option.summary else None
        words = summary.decode_contents() if summary else ""
        mark = f"{number} {ascii_uppercase[letter]}"
        if is_first:
            answers.append("")
        answers[-1] += f'<div class="answer"><p><strong>{mark}.</strong></p>{option.decode_contents()}</div>'
        choice = BeautifulSoup(f'<p class="senet-choice">{ascii_uppercase[letter]}. {words}</p>', "html.parser")
        option.replace_with(choice)
    return "".join(answers)
