"""Random numbers that a page can make as well (``figures/parts/seeded_draws.js``): the seed alone decides, anywhere."""

import numpy as np


def uniform_draws(seed: int, count: int) -> np.ndarray:
    """float64 (count,), above 0 and below 1: a hash of seed and index (MurmurHash3's finalizer)."""
    bits = np.uint32(seed * 0x9E3779B1 % 2**32) + np.arange(count, dtype=np.uint32) * np.uint32(0x85EBCA77)
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    bits = bits ^ (bits >> np.uint32(16))
    return (bits + 0.5) / 2**32


def normal_draws(seed: int, count: int) -> np.ndarray:
    """float32 (count,), standard normal (Box and Muller): draw i uses the uniform draws 2i and 2i + 1."""
    uniform = uniform_draws(seed, 2 * count)
    return (np.sqrt(-2 * np.log(uniform[0::2])) * np.cos(2 * np.pi * uniform[1::2])).astype(np.float32)
