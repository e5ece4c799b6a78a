"""A model with its optimiser and its schedule, which learns one batch at a time; and all that it needs to go on later.

:func:`senet_lib.training.fit` drives one of them, :class:`senet_lib.training.race.TrainingRace` several in lock step.
"""

import copy
import math
from collections.abc import Iterable
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from senet_lib.common.torch_modules import unwrap
from senet_lib.data.epoch_plan import Batch
from senet_lib.training.device import fast_half_precision, memory_advice
from senet_lib.training.recipe import Recipe, make_optimiser, make_schedule

# Batch normalisation over fewer pictures than this can ruin a network, where maps are a few pixels.
FEW_PICTURES = 8
# On a GPU, reading a loss waits for it. So the losses are looked at together, after this many steps.
STEPS_BETWEEN_LOOKS = 32


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number. The model has the weights of the last good epoch."""


class Trainer:
    """A model with its optimiser and its schedule; it learns one batch at a time.

    Call ``start_epoch``, then ``step`` for each batch, then ``finish_epoch``.

    Args:
        model: maps pictures (B, C, H, W) to logits (B, number of classes); trained in place.
        recipe: how to train.
        steps_per_epoch: batches in an epoch.

    Raises:
        ValueError: if the model has no parameters, or all are frozen.

    Attributes:
        steps: how many steps it has made.
        device: of the model's parameters.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, steps_per_epoch: int):
        self.model = model
        self.recipe = recipe
        self.steps_per_epoch = steps_per_epoch
        self.steps = 0
        parameter = next((one for one in model.parameters() if one.requires_grad), None)
        if parameter is None:
            what, fix = "parameters", "give it a layer that has"
            if next(model.parameters(), None) is not None:
                what, fix = "parameters that require gradients", "unfreeze some with requires_grad_()"
            raise ValueError(f"the model, a {type(model).__name__}, has no {what}; {fix}")
        self.device = parameter.device
        self._optimiser = make_optimiser(model.parameters(), recipe)
        self._schedule = make_schedule(self._optimiser, recipe, steps_per_epoch)
        self._half = fast_half_precision(self.device) if recipe.mixed_precision else None
        # Gradients in float16 can be too small for it, so they are scaled; in bfloat16 they cannot.
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self._half is torch.float16)
        self._averaged = _make_average(model, recipe.ema_decay)
        self._forward = torch.compile(model) if recipe.compile else model
        self._good_weights: dict[str, Tensor] = {}
        self._unseen: list[Tensor] = []
        self._smallest_batch = FEW_PICTURES
        self._scaling: dict[str, Any] = {}

    @property
    def evaluated_model(self) -> nn.Module:
        """What to evaluate: the averaged weights if the recipe asks for them, else the model."""
        return self._averaged.module if self._averaged else unwrap(self.model)

    def start_epoch(self) -> None:
        self._good_weights = copy.deepcopy(self.model.state_dict())
        self.model.train()

    def step(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Learn from one batch: pictures (B, C, H, W), labels (B,).

        Returns:
            The batch's mean loss before the step, without dimensions, and its logits (B, classes). Neither has a
            gradient.

        Raises:
            DivergedError: if a loss is not finite; on a GPU it may come some steps late.
            MemoryError: if the batch does not fit into memory.
        """
        with memory_advice(len(labels)):
            return self._step(pictures, labels)

    def _step(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device.type, self._half, enabled=self._half is not None):
            logits = self._forward(pictures)
        logits = logits.float() if self._half else logits
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        self.steps += 1
        self._smallest_batch = min(self._smallest_batch, len(labels))
        self._look_at(loss.detach(), pictures)
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        if self.recipe.clip_norm is not None:
            self._scaler.unscale_(self._optimiser)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._schedule.step()
        if self._averaged:
            self._averaged.update_parameters(unwrap(self.model))
        return loss.detach(), logits.detach()

    def finish_epoch(self) -> None:
        """Leave the model ready to use, with losses that are known to be finite."""
        self._look_at_all()
        self.model.eval()

    def leave(self) -> None:
        """Leave a model that can be used in the middle of an epoch, after an interruption or an error.

        It keeps what it has learned, unless a step has made weights of it NaN or infinite, which nobody has seen yet.
        """
        if self._good_weights and not _is_finite(self.model):
            self.model.load_state_dict(self._good_weights)
        self.model.eval()

    def require_finite_test(self, loss: float, test: Iterable[Batch]) -> None:
        """Take the last good weights back if the loss of a test is not finite, and say so.

        Raises:
            DivergedError: in that case.
        """
        if not math.isfinite(loss):
            finite = all(bool(pictures.isfinite().all()) for pictures, _ in test)
            self._diverge(f"{loss} in the test after step", self.steps, self._advice(finite))

    def _diverge(self, loss: str, step: int, advice: str) -> NoReturn:
        epoch = (step - 1) // self.steps_per_epoch + 1
        self.model.load_state_dict(self._good_weights)
        self.model.eval()
        raise DivergedError(
            f"the loss is {loss} {step} (epoch {epoch}); the model has its weights from before this epoch; {advice}"
        )

    def _advice(self, pictures_are_finite: bool, learned: bool = True) -> str:
        """What to do about a loss that is not finite: a smaller learning rate helps only if that was the cause."""
        if not pictures_are_finite:
            return "its pictures hold NaN or infinite numbers, so mend those"
        if not learned:
            return "nothing was learned before, so look at the pictures, the labels and the weights that it began with"
        slower = f"try a learning rate below {self.recipe.learning_rate:g}"
        normalised = any(isinstance(module, _BatchNorm) for module in self.model.modules())
        if normalised and self._smallest_batch < FEW_PICTURES:
            few = f"batch normalisation had a batch of {self._smallest_batch}, which is few"
            return f"{few}: leave such a batch out, or {slower}"
        return slower

    def _look_at(self, loss: Tensor, pictures: Tensor) -> None:
        self._unseen.append(torch.stack((loss, pictures.isfinite().all().to(loss.dtype))))
        if self.device.type == "cpu" or len(self._unseen) == STEPS_BETWEEN_LOOKS:
            self._look_at_all()

    def _look_at_all(self) -> None:
        unseen = torch.stack(self._unseen).tolist() if self._unseen else []
        first = self.steps - len(unseen) + 1
        self._unseen = []
        for step, (loss, finite) in enumerate(unseen, first):
            if not math.isfinite(loss):
                self._diverge(f"{loss} at step", step, self._advice(bool(finite), learned=step > 1))

    def keep_average(self) -> None:
        """Give the model the averaged weights, if the recipe asks for them."""
        if self._averaged:
            unwrap(self.model).load_state_dict(self._averaged.module.state_dict())

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that training needs to go on, besides weights and averaged weights: tensors, and facts for JSON."""
        optimiser = self._optimiser.state_dict()
        tensors = {"random.cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        for number, values in optimiser["state"].items():
            tensors |= {f"optimiser.{number}.{name}": value for name, value in values.items() if value is not None}
        if self._averaged:
            tensors["averaged_steps"] = self._averaged.n_averaged
        schedule = {name: value for name, value in self._schedule.state_dict().items() if not callable(value)}
        facts = {
            "steps": self.steps,
            "groups": optimiser["param_groups"],
            "schedule": schedule,
            "scaler": self._scaler.state_dict() or self._scaling,
        }
        return tensors, facts

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go on from what ``state`` has given. The model, and the evaluated one, have their weights already."""
        self.steps = facts["steps"]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            kind, _, rest = key.partition(".")
            if kind == "optimiser":
                number, name = rest.split(".")
                state.setdefault(int(number), {})[name] = value
        self._optimiser.load_state_dict({"state": state, "param_groups": [_with_pairs(g) for g in facts["groups"]]})
        self._schedule.load_state_dict(facts["schedule"])
        self._scaling = facts["scaler"]  # empty if the run has not had float16 yet; kept for a device that has it again
        if self._scaling:
            self._scaler.load_state_dict(self._scaling)
        if self._averaged:
            self._averaged.n_averaged.copy_(tensors["averaged_steps"])
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)


def _make_average(model: nn.Module, decay: float | None) -> AveragedModel | None:
    if decay is None:
        return None
    return AveragedModel(unwrap(model), multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True).eval()


def _is_finite(model: nn.Module) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in [*model.parameters(), *model.buffers()])


def _with_pairs(group: dict[str, Any]) -> dict[str, Any]:
    """JSON makes lists of pairs such as AdamW's betas."""
    return {name: tuple(value) if name == "betas" else value for name, value in group.items()}
