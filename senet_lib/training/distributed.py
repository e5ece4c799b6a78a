"""One recipe in several processes: each GPU, or each part of a CPU, learns from its share of every batch.

A script opens a group, and ``torchrun --nproc_per_node 8 SCRIPT`` starts it eight times. Without torchrun the group is
this one process, and the same script runs as ever:

    with join_group() as group:
        device = group.device("cuda")
        train, test = train_and_test_batches(..., batch_size=1024, device=device, share=group.share)
        model = share_gradients(create_model("se_resnet50").to(device))
        for stats in fit(model, train, test, recipe, checkpoints="runs/se"):
            if group.leads:
                print(stats)

The batch size is that of all processes together. The batches, and so the learning rate, stay the same for any number of
processes; only batch normalisation sees the share of its own process, as is usual on several GPUs. At the end of an
epoch, before the test, all take the running statistics of the first process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from senet_lib.training.device import require_device

FAILURES = "senet_lib/failures"


@dataclass(frozen=True)
class Group:
    """The processes that work together, as one of them sees it.

    Attributes:
        rank: the number of this process, from 0.
        processes: how many there are.
        local_rank: the number of this process on its machine, from 0.
        store: where the processes leave each other notes; None if there is only one without torchrun.
    """

    rank: int = 0
    processes: int = 1
    local_rank: int = 0
    store: dist.Store | None = None

    @property
    def share(self) -> tuple[int, int]:
        """(rank, processes), for the batches."""
        return self.rank, self.processes

    @property
    def leads(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """The device of this process; of several GPUs on a machine, each process gets its own.

        Args:
            name: "cpu" or "cuda"; for a single process also another device.

        Raises:
            ValueError: if the device is not there, or several processes cannot share it.
        """
        if self.processes == 1:
            return require_device(name)
        if name not in ("cpu", "cuda"):
            raise ValueError(f"device is {name!r}; several processes can run on 'cpu', or on 'cuda' with one GPU each")
        device = require_device(f"cuda:{self.local_rank}" if name == "cuda" else name)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        return device

    def fails_first(self) -> bool:
        """Note that this process fails. Whether it is the first: then it should say why, and the others be quiet."""
        if self.store is None:
            return True
        try:
            return self.store.add(FAILURES, 1) == 1
        except RuntimeError:  # the process that kept the notes is gone: it has failed before
            return False


@contextmanager
def join_group() -> Iterator[Group]:
    """Join the processes that torchrun has started; without torchrun, be alone. In the end the group is left.

    The processes talk by Gloo about what is on the CPU, and by NCCL about what is on GPUs.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Group()
        return
    store, rank, processes = next(dist.rendezvous("env://"))
    # After a restart by torchrun the store may hold the addresses of processes that are dead.
    store = dist.PrefixStore("attempt " + os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
    gpus = torch.cuda.is_available() and dist.is_nccl_available()
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", store=store, rank=rank, world_size=processes)
    try:
        yield Group(rank, processes, int(os.environ.get("LOCAL_RANK", rank)), store)
    finally:
        dist.destroy_process_group()


def in_group() -> bool:
    """Whether this process works together with others."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def is_first_process() -> bool:
    """Whether this process is alone, or the one that writes for all."""
    return not in_group() or dist.get_rank() == 0


def share_gradients(model: nn.Module) -> nn.Module:
    """The model for training in a group: all processes begin with the weights of the first, and learn in step.

    Alone, it is the model itself. ``senet_lib.training.unwrap`` gives the model back.
    """
    if not in_group():
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


def share_buffers(model: nn.Module) -> None:
    """Give all processes the buffers of the first, such as the running statistics of batch normalisation."""
    if in_group():
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)


def require_same(name: str, number: int) -> None:
    """Compare a number over all processes, which would wait for each other for ever if it differed.

    Raises:
        ValueError: in all of them, if it is not the same everywhere.
    """
    if not in_group():
        return
    numbers: list[int] = [0] * dist.get_world_size()
    dist.all_gather_object(numbers, number)
    if len(set(numbers)) > 1:
        raise ValueError(
            f"the processes have different {name}: {', '.join(map(str, numbers))}; all of them must read the same "
            "pictures and the same checkpoints"
        )
