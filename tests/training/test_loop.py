"""Tests of senet_lib.training: what fit yields, and what it leaves behind when something goes wrong."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from senet_lib.training import DivergedError, EpochStats, Evaluation, Recipe, evaluate, fit

RECIPE = Recipe(epochs=4, learning_rate=0.02)


def bright_or_dark(count: int = 40, seed: int = 0, size: int = 5) -> tuple[Tensor, Tensor]:
    """Pictures of noise; those of class 1 are a little brighter."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    return torch.randn(count, 1, size, size, generator=generator) + labels[:, None, None, None], labels


def cut(pictures: Tensor, labels: Tensor, batch_size: int = 16) -> list[tuple[Tensor, Tensor]]:
    return list(zip(pictures.split(batch_size), labels.split(batch_size), strict=True))


def with_a_nan(batches: list, step: int) -> list:
    """The same batches; one pixel of batch number ``step``, counted from 1, is not a number."""
    broken = copy.deepcopy(batches)
    broken[step - 1][0][0, 0, 2, 2] = float("nan")
    return broken


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def linear(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(25, 2))


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, as a copy."""
    return copy.deepcopy(model.state_dict())


def same_weights(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def assert_usable(model: nn.Module) -> None:
    assert not any(module.training for module in model.modules())
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert model(bright_or_dark(3)[0]).isfinite().all()


@pytest.fixture
def train(list_batches):
    """40 pictures in batches of 16, 16 and 8."""
    return list_batches(cut(*bright_or_dark()))


@pytest.fixture
def test() -> list[tuple[Tensor, Tensor]]:
    return cut(*bright_or_dark(30, seed=1))


# --- what fit yields --------------------------------------------------------------------------------------------------


def test_fit_is_a_generator_of_one_statistics_an_epoch(train, test):
    model = network()
    start = weights(model)
    run = fit(model, train, test, RECIPE)
    assert isinstance(run, Iterator)
    assert same_weights(start, weights(model))  # nothing runs before one asks for it
    first = next(run)
    assert isinstance(first, EpochStats) and first.epoch == 1
    assert not same_weights(start, weights(model))
    assert [stats.epoch for stats in run] == [2, 3, 4]


def test_test_statistics_are_those_of_the_model_after_the_epoch(train, test):
    model = network()
    for stats in fit(model, train, test, RECIPE):
        assert evaluate(model, test) == Evaluation(stats.test_loss, stats.test_accuracy, stats.test_top5_accuracy)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_train_statistics_are_means_over_pictures_not_over_batches(train, test, label_smoothing):
    model = linear()
    pictures, labels = bright_or_dark()
    logits = model(pictures)
    expected = functional.cross_entropy(logits, labels, label_smoothing=label_smoothing).item()
    recipe = Recipe(1, learning_rate=1e-30, weight_decay=0, label_smoothing=label_smoothing)  # the weights stay
    (stats,) = fit(model, train, test, recipe)
    assert stats.train_loss == pytest.approx(expected, rel=1e-5)
    assert stats.train_accuracy == (logits.argmax(1) == labels).sum().item() / 40


def test_speed_is_pictures_by_seconds(train, test):
    for stats in fit(network(), train, test, RECIPE):
        assert stats.seconds > 0
        assert stats.pictures_per_second * stats.seconds == pytest.approx(40)


def test_epochs_are_asked_for_by_their_number_from_zero(list_batches, test):
    class Counted(list_batches):
        asked: list[int]

        def epoch(self, number):
            self.asked.append(number)
            return super().epoch(number)

    train = Counted(cut(*bright_or_dark()))
    train.asked = []
    list(fit(linear(), train, test, RECIPE))
    assert train.asked == [0, 1, 2, 3]


def test_it_takes_the_steps_of_a_plain_loop_with_adamw_and_one_cycle(train, test):
    recipe = Recipe(epochs=3, learning_rate=0.02, weight_decay=0.3, label_smoothing=0.1)
    model, plain = network(), network()
    optimiser = torch.optim.AdamW(plain.parameters(), lr=0.02, weight_decay=0.3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, epochs=3, steps_per_epoch=3)
    for _ in range(3):
        for pictures, labels in train:
            optimiser.zero_grad()
            functional.cross_entropy(plain(pictures), labels, label_smoothing=0.1).backward()
            optimiser.step()
            schedule.step()
    list(fit(model, train, test, recipe))
    assert same_weights(weights(model), weights(plain))


@pytest.mark.parametrize("training", [True, False])
def test_it_trains_in_training_mode_and_tests_in_evaluation_mode(train, test, training):
    model, modes = network().train(training), []
    model[1].register_forward_pre_hook(lambda module, inputs: modes.append(module.training))
    list(fit(model, train, test, Recipe(2, 0.02)))
    assert modes == 2 * [True, True, True, False, False]


@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (1, 2), (2, 1), (3, 3)])
def test_very_short_trainings_run(list_batches, test, epochs, steps):
    train = list_batches(cut(*bright_or_dark(8 * steps), batch_size=8))
    assert len(list(fit(network(), train, test, Recipe(epochs, learning_rate=0.01)))) == epochs


# --- wrong arguments --------------------------------------------------------------------------------------------------


def test_a_model_without_parameters_is_refused(train, test, refused):
    with refused("a Flatten, has no parameters; give it a layer that has"):
        next(fit(nn.Flatten(), train, test, RECIPE))


def test_a_frozen_part_stays_as_it_was_and_a_frozen_model_is_refused(train, test, refused):
    model = network()
    model[0].requires_grad_(False)
    start = weights(model)
    list(fit(model, train, test, RECIPE))
    assert torch.equal(model[0].weight, start["0.weight"]) and not torch.equal(model[5].weight, start["5.weight"])
    with refused("a Sequential, has no parameters that require gradients", "unfreeze"):
        next(fit(model.requires_grad_(False), train, test, RECIPE))


def test_what_has_no_epochs_is_no_train(train, test, refused):
    with refused("train is a list", "give Batches", "epoch(number)"):
        next(fit(network(), test, test, RECIPE))


def test_nothing_to_train_or_to_test_on_is_refused_before_the_first_epoch(train, list_batches, test, refused):
    model = network()
    start = weights(model)
    with refused("test has no batches", "at least one"):
        next(fit(model, train, [], RECIPE))
    with refused("train has no batches", "at least one"):
        next(fit(model, list_batches([]), test, RECIPE))
    assert same_weights(start, weights(model))


# --- evaluate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7, 16, 29, 30])
def test_evaluation_does_not_depend_on_how_the_pictures_are_cut(batch_size):
    model, (pictures, labels) = network(), bright_or_dark(30, seed=1)
    model(pictures)  # so that batch normalisation has seen something
    result = evaluate(model, cut(pictures, labels, batch_size))
    logits = model.eval()(pictures)
    assert result.loss == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-5)
    assert result.accuracy == (logits.argmax(1) == labels).sum().item() / 30


def test_evaluate_gives_the_model_back_as_it_was_also_after_an_error(test):
    model = network().train()
    model[1].eval()  # a batch normalisation that somebody has frozen
    before = weights(model)
    evaluate(model, test)
    with pytest.raises(RuntimeError):
        evaluate(model, [*test, (torch.ones(2, 3, 5, 5), torch.zeros(2, dtype=torch.int64))])
    assert [module.training for module in model] == [True, False, True, True, True, True] and model.training
    assert same_weights(before, weights(model))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_evaluate_on_nothing_is_refused(refused):
    model = network()
    with refused("no pictures"):
        evaluate(model, [])
    assert model.training


# --- divergence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_nan_stops_the_run_names_its_step_and_gives_the_last_good_weights_back(list_batches, test, epoch, step):
    good = cut(*bright_or_dark())
    train = list_batches(*[good] * (epoch - 1), with_a_nan(good, step))
    model = network()
    last_good, history = weights(model), []
    message = rf"the loss is nan at step {3 * (epoch - 1) + step} \(epoch {epoch}\).*pictures hold NaN or infinite"
    with pytest.raises(DivergedError, match=message) as caught:
        for stats in fit(model, train, test, RECIPE):
            history.append(stats)
            last_good = weights(model)
    assert "\n" not in str(caught.value) and "learning rate" not in str(caught.value)
    assert len(history) == epoch - 1
    assert same_weights(last_good, weights(model))
    assert {"1.running_mean", "1.running_var", "1.num_batches_tracked"} <= last_good.keys()
    assert_usable(model)


def test_a_learning_rate_that_is_far_too_high_diverges(train, test):
    model = network()
    start = weights(model)
    with pytest.raises(DivergedError, match=r"at step \d+ \(epoch 1\).*try a learning rate below 1e\+38"):
        list(fit(model, train, test, Recipe(epochs=2, learning_rate=1e38)))
    assert same_weights(start, weights(model))
    assert_usable(model)


def test_a_test_loss_that_is_not_a_number_stops_the_run_too(train, test):
    model = network()
    start = weights(model)
    with pytest.raises(DivergedError, match=r"the loss is nan in the test after step 3 \(epoch 1\).*pictures hold NaN"):
        list(fit(model, train, with_a_nan(test, 2), RECIPE))
    assert same_weights(start, weights(model))
    assert_usable(model)


def test_before_the_first_step_no_learning_rate_is_to_blame(list_batches, test):
    train = list_batches([(1e37 * pictures, labels) for pictures, labels in cut(*bright_or_dark())])
    model = linear()
    model[1].weight.data *= 1e10
    with pytest.raises(DivergedError, match=r"at step 1 .*nothing was learned before.*look at the pictures") as caught:
        list(fit(model, train, test, Recipe(epochs=1, learning_rate=1e-9)))
    assert "learning rate" not in str(caught.value)


@pytest.mark.parametrize(("make", "named"), [(network, True), (linear, False)])
def test_a_batch_too_small_for_batch_normalisation_is_named_as_a_cause(list_batches, test, make, named):
    train = list_batches(cut(*bright_or_dark(18)))
    with pytest.raises(DivergedError, match=r"try a learning rate below 1e\+38") as caught:
        list(fit(make(), train, test, Recipe(epochs=2, learning_rate=1e38)))
    assert ("batch normalisation had a batch of 2, which is few" in str(caught.value)) is named


def test_a_diverged_run_is_an_arithmetic_error():
    assert issubclass(DivergedError, ArithmeticError)


# --- interruption -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("out of memory")])
def test_an_interruption_while_a_batch_is_made_leaves_a_model_that_can_be_used(list_batches, test, error):
    good = cut(*bright_or_dark())
    model = network()
    history, last_good = [], weights(model)
    stop = error() if isinstance(error, type) else error
    with pytest.raises(type(stop)):
        for stats in fit(model, list_batches(good, [*good[:2], stop]), test, RECIPE):
            history.append(stats)
            last_good = weights(model)
    assert len(history) == 1
    assert_usable(model)
    assert not same_weights(last_good, weights(model))  # it keeps the two steps that it has made


@pytest.mark.parametrize("forward", [2, 4])
def test_an_interruption_inside_the_network_leaves_a_model_that_can_be_used(train, test, forward):
    """Three batches of training, then two of testing: the second forward pass trains, the fourth tests."""
    model, calls = network(), []

    def interrupt(module, inputs):
        calls.append(module.training)
        if len(calls) == forward:
            raise KeyboardInterrupt

    handle = model.register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(fit(model, train, test, RECIPE))
    handle.remove()
    assert calls[-1] is (forward <= 3)
    assert_usable(model)


@pytest.mark.parametrize("epochs_before", [0, 1])
def test_an_interruption_after_weights_were_ruined_and_before_it_was_seen(list_batches, test, epochs_before):
    """The loss of a step is known before its weights are, on a GPU up to 32 steps later."""
    model, good = network(), cut(*bright_or_dark())

    class Ruined(list_batches):
        def epoch(self, number):
            yield good[0]
            if number == epochs_before:
                model[0].weight.data.fill_(float("nan"))
                raise KeyboardInterrupt

    last_good = weights(model)
    with pytest.raises(KeyboardInterrupt):
        for _ in fit(model, Ruined(good[:1]), test, RECIPE):
            last_good = weights(model)
    assert_usable(model)
    assert same_weights(last_good, weights(model))


@pytest.mark.parametrize("deterministic", [True, False])
def test_settings_of_the_whole_process_hold_only_while_an_epoch_runs(train, test, monkeypatch, deterministic):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    def settings():
        flags = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        return *flags, torch.backends.cudnn.benchmark

    inside, model = [], network()
    model.register_forward_pre_hook(lambda module, inputs: inside.append(settings()))
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = settings()
        for _ in fit(model, train, test, Recipe(2, 0.01, deterministic=deterministic)):
            assert settings() == before
        assert settings() == before and set(inside) == {(True, not deterministic, not deterministic)}
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_full_memory_in_the_test_names_the_batch_size_too(train, test):
    model = network()

    def fill(module, inputs):
        if not module.training:
            torch.empty(1 << 60)

    model.register_forward_pre_hook(fill)
    with pytest.raises(MemoryError, match=r"batch of 16 pictures.*try batch_size 8"):
        next(fit(model, train, test, RECIPE))


def test_after_each_epoch_and_a_break_the_model_can_be_used_and_trained_on(train, test):
    model = network()
    for stats in fit(model, train, test, RECIPE):
        assert_usable(model)
        if stats.epoch == 2:
            break
    assert_usable(model)
    assert [stats.epoch for stats in fit(model, train, test, RECIPE)] == [1, 2, 3, 4]


def test_a_closed_run_changes_nothing_more(train, test):
    model = network()
    run = fit(model, train, test, RECIPE)
    next(run)
    after_one = weights(model)
    run.close()
    assert list(run) == []
    assert same_weights(after_one, weights(model))


def test_an_interruption_before_the_first_batch_leaves_the_model_in_evaluation_mode(train, test, monkeypatch):
    """The optimiser is made first, and that takes a while the first time."""

    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    network = nn.Linear(2, 2).train()
    monkeypatch.setattr(torch.optim, "AdamW", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(fit(network, train, test, Recipe(epochs=1, learning_rate=0.1)))
    assert not network.training
