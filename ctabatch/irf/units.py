"""Units of columns that other programs wrote."""

from __future__ import annotations

from ctabatch.errors import InputError


def conversion(unit: str, wanted: str, where: str) -> float | None:
    """Factor from a unit to the wanted one; None if no unit is stated.

    Parameters
    ----------
    unit, wanted : str
        In the FITS or astropy form; the unit may be empty.
    where : str
        What has it, for messages.

    Raises
    ------
    InputError
        The unit is not known, or of another physical type.
    """
    import astropy.units as u

    if not unit.strip():
        return None
    try:
        found = u.Unit(unit.strip())
    except ValueError:
        # other programs write Deg, TEV, degrees
        known = {"tev": "TeV", "gev": "GeV", "mev": "MeV", "degree": "deg", "degrees": "deg",
                 "radian": "rad", "radians": "rad"}  # fmt: skip
        name = unit.strip().lower()
        try:
            found = u.Unit(known.get(name, name))
        except ValueError as error:
            raise InputError(f"{where}: unknown unit {unit!r}; expected {wanted}") from error
    try:
        return float(found.to(u.Unit(wanted)))
    except u.UnitConversionError as error:
        raise InputError(f"{where}: unit {unit!r} is no {wanted}") from error
