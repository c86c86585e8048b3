"""The software trigger with sets, one array event at a time."""


def decide(triggered, name_of, minimum_of, min_telescopes):
    """Telescopes that are left of one event, None if the event is not kept.

    `triggered` is a set of telescopes, `name_of` gives the type of those that have one.
    """
    left = set(triggered)
    for name in set(name_of.values()):
        alike = {tel for tel in triggered if name_of.get(tel) == name}
        if len(alike) < minimum_of.get(name, 0):
            left -= alike
    return left if len(left) >= min_telescopes else None
