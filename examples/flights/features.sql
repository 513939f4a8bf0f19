-- What is known of a flight two hours before its scheduled departure: one row per flight.
--
-- `decisions` has a row for every flight with what its schedule says and `decision_time`, two hours before departure.
-- The contracts say when every other column becomes known. Wherever `decisions` (or a table made from it that kept
-- decision_time) stands in a FROM, a value that was not known yet is null: f.dep_delay of a flight still at the gate,
-- w.temp of an hour still to come. There is nothing to remember and no way to forget it.

WITH

-- Public holidays of the United States; people travel around them, not on them.
holidays (holiday) AS (
    VALUES
        (DATE '2013-01-01'), (DATE '2013-01-21'), (DATE '2013-02-18'), (DATE '2013-05-27'), (DATE '2013-07-04'),
        (DATE '2013-09-02'), (DATE '2013-10-14'), (DATE '2013-11-11'), (DATE '2013-11-28'), (DATE '2013-12-25'),
        (DATE '2014-01-01')
),

-- Days since the nearest holiday, negative before it; halfway between two the past one counts.
calendar AS (
    SELECT departure_date, arg_min(days, 2 * abs(days) + (days < 0)::INTEGER) AS days_off
    FROM (
        SELECT d.departure_date, d.departure_date - holidays.holiday AS days
        FROM (SELECT DISTINCT departure_date FROM decisions) AS d
        CROSS JOIN holidays
    )
    GROUP BY departure_date
),

-- How crowded the schedule is: departures of the airport in the same local hour.
crowd AS (
    SELECT origin, departure_date, hour, count(*) AS departures
    FROM flights
    GROUP BY origin, departure_date, hour
),

-- The airport now: every flight due in the last three hours, late by as much as can be seen at decision time. One that
-- has not left shows how long it is overdue. Joins go by the hour, because equality is fast and BETWEEN is not.
due AS (
    SELECT *, date_trunc('hour', scheduled_departure) AS due_hour, date_trunc('day', scheduled_departure) AS due_day
    FROM flights
),

origin_now AS (
    SELECT
        m.origin, m.decision_time,
        avg(coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time))) AS delay,
        avg((coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time)) > 30)::INTEGER) AS late,
        avg((f.dep_delay IS NULL)::INTEGER) AS overdue,
        count(*) AS flights
    FROM (
        SELECT t.*, date_trunc('hour', t.decision_time) - to_hours(lag.hours) AS due_hour
        FROM (SELECT DISTINCT origin, decision_time FROM decisions) AS t
        CROSS JOIN unnest([0, 1, 2, 3]) AS lag (hours)
    ) AS m
    JOIN due AS f
        ON f.origin = m.origin
        AND f.due_hour = m.due_hour
        AND f.scheduled_departure > m.decision_time - INTERVAL 180 MINUTE
        AND f.scheduled_departure <= m.decision_time
    GROUP BY m.origin, m.decision_time
),

carrier_origin_now AS (
    SELECT
        m.origin, m.carrier, m.decision_time,
        avg(coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time))) AS delay,
        avg((coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time)) > 30)::INTEGER) AS late,
        avg((f.dep_delay IS NULL)::INTEGER) AS overdue,
        count(*) AS flights
    FROM (
        SELECT t.*, date_trunc('hour', t.decision_time) - to_hours(lag.hours) AS due_hour
        FROM (SELECT DISTINCT origin, carrier, decision_time FROM decisions) AS t
        CROSS JOIN unnest([0, 1, 2, 3]) AS lag (hours)
    ) AS m
    JOIN due AS f
        ON f.origin = m.origin
        AND f.carrier = m.carrier
        AND f.due_hour = m.due_hour
        AND f.scheduled_departure > m.decision_time - INTERVAL 180 MINUTE
        AND f.scheduled_departure <= m.decision_time
    GROUP BY m.origin, m.carrier, m.decision_time
),

carrier_now AS (
    SELECT
        m.carrier, m.decision_time,
        avg(coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time))) AS delay,
        avg((coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time)) > 30)::INTEGER) AS late,
        avg((f.dep_delay IS NULL)::INTEGER) AS overdue,
        count(*) AS flights
    FROM (
        SELECT t.*, date_trunc('hour', t.decision_time) - to_hours(lag.hours) AS due_hour
        FROM (SELECT DISTINCT carrier, decision_time FROM decisions) AS t
        CROSS JOIN unnest([0, 1, 2, 3]) AS lag (hours)
    ) AS m
    JOIN due AS f
        ON f.carrier = m.carrier
        AND f.due_hour = m.due_hour
        AND f.scheduled_departure > m.decision_time - INTERVAL 180 MINUTE
        AND f.scheduled_departure <= m.decision_time
    GROUP BY m.carrier, m.decision_time
),

-- All three airports share one sky, and it changes fast: the last hour only.
all_now AS (
    SELECT
        m.decision_time,
        avg(coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time))) AS delay,
        avg((coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, m.decision_time)) > 30)::INTEGER) AS late,
        avg((f.dep_delay IS NULL)::INTEGER) AS overdue,
        count(*) AS flights
    FROM (
        SELECT t.*, date_trunc('hour', t.decision_time) - to_hours(lag.hours) AS due_hour
        FROM (SELECT DISTINCT decision_time FROM decisions) AS t
        CROSS JOIN unnest([0, 1]) AS lag (hours)
    ) AS m
    JOIN due AS f
        ON f.due_hour = m.due_hour
        AND f.scheduled_departure > m.decision_time - INTERVAL 60 MINUTE
        AND f.scheduled_departure <= m.decision_time
    GROUP BY m.decision_time
),

-- The aircraft. Two and a half thousand cancelled flights have lost their tail number, and its absence would tell the
-- outcome. They get a stand-in: the aircraft of the carrier's last departure from there at least a day before.
aircraft_of_carrier AS (
    SELECT carrier, origin, scheduled_departure, min(tailnum) AS tailnum
    FROM flights
    WHERE tailnum IS NOT NULL
    GROUP BY carrier, origin, scheduled_departure
),

assigned AS (
    SELECT d.flight_id, d.decision_time, coalesce(d.tailnum, a.tailnum) AS tailnum
    FROM decisions AS d
    ASOF LEFT JOIN aircraft_of_carrier AS a
        ON a.carrier = d.carrier
        AND a.origin = d.origin
        AND d.scheduled_departure - INTERVAL 1 DAY >= a.scheduled_departure
),

-- What it did in the last 18 hours: how late it came in when it was last seen to land, and how late the leg before
-- this one left New York, or how long that leg is overdue.
aircraft AS (
    SELECT
        d.flight_id,
        arg_max(f.arr_delay, f.arrived_at) AS arrival_delay,
        date_diff('minute', max(f.arrived_at), d.decision_time) AS minutes_ago,
        arg_max(
            coalesce(f.dep_delay, date_diff('minute', f.scheduled_departure, d.decision_time)), f.scheduled_departure
        ) AS leg_delay,
        date_diff('minute', max(f.scheduled_departure), d.decision_time) AS leg_minutes_ago
    FROM (
        SELECT t.*, date_trunc('day', t.decision_time) - to_days(lag.days) AS due_day
        FROM assigned AS t
        CROSS JOIN unnest([0, 1]) AS lag (days)
    ) AS d
    JOIN due AS f
        ON f.tailnum = d.tailnum
        AND f.due_day = d.due_day
        AND f.scheduled_departure > d.decision_time - INTERVAL 18 HOUR
        AND f.scheduled_departure < d.decision_time
    GROUP BY d.flight_id, d.decision_time
),

-- The weather at the airport, with what the last hours brought.
weather_so_far AS (
    SELECT
        origin, observed_at, temp, dewp, humid, wind_dir, wind_speed, precip, pressure, visib,
        coalesce(wind_gust, 0) AS wind_gust,
        sum(precip) OVER six_hours AS precip_6h,
        min(visib) OVER six_hours AS visib_6h,
        max(wind_speed) OVER six_hours AS wind_6h,
        pressure - first_value(pressure) OVER three_hours AS pressure_change_3h
    FROM weather
    WINDOW
        six_hours AS (
            PARTITION BY origin ORDER BY observed_at RANGE BETWEEN INTERVAL 5 HOUR PRECEDING AND CURRENT ROW
        ),
        three_hours AS (
            PARTITION BY origin ORDER BY observed_at RANGE BETWEEN INTERVAL 3 HOUR PRECEDING AND CURRENT ROW
        )
),

-- The last observation, if it is no older than six hours.
weather_now AS (
    SELECT m.decision_time, w.*
    FROM (SELECT DISTINCT origin, decision_time FROM decisions) AS m
    ASOF JOIN weather_so_far AS w ON w.origin = m.origin AND m.decision_time >= w.observed_at
    WHERE w.observed_at > m.decision_time - INTERVAL 6 HOUR
),

-- History: how often flights like this one were disrupted, drawn towards 1 in 5 as if by five more flights. A flight's
-- outcome is known a day after it was due, so on any morning the day before yesterday is the last one that is complete.
carrier_origin_history AS (
    SELECT
        carrier, origin, departure_date,
        (1 + coalesce(sum(sum(disrupted::INTEGER)) OVER past, 0)) / (5 + coalesce(sum(count(*)) OVER past, 0)) AS rate
    FROM flights
    GROUP BY carrier, origin, departure_date
    WINDOW past AS (
        PARTITION BY carrier, origin ORDER BY departure_date
        RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING
    )
),

dest_history AS (
    SELECT
        dest, departure_date,
        (1 + coalesce(sum(sum(disrupted::INTEGER)) OVER past, 0)) / (5 + coalesce(sum(count(*)) OVER past, 0)) AS rate
    FROM flights
    GROUP BY dest, departure_date
    WINDOW past AS (
        PARTITION BY dest ORDER BY departure_date
        RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING
    )
),

flight_history AS (
    SELECT
        carrier, flight, departure_date,
        (1 + coalesce(sum(sum(disrupted::INTEGER)) OVER past, 0)) / (5 + coalesce(sum(count(*)) OVER past, 0)) AS rate
    FROM flights
    GROUP BY carrier, flight, departure_date
    WINDOW past AS (
        PARTITION BY carrier, flight ORDER BY departure_date
        RANGE BETWEEN INTERVAL 61 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING
    )
),

origin_history AS (
    SELECT
        origin, departure_date,
        (1 + coalesce(sum(sum(disrupted::INTEGER)) OVER past, 0)) / (5 + coalesce(sum(count(*)) OVER past, 0)) AS rate
    FROM flights
    GROUP BY origin, departure_date
    WINDOW past AS (
        PARTITION BY origin ORDER BY departure_date
        RANGE BETWEEN INTERVAL 4 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING
    )
),

origin_hour_history AS (
    SELECT
        origin, hour, departure_date,
        (1 + coalesce(sum(sum(disrupted::INTEGER)) OVER past, 0)) / (5 + coalesce(sum(count(*)) OVER past, 0)) AS rate
    FROM flights
    GROUP BY origin, hour, departure_date
    WINDOW past AS (
        PARTITION BY origin, hour ORDER BY departure_date
        RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING
    )
)

SELECT
    d.flight_id,

    -- schedule
    d.carrier,
    d.origin,
    d.dest,
    d.hour,
    d.minute,
    isodow(d.departure_date) AS weekday,
    greatest(-7, least(7, calendar.days_off)) AS days_from_holiday,
    d.distance,
    d.scheduled_minutes,
    crowd.departures AS departures_in_hour,
    year(d.departure_date) - planes.built AS plane_age,
    planes.seats AS plane_seats,
    planes.engine AS plane_engine,

    -- operations
    origin_now.delay AS origin_delay,
    origin_now.late AS origin_late,
    origin_now.overdue AS origin_overdue,
    origin_now.flights AS origin_flights,
    carrier_origin_now.delay AS carrier_origin_delay,
    carrier_origin_now.late AS carrier_origin_late,
    carrier_origin_now.overdue AS carrier_origin_overdue,
    carrier_origin_now.flights AS carrier_origin_flights,
    carrier_now.delay AS carrier_delay,
    carrier_now.late AS carrier_late,
    carrier_now.overdue AS carrier_overdue,
    carrier_now.flights AS carrier_flights,
    all_now.delay AS all_delay,
    all_now.late AS all_late,
    all_now.overdue AS all_overdue,
    all_now.flights AS all_flights,
    aircraft.arrival_delay AS aircraft_arrival_delay,
    aircraft.minutes_ago AS aircraft_minutes_ago,
    aircraft.leg_delay AS aircraft_leg_delay,
    aircraft.leg_minutes_ago AS aircraft_leg_minutes_ago,

    -- weather
    weather_now.* EXCLUDE (origin, decision_time, observed_at),

    -- history
    carrier_origin_history.rate AS carrier_origin_rate,
    dest_history.rate AS dest_rate,
    flight_history.rate AS flight_rate,
    origin_history.rate AS origin_rate,
    origin_hour_history.rate AS origin_hour_rate

FROM decisions AS d
LEFT JOIN calendar USING (departure_date)
LEFT JOIN crowd USING (origin, departure_date, hour)
LEFT JOIN assigned USING (flight_id)
LEFT JOIN planes ON planes.tailnum = assigned.tailnum
LEFT JOIN origin_now USING (origin, decision_time)
LEFT JOIN carrier_origin_now USING (origin, carrier, decision_time)
LEFT JOIN carrier_now USING (carrier, decision_time)
LEFT JOIN all_now USING (decision_time)
LEFT JOIN aircraft USING (flight_id)
LEFT JOIN weather_now USING (origin, decision_time)
LEFT JOIN carrier_origin_history USING (carrier, origin, departure_date)
LEFT JOIN dest_history USING (dest, departure_date)
LEFT JOIN flight_history USING (carrier, flight, departure_date)
LEFT JOIN origin_history USING (origin, departure_date)
LEFT JOIN origin_hour_history USING (origin, hour, departure_date)
