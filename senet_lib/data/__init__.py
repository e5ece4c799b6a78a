"""Pictures and their labels: load an image set by name or from a folder, and cut it into batches on the device.

``images.py`` loads image sets; ``batches.py`` cuts, augments and normalises them. ``streaming.py`` reads folders that
are larger than memory. ``epoch_plan.py`` says which pictures come in which batch. The Context World is
in ``senet_lib.context_world``.
"""

from senet_lib.data.batches import (
    Augmentation,
    Batches,
    Normalisation,
    channel_statistics,
    pad_crop_flip,
    random_crop,
    random_flip,
    train_and_test_batches,
)
from senet_lib.data.images import ImageSet, list_image_sets, load_images

__all__ = [
    "Augmentation",
    "Batches",
    "ImageSet",
    "Normalisation",
    "channel_statistics",
    "list_image_sets",
    "load_images",
    "pad_crop_flip",
    "random_crop",
    "random_flip",
    "train_and_test_batches",
]
