"""Observed-like data: horizon to sky, good time intervals, dead time, stray times."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from ctabatch.dl3 import observed
from ctabatch.dl3 import pointings as pointings_of
from ctabatch.dl3.observations import live_fraction, seconds, separation, to_horizon, to_sky
from ctabatch.dl3.write import write_store
from ctabatch.errors import InputError, OutputError
from ctabatch.io.fits.events import EventFile, Instrument
from ctabatch.io.fits.observation import Observation
from ctabatch.io.fits.validation import check_store
from tests import toy_observations as toy

fits = pytest.importorskip("astropy.io.fits")

START = np.datetime64("2025-01-10T22:00:00", "ns")
SECOND = 1_000_000_000


def night(n=3000, n_runs=2, length=600, seed=0):
    """Events near the Crab as a telescope sees them, and the table of pointings."""
    rng = np.random.default_rng(seed)
    frames, pointings = [], []
    for run in range(n_runs):
        begin = START + np.timedelta64(run * (length + 60) * SECOND, "ns")
        time = begin + np.sort(rng.integers(1000, (length - 1) * SECOND, n)).astype("m8[ns]")
        ra = toy.CRAB[1] + rng.normal(0, 0.2, n)
        dec = toy.CRAB[2] + rng.normal(0, 0.2, n)
        alt, az = to_horizon(ra, dec, seconds(time), toy.SITE)
        p_alt, p_az = to_horizon(toy.CRAB[1], toy.CRAB[2] + 0.5, seconds(time), toy.SITE)
        frames.append(pl.DataFrame({
            "obs_id": np.full(n, 10 + run), "event_id": np.arange(n), "time": time,
            "reco_energy": rng.pareto(1.5, n) * 0.1 + 0.05, "reco_alt": alt, "reco_az": az,
            "pointing_alt": p_alt, "pointing_az": p_az, "gammaness": rng.random(n),
            "multiplicity": np.full(n, 3), "is_valid": rng.random(n) < 0.9,
            "ra": ra, "dec": dec,
        }))  # fmt: skip
        end = begin + np.timedelta64(length * SECOND, "ns")
        pointings.append((10 + run, toy.CRAB[1], toy.CRAB[2] + 0.5, str(begin)[:26], str(end)[:26]))
    table = pl.DataFrame(pointings, schema=list(pointings_of.POINTING_COLUMNS), orient="row")
    # the order of rows is that of files, not of time
    return pl.concat(frames).sample(fraction=1.0, shuffle=True, seed=1).lazy(), table


def write(folder, events, observations, **options):
    return write_store(
        folder, observations, lambda o: observed.observed_blocks(events, o), toy.responses(),
        **options,
    )  # fmt: skip


def test_a_night_becomes_a_store_without_findings(tmp_path):
    events, pointings = night()
    made = pointings_of.observations_from_table(pointings, toy.SITE, target=toy.CRAB)
    observed.check_times(events, made, pointings)
    written = write(tmp_path / "dl3", events, made)
    assert check_store(tmp_path / "dl3") == []
    valid = events.filter("is_valid").collect()
    assert sum(w.n_events for w in written) == len(valid)
    assert sum(w.n_dropped for w in written) == 0
    rows = fits.getdata(written[0].file, "EVENTS")
    truth = valid.filter(pl.col("obs_id") == 10).sort("time")
    assert rows["EVENT_ID"].tolist() == truth["event_id"].to_list()
    distance = separation(rows["RA"], rows["DEC"], truth["ra"].to_numpy(), truth["dec"].to_numpy())
    assert distance[0].max() * 3600 < 1e-4


def test_horizon_to_sky_agrees_with_astropy_to_a_microarcsecond():
    from astropy import units as u
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord

    from ctabatch.dl3.observations import observing_time

    rng = np.random.default_rng(4)
    time = seconds(START.reshape(1))[0] + np.sort(1200 * rng.random(50))
    alt, az = 40 + 30 * rng.random(50), 360 * rng.random(50)
    place = EarthLocation(toy.SITE.lon * u.deg, toy.SITE.lat * u.deg, toy.SITE.height * u.m)
    exact = SkyCoord(az, alt, unit="deg", frame=AltAz(obstime=observing_time(time),
                                                     location=place)).icrs  # fmt: skip
    ra, dec = to_sky(alt, az, time, toy.SITE)
    assert separation(ra, dec, exact.ra.deg, exact.dec.deg)[0].max() * 3600 < 1e-6


def test_times_agree_with_astropy_to_the_resolution_of_the_number():
    from astropy.time import Time

    from ctabatch.dl3.observations import observing_time

    time = START + np.array([0, 123_456_789, 86_400_000_000_001]).astype("m8[ns]")
    back = observing_time(seconds(time))
    exact = Time(time.astype(str), scale="utc")
    assert np.abs((back - exact).sec).max() < 1.3e-7
    assert seconds("2025-01-10T22:00:00") == pytest.approx(seconds(time)[0], abs=1e-7)


def test_a_night_larger_than_memory_gives_the_same_files(tmp_path, monkeypatch):
    events, pointings = night()
    made = pointings_of.observations_from_table(pointings, toy.SITE)
    write(tmp_path / "a", events, made)
    monkeypatch.setattr(observed, "ROWS_IN_MEMORY", 100)
    assert len(list(observed.observed_blocks(events, made[0]))) > 20
    write(tmp_path / "b", events, made)
    for file in sorted((tmp_path / "a").rglob("*.fits*")):
        other = tmp_path / "b" / file.relative_to(tmp_path / "a")
        if file.name.startswith(("obs-", "hdu-")):
            assert file.read_bytes() == other.read_bytes()
        else:
            a, b = fits.getdata(file, "EVENTS"), fits.getdata(other, "EVENTS")
            assert a["EVENT_ID"].tolist() == b["EVENT_ID"].tolist()
            np.testing.assert_allclose(a["RA"], b["RA"], atol=1e-10)


def test_events_outside_the_good_intervals_are_dropped_and_counted(tmp_path):
    events, pointings = night(n_runs=1)
    begin = float(seconds(pointings["start"][0]))
    good = {10: ((begin, begin + 100.0), (begin + 200.0, begin + 300.0))}
    made = pointings_of.observations_from_table(pointings, toy.SITE, intervals=good)
    (written,) = write(tmp_path / "dl3", events, made)
    time = seconds(events.filter("is_valid").collect()["time"].to_numpy()) - begin
    inside = ((time < 100) | ((time > 200) & (time < 300))).sum()
    assert (written.n_events, written.n_dropped) == (inside, len(time) - inside)
    assert written.n_dropped > 1000
    assert check_store(tmp_path / "dl3") == []


def test_times_outside_the_pointing_are_an_error_with_examples():
    events, pointings = night(n_runs=1)
    short = pointings.with_columns(stop=pl.lit("2025-01-10T22:05:00"))
    made = pointings_of.observations_from_table(short, toy.SITE)
    with pytest.raises(InputError, match=r"observation 10: [\d,]+ of 3,000 events lie outside"):
        observed.check_times(events, made, short)


def test_events_without_pointing_are_an_error():
    events, pointings = night()
    one = pointings.head(1)
    made = pointings_of.observations_from_table(one, toy.SITE)
    with pytest.raises(InputError, match="3,000 events belong to observations without a pointing"):
        observed.check_times(events, made, one)


def test_a_table_of_pointings_that_is_incomplete_or_doubled_is_refused():
    _, pointings = night()
    with pytest.raises(InputError, match="lacks the columns dec_pnt, stop"):
        pointings_of.observations_from_table(pointings.drop("dec_pnt", "stop"), toy.SITE)
    with pytest.raises(InputError, match="more than once"):
        pointings_of.observations_from_table(pl.concat([pointings, pointings]), toy.SITE)


def test_pointings_are_found_from_the_events_of_a_tracking_telescope():
    events, pointings = night()
    found = pointings_of.pointings_from_events(events, toy.SITE)
    directions = [t[name].to_numpy() for t in (found, pointings) for name in ("ra_pnt", "dec_pnt")]
    distance = separation(*directions)
    assert distance[0].max() * 3600 < 1e-3
    observed.check_times(events, pointings_of.observations_from_table(found, toy.SITE), found)
    fixed = events.with_columns(pointing_alt=pl.lit(70.0), pointing_az=pl.lit(180.0))
    with pytest.raises(InputError, match="Drift scans are not supported"):
        pointings_of.pointings_from_events(fixed, toy.SITE)


def test_live_fraction_is_found_from_the_times_of_all_triggers():
    """A fixed dead time of 10 us at 10 kHz; the estimate is good to the shortest difference."""
    rng = np.random.default_rng(0)
    dead, rate = 10e-6, 10_000.0
    time = np.cumsum(dead + rng.exponential(1 / rate, 200_000))
    assert live_fraction(time) == pytest.approx(1 / (1 + dead * rate), abs=1e-3)
    with pytest.raises(InputError, match="too few"):
        live_fraction(time[:10])


def observation(obs_id=1):
    return Observation(obs_id, 83.6, 22.5, ((1000.0, 1600.0),), 0.95, toy.SITE)


def block(time):
    n = len(time)
    return {"EVENT_ID": np.arange(n), "TIME": np.asarray(time), "RA": np.full(n, 83.0),
            "DEC": np.full(n, 22.0), "ENERGY": np.ones(n)}  # fmt: skip


def test_nothing_is_visible_before_a_file_is_complete(tmp_path):
    path = tmp_path / "obs.fits"
    with EventFile(path, observation(), Instrument()) as events:
        events.append(block([1001.0, 1002.0]))
        assert not path.exists()
    assert list(tmp_path.iterdir()) == []
    with EventFile(path, observation(), Instrument()) as events:
        assert events.append(block([1000.0, 1001.0, 1002.0])) == 2  # the first is at the very start
        events.append(block([1003.0, 1700.0]))
        events.close()
    assert [p.name for p in tmp_path.iterdir()] == ["obs.fits"]
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus["EVENTS"].data["TIME"].tolist() == [1001.0, 1002.0, 1003.0]
        assert events.n_dropped == 2


def test_times_that_do_not_increase_are_refused_also_between_blocks(tmp_path):
    with EventFile(tmp_path / "a.fits", observation(), Instrument()) as events:
        events.append(block([1001.0, 1002.0]))
        with pytest.raises(InputError, match="do not strictly increase"):
            events.append(block([1002.0]))
        with pytest.raises(InputError, match="no finite RA"):
            events.append({**block([1003.0]), "RA": np.array([np.nan])})


def test_event_types_are_bits(tmp_path):
    path = tmp_path / "a.fits"
    with EventFile(path, observation(), Instrument(), [*block([]), "EVENT_TYPE"]) as events:
        events.append({**block([1001.0, 1002.0]), "EVENT_TYPE": np.array([1 << 0, 1 << 3])})
        events.close()
    bits = fits.getdata(path, "EVENTS")["EVENT_TYPE"]
    assert [np.flatnonzero(row[::-1]).tolist() for row in bits] == [[0], [3]]


def test_a_store_is_not_replaced_unasked_and_observations_must_differ(tmp_path):
    events, pointings = night(n=1200)
    made = pointings_of.observations_from_table(pointings, toy.SITE)
    write(tmp_path / "dl3", events, made)
    with pytest.raises(OutputError, match="there are event lists already"):
        write(tmp_path / "dl3", events, made)
    write(tmp_path / "dl3", events, made, overwrite=True)
    with pytest.raises(InputError, match="same number"):
        write(tmp_path / "b", events, [made[0], made[0]])
    south = dataclasses.replace(made[1], site=dataclasses.replace(toy.SITE, lat=-24.0))
    with pytest.raises(InputError, match="two sites"):
        write(tmp_path / "b", events, [made[0], south])
    with pytest.raises(InputError, match="no observations"):
        write(tmp_path / "b", events, [])


def test_intervals_and_live_fractions_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="not in order"):
        dataclasses.replace(observation(), intervals=((5.0, 9.0), (1.0, 2.0)))
    with pytest.raises(InputError, match="not in"):
        dataclasses.replace(observation(), live_fraction=1.5)


def test_an_observation_without_events_is_written_and_found(tmp_path):
    events, pointings = night(n=1200, n_runs=1)
    made = pointings_of.observations_from_table(pointings, toy.SITE)
    (written,) = write(tmp_path / "dl3", events.filter(pl.lit(value=False)), made)
    assert written.n_events == 0
    assert [(f.key, f.what) for f in check_store(tmp_path / "dl3")] == [
        ("NAXIS2", "there are no events")
    ]
