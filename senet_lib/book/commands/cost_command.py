"""``senet cost``: what a network costs, part by part, and what of it is SE's."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from senet_lib.common.command_line import DONE, OneLineParser, WrongUse, before_it_begins, run_command, unknown

BY = {"stage": 1, "block": 2}
MOST_LETTERS = 78
WORDS = {
    "about": "Count parameters and multiply-adds of a network by part, and SE's share.\n"
    "MODEL: ours, timm's, or MODULE:FACTORY, such as torchvision.models:resnet50.",
    "usage": "%(prog)s MODEL [options]\n       %(prog)s --list [PATTERN]",
    "more": "One multiply-add counts once. Convolutions and matrix products are counted;\n"
    "normalisation, pooling and what is done number by number is not.",
    "list": "name our networks, timm's and the recipes",
    "insert": "put SE into the residual branches first",
    "reduction": "r of SE; default 16, or the network's own",
    "size": "height and width, in pixels; default the network's",
    "classes": "number of classes; default the network's",
    "by": "stage or block; default stage",
    "json": "print one JSON object",
    "no model": "no MODEL is given; name one, such as se_resnet50, or see --list",
    "ours": "ours:",
    "recipes": "recipes of senet train:",
    "timm's": "timm's:",
    "no such": "no network is called like {pattern!r}; senet cost --list names all",
    "unknown by": "--by: {line}",
    "head": "{name}, pictures of {size}\n",
    "no SE": "SE: no layer was found. senet cost MODEL --insert-se counts it with SE.",
    "SE": "SE: {layers} layers, {parameters:,} parameters ({share:.2%}), {macs:,} multiply-adds ({macs_share:.3%})",
    "formula": "weights by the paper's formula, 2/r · ΣN·C²: {formula}",
}


def main(arguments: Sequence[str] | None = None, prog: str = "senet cost") -> int:
    """Print the table; the exit status."""
    return run_command(prog, lambda: _run(arguments, prog))


def _run(arguments: Sequence[str] | None, prog: str) -> int:
    options = _parser(prog).parse_args(arguments)
    if options.list is not None:
        return _list(options.list)
    if options.model is None:
        raise WrongUse(WORDS["no model"])
    if options.by not in BY:
        raise WrongUse(WORDS["unknown by"].format(line=unknown(options.by, BY, " or ".join(BY))))
    with before_it_begins():
        cost, told = _count(options)
    as_json = {"model": options.model, "input_size": told.pop("input_size"), **asdict(cost), **told}
    print(json.dumps(as_json, indent=1) if options.json else _in_words(as_json, str(cost)))
    return DONE


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, usage=WORDS["usage"], description=WORDS["about"], epilog=WORDS["more"])
    parser.add_argument("model", nargs="?", metavar="MODEL", help=argparse.SUPPRESS)
    parser.add_argument("--by", metavar="PART", default="stage", help=WORDS["by"])
    parser.add_argument("--insert-se", action="store_true", help=WORDS["insert"])
    parser.add_argument("-r", "--reduction", metavar="N", type=int, help=WORDS["reduction"])
    parser.add_argument("--image-size", metavar="N", type=int, help=WORDS["size"])
    parser.add_argument("--classes", metavar="N", type=int, help=WORDS["classes"])
    parser.add_argument("--json", action="store_true", help=WORDS["json"])
    parser.add_argument("--list", nargs="?", const="*", metavar="PATTERN", help=WORDS["list"])
    return parser


def _count(options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The cost, and what else is printed, as JSON holds it."""
    from senet_lib.book.commands.named_networks import Wanted, make_network
    from senet_lib.cost.formulas import formula_in_words
    from senet_lib.cost.measure import measure_cost
    from senet_lib.doctor.examination import find_se

    wanted = Wanted(options.model, options.insert_se, options.reduction, options.image_size)
    made = make_network(wanted, options.classes)
    size = (3, made.image_size, made.image_size)
    found = find_se(made.model, size)
    # A module that holds others too, with weights of its own for its gates, is not SE as a whole.
    names = [name for _, modules, _ in found for name in modules if not any(made.model.get_submodule(name).children())]
    cost = measure_cost(made.model, size, depth=BY[options.by], se=names)
    ratios = {layer.ratio for layer, *_ in found}
    ratio = ratios.pop() if len(ratios) == 1 else None
    formula = None
    if ratio is not None and ratio == int(ratio):
        formula = formula_in_words([layer.channels for layer, *_ in found], int(ratio))
    layers = [{"name": layer.name, "channels": layer.channels, "hidden": layer.hidden} for layer, *_ in found]
    return cost, {"input_size": size, "se_layers": layers, "formula": formula}


def _in_words(counted: dict[str, Any], table: str) -> str:
    lines = [WORDS["head"].format(name=counted["model"], size="x".join(map(str, counted["input_size"]))), table, ""]
    if not counted["se_layers"]:
        return "\n".join([*lines, WORDS["no SE"]])
    (parameters, share), (macs, macs_share) = (
        (counted[f"se_{what}"], counted[f"se_{what}"] / counted[what]) for what in ("parameters", "macs")
    )
    told = {"layers": len(counted["se_layers"]), "parameters": parameters, "macs": macs}
    lines.append(WORDS["SE"].format(share=share, macs_share=macs_share, **told))
    if counted["formula"]:
        lines.append(WORDS["formula"].format(formula=counted["formula"]))
    return "\n".join(lines)


def _list(pattern: str) -> int:
    import textwrap
    from fnmatch import fnmatchcase

    from senet_lib.book.commands.named_networks import list_networks
    from senet_lib.training.paper_setups import SETUPS

    ours, timms = list_networks(pattern)
    groups = {"ours": ours, "recipes": [name for name in SETUPS if fnmatchcase(name, pattern)], "timm's": timms}
    if not any(groups.values()):
        raise WrongUse(WORDS["no such"].format(pattern=pattern))
    for words, names in groups.items():
        if names:
            print(WORDS[words])
            print(textwrap.fill(" ".join(names), MOST_LETTERS, initial_indent="  ", subsequent_indent="  "))
    return DONE
