"""``python -m senet_lib.training`` is ``senet train``, also for torchrun, which starts modules.

torchrun --nproc_per_node 8 -m senet_lib.training imagenet-se-resnet50 --data PATH --run FOLDER
"""

import sys

from senet_lib.book.commands.train_command import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m senet_lib.training"))
