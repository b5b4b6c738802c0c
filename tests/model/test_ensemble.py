"""The ensemble: its members, what it forecasts when called, and training it with the CRPS."""

from __future__ import annotations

import pytest
import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import Hardware
from fieldsharp.model.losses.forecast_loss import ForecastLoss
from fieldsharp.model.predictors.ensemble import Ensemble
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.predictors.interface import ForecastShape, MemberForecasting
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.model.predictors.member_noise import Dropout, InputNoise
from fieldsharp.model.predictors.starting_weights import start_from
from fieldsharp.model.registry import NETS
from fieldsharp.model.settings import LossSettings, PredictorSettings, TrainingSettings
from fieldsharp.model.training import Trainer

Tensor = torch.Tensor
SHAPE = ForecastShape(history=2, horizon=3, channels=2, height=9, width=11)
MEMBERS = sorted(NETS.keys() - {"ensemble"})


def ensemble_of(shape: ForecastShape = SHAPE, /, **options: int | float | bool | str) -> Ensemble:
    """Return an ensemble, by default of noise as input."""
    torch.manual_seed(0)
    settings = PredictorSettings(name="ensemble", width=8, options={"noise": "input", **options})
    predictor = build_predictor(settings, shape)
    assert isinstance(predictor, Ensemble)
    return predictor


def with_drawn_weights(predictor: Ensemble) -> Ensemble:
    """Leave the zero head behind, as the first steps of a training do."""
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in predictor.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=draw))
    return predictor


def history_of(batch: int = 2, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 2, 2, 9, 11, generator=draw)


def spread(members_BKTCHW: Tensor) -> Tensor:
    """Return the standard deviation between members, of each sample [B]."""
    return members_BKTCHW.std(dim=1).mean(dim=(1, 2, 3, 4))


# Members.


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("members", [2, 5])
def test_any_predictor_can_draw_any_number_of_members(member: str, members: int) -> None:
    ensemble = with_drawn_weights(ensemble_of(member=member, members=members))

    forecasts = ensemble.forecast_members(history_of())

    assert forecasts.shape == (2, members, 3, 2, 9, 11)
    assert (spread(forecasts) > 1e-4).all()
    check_predictor(ensemble, SHAPE, "ensemble")


def test_it_draws_four_members_of_a_unet_unless_told_otherwise() -> None:
    assert ensemble_of().forecast_members(history_of()).shape[1] == 4
    assert type(ensemble_of().predictor).__name__ == "UNet"


def test_no_other_predictor_draws_members() -> None:
    drawing = {
        name
        for name in NETS
        if isinstance(
            build_predictor(PredictorSettings(name=name, width=8), SHAPE), MemberForecasting
        )
    }

    assert drawing == {"ensemble"}


def test_an_untrained_ensemble_agrees_on_persistence() -> None:
    history = history_of()

    forecasts = ensemble_of().forecast_members(history)

    assert torch.equal(forecasts, history[:, None, -1:].expand_as(forecasts))


def test_members_belong_to_their_own_sample() -> None:
    ensemble = ensemble_of()
    history = history_of(batch=3)

    forecasts = ensemble.forecast_members(history)

    for b in range(3):  # persistence, so that noise does not matter
        assert torch.equal(forecasts[b, 1, 0], history[b, -1])


def test_each_call_draws_members_anew_from_the_seed_of_torch() -> None:
    ensemble = with_drawn_weights(ensemble_of())

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return ensemble.forecast_members(history_of()).detach()

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.allclose(drawn(1), drawn(2))


# The forecast it gives when called.


def test_when_evaluated_it_is_the_same_member_whatever_was_drawn_before() -> None:
    ensemble = with_drawn_weights(ensemble_of()).eval()

    first = ensemble(history_of())
    torch.manual_seed(99)
    state = torch.get_rng_state()

    assert torch.equal(ensemble(history_of()), first)
    assert torch.equal(torch.get_rng_state(), state)  # and draws nothing that others would miss


def test_when_evaluated_a_forecast_does_not_depend_on_its_batch() -> None:
    ensemble = with_drawn_weights(ensemble_of()).eval()
    history = history_of(batch=3)

    together, alone = ensemble(history), ensemble(history[1:2])

    torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-5)


def test_in_training_it_is_another_member_at_each_call() -> None:
    ensemble = with_drawn_weights(ensemble_of()).train()

    assert not torch.allclose(ensemble(history_of()), ensemble(history_of()))


def test_the_forecast_is_a_member_and_not_their_mean() -> None:
    ensemble = with_drawn_weights(ensemble_of(members=64)).eval()
    with torch.no_grad():
        forecast = ensemble(history_of())
        members = ensemble.forecast_members(history_of())

    mean = members.mean(dim=1)
    usual_B = (members - mean[:, None]).square().mean(dim=(1, 2, 3, 4, 5)).sqrt()
    found_B = (forecast - mean).square().mean(dim=(1, 2, 3, 4)).sqrt()
    assert (found_B > 0.5 * usual_B).all()
    assert (found_B < 2.0 * usual_B).all()


@pytest.mark.parametrize("training", [True, False])
def test_the_member_scored_is_fed_noise_as_those_in_training_are(training: bool) -> None:
    shape = ForecastShape(history=2, horizon=1, channels=1, height=30, width=30)
    ensemble = ensemble_of(shape).train(training)
    seen: list[Tensor] = []
    ensemble.predictor.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    history = torch.rand(2, 2, 1, 30, 30, generator=torch.Generator().manual_seed(4))

    ensemble(history)
    ensemble.forecast_members(history[:1])

    # Noise comes last: forecasts start from the first channels.
    assert torch.equal(seen[0][:, :, :1], history)
    assert seen[0].shape[2] == 3
    for noise in (seen[0][0, 0, 1], seen[1][0, 0, 1], seen[1][1, 0, 1]):
        assert float(noise.mean()) == pytest.approx(0.0, abs=0.15)
        assert float(noise.std()) == pytest.approx(1.0, abs=0.15)
        neighbours = torch.stack([noise[..., 1:].flatten(), noise[..., :-1].flatten()])
        assert abs(float(torch.corrcoef(neighbours)[0, 1])) < 0.15


# Members that are asked for by their numbers.


@pytest.mark.parametrize("noise", ["input", "dropout"])
@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_depends_on_seed_number_and_initial_time_alone(member: str, noise: str) -> None:
    ensemble = with_drawn_weights(ensemble_of(member=member, noise=noise)).eval()
    history = history_of(batch=3)

    with torch.no_grad():
        all_of_them = ensemble.forecast_drawn(history, MemberDraws(7, range(4), (11, 12, 13)))
        torch.manual_seed(99)
        alone = ensemble.forecast_drawn(history[1:2], MemberDraws(7, (2,), (12,)))
        other_seed = ensemble.forecast_drawn(history[1:2], MemberDraws(8, (2,), (12,)))
        other_time = ensemble.forecast_drawn(history[1:2], MemberDraws(7, (2,), (13,)))

    assert all_of_them.shape == (3, 4, 3, 2, 9, 11)
    torch.testing.assert_close(alone[0, 0], all_of_them[1, 2], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(other_seed, alone, atol=1e-4)
    assert not torch.allclose(other_time, alone, atol=1e-4)
    assert (spread(all_of_them) > 1e-4).all()


def test_noise_of_different_windows_is_not_alike() -> None:
    noise = InputNoise(40, 40)
    draws = MemberDraws(0, range(3), (5, 6)).generators()

    fields_NK = noise.draw(6, draws).flatten(1)

    between = torch.corrcoef(fields_NK) - torch.eye(6)
    assert float(between.abs().max()) < 0.2


def test_every_scale_of_noise_has_mean_0_and_variance_1() -> None:
    noise = InputNoise(64, 80)
    torch.manual_seed(0)

    drawn_NCHW = noise.draw(300, None)

    assert noise.channels == drawn_NCHW.shape[1] == 3
    for channel in range(3):
        assert float(drawn_NCHW[:, channel].mean()) == pytest.approx(0.0, abs=0.03)
        assert float(drawn_NCHW[:, channel].var()) == pytest.approx(1.0, abs=0.06)


def test_dropout_leaves_out_that_share_of_the_channels_and_keeps_the_level() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 500, 1))
    dropout = Dropout(net, 0.2, 3, 3)
    images = torch.ones(4, 1, 3, 3)
    whole = net(images)
    dropout.draw_from(4, None)

    found = net(images)

    is_kept = (found != 0).all(dim=(2, 3))
    assert float(is_kept.float().mean()) == pytest.approx(0.8, abs=0.03)
    torch.testing.assert_close(found[is_kept], whole[is_kept] / 0.8)
    assert not torch.equal(is_kept[0], is_kept[1])


@pytest.mark.parametrize(("coarser", "block"), [(2, 2), (4, 1), (8, 1)])
def test_where_a_net_is_coarser_than_the_grid_dropout_leaves_out_blocks(
    coarser: int, block: int
) -> None:
    torch.manual_seed(0)
    net = torch.nn.Conv2d(1, 40, 1)
    dropout = Dropout(net, 0.2, 9 * coarser, 11 * coarser - 1)  # that was padded to a multiple
    images = torch.ones(4, 1, 9, 11)
    whole = net(images)
    dropout.draw_from(4, None)

    found = net(images)

    is_kept = (found != 0).float()
    assert float(is_kept.mean()) == pytest.approx(0.8, abs=0.03)
    torch.testing.assert_close(found, is_kept * whole / 0.8)
    of_blocks = is_kept[..., ::block, ::block]
    by_cell = of_blocks.repeat_interleave(block, dim=-2).repeat_interleave(block, dim=-1)
    assert torch.equal(by_cell[..., :9, :11], is_kept)
    neighbours = torch.stack([of_blocks[..., 1:].flatten(), of_blocks[..., :-1].flatten()])
    assert abs(float(torch.corrcoef(neighbours)[0, 1])) < 0.1


def test_drawn_members_are_not_below_the_floor_of_their_history() -> None:
    ensemble = with_drawn_weights(ensemble_of(noise="dropout", dropout=0.4)).eval()
    wet = history_of()
    dry = torch.where(wet < 0.3, 0.0, wet)
    history = torch.cat([wet - wet.amin(dim=(1, 3, 4), keepdim=True), dry])
    with torch.no_grad():
        members = ensemble.forecast_drawn(history, MemberDraws(0, range(8), (1, 2, 3, 4)))
        free = ensemble.train().forecast_members(history)

    lowest_BC = members.amin(dim=(1, 2, 4, 5))
    assert (lowest_BC[2:] >= 0.0).all()
    assert (lowest_BC[:2] < 0.0).any()  # one cell alone has the smallest value: no floor
    assert (free.amin(dim=(1, 2, 4, 5))[2:] < 0.0).any()  # training needs the slope below it


# Going on from the weights of the predictor without noise.


@pytest.mark.parametrize("noise", ["input", "dropout"])
@pytest.mark.parametrize("member", MEMBERS)
def test_it_goes_on_from_the_weights_of_its_predictor(member: str, noise: str) -> None:
    torch.manual_seed(3)
    alone = build_predictor(PredictorSettings(name=member, width=8), SHAPE)
    with torch.no_grad():
        for parameter in alone.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    ensemble = ensemble_of(member=member, noise=noise, dropout=1e-6).eval()
    history = history_of()

    start_from(ensemble, alone.state_dict())

    known = alone.state_dict()
    with torch.no_grad():
        members = ensemble.forecast_drawn(history, MemberDraws(0, range(6), (1, 2)))
        expected = alone.eval()(history)
        if noise == "input":  # without its noise it is the predictor itself, whatever its layout
            assert 1e-5 < float(spread(members).mean()) < 0.5 * float(expected.std())
            silent = torch.cat([history, torch.zeros(2, 2, 2, 9, 11)], dim=2)
            found = ensemble.predictor(silent)
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            same = ensemble.predictor.state_dict()
            assert any(same[n].shape != known[n].shape for n in known)
        else:
            torch.testing.assert_close(members[:, 0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "detail"),
    [({"member": "unet", "depth": 1}, "only there"), ({"member": "simvp"}, "is only")],
)
def test_weights_of_another_predictor_are_refused(
    options: dict[str, int | str], detail: str
) -> None:
    alone = build_predictor(PredictorSettings(name="unet", width=8), SHAPE)

    with pytest.raises(ConfigError, match=f"of another predictor .*{detail}"):
        start_from(ensemble_of(**options), alone.state_dict())


def test_weights_of_another_width_are_refused() -> None:
    narrow = build_predictor(PredictorSettings(name="unet", width=4), SHAPE)

    with pytest.raises(ConfigError, match="of another predictor"):
        start_from(ensemble_of(), narrow.state_dict())
    with pytest.raises(ConfigError, match="of another predictor"):
        start_from(build_predictor(PredictorSettings(width=8), SHAPE), narrow.state_dict())


# Options.


def test_by_default_a_fifth_is_dropped() -> None:
    predictor = build_predictor(PredictorSettings(name="ensemble", width=8), SHAPE)
    explicit = ensemble_of(noise="dropout", dropout=0.2)
    predictor.load_state_dict(with_drawn_weights(explicit).state_dict())

    draws = MemberDraws(0, range(3), (1, 2))
    with torch.no_grad():
        found = predictor.eval().forecast_drawn(history_of(), draws)  # type: ignore[operator]
        expected = explicit.eval().forecast_drawn(history_of(), draws)
    assert torch.equal(found, expected)


def test_a_net_of_which_nothing_can_be_dropped_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"this net has none.*set predictor\.options\.noise to inp"
    ):
        build_predictor(
            PredictorSettings(name="ensemble", width=1, options={"member": "unet", "depth": 1}),
            SHAPE,
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"noise": "white"}, "noise must be input or dropout, found white"),
        ({"noise": "dropout", "dropout": 1.0}, "dropout must be above 0 and below 1, found 1.0"),
    ],
)
def test_unknown_noise_is_refused(options: dict[str, float | str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        ensemble_of(**options)


@pytest.mark.parametrize("members", [1, 0, -3, 2.5])
def test_too_few_members_are_refused(members: float) -> None:
    with pytest.raises(
        ConfigError, match=rf"members must be a whole number of at least 2, found {members}"
    ):
        ensemble_of(members=members)


def test_an_ensemble_of_ensembles_is_refused() -> None:
    with pytest.raises(ConfigError, match="member must be another predictor than ensemble itself"):
        ensemble_of(member="ensemble")


def test_an_unknown_member_is_refused_by_the_option_that_named_it() -> None:
    with pytest.raises(ConfigError, match=r"predictor\.options\.member names the module"):
        ensemble_of(member="no.such:Class")


def test_options_it_does_not_know_are_those_of_its_member() -> None:
    shallow, deep = (
        sum(p.numel() for p in ensemble_of(depth=depth).parameters()) for depth in (1, 3)
    )

    assert shallow < deep
    with pytest.raises(ConfigError, match=r"cannot be built .*'blocks'"):
        ensemble_of(member="unet", blocks=2)


# Training.


def branching_windows(count: int = 24) -> Windows:
    """The same history is followed by a field as much higher as it may be lower."""
    draw = torch.Generator().manual_seed(3)
    pattern = 0.5 + 0.2 * torch.sin(torch.arange(6.0))[:, None] * torch.cos(torch.arange(8.0))
    frames = []
    for index in range(count):
        sign = 1.0 if index % 2 else -1.0
        now = pattern + 0.02 * torch.randn(6, 8, generator=draw)
        frames += [now, now + 0.3 * sign]
    settings = DataSettings(path="none.nc", history=1, horizon=1)
    return Windows(FramesInMemory(torch.stack(frames)[:, None]), 2 * torch.arange(count), settings)


def test_training_with_the_crps_lowers_it_and_keeps_the_spread() -> None:
    shape = ForecastShape(history=1, horizon=1, channels=1, height=6, width=8)
    ensemble = ensemble_of(shape, depth=1, members=2)
    windows = branching_windows()
    loss = ForecastLoss(LossSettings(base="crps"), torch.zeros(1, 6, 8))
    settings = TrainingSettings(epochs=30, batch_size=24, learning_rate=1e-2, device="cpu")
    trainer = Trainer(
        ensemble,
        loss,
        windows,
        torch.ones(6, 8, dtype=torch.bool),
        settings,
        Hardware(torch.device("cpu"), torch.float32),
    )

    losses = [epoch.base for epoch in trainer.epochs()]

    history, _ = windows.take(torch.arange(len(windows)))
    with torch.no_grad():
        found = spread(ensemble.forecast_members(history)).mean()
    # 0.3 where all members agree on the mean; half of it where they are drawn like the truth.
    assert losses[0] > 0.28
    assert losses[-1] < 0.25
    assert 0.1 < float(found) < 0.6


def test_a_base_without_members_trains_each_member_alone() -> None:
    shape = ForecastShape(history=1, horizon=1, channels=1, height=6, width=8)
    loss = ForecastLoss(LossSettings(), torch.zeros(1, 6, 8))
    trainer = Trainer(
        ensemble_of(shape, depth=1),
        loss,
        branching_windows(),
        torch.ones(6, 8, dtype=torch.bool),
        TrainingSettings(epochs=1, learning_rate=0.0, device="cpu"),
        Hardware(torch.device("cpu"), torch.float32),
    )

    (found,) = trainer.epochs()

    assert found.total == pytest.approx(0.3**2, rel=1e-4)
