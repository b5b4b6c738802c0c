"""Weights and distances of grids, against NumPy by hand."""

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.fields.coordinates.grid_geometry import GridGeometry, grid_geometry
from fieldsharp.fields.settings import GridMeasures

Array = npt.NDArray[np.float64]
LATITUDE = np.array([90.0, 60.0, 30.0, 0.0, -30.0])
LONGITUDE = np.array([357.0, 359.0, 1.0, 3.0, 5.0, 8.0])
ROWS, COLUMNS = len(LATITUDE), len(LONGITUDE)
BOTH = GridMeasures(area_weights="auto", per="km")
NORTH, EAST = {"units": "degrees_north"}, {"units": "degrees_east"}


def _geographic(y: str = "lat", x: str = "lon") -> xr.Dataset:
    return xr.Dataset(coords={y: (y, LATITUDE, NORTH), x: (x, LONGITUDE, EAST)})


def _made(
    grid: xr.Dataset, measures: GridMeasures = BOTH, mask_HW: npt.NDArray[np.bool_] | None = None
) -> GridGeometry:
    y, x = ("y", "x") if "y" in grid.dims else tuple(map(str, grid.dims))[:2]
    shape = grid.sizes[y], grid.sizes[x]
    mask = np.ones(shape, dtype=np.bool_) if mask_HW is None else mask_HW
    made = grid_geometry(grid, ("time", y, x), mask, measures)
    assert made is not None
    return made


def _lengths(made: GridGeometry) -> tuple[Array, Array]:
    assert made.spacing_km_HW is not None
    return made.spacing_km_HW


def test_by_default_nothing_is_taken_from_a_grid() -> None:
    mask = np.ones((ROWS, COLUMNS), dtype=np.bool_)
    assert grid_geometry(_geographic(), ("time", "lat", "lon"), mask, GridMeasures()) is None


@pytest.mark.parametrize(("y", "x"), [("lat", "lon"), ("row", "column")])
def test_cells_count_by_the_cosine_of_a_latitude_known_by_its_units(y: str, x: str) -> None:
    made = _made(_geographic(y, x))
    by_hand = np.cos(np.deg2rad(LATITUDE))[:, None] * np.ones(COLUMNS)
    assert made.weights_HW is not None
    np.testing.assert_allclose(made.weights_HW, by_hand, atol=1e-15)
    assert f"cosine of its latitude ({y})" in made.notes[0]


def test_a_latitude_without_units_is_known_by_its_name() -> None:
    grid = xr.Dataset(coords={"latitude": LATITUDE, "longitude": LONGITUDE})
    made = _made(grid)
    assert made.weights_HW is not None
    np.testing.assert_allclose(made.weights_HW[1], 0.5)


def test_radians_are_converted() -> None:
    grid = xr.Dataset(
        coords={
            "lat": ("lat", np.deg2rad(LATITUDE), {"units": "radian"}),
            "lon": ("lon", np.deg2rad(LONGITUDE), {"units": "radian"}),
        }
    )
    np.testing.assert_allclose(_lengths(_made(grid)), _lengths(_made(_geographic())))


def test_units_are_read_without_a_word_of_the_library() -> None:
    code = (
        "import logging, numpy as np, xarray as xr; logging.basicConfig(level=logging.WARNING)\n"
        "from fieldsharp.fields.coordinates.grid_geometry import grid_geometry\n"
        "from fieldsharp.fields.settings import GridMeasures\n"
        "lat = ('lat', [1.0, 2.0, 3.0], {'units': 'degrees_north'})\n"
        "grid = xr.Dataset(coords={'lat': lat, 'lon': [1.0, 2.0, 3.0]})\n"
        "mask = np.ones((3, 3), bool)\n"
        "grid_geometry(grid, ('time', 'lat', 'lon'), mask, GridMeasures(per='km'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_distances_on_parallels_and_meridians_across_the_seam_of_longitudes() -> None:
    dx, dy = _lengths(_made(_geographic()))
    degree = 6371.0 * np.pi / 180.0
    steps = np.array([2.0, 2.0, 2.0, 2.0, 2.5, 3.0])  # at the edges of one side
    by_hand = degree * np.cos(np.deg2rad(LATITUDE))[:, None] * steps
    np.testing.assert_allclose(dx, by_hand, atol=1e-9)
    np.testing.assert_allclose(dy, np.full((ROWS, COLUMNS), 30.0 * degree))


def test_a_grid_stored_with_longitudes_as_rows_has_its_distances_the_other_way() -> None:
    dx, dy = _lengths(_made(_geographic()))
    mask = np.ones((COLUMNS, ROWS), dtype=np.bool_)
    turned = grid_geometry(_geographic(), ("time", "lon", "lat"), mask, BOTH)
    assert turned is not None
    np.testing.assert_allclose(_lengths(turned), (dy.T, dx.T), atol=1e-9)


def test_a_rotated_pole_has_distances_and_areas_of_its_own_latitude() -> None:
    rotated = {
        "rlat": ("rlat", LATITUDE, {"units": "degrees", "standard_name": "grid_latitude"}),
        "rlon": ("rlon", LONGITUDE, {"units": "degrees", "standard_name": "grid_longitude"}),
        "lat": (("rlat", "rlon"), np.full((ROWS, COLUMNS), 52.0), NORTH),
        "lon": (("rlat", "rlon"), np.full((ROWS, COLUMNS), 4.0), EAST),
    }
    made, plain = _made(xr.Dataset(coords=rotated)), _made(_geographic())
    np.testing.assert_allclose(_lengths(made), _lengths(plain))
    np.testing.assert_allclose(np.asarray(made.weights_HW), np.asarray(plain.weights_HW))


def test_a_curvilinear_grid_has_great_circles_between_its_cells() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    latitude = 50.0 + 0.3 * y + 0.05 * x + 0.01 * rng.normal(size=y.shape)
    longitude = -179.0 - 0.5 * x + 0.1 * y  # across the date line
    longitude = (longitude + 180.0) % 360.0 - 180.0
    grid = xr.Dataset(
        coords={"XLAT": (("y", "x"), latitude, NORTH), "XLONG": (("y", "x"), longitude, EAST)}
    )
    made = _made(grid)
    phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
    points = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])

    def apart(a: Array, b: Array) -> float:
        return 6371.0 * float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))

    dx, dy = _lengths(made)
    at = points[:, 2, 3]
    along_x = (apart(points[:, 2, 2], at) + apart(at, points[:, 2, 4])) / 2.0
    along_y = (apart(points[:, 1, 3], at) + apart(at, points[:, 3, 3])) / 2.0
    assert dx[2, 3] == pytest.approx(along_x, rel=1e-9)
    assert dy[2, 3] == pytest.approx(along_y, rel=1e-9)
    np.testing.assert_allclose(np.asarray(made.weights_HW), np.cos(phi))


def test_projected_coordinates_are_distances_and_their_cells_count_the_same() -> None:
    x = {"units": "m", "standard_name": "projection_x_coordinate"}
    y = {"units": "km", "standard_name": "projection_y_coordinate"}
    grid = xr.Dataset(
        coords={
            "x": ("x", 3000.0 * np.arange(6), x),
            "y": ("y", -2.0 * np.arange(5), y),
            "lat": (("y", "x"), np.full((5, 6), 52.0), NORTH),
            "lon": (("y", "x"), np.full((5, 6), 4.0), EAST),
        }
    )
    made = _made(grid)
    dx, dy = _lengths(made)
    np.testing.assert_allclose(dx, 3.0)
    np.testing.assert_allclose(dy, 2.0)
    assert made.weights_HW is None
    assert made.notes[0] == "all cells count the same: the grid is projected"


def test_a_grid_without_latitudes_has_no_weights_and_says_so() -> None:
    grid = xr.Dataset(coords={"y": np.arange(5.0), "x": np.arange(6.0)})
    made = _made(grid, GridMeasures(area_weights="auto"))
    assert made.weights_HW is None
    assert made.notes == ("all cells count the same: the grid has no latitudes",)


@pytest.mark.parametrize("units", ["", "1", "hPa"])
def test_gradients_per_km_are_refused_without_real_distances(units: str) -> None:
    grid = xr.Dataset(
        coords={
            "y": ("y", np.arange(5.0), {"units": units}),
            "x": ("x", np.arange(6.0), {"units": units}),
        }
    )
    with pytest.raises(ConfigError, match=r"need real distances.*set objective\.per to cell"):
        _made(grid)


def test_a_latitude_beyond_the_pole_is_refused_where_cells_have_values() -> None:
    latitude = np.full((5, 6), 52.0)
    latitude[0, 0] = 9.97e36
    coords = {"lat": (("y", "x"), latitude, NORTH)}
    weights = GridMeasures(area_weights="auto")
    with pytest.raises(DataError, match=r"'lat' is 9\.97e\+36 degrees in 1 cells"):
        _made(xr.Dataset(coords=coords), weights)
    mask = np.ones((5, 6), dtype=np.bool_)
    mask[0, 0] = False
    made = _made(xr.Dataset(coords=coords), weights, mask)
    assert np.isnan(np.asarray(made.weights_HW)[0, 0])


def test_a_row_on_the_pole_is_at_the_edge_or_has_no_gradient_per_km() -> None:
    _made(_geographic())  # its first row is the pole
    beyond = xr.Dataset(
        coords={"lat": ("lat", [80.0, 90.0, 80.0], NORTH), "lon": ("lon", LONGITUDE, EAST)}
    )
    with pytest.raises(DataError, match=r"4 cells have a distance of .* km to their neighbours"):
        _made(beyond)
