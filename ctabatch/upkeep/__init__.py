"""Care for datasets: check and repair them, merge their parts, query them, compare two of them."""
