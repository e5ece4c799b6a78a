"""Where a result was recorded."""

import os
import platform
from typing import Any

import numpy as np
import torch
import torchvision

import senet_lib


def describe_machine(device: str | torch.device) -> dict[str, Any]:
    """Device, cores and versions, for the record. No names or paths of the machine."""
    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else f"{device} ({platform.machine()})",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "senet_lib": senet_lib.__version__,
    }
