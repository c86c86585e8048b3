"""Variable-length integers as strings of bits."""


def read_unsigned(data):
    """(value, rest) of a sequence of bytes; None if it is too short."""
    if not data:
        return None
    first = f"{data[0]:08b}"
    n_more = len(first) - len(first.lstrip("1"))
    if len(data) < 1 + n_more:
        return None
    bits = first[n_more + 1 :] + "".join(f"{byte:08b}" for byte in data[1 : 1 + n_more])
    return int(bits or "0", 2), data[1 + n_more :]


def read_signed(data):
    found = read_unsigned(data)
    if found is None:
        return None
    value, rest = found
    return (value // 2 if value % 2 == 0 else -(value // 2) - 1), rest


def read_differences(data, n_values):
    """(values, rest); None if malformed: too short, or a difference of more than five bytes."""
    values = []
    for _ in range(n_values):
        if data and data[0] >= 0xF8:
            return None
        found = read_signed(data)
        if found is None:
            return None
        difference, data = found
        values.append((values[-1] if values else 0) + difference)
    return values, data
