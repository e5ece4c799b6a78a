"""Pictures and their labels: load a picture set by name or from a folder, and cut it into batches on the device.

``pictures.py`` loads picture sets, and ``picture_folders.py`` finds and reads the files of a folder; ``batches.py``
cuts, augments and normalises them. ``streaming.py`` reads folders that are larger than memory. ``epoch_plan.py`` says
which pictures come in which batch. ``context_world.py`` makes the book's synthetic pictures. What this package hands
out is imported when it is first asked for (see ``__init__.pyi``), so that who needs only the Context World does not
wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
