"""Distances and field-of-view coordinates from unit vectors."""

import math


def vector(alt, az):
    """North, east, up."""
    a, b = math.radians(alt), math.radians(az)
    return (math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a))


def separation(alt, az, other_alt, other_az):
    a, b = vector(alt, az), vector(other_alt, other_az)
    across = math.hypot(
        a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    )
    return math.degrees(math.atan2(across, sum(x * y for x, y in zip(a, b, strict=True))))


def field_position(alt, az, pointing_alt, pointing_az):
    """Longitude to the west, latitude to the zenith, of the field of view."""
    north, east, up = vector(alt, az)
    p = math.radians(pointing_az)
    level = north * math.cos(p) + east * math.sin(p)
    side = east * math.cos(p) - north * math.sin(p)
    h = math.radians(pointing_alt)
    ahead = level * math.cos(h) + up * math.sin(h)
    above = up * math.cos(h) - level * math.sin(h)
    lat = math.atan2(above, math.hypot(ahead, side))
    return math.degrees(math.atan2(-side, ahead)), math.degrees(lat)
