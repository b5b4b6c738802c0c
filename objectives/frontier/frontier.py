"""The least RMSE at each sharpness, as numbers: stored with a study and read without torch."""

from bisect import bisect_right

from pydantic import ConfigDict, Field, model_validator

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.per_variable import PerVariable

ORTHOGONAL_WITHIN = 0.05
"""A forecast is taken for a conditional mean if its orthogonality is at most this far from 0."""


class FrontierCurve(Settings):
    """The least RMSE of a deterministic forecast at each share of the observed gradient.

    It starts at the baseline calibrated by cross-fitting and ends at the observed gradient;
    ``objectives/frontier/curve.py`` has the formulas. An optimum among forecasts whose amplitudes
    are raised alike at all scales: one that knows more than the baseline, or sharpens only what
    the gradient sees most, can lie below.

    Attributes:
        gradient_shares: Mean Sobel/8 gradient over the observed one, rising, at most 1 at the end.
        rmse: At each share, in units of the field, the bias included.
        orthogonality: E[(O - P) P] / E[P^2] of the anomalies of the forecast P as trained: 0 for a
            conditional mean. The slope that calibrates it best is 1 more.
        orthogonality_error: Its standard error, by the jackknife over the blocks of the split;
            None with one block.
        bias: Root of the mean square over channels of the mean error, in units of the field.
        rmse_as_trained: Of the baseline before it was calibrated.
        gradient_share_as_trained: Mean gradient of that baseline over the observed one.
        doubts: Why the curve is an estimate, a clause each; none where nothing speaks against it.
    """

    # A baseline that diverged has a curve too.
    model_config = ConfigDict(allow_inf_nan=True)

    gradient_shares: list[float] = Field(min_length=1)
    rmse: list[float]
    orthogonality: float
    orthogonality_error: float | None = None
    bias: float
    rmse_as_trained: float
    gradient_share_as_trained: float
    doubts: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _an_rmse_for_each_share(self) -> "FrontierCurve":
        if len(self.rmse) != len(self.gradient_shares):
            raise ValueError(
                f"a curve needs an RMSE for each of its {len(self.gradient_shares)} shares of the "
                f"gradient, found {len(self.rmse)}"
            )
        return self

    @property
    def rmse_full(self) -> float:
        """The least RMSE of a forecast as sharp as the truth."""
        return self.rmse[-1]

    @property
    def is_estimate(self) -> bool:
        """Whether something speaks against the curve being a bound."""
        return bool(self.doubts)

    @property
    def estimate_because(self) -> str:
        """A sentence on why the curve is an estimate; empty where it is none."""
        return f"the curve is an estimate: {'; '.join(self.doubts)}" if self.doubts else ""

    @property
    def is_orthogonal(self) -> bool:
        """Whether the orthogonality is near 0, or within three standard errors of it.

        Three, as an error from four blocks is itself uncertain: Student's t is 3.2 at 95 %.
        """
        error = self.orthogonality_error or 0.0
        return abs(self.orthogonality) <= max(ORTHOGONAL_WITHIN, 3.0 * error)

    @property
    def diagnosis(self) -> str:
        """What is wrong with the amplitudes of the baseline as trained; empty where nothing is."""
        if self.is_orthogonal:
            return ""
        if self.orthogonality < 0:
            return (
                f"too bold: its anomalies are best multiplied by {1 + self.orthogonality:.2f}; "
                "it was trained too long or on too few data"
            )
        return (
            f"too timid: its anomalies are best multiplied by {1 + self.orthogonality:.2f}; "
            "it was trained too briefly or held back by regularisation"
        )

    def rmse_at(self, gradient_share: float) -> float:
        """Return the least RMSE at a share of the observed gradient, interpolated.

        Below the first share that of the calibrated mean, above the last that at full sharpness.
        """
        shares = self.gradient_shares
        after = bisect_right(shares, gradient_share)
        if after == 0:
            return self.rmse[0]
        if after == len(shares):
            return self.rmse[-1]
        low, high = shares[after - 1], shares[after]
        part = (gradient_share - low) / (high - low)
        return self.rmse[after - 1] + part * (self.rmse[after] - self.rmse[after - 1])

    def excess(self, rmse: float, gradient_share: float) -> float:
        """Return the RMSE of a forecast over the least at its sharpness, less 1; 0 on the curve."""
        least = self.rmse_at(gradient_share)
        return rmse / least - 1.0 if least > 0 else 0.0

    def reachable_share(self, rmse_limit: float) -> float | None:
        """Return the largest share of the gradient within a limit on RMSE; None if there is none.

        Interpolated; the last share of the curve where even that is within the limit.
        """
        within = [i for i, rmse in enumerate(self.rmse) if rmse <= rmse_limit]
        if not within:
            return None
        last = within[-1]
        if last == len(self.rmse) - 1:
            return self.gradient_shares[-1]
        part = (rmse_limit - self.rmse[last]) / (self.rmse[last + 1] - self.rmse[last])
        low, high = self.gradient_shares[last : last + 2]
        return low + part * (high - low)

    def out_of_reach(self, target_share: float, rmse_limit: float, at: str = "") -> str:
        """Return a sentence if no deterministic forecast is that sharp within a limit on RMSE.

        Empty where the target is within reach.

        Args:
            target_share: Of the observed gradient; above 1 it is taken for 1.
            rmse_limit: In units of the field.
            at: Of which lead the curve is, as "at lead 3"; may be empty.
        """
        reachable = self.reachable_share(rmse_limit)
        where = f"{at} " if at else ""
        help_ = "ask for a shorter lead, or members"
        if reachable is None:
            return (
                f"{where}even the calibrated baseline has an RMSE of {self.rmse[0]:.4g}, above the "
                f"limit of {rmse_limit:.4g}; raise the limit, or {help_}"
            )
        if not reachable < min(target_share, self.gradient_shares[-1]):  # nor where there is none
            return ""
        said = "an estimated " if self.is_estimate else ""
        return (
            f"{where}a deterministic forecast reaches {said}{reachable:.2f} of the observed "
            f"gradient at most within an RMSE of {rmse_limit:.4g}; the target of "
            f"{target_share:.2f} costs {self.rmse_at(target_share):.4g}; {help_}"
        )


class Frontier(PerVariable):
    """The curves of a baseline on a split: over all leads, and for each.

    Attributes:
        overall: Mean squares averaged over leads at equal steps from mean to truth.
        by_lead: The curve of each lead.
        windows: Windows it was computed from.
        blocks: Blocks of the split used for cross-fitting; 1 if it was too short for any.
    """

    overall: FrontierCurve
    by_lead: list[FrontierCurve]
    windows: int
    blocks: int

    def rmse_at(self, gradient_share: float) -> float:
        """Return the least RMSE over all leads at a share of the observed gradient."""
        return self.overall.rmse_at(gradient_share)

    def excess(self, rmse: float, gradient_share: float) -> float:
        """Return the RMSE of a forecast over the least at its sharpness, less 1, over all leads."""
        return self.overall.excess(rmse, gradient_share)

    def reachable_shares(self, rmse_limits: list[float]) -> list[float | None]:
        """Return for each lead the largest share of the gradient within its limit on RMSE."""
        pairs = zip(self.by_lead, rmse_limits, strict=True)
        return [curve.reachable_share(limit) for curve, limit in pairs]

    def out_of_reach(
        self, target_share: float, rmse_limit: float, rmse_limits: list[float] | None = None
    ) -> list[str]:
        """Return a sentence if a target is out of reach over all leads, and for each such lead.

        Args:
            target_share: Of the observed gradient.
            rmse_limit: Over all leads, in units of the field.
            rmse_limits: Of each lead, where there are such limits.
        """
        sentences = [self.overall.out_of_reach(target_share, rmse_limit, "over all leads")]
        if rmse_limits is not None:
            pairs = zip(self.by_lead, rmse_limits, strict=True)
            sentences += [
                curve.out_of_reach(target_share, limit, f"at lead {lead}")
                for lead, (curve, limit) in enumerate(pairs, start=1)
            ]
        return [sentence for sentence in sentences if sentence]
