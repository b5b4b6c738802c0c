"""The lowest value a field can have, told from its history."""

import torch

from fieldsharp.model.predictors.field_floor import above_floor


def test_rain_has_a_floor_and_temperature_has_none() -> None:
    draw = torch.Generator().manual_seed(0)
    rain = (torch.rand(2, 3, 1, 8, 10, generator=draw) - 0.5).clamp(min=0.0)
    temperature = torch.rand(2, 3, 1, 8, 10, generator=draw)
    temperature[0, 0, 0, 2, 2] = 0.0  # the coldest cell of the training
    orography = torch.zeros(2, 3, 1, 8, 10)
    history = torch.cat([rain, temperature, orography], dim=2)
    forecast = torch.full((2, 5, 4, 2, 8, 10), -0.25)

    found = above_floor(forecast, history)

    assert (found[:, :, :, 0] == 0.0).all()
    assert (found[:, :, :, 1] == -0.25).all()


def test_the_floor_is_that_of_each_sample() -> None:
    dry = torch.zeros(1, 2, 1, 4, 4)
    wet = torch.full((1, 2, 1, 4, 4), 0.5)
    below = torch.full((1, 2, 1, 4, 4), -0.1)  # another file knows smaller values
    forecast = torch.full((3, 1, 1, 4, 4), -1.0)

    found = above_floor(forecast, torch.cat([dry, wet, below]))

    assert found[:, 0, 0, 0, 0].tolist() == torch.tensor([0.0, -1.0, -0.1]).tolist()
