"""Answers to the exercises of chapters 8 and 9: right ones, and wrong ones with what they must hear."""

import math
from statistics import mean, pstdev, stdev, variance

import numpy as np
import torch


def differences(plain, with_se):
    return [b - a for a, b in zip(plain, with_se, strict=True)]


def paired_difference(plain, with_se):
    d = differences(plain, with_se)
    return mean(d), stdev(d) / math.sqrt(len(d))


def paired_difference_with_torch(plain, with_se):
    d = torch.tensor(with_se, dtype=torch.float64) - torch.tensor(plain, dtype=torch.float64)
    return d.mean(), d.std() / len(d) ** 0.5


def with_error(error):
    return lambda plain, with_se: (mean(differences(plain, with_se)), error(plain, with_se))


def weights(stages, r, matrices=2):
    return sum(N * matrices * C * (C // r) for N, C in stages)


def smallest_reduction(stages, parameters, share):
    r = 1
    while weights(stages, r) > share * parameters:
        r *= 2
    return r


def smallest_reduction_of_one_matrix(stages, parameters, share):
    return next(r for r in (1, 2, 4, 8, 16, 32) if weights(stages, r, 1) <= share * parameters)


def smallest_whole_reduction(stages, parameters, share):
    return next(r for r in range(1, 100) if weights(stages, r) <= share * parameters)


RIGHT = {
    "paired_difference": [paired_difference, paired_difference_with_torch],
    "seeds_needed": [64, 64.0, torch.tensor(64)],
    "mean_accuracy": [
        lambda batches: sum(c for c, _ in batches) / sum(n for _, n in batches),
        lambda batches: np.divide(*np.sum(batches, axis=0)),
    ],
    "hidden_numbers": [(1, 2, 4), [1, 2, 4]],
    "smallest_reduction": [smallest_reduction],
    "rank_of_logits": [4, torch.tensor(4)],
}

WRONG = {
    "paired_difference": [
        (lambda plain, with_se: mean(with_se) - mean(plain), "Return two numbers"),
        (lambda plain, with_se: paired_difference(with_se, plain), "The sign is wrong"),
        (lambda plain, with_se: (mean(with_se), 0.1), "Your mean difference is 0.93750"),
        (with_error(lambda a, b: stdev(differences(a, b))), "smaller by the root of n"),
        (with_error(lambda a, b: stdev(differences(a, b)) / len(a)), "Divide by the root of n."),
        (with_error(lambda a, b: pstdev(differences(a, b)) / len(a) ** 0.5), "divide by n - 1"),
        (with_error(lambda a, b: math.sqrt((variance(a) + variance(b)) / len(a))), "You forget the pairs"),
        (with_error(lambda a, b: 7.0), "Your standard error is 7.00000"),
    ],
    "seeds_needed": [
        (8, "the root of it"),
        (16, "You leave out the factor 2: the interval"),
        (4, "the factor 2, and the square"),
        (32, "The factor 2 is squared"),
        (256, "the whole width"),
        (100, "With 100 seeds the interval is ± 0.0016"),
        (0, "With 0 seeds"),
        ("many", "not 'many'"),
    ],
    "mean_accuracy": [
        (lambda batches: mean(c / n for c, n in batches), "You still average the batches"),
        (lambda batches: sum(c for c, _ in batches) / (len(batches) * batches[0][1]), "The last batch is smaller"),
        (lambda batches: sum(c for c, _ in batches[:-1]) / 200, "You leave out the last batch"),
        (lambda batches: sum(c for c, _ in batches), "Divide it by the number of pictures"),
        (lambda batches: sum(c for c, _ in batches) / len(batches), "You divide by the number of batches."),
        (lambda batches: 0.5, "you give 0.5000; it is 0.8382"),
    ],
    "hidden_numbers": [
        ((4, 2, 1), "The order is wrong"),
        ((16, 16, 16), "r is not the hidden width"),
        ((1, 1, 1), "The channels double"),
        ((256, 512, 1024), "You multiply by r"),
        ((8, 8, 8), "timm's rule"),
        ((16, 32, 64), "These are the channels"),
        ((1, 2, 3), "Stage 3 has 64 channels"),
        (4, "Give three whole numbers"),
    ],
    "smallest_reduction": [
        (smallest_whole_reduction, "Try powers of two only"),
        (lambda *arguments: 2 * smallest_reduction(*arguments), "A smaller r is within the share, too"),
        (smallest_reduction_of_one_matrix, "A block has two matrices"),
        (lambda *arguments: 1000, "you give 1000, not 16."),
        (lambda stages: 4, "TypeError"),
    ],
    "rank_of_logits": [
        (64, "the number of gates"),
        (16, "That is r."),
        (100, "the number of pictures"),
        (5, "with the bias"),
        (1, "a single hidden number"),
        (7, "You give 7."),
    ],
}
