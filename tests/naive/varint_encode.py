"""Variable-length integers put together as strings of bits."""


def unsigned(value):
    """Up to eight bytes: as many leading ones as bytes follow, a zero, then the value."""
    for n_bytes in range(1, 9):
        if value < 2 ** (7 * n_bytes):
            bits = "1" * (n_bytes - 1) + "0" + format(value, f"0{7 * n_bytes}b")
            return int(bits, 2).to_bytes(n_bytes, "big")
    raise ValueError(value)


def signed(value):
    return unsigned(2 * value if value >= 0 else 2 * -value - 1)


def differences(values):
    values = [int(value) for value in values]
    return b"".join(signed(b - a) for a, b in zip([0, *values], values, strict=False))
