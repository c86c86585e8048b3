"""Shower axes of one event, telescope by telescope and pair by pair; angles in rad, lengths in m.

An image is a dictionary: lon, lat, psi, intensity, length, width, alt, az (pointing), radius,
position.
"""

from itertools import combinations

import numpy as np

from tests.naive import frames


def nearest_point(points, directions):
    """Point of least squared distance from lines, and its covariance matrix, by lstsq."""
    points, directions = np.asarray(points, float), np.asarray(directions, float)
    dimension = points.shape[1]
    projectors = [np.eye(dimension) - np.outer(n, n) / (n @ n) for n in directions]
    matrix = np.concatenate(projectors)
    right = np.concatenate([a @ p for a, p in zip(projectors, points, strict=True)])
    x, _, _, _ = np.linalg.lstsq(matrix, right, rcond=None)
    freedom = len(points) * (dimension - 1) - dimension
    squares = np.sum((matrix @ x - right) ** 2)
    scale = squares / freedom if freedom else np.nan
    return x, scale * np.linalg.inv(matrix.T @ matrix)


def plane(image):
    """Directions of the centroid and of a second point on the axis, and the normal of the plane."""
    step = 0.1 * image["radius"]
    pointing = image["alt"], image["az"]
    lon, lat, psi = image["lon"], image["lat"], image["psi"]
    first = frames.direction(lon, lat, *pointing)
    second = frames.direction(lon + step * np.cos(psi), lat + step * np.sin(psi), *pointing)
    return first, second, np.cross(first, second)


def axis(image, array):
    """Direction of the image axis in the tilted plane."""
    first, second, _ = plane(image)
    difference = np.subtract(frames.field(second, *array), frames.field(first, *array))
    return difference[::-1] / np.linalg.norm(difference)


def plane_direction(normals, weights):
    """Direction and mean angle to the crossings."""
    crossings, total = [], np.zeros(3)
    for i, j in combinations(range(len(normals)), 2):
        crossing = np.cross(normals[i], normals[j])
        if crossing[2] < 0:
            crossing = -crossing
        crossings.append(crossing / np.linalg.norm(crossing))
        total += weights[i] * weights[j] * crossing
    direction = total / np.linalg.norm(total)
    # half the distance of two unit vectors is the sine of half their angle
    angles = [2 * np.arcsin(np.linalg.norm(direction - c) / 2) for c in crossings]
    return direction, np.mean(angles)


def line_crossing(points, psi, intensity):
    """Weighted mean and covariance of the crossings of lines in a plane."""
    crossings, weights = [], []
    for i, j in combinations(range(len(points)), 2):
        n1, n2 = (np.array([np.cos(psi[k]), np.sin(psi[k])]) for k in (i, j))
        t, _ = np.linalg.solve(np.column_stack([n1, -n2]), np.subtract(points[j], points[i]))
        crossings.append(points[i] + t * n1)
        pair = 1 / (1 / intensity[i] + 1 / intensity[j])
        weights.append(pair * abs(np.sin(psi[i] - psi[j])))
    mean = np.average(crossings, axis=0, weights=weights)
    offset = crossings - mean
    products = offset[:, :, np.newaxis] * offset[:, np.newaxis, :]
    return mean, np.average(products, axis=0, weights=weights)


def hillas_reconstructor(images, array, height):
    """Altitude, azimuth, spread, core in the tilted plane and on the ground, height."""
    planes = [plane(image) for image in images]
    weights = [i["intensity"] * i["length"] / i["width"] for i in images]
    direction, spread = plane_direction([normal for _, _, normal in planes], weights)
    tilted = [frames.tilted(i["position"], *array)[:2] for i in images]
    core, _ = nearest_point(tilted, [axis(i, array) for i in images])
    top, _ = nearest_point([i["position"] for i in images], [first for first, _, _ in planes])
    alt, az = frames.sky(direction)
    x, y = frames.ground_point(core, *array)
    return {
        "alt": np.degrees(alt), "az": np.degrees(az), "alt_uncert": np.degrees(spread),
        "core_tilted_x": core[0], "core_tilted_y": core[1], "core_x": x, "core_y": y,
        "h_max": top[2] + height,
    }  # fmt: skip


def hillas_intersection(images, array, height):
    """The same quantities from lines in the nominal frame and in the tilted plane."""
    psi = [i["psi"] for i in images]
    intensity = [i["intensity"] for i in images]
    nominal = np.array([frames.field(plane(i)[0], *array) for i in images])
    tilted = np.array([frames.tilted(i["position"], *array) for i in images])
    source, covariance = line_crossing(nominal, psi, intensity)
    core, _ = line_crossing(tilted[:, [1, 0]], psi, intensity)
    core = core[::-1]
    distance = np.linalg.norm(tilted[:, :2] - core, axis=1) / np.linalg.norm(
        nominal - source, axis=1
    )
    alt, az = frames.sky(frames.direction(*source, *array))
    x, y = frames.ground_point(core, *array)
    return {
        "alt": np.degrees(alt), "az": np.degrees(az),
        "alt_uncert": np.degrees(np.sqrt(np.trace(covariance))),
        "core_tilted_x": core[0], "core_tilted_y": core[1], "core_x": x, "core_y": y,
        "h_max": np.average(distance, weights=intensity) * np.sin(array[0]) + height,
    }  # fmt: skip
