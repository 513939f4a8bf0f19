"""Numbers and times as people read them: unit, sign, sensible digits, an interval, an age."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

__all__ = [
    "CURRENCIES",
    "NOTHING",
    "age",
    "amount",
    "between",
    "clock_time",
    "count",
    "duration",
    "exact",
    "metric_name",
    "metric_text",
    "milliseconds",
    "number",
    "plural",
    "share",
    "short",
    "size",
]

NOTHING = "–"
CURRENCIES: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£"}
_METRIC_NAMES: Mapping[str, str] = {
    "auc": "AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "value_per_1000": "value",
    "uplift_per_1000": "uplift over the baseline",
    "baseline_value_per_1000": "baseline's value",
}
TOO_SMALL = 0.005  # half of the smallest coin
SMALLEST = -4  # powers of ten below this are written as such
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SPANS = ((86_400 * 365, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def number(value: float | None, digits: int = 3) -> str:
    """A plain number with ``digits`` significant digits, thousands grouped; a dash for nothing.

    >>> number(0.79017), number(-1234.5), number(None), number(84292), number(4.1e-7, 2)
    ('0.790', '−1,230', '–', '84,300', '4.1 × 10⁻⁷')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < SMALLEST:
        part, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{part} × 10{str(int(power)).translate(_RAISED)}".replace("-", "−")
    places = digits - 1 - exponent
    return f"{round(value, places):,.{max(places, 0)}f}".replace("-", "−")


def exact(value: float | None) -> str:
    """A number that somebody chose, such as a threshold: no digits but its own.

    >>> exact(0.03), exact(10.0), exact(64), exact(11070)
    ('0.03', '10', '64', '11,070')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return number(value) if abs(value) < 10**SMALLEST and value else f"{value:,.10g}".replace("-", "−")


def count(value: float | None) -> str:
    """A count in full, thousands grouped.

    >>> count(84292)
    '84,292'
    """
    return NOTHING if value is None else f"{value:,.0f}".replace("-", "−")


def share(value: float | None) -> str:
    """A fraction as people read it.

    >>> share(0.0126), share(1), share(0.00004)
    ('1.3 %', '100 %', '0.004 %')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    hundredth = value * 100
    if hundredth == 0 or abs(hundredth) >= 99.95:
        return f"{hundredth:.0f} %"
    digits = 1 if abs(hundredth) < 0.1 else 2 if abs(hundredth) < 10 else 3
    return f"{number(hundredth, digits)} %"


def amount(value: float | None, unit: str = "", *, signed: bool = False) -> str:
    """An amount of the goal's unit, short: thousands as k, millions as M.

    Args:
        value: The amount in ``unit``.
        unit: ``"USD"``, or with what it is per: ``"USD per 1,000 flights"``; empty for none.
        signed: Whether a gain carries its plus sign.

    >>> amount(34690, "USD per 1,000 flights"), amount(-250, "USD"), amount(2.92e6, "USD", signed=True)
    ('$34.7k per 1,000 flights', '−$250', '+$2.92M')
    >>> amount(12, "CHF")
    '12.0 CHF'
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    money, _, per = unit.partition(" ")
    symbol = CURRENCIES.get(money, "")
    body = f"{sign}{symbol}{_scaled(abs(value))}"
    rest = per if symbol else unit
    return f"{body} {rest}".rstrip()


def _scaled(value: float) -> str:
    for limit, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= limit * 0.9995:
            return number(value / limit) + letter
    return f"{value:.0f}" if value >= 100 or value < TOO_SMALL else number(value)


def between(low: float | None, high: float | None, unit: str = "", *, signed: bool = False) -> str:
    """An interval; empty when there is none.

    >>> between(26840, 41390, "USD per 1,000 flights")
    '$26.8k to $41.4k'
    """
    if low is None or high is None:
        return ""
    money = unit.partition(" ")[0]
    if money in CURRENCIES:
        return f"{amount(low, money, signed=signed)} to {amount(high, money, signed=signed)}"
    return f"{number(low)} to {number(high)}"


def milliseconds(value: float | None) -> str:
    """A latency given in ms.

    >>> milliseconds(4.13), milliseconds(0.213), milliseconds(2400)
    ('4.1 ms', '0.21 ms', '2.4 s')
    """
    if value is None:
        return NOTHING
    return f"{number(value / 1000, 2)} s" if value >= 1000 else f"{number(value, 2 if value < 100 else 3)} ms"


def size(value: float | None) -> str:
    """A size given in bytes, in powers of 1,000.

    >>> size(1_234_567), size(812)
    ('1.2 MB', '812 B')
    """
    if value is None:
        return NOTHING
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= limit:
            return f"{number(value / limit, 2 if value < 100 * limit else 3)} {unit}"
    return f"{value:.0f} B"


def duration(step: timedelta) -> str:
    """A span of time by its largest part.

    >>> duration(timedelta(hours=26)), duration(timedelta(seconds=0.4)), duration(timedelta(days=800))
    ('26 h', 'a moment', '2.2 y')
    """
    seconds = abs(step.total_seconds())
    for length, unit in _SPANS:
        if seconds >= length * (1 if unit != "d" else 2):
            parts = seconds / length
            return f"{parts:.1f} {unit}" if unit == "y" and parts < 10 else f"{parts:.0f} {unit}"
    return "a moment"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago. What lies ahead (a rehearsal's clock stands before the day it was set up) is told by its date.

    >>> noon = datetime(2013, 10, 1, 12, tzinfo=UTC)
    >>> age(noon, noon + timedelta(minutes=3)), age(noon, noon), age(noon, noon - timedelta(days=2))
    ('3 min ago', 'now', '2013-10-01 12:00 UTC')
    """
    if then is None:
        return NOTHING
    step = now - then
    if abs(step) < timedelta(seconds=1):
        return "now"
    return clock_time(then) if step < timedelta(0) else f"{duration(step)} ago"


def clock_time(instant: datetime | None, *, seconds: bool = False) -> str:
    """An instant in UTC, to the minute or the second.

    >>> clock_time(datetime(2013, 10, 1, 14, 5, 9, tzinfo=UTC))
    '2013-10-01 14:05 UTC'
    """
    if instant is None:
        return NOTHING
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if seconds else "%Y-%m-%d %H:%M UTC")


def short(digest: str | None) -> str:
    """The first 12 characters of a digest, enough to tell packages apart by eye."""
    return digest[:12] if digest else NOTHING


def plural(how_many: float, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "incident"), plural(3, "incident"), plural(2, "person", "people")
    ('1 incident', '3 incidents', '2 people')
    """
    return f"{count(how_many)} {one if how_many == 1 else many or one + 's'}"


def metric_name(metric: str) -> str:
    """The name of a metric in words."""
    return _METRIC_NAMES.get(metric, metric.replace("_", " "))


def metric_text(metric: str, value: float | None, unit: str = "") -> str:
    """A measured metric in its own unit: money for values, three digits for the rest.

    >>> metric_text("auc", 0.79017), metric_text("uplift_per_1000", 33620, "USD per 1,000 flights")
    ('0.790', '+$33.6k per 1,000 flights')
    """
    if metric.endswith("per_1000"):
        return amount(value, unit, signed=metric.startswith("uplift"))
    return number(value)
