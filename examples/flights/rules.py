"""What the operations desk does today: it goes by how often this carrier has been disrupted at this hour of the day."""

from collections import Counter

from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.baseline import RateTable, render_key


def carrier_hour_rate(frame: FeatureFrame) -> RateTable:
    """The disruption rate of each carrier and local hour in the rows given; of all rows for a pair never seen.

    Args:
        frame: Rows with known outcomes, with the features ``carrier`` and ``hour``.

    Returns:
        A table of rates, fractions in [0, 1].
    """
    truth = frame.truth
    carriers, hours = (frame.features.column(name).to_pylist() for name in ("carrier", "hour"))
    pairs = [(render_key(carrier), render_key(hour)) for carrier, hour in zip(carriers, hours, strict=True)]
    flights = Counter(pairs)
    disrupted = Counter(pair for pair, happened in zip(pairs, truth, strict=True) if happened)
    rates: dict[tuple[str, ...], float] = {pair: disrupted[pair] / count for pair, count in flights.items()}
    return RateTable(keys=("carrier", "hour"), rates=rates, default=float(truth.mean()))
