"""What a device can do: whether it is there, which 16 bits it is fast at, and how full its memory is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

TENSOR_CORES = (7, 0)  # the first compute capability with fast float16


def require_device(name: str | torch.device) -> torch.device:
    """The device of this name, if this machine has it.

    Raises:
        ValueError: if not; the message lists those that are there.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device is {str(name)!r}, which torch cannot use on this machine; try {' or '.join(list_devices())}"
        ) from error
    return device


def list_devices() -> list[str]:
    """The devices of this machine by name, the fastest kind first; "cpu" is always there."""
    others = [f"cuda:{number}" for number in range(1, torch.cuda.device_count())]
    gpus = ["cuda", *others] if torch.cuda.is_available() else []
    return [*gpus, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def best_device() -> torch.device:
    """The first of :func:`list_devices`."""
    return torch.device(list_devices()[0])


def fast_half_precision(device: torch.device) -> torch.dtype | None:
    """The type of 16 bits that the device computes faster than 32; None if there is none.

    A CPU may know bfloat16 and yet be many times slower with it, so only GPUs of NVIDIA get one.
    """
    if device.type != "cuda":
        return None
    if torch.cuda.get_device_capability(device) >= (8, 0):
        return torch.bfloat16
    return torch.float16 if torch.cuda.get_device_capability(device) >= TENSOR_CORES else None


def wait_for(device: torch.device) -> None:
    """Let a GPU finish what it has been given: it works on after the call that starts it has returned."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def reset_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_mb(device: torch.device) -> float:
    """On a GPU the most that torch has held since the reset, else the most that the process has held; in 10^6 bytes.

    Not a number where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        import resource  # not on Windows
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


@contextmanager
def memory_advice(batch_size: int) -> Iterator[None]:
    """Turn torch's errors about a full memory into a line that names the batch size and a smaller one to try."""
    try:
        yield
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        smaller = f"try batch_size {batch_size // 2}" if batch_size > 1 else "try a smaller network or smaller pictures"
        raise MemoryError(f"a batch of {batch_size} pictures does not fit into memory; {smaller}") from error


def _is_out_of_memory(error: RuntimeError) -> bool:
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in text or "not enough memory" in text
